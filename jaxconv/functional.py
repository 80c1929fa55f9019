"""torch.nn.functional's operations, with torch's argument names, order, defaults, layouts and refusals."""

# Written by tools/fronts.py.
# ruff: noqa: I001
# fmt: off
from jaxconv._examples import document as _document
from jaxconv._examples.functional import FUNCTIONAL as _FUNCTIONAL
from jaxconv._functional.activation import (
    celu, elu, gelu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, logsigmoid, mish, prelu, relu,
    relu6, rrelu, selu, sigmoid, silu, softplus, softshrink, softsign, tanh, tanhshrink, threshold,
)
from jaxconv._functional.adaptive_pooling import (
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, adaptive_max_pool1d, adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from jaxconv._functional.avg_pooling import (
    avg_pool1d, avg_pool2d, avg_pool3d, lp_pool1d, lp_pool2d, lp_pool3d,
)
from jaxconv._functional.binary_loss import binary_cross_entropy, binary_cross_entropy_with_logits
from jaxconv._functional.classification_loss import cross_entropy, nll_loss
from jaxconv._functional.conv import conv1d, conv2d, conv3d
from jaxconv._functional.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from jaxconv._functional.dropout import (
    alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout,
)
from jaxconv._functional.embedding import embedding, embedding_renorm
from jaxconv._functional.embedding_bag import embedding_bag
from jaxconv._functional.embedding_loss import (
    cosine_embedding_loss, gaussian_nll_loss, triplet_margin_loss, triplet_margin_with_distance_loss,
)
from jaxconv._functional.fold import fold, unfold
from jaxconv._functional.glu import glu
from jaxconv._functional.interpolate import interpolate, upsample, upsample_bilinear, upsample_nearest
from jaxconv._functional.linear import bilinear, linear
from jaxconv._functional.loss import huber_loss, kl_div, l1_loss, mse_loss, poisson_nll_loss, smooth_l1_loss
from jaxconv._functional.margin_loss import (
    hinge_embedding_loss, margin_ranking_loss, multi_margin_loss, multilabel_margin_loss,
    multilabel_soft_margin_loss, soft_margin_loss,
)
from jaxconv._functional.norm import group_norm, layer_norm, rms_norm
from jaxconv._functional.normalize import local_response_norm, normalize
from jaxconv._functional.padding import pad
from jaxconv._functional.pooling import max_pool1d, max_pool2d, max_pool3d
from jaxconv._functional.recurrent import gru, lstm, rnn_relu, rnn_tanh
from jaxconv._functional.recurrent_cell import gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell
from jaxconv._functional.shape import flatten, unflatten
from jaxconv._functional.shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
from jaxconv._functional.softmax import gumbel_softmax, log_softmax, softmax, softmin
from jaxconv._functional.tracking_norm import (
    Normalised, batch_norm, batch_norm_with_stats, instance_norm, instance_norm_with_stats,
)
from jaxconv._functional.unpooling import max_unpool1d, max_unpool2d, max_unpool3d

__all__ = [
    "Normalised", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool2d", "adaptive_max_pool3d", "alpha_dropout", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "batch_norm", "batch_norm_with_stats", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "channel_shuffle", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_embedding_loss", "cross_entropy",
    "dropout", "dropout1d", "dropout2d", "dropout3d", "elu", "embedding", "embedding_bag", "embedding_renorm",
    "feature_alpha_dropout", "flatten", "fold", "gaussian_nll_loss", "gelu", "glu", "group_norm", "gru",
    "gru_cell", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hinge_embedding_loss", "huber_loss", "instance_norm", "instance_norm_with_stats", "interpolate",
    "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "local_response_norm", "log_softmax",
    "logsigmoid", "lp_pool1d", "lp_pool2d", "lp_pool3d", "lstm", "lstm_cell", "margin_ranking_loss",
    "max_pool1d", "max_pool2d", "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d", "mish",
    "mse_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss",
    "normalize", "pad", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6",
    "rms_norm", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell", "rrelu", "selu", "sigmoid", "silu",
    "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh",
    "tanhshrink", "threshold", "triplet_margin_loss", "triplet_margin_with_distance_loss", "unflatten",
    "unfold", "upsample", "upsample_bilinear", "upsample_nearest",
]

_document(globals(), _FUNCTIONAL)
