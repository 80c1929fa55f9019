"""Everything the suite compares, in the order it is reported."""

from parity.suite.case import Case
from parity.suite.tables import conv2d, max_pool2d, modules

ALL: tuple[Case, ...] = (*conv2d.CASES, *max_pool2d.CASES, *modules.CASES)
