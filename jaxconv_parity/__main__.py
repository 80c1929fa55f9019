"""`python -m jaxconv_parity`."""

import sys

from jaxconv_parity import main

sys.exit(main())
