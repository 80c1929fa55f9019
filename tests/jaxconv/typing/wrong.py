"""A user's mistakes, each on a line of its own that says which rule of the type checker finds it."""

import numpy as np
from flax import nnx

import jaxconv
import jaxconv.functional as F

rngs, array = nnx.Rngs(0), np.ones((1, 3, 8, 8))
conv = jaxconv.Conv2d(3, 4, 3)  # reportCallIssue: no rngs
conv = jaxconv.Conv2d(3, 4, 3, padding_mode="zero", rngs=rngs)  # reportArgumentType
conv = jaxconv.Conv2d(3, 4, 3, padding="full", rngs=rngs)  # reportArgumentType
conv = jaxconv.Conv2d(3, 4, 3, kernel=5, rngs=rngs)  # reportCallIssue
lstm = jaxconv.LSTM(3, 4)  # reportCallIssue: no rngs
loss = jaxconv.MSELoss(reduction="average")  # reportArgumentType
x = jaxconv.ReLU()(1.0)  # reportArgumentType: a number is no array
x = jaxconv.ReLU()(array, array)  # reportCallIssue
x = F.interpolate(array, mode="cubic")  # reportArgumentType
x = F.gelu(array, approximate="erf")  # reportArgumentType
w = conv.weights  # reportAttributeAccessIssue
