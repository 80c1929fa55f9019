"""An example for each layer: its arguments, its input, and what is shown.

`{}` in `shown` stands for the output. `needs` says what the layer needs of a user: 'rngs' (NNX; Linen's `init`),
'params' (Linen's `init`), 'norm' (running statistics). tests/jaxconv/test_examples.py runs all.
"""

from typing import NamedTuple

from jaxconv._examples import section


class Row(NamedTuple):
    """One layer's example."""

    arguments: str
    inputs: str
    shown: str
    printed: str
    needs: str = ""


# fmt: off
# ruff: noqa: E501
LAYERS = {
    "AdaptiveAvgPool1d": Row('4', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 4)', ''),
    "AdaptiveAvgPool2d": Row('4', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 4, 4)', ''),
    "AdaptiveAvgPool3d": Row('4', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 4, 4, 4)', ''),
    "AdaptiveMaxPool1d": Row('4', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 4)', ''),
    "AdaptiveMaxPool2d": Row('4', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 4, 4)', ''),
    "AdaptiveMaxPool3d": Row('4', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 4, 4, 4)', ''),
    "AlphaDropout": Row('0.5, deterministic=True', 'jnp.array([-2.0, -0.5, 1.0])', '{}.tolist()', '[-2.0, -0.5, 1.0]', ''),
    "AvgPool1d": Row('2', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 4)', ''),
    "AvgPool2d": Row('2', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 4, 4)', ''),
    "AvgPool3d": Row('2', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 4, 4, 4)', ''),
    "BCELoss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])', 'print(np.asarray({}).round(2))', '0.49', ''),
    "BCEWithLogitsLoss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])', 'print(np.asarray({}).round(2))', '0.65', ''),
    "BatchNorm1d": Row('3', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 8)', 'norm'),
    "BatchNorm2d": Row('3', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 8, 8)', 'norm'),
    "BatchNorm3d": Row('3', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 8, 8, 8)', 'norm'),
    "Bilinear": Row('3, 4, 8', 'jnp.ones((2, 3)), jnp.ones((2, 4))', '{}.shape', '(2, 8)', 'rngs'),
    "CELU": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.86 -0.39  1.  ]', ''),
    "ChannelShuffle": Row('2', 'jnp.arange(4.0).reshape(1, 4, 1, 1)', '{}.ravel().tolist()', '[0.0, 2.0, 1.0, 3.0]', ''),
    "CircularPad1d": Row('1', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 10)', ''),
    "CircularPad2d": Row('1', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 10, 10)', ''),
    "CircularPad3d": Row('1', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 10, 10, 10)', ''),
    "ConstantPad1d": Row('1, 0.5', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 10)', ''),
    "ConstantPad2d": Row('1, 0.5', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 10, 10)', ''),
    "ConstantPad3d": Row('1, 0.5', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 10, 10, 10)', ''),
    "Conv1d": Row('3, 8, 3', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 8, 6)', 'rngs'),
    "Conv2d": Row('3, 8, 3', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 8, 6, 6)', 'rngs'),
    "Conv3d": Row('3, 8, 3', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 8, 6, 6, 6)', 'rngs'),
    "ConvTranspose1d": Row('3, 8, 2, stride=2', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 8, 16)', 'rngs'),
    "ConvTranspose2d": Row('3, 8, 2, stride=2', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 8, 16, 16)', 'rngs'),
    "ConvTranspose3d": Row('3, 8, 2, stride=2', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 8, 16, 16, 16)', 'rngs'),
    "CosineEmbeddingLoss": Row('', 'jnp.ones((2, 3)), jnp.ones((2, 3)), jnp.array([1, -1])', 'print(np.asarray({}).round(2))', '0.5', ''),
    "CrossEntropyLoss": Row('', 'jnp.array([[2.0, 1.0, 0.0]]), jnp.array([0])', 'print(np.asarray({}).round(2))', '0.41', ''),
    "Dropout": Row('0.5, deterministic=True', 'jnp.array([-2.0, -0.5, 1.0])', '{}.tolist()', '[-2.0, -0.5, 1.0]', ''),
    "Dropout1d": Row('0.5, deterministic=True', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 8)', ''),
    "Dropout2d": Row('0.5, deterministic=True', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 8, 8)', ''),
    "Dropout3d": Row('0.5, deterministic=True', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 8, 8, 8)', ''),
    "ELU": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.86 -0.39  1.  ]', ''),
    "Embedding": Row('10, 4', 'jnp.array([[1, 2, 0]])', '{}.shape', '(1, 3, 4)', 'rngs'),
    "EmbeddingBag": Row('10, 4', 'jnp.array([[1, 2, 0], [3, 3, 3]])', '{}.shape', '(2, 4)', 'rngs'),
    "FeatureAlphaDropout": Row('0.5, deterministic=True', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 8, 8)', ''),
    "Flatten": Row('', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 192)', ''),
    "Fold": Row('(4, 4), 2, stride=2', 'jnp.ones((1, 12, 4))', '{}.shape', '(1, 3, 4, 4)', ''),
    "GELU": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.05 -0.15  0.84]', ''),
    "GLU": Row('', 'jnp.array([3.0, 0.0])', 'print(np.asarray({}).round(2))', '[1.5]', ''),
    "GRU": Row('3, 4', 'jnp.ones((5, 2, 3))', 'jax.tree.map(jnp.shape, {})', '((5, 2, 4), (1, 2, 4))', 'rngs'),
    "GRUCell": Row('3, 4', 'jnp.ones((2, 3))', 'jax.tree.map(jnp.shape, {})', '(2, 4)', 'rngs'),
    "GaussianNLLLoss": Row('', 'jnp.zeros(2), jnp.ones(2), jnp.ones(2)', 'print(np.asarray({}).round(2))', '0.5', ''),
    "GroupNorm": Row('2, 4', 'jnp.ones((2, 4, 8, 8))', '{}.shape', '(2, 4, 8, 8)', 'params'),
    "Hardshrink": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-2.  0.  1.]', ''),
    "Hardsigmoid": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[0.17 0.42 0.67]', ''),
    "Hardswish": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.33 -0.21  0.67]', ''),
    "Hardtanh": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-1.  -0.5  1. ]', ''),
    "HingeEmbeddingLoss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, -1.0])', 'print(np.asarray({}).round(2))', '0.62', ''),
    "HuberLoss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])', 'print(np.asarray({}).round(2))', '0.08', ''),
    "Identity": Row('', 'jnp.array([-2.0, -0.5, 1.0])', '{}.tolist()', '[-2.0, -0.5, 1.0]', ''),
    "InstanceNorm1d": Row('3', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 8)', 'norm'),
    "InstanceNorm2d": Row('3', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 8, 8)', 'norm'),
    "InstanceNorm3d": Row('3', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 8, 8, 8)', 'norm'),
    "KLDivLoss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])', 'print(np.asarray({}).round(2))', '-0.25', ''),
    "L1Loss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])', 'print(np.asarray({}).round(2))', '0.38', ''),
    "LPPool1d": Row('2, 2', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 4)', ''),
    "LPPool2d": Row('2, 2', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 4, 4)', ''),
    "LPPool3d": Row('2, 2', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 4, 4, 4)', ''),
    "LSTM": Row('3, 4', 'jnp.ones((5, 2, 3))', 'jax.tree.map(jnp.shape, {})', '((5, 2, 4), ((1, 2, 4), (1, 2, 4)))', 'rngs'),
    "LSTMCell": Row('3, 4', 'jnp.ones((2, 3))', 'jax.tree.map(jnp.shape, {})', '((2, 4), (2, 4))', 'rngs'),
    "LayerNorm": Row('8', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 8)', 'params'),
    "LazyBatchNorm1d": Row('', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 8)', 'norm lazy'),
    "LazyBatchNorm2d": Row('', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 8, 8)', 'norm lazy'),
    "LazyBatchNorm3d": Row('', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 8, 8, 8)', 'norm lazy'),
    "LazyConv1d": Row('8, 3', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 8, 6)', 'rngs'),
    "LazyConv2d": Row('8, 3', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 8, 6, 6)', 'rngs'),
    "LazyConv3d": Row('8, 3', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 8, 6, 6, 6)', 'rngs'),
    "LazyConvTranspose1d": Row('8, 2, stride=2', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 8, 16)', 'rngs'),
    "LazyConvTranspose2d": Row('8, 2, stride=2', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 8, 16, 16)', 'rngs'),
    "LazyConvTranspose3d": Row('8, 2, stride=2', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 8, 16, 16, 16)', 'rngs'),
    "LazyInstanceNorm1d": Row('', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 8)', 'norm lazy'),
    "LazyInstanceNorm2d": Row('', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 8, 8)', 'norm lazy'),
    "LazyInstanceNorm3d": Row('', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 8, 8, 8)', 'norm lazy'),
    "LazyLinear": Row('8', 'jnp.ones((2, 3))', '{}.shape', '(2, 8)', 'rngs'),
    "LeakyReLU": Row('0.1', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.2  -0.05  1.  ]', ''),
    "Linear": Row('3, 8', 'jnp.ones((2, 3))', '{}.shape', '(2, 8)', 'rngs'),
    "LocalResponseNorm": Row('3', 'jnp.ones((2, 4, 8, 8))', '{}.shape', '(2, 4, 8, 8)', ''),
    "LogSigmoid": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-2.13 -0.97 -0.31]', ''),
    "LogSoftmax": Row('dim=0', 'jnp.array([0.0, 0.0, 1.0])', 'print(np.asarray({}).round(2))', '[-1.55 -1.55 -0.55]', ''),
    "MSELoss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])', 'print(np.asarray({}).round(2))', '0.16', ''),
    "MarginRankingLoss": Row('margin=0.5', 'jnp.array([1.0, 2.0]), jnp.array([2.0, 1.0]), jnp.array([1.0, 1.0])', 'print(np.asarray({}).round(2))', '0.75', ''),
    "MaxPool1d": Row('2', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 4)', ''),
    "MaxPool2d": Row('2', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 4, 4)', ''),
    "MaxPool3d": Row('2', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 4, 4, 4)', ''),
    "MaxUnpool1d": Row('2', '*F.max_pool1d(jnp.ones((2, 3, 8)), 2, return_indices=True)', '{}.shape', '(2, 3, 8)', ''),
    "MaxUnpool2d": Row('2', '*F.max_pool2d(jnp.ones((2, 3, 8, 8)), 2, return_indices=True)', '{}.shape', '(2, 3, 8, 8)', ''),
    "MaxUnpool3d": Row('2', '*F.max_pool3d(jnp.ones((2, 3, 8, 8, 8)), 2, return_indices=True)', '{}.shape', '(2, 3, 8, 8, 8)', ''),
    "Mish": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.25 -0.22  0.87]', ''),
    "MultiLabelMarginLoss": Row('', 'jnp.array([0.1, 0.2, 0.4]), jnp.array([2, 0, -1])', 'print(np.asarray({}).round(2))', '0.63', ''),
    "MultiLabelSoftMarginLoss": Row('', 'jnp.array([[0.5, -1.0]]), jnp.array([[1.0, 0.0]])', 'print(np.asarray({}).round(2))', '0.39', ''),
    "MultiMarginLoss": Row('', 'jnp.array([[2.0, 1.0, 0.0]]), jnp.array([0])', 'print(np.asarray({}).round(2))', '0.0', ''),
    "NLLLoss": Row('', 'jnp.array([[2.0, 1.0, 0.0]]), jnp.array([0])', 'print(np.asarray({}).round(2))', '-2.0', ''),
    "PReLU": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.5  -0.12  1.  ]', 'params'),
    "PixelShuffle": Row('2', 'jnp.ones((2, 8, 3, 3))', '{}.shape', '(2, 2, 6, 6)', ''),
    "PixelUnshuffle": Row('2', 'jnp.ones((2, 2, 6, 6))', '{}.shape', '(2, 8, 3, 3)', ''),
    "PoissonNLLLoss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])', 'print(np.asarray({}).round(2))', '1.22', ''),
    "RMSNorm": Row('8', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 8)', 'params'),
    "RNN": Row('3, 4', 'jnp.ones((5, 2, 3))', 'jax.tree.map(jnp.shape, {})', '((5, 2, 4), (1, 2, 4))', 'rngs'),
    "RNNCell": Row('3, 4', 'jnp.ones((2, 3))', 'jax.tree.map(jnp.shape, {})', '(2, 4)', 'rngs'),
    "RReLU": Row('0.25, 0.25, deterministic=True', 'jnp.array([-2.0, -0.5, 1.0])', '{}.tolist()', '[-0.5, -0.125, 1.0]', ''),
    "ReLU": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[0. 0. 1.]', ''),
    "ReLU6": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[0. 0. 1.]', ''),
    "ReflectionPad1d": Row('1', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 10)', ''),
    "ReflectionPad2d": Row('1', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 10, 10)', ''),
    "ReflectionPad3d": Row('1', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 10, 10, 10)', ''),
    "ReplicationPad1d": Row('1', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 10)', ''),
    "ReplicationPad2d": Row('1', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 10, 10)', ''),
    "ReplicationPad3d": Row('1', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 10, 10, 10)', ''),
    "SELU": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-1.52 -0.69  1.05]', ''),
    "SiLU": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.24 -0.19  0.73]', ''),
    "Sigmoid": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[0.12 0.38 0.73]', ''),
    "SmoothL1Loss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, 0.0])', 'print(np.asarray({}).round(2))', '0.08', ''),
    "SoftMarginLoss": Row('', 'jnp.array([0.5, 0.25]), jnp.array([1.0, -1.0])', 'print(np.asarray({}).round(2))', '0.65', ''),
    "Softmax": Row('dim=0', 'jnp.array([0.0, 0.0, 1.0])', 'print(np.asarray({}).round(2))', '[0.21 0.21 0.58]', ''),
    "Softmax2d": Row('', 'jnp.zeros((1, 2, 1, 1))', '{}.tolist()', '[[[[0.5]], [[0.5]]]]', ''),
    "Softmin": Row('dim=0', 'jnp.array([0.0, 0.0, 1.0])', 'print(np.asarray({}).round(2))', '[0.42 0.42 0.16]', ''),
    "Softplus": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[0.13 0.47 1.31]', ''),
    "Softshrink": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-1.5 -0.   0.5]', ''),
    "Softsign": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.67 -0.33  0.5 ]', ''),
    "Tanh": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-0.96 -0.46  0.76]', ''),
    "Tanhshrink": Row('', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[-1.04 -0.04  0.24]', ''),
    "Threshold": Row('0, 20', 'jnp.array([-2.0, -0.5, 1.0])', 'print(np.asarray({}).round(2))', '[20. 20.  1.]', ''),
    "TripletMarginLoss": Row('', 'jnp.zeros((1, 3)), jnp.zeros((1, 3)), jnp.ones((1, 3))', 'print(np.asarray({}).round(2))', '0.0', ''),
    "TripletMarginWithDistanceLoss": Row('', 'jnp.zeros((1, 3)), jnp.zeros((1, 3)), jnp.ones((1, 3))', 'print(np.asarray({}).round(2))', '0.0', ''),
    "Unflatten": Row('1, (2, 3)', 'jnp.ones((2, 6))', '{}.shape', '(2, 2, 3)', ''),
    "Unfold": Row('2, stride=2', 'jnp.ones((2, 3, 4, 4))', '{}.shape', '(2, 12, 4)', ''),
    "Upsample": Row('scale_factor=2, mode="bilinear"', 'jnp.ones((2, 3, 4, 4))', '{}.shape', '(2, 3, 8, 8)', ''),
    "UpsamplingBilinear2d": Row('scale_factor=2', 'jnp.ones((2, 3, 4, 4))', '{}.shape', '(2, 3, 8, 8)', ''),
    "UpsamplingNearest2d": Row('scale_factor=2', 'jnp.ones((2, 3, 4, 4))', '{}.shape', '(2, 3, 8, 8)', ''),
    "ZeroPad1d": Row('1', 'jnp.ones((2, 3, 8))', '{}.shape', '(2, 3, 10)', ''),
    "ZeroPad2d": Row('1', 'jnp.ones((2, 3, 8, 8))', '{}.shape', '(2, 3, 10, 10)', ''),
    "ZeroPad3d": Row('1', 'jnp.ones((2, 3, 8, 8, 8))', '{}.shape', '(2, 3, 10, 10, 10)', ''),
}
# fmt: on


def of_layer(name: str, front: str) -> str:
    """Returns the section of a docstring that shows the layer at work; nothing for a layer without a row."""
    row = LAYERS.get(name)
    if row is None:
        return ""
    given = [row.arguments] if row.arguments else []
    if front == "nn":
        given += ["rngs=nnx.Rngs(0)"] if "rngs" in row.needs else []
        made = f"layer = jaxconv.{name}({', '.join(given)})"
        lines = [f">>> {made}", f">>> {row.shown.format(f'layer({row.inputs})')}"]
    else:
        given += ["use_running_average=False"] if "norm" in row.needs else []
        lines = [f">>> layer = jaxconv.linen.{name}({', '.join(given)})"]
        variables, more = "{}", ""
        if row.needs:
            lines.append(f">>> variables = layer.init(jax.random.key(0), {row.inputs})")
            variables = "variables"
        if "norm" in row.needs:
            more = ', mutable=["batch_stats"]'
        output = f"layer.apply({variables}, {row.inputs}{more})" + ("[0]" if more else "")
        lines.append(f">>> {row.shown.format(output)}")
    return section([*lines, *row.printed.splitlines()])
