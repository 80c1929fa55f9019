"""Boxes of detectors in JAX, with a fixed number of boxes: non-maximum suppression, decoding, RoIAlign."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Detections(NamedTuple):
    """Boxes of one image, the best first; n is a fixed number. A batch has one more dimension in front.

    Attributes:
        boxes: (n, 4), x1, y1, x2, y2 in pixels of the image.
        scores: (n,).
        labels: (n,), integers.
        valid: (n,), which of them are there: all valid ones are in front.
    """

    boxes: jax.Array
    scores: jax.Array
    labels: jax.Array
    valid: jax.Array

    def of_image(self, i: int) -> "Detections":
        """Those of an image of a batch."""
        return Detections(self.boxes[i], self.scores[i], self.labels[i], self.valid[i])


def iou(box: jax.Array, boxes: jax.Array) -> jax.Array:
    """Intersection over union of one box (4,) with boxes (n, 4)."""
    low, high = jnp.maximum(box[:2], boxes[:, :2]), jnp.minimum(box[2:], boxes[:, 2:])
    both = jnp.prod(jnp.maximum(high - low, 0), axis=1)
    return both / (jnp.prod(box[2:] - box[:2]) + jnp.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - both)


def nms(candidates: Detections, threshold: float, n: int) -> Detections:
    """Keeps the n best boxes of those that `torchvision.ops.batched_nms` keeps, the best first.

    A box is dropped if it overlaps with a better one of its label by more than the threshold.
    """
    boxes, scores, labels, valid = candidates

    def best(left: jax.Array, _: Any) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        i = jnp.argmax(jnp.where(left, scores, -jnp.inf))
        over = (iou(boxes[i], boxes) > threshold) & (labels == labels[i])
        return (left & ~over).at[i].set(False), (i, left[i])

    _, (kept, there) = lax.scan(best, valid, length=n)
    return Detections(boxes[kept], scores[kept], labels[kept], there)


def top(candidates: Detections, n: int) -> Detections:
    """The n best candidates; all, if there are fewer."""
    scores = jnp.where(candidates.valid, candidates.scores, -jnp.inf)
    _, kept = lax.top_k(scores, min(n, scores.size))
    return Detections(*(x[kept] for x in candidates))


def joined(parts: Sequence[Detections]) -> Detections:
    """All candidates of several."""
    return Detections(*map(jnp.concatenate, zip(*parts, strict=True)))


def decode(codes: jax.Array, anchors: jax.Array, weights: Sequence[float]) -> jax.Array:
    """Boxes (n, 4) of what a head says about anchors (n, 4): shifts and logarithms of scales."""
    size = anchors[:, 2:] - anchors[:, :2]
    codes = codes / jnp.asarray(weights, codes.dtype)
    middle = codes[:, :2] * size + anchors[:, :2] + size / 2
    half = jnp.exp(jnp.minimum(codes[:, 2:], float(np.log(1000 / 16)))) * size / 2
    return jnp.concatenate([middle - half, middle + half], axis=1)


def decode_sides(codes: jax.Array, anchors: jax.Array) -> jax.Array:
    """FCOS's boxes (n, 4): the distances of a box's sides from the anchor's middle, in sizes of the anchor."""
    size, middle = anchors[:, 2:] - anchors[:, :2], (anchors[:, :2] + anchors[:, 2:]) / 2
    return jnp.concatenate([middle - codes[:, :2] * size, middle + codes[:, 2:] * size], axis=1)


def clip(boxes: jax.Array, image: tuple[int, int]) -> jax.Array:
    """Boxes within an image of this height and width."""
    height, width = image
    return jnp.clip(boxes, 0, jnp.asarray([width, height, width, height], boxes.dtype))


def roi_align(maps: list[jax.Array], boxes: jax.Array, image: tuple[int, int], pool: Any) -> jax.Array:
    """Features of boxes (n, 4): `torchvision.ops.MultiScaleRoIAlign` of maps (C, H, W), as (n, C, *output_size)."""
    scales = [2.0 ** round(float(np.log2(m.shape[1] / image[0]))) for m in maps]
    lowest, highest = -np.log2(scales[0]), -np.log2(scales[-1])
    size = jnp.sqrt(jnp.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    level = jnp.floor(pool.canonical_level + jnp.log2(size / pool.canonical_scale) + 1e-6)
    level = (jnp.clip(level, lowest, highest) - lowest).astype(int)
    every = [
        _roi_align(m, boxes * s, pool.output_size, pool.sampling_ratio)
        for m, s in zip(maps, scales, strict=True)
    ]
    return jnp.stack(every)[level, jnp.arange(len(boxes))]


def _roi_align(x: jax.Array, boxes: jax.Array, output: Sequence[int], ratio: int) -> jax.Array:
    """RoIAlign of one map (C, H, W): a cell of the output is the mean of `ratio` * `ratio` interpolated values."""
    size = jnp.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)

    def weights(low: jax.Array, length: jax.Array, cells: int, along: int) -> jax.Array:
        # (n, cells, along): a cell is linear in the map, along each of both dimensions.
        step = (jnp.arange(cells * ratio) + 0.5) / ratio
        at = low[:, None] + step * (length / cells)[:, None]
        outside = (at < -1) | (at > along)
        at = jnp.clip(at, 0, along - 1)
        near = jnp.maximum(1 - jnp.abs(at[..., None] - jnp.arange(along)), 0)
        near = jnp.where(outside[..., None], 0, near)
        return near.reshape(len(low), cells, ratio, along).mean(axis=2)

    down = weights(boxes[:, 1], size[:, 1], output[0], x.shape[1])
    across = weights(boxes[:, 0], size[:, 0], output[1], x.shape[2])
    return jnp.einsum("nih,chw,njw->ncij", down, x, across, precision="highest")
