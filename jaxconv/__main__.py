"""`python -m jaxconv`."""

import sys

from jaxconv_parity.cli.coverage import main

if __name__ == "__main__":  # the docs build imports every module
    sys.exit(main())
