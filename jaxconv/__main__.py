"""`python -m jaxconv`."""

import sys

from jaxconv_parity.cli.coverage import main

sys.exit(main())
