"""A user's mistakes, each on a line of its own that says which rule of the type checker finds it."""

from flax import nnx

import jaxconv
import jaxconv.functional as F

rngs = nnx.Rngs(0)
conv = jaxconv.Conv2d(3, 4, 3)  # reportCallIssue: no rngs
conv = jaxconv.Conv2d(3, 4, 3, padding_mode="zero", rngs=rngs)  # reportArgumentType
conv = jaxconv.Conv2d(3, 4, 3, padding="full", rngs=rngs)  # reportArgumentType
conv = jaxconv.Conv2d(3, 4, 3, kernel=5, rngs=rngs)  # reportCallIssue
lstm = jaxconv.LSTM(3, 4)  # reportCallIssue: no rngs
loss = jaxconv.MSELoss(reduction="average")  # reportArgumentType
x = jaxconv.ReLU()("image")  # reportArgumentType
x = jaxconv.ReLU()(1.0, 2.0)  # reportCallIssue
x = F.interpolate(1.0, mode="cubic")  # reportArgumentType
x = F.gelu(1.0, approximate="erf")  # reportArgumentType
w = conv.weights  # reportAttributeAccessIssue
