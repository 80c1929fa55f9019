"""How far rounding may take any function's result from the exact one: running error analysis of its jaxpr.

The function is traced, its gradient too where that is asked for, and the operations it consists of are carried out
in float64, each result with a bound on how far the one that is computed in the function's own formats may be off:
what the operands' errors make of it, to first order and at the ends of the interval, plus the operation's own
rounding (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.3; for sums and products the
bounds of `parity._bounds.tolerance`). There is nothing to choose and nothing to write down for a new layer.
"""

from parity._bounds.rounding.interpret import UnknownPrimitive as UnknownPrimitive
from parity._bounds.rounding.interpret import analyse as analyse
from parity._bounds.rounding.interpret import bounds as bounds
from parity._bounds.rounding.number import Number as Number
