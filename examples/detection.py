"""torchvision's detectors in JAX, end to end: `RetinaNet`, `FCOS`, `SSD` and `FasterRCNN`, with all their variants.

    python examples/detection.py

torch selects boxes with tensors whose sizes depend on numbers, which no trace has. So `jaxconv.from_torch` converts a
detector up to the scores and boxes of all anchors, and `boxes.py` selects in JAX: with a fixed number of boxes, and a
mask that says which of them are there. The boxes are torch's. Everything runs under jit.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import torch
from boxes import Detections, clip, decode, decode_sides, joined, nms, roi_align, top
from jax import lax

import jaxconv


class AllAnchors(torch.nn.Module):
    """A detector from images (N, 3, H, W) with values from 0 to 1 to what its heads say of every anchor, and these."""

    def __init__(self, detector: Any):
        super().__init__()
        self.backbone, self.transform = detector.backbone, detector.transform
        proposes = hasattr(detector, "rpn")
        self.head = detector.rpn.head if proposes else detector.head
        self.anchor_generator = detector.rpn.anchor_generator if proposes else detector.anchor_generator
        self.proposes = proposes

    def forward(self, images: torch.Tensor) -> Any:
        scaled = resized(self.transform, images)
        size = (int(scaled.shape[2]), int(scaled.shape[3]))
        more = [-s % self.transform.size_divisible for s in size]
        x = torch.nn.functional.pad(scaled, (0, more[1], 0, more[0]))
        features: dict[str, torch.Tensor] = self.backbone(x)
        maps = list(features.values())
        one = SimpleNamespace(tensors=x[:1], image_sizes=[size])
        anchors = self.anchor_generator(one, [m[:1] for m in maps])[0]
        return self.head(maps), anchors, features if self.proposes else None


def resized(transform: Any, images: torch.Tensor) -> torch.Tensor:
    """What the detector's transform makes of images of one size, without padding."""
    x, (height, width) = transform.normalize(images), images.shape[2:]
    if transform.fixed_size is not None:
        options: dict[str, Any] = {"size": transform.fixed_size[::-1]}
    else:
        scale = min(transform.min_size[-1] / min(height, width), transform.max_size / max(height, width))
        options = {"scale_factor": scale, "recompute_scale_factor": True}
    return torch.nn.functional.interpolate(x, mode="bilinear", align_corners=False, **options)


class BoxHead(torch.nn.Module):
    """Faster R-CNN's second part: from features (n, C, h, w) of n boxes to their classes and better boxes."""

    def __init__(self, heads: Any):
        super().__init__()
        self.box_head, self.box_predictor = heads.box_head, heads.box_predictor

    def forward(self, x: torch.Tensor) -> Any:
        return self.box_predictor(self.box_head(x))


def detector(network: Any, images: Any, candidates: int = 1000) -> Callable[[Any], Detections]:
    """Converts one of torchvision's detectors.

    Args:
        network: a RetinaNet, FCOS, SSD or FasterRCNN, in eval mode.
        images: an example (N, 3, H, W); later images have its H and W.
        candidates: Faster R-CNN only: of how many boxes over `score_thresh` the last selection chooses.

    Returns:
        A function of images (N, 3, H, W), to be jitted: Detections with N in front, n being `detections_per_img`.
    """
    anchored = AllAnchors(network).eval()
    model = jaxconv.from_torch(anchored, torch.as_tensor(images))
    shape = tuple(images.shape[2:])
    height, width = resized(network.transform, torch.zeros(1, 3, *shape)).shape[2:]
    kind = next(k for k in type(network).__mro__ if k.__name__ in _SELECT).__name__
    select = _SELECT[kind](network, (height, width), candidates)
    scale = jnp.asarray([shape[1] / width, shape[0] / height] * 2, jnp.float32)

    def detect(images: Any) -> Detections:
        found = select(*model(images))
        return found._replace(boxes=found.boxes * scale)

    return detect


def _of_levels(network: Any, image: tuple[int, int], _: int) -> Callable[..., Detections]:
    """RetinaNet's and FCOS's: the best of each level of the pyramid, then NMS."""
    sides = hasattr(network, "center_sampling_radius")
    unit = decode_sides if sides else partial(decode, weights=network.box_coder.weights)

    def level(scores: jax.Array, codes: jax.Array, anchors: jax.Array) -> Detections:
        flat, classes = scores.reshape(-1), scores.shape[1]
        best, i = lax.top_k(flat, min(network.topk_candidates, flat.size))
        boxes = clip(unit(codes[i // classes], anchors[i // classes]), image)
        return Detections(boxes, best, i % classes, best > network.score_thresh)

    def one(scores: jax.Array, codes: jax.Array, anchors: jax.Array, ends: list[int]) -> Detections:
        parts = zip(*(jnp.split(x, ends) for x in (scores, codes, anchors)), strict=True)
        return nms(joined([level(*part) for part in parts]), network.nms_thresh, network.detections_per_img)

    def select(heads: Any, anchors: jax.Array, _: Any) -> Detections:
        scores = jax.nn.sigmoid(heads["cls_logits"])
        if sides:
            scores = jnp.sqrt(scores * jax.nn.sigmoid(heads["bbox_ctrness"]))
        return jax.vmap(partial(one, ends=ends), (0, 0, None))(scores, heads["bbox_regression"], anchors)

    counts = _per_level(network, image)
    ends = list(map(int, np.cumsum(counts)[:-1]))
    return select


def _per_level(network: Any, image: tuple[int, int]) -> list[int]:
    """How many anchors each level of the pyramid has."""
    divisible = network.transform.size_divisible
    with torch.no_grad():
        maps = network.backbone(torch.zeros(1, 3, *(-(-s // divisible) * divisible for s in image)))
    owner = network.rpn if hasattr(network, "rpn") else network
    each = owner.anchor_generator.num_anchors_per_location()
    return [m.shape[2] * m.shape[3] * a for m, a in zip(maps.values(), each, strict=True)]


def _of_classes(network: Any, image: tuple[int, int], _: int) -> Callable[..., Detections]:
    """SSD's: the best of each class, then NMS."""

    def one(scores: jax.Array, codes: jax.Array, anchors: jax.Array) -> Detections:
        boxes = clip(decode(codes, anchors, network.box_coder.weights), image)
        best, i = lax.top_k(scores.T[1:], min(network.topk_candidates, scores.shape[0]))
        labels = jnp.broadcast_to(jnp.arange(1, scores.shape[1])[:, None], i.shape)
        flat = best.reshape(-1)
        found = Detections(boxes[i.reshape(-1)], flat, labels.reshape(-1), flat > network.score_thresh)
        return nms(found, network.nms_thresh, network.detections_per_img)

    def select(heads: Any, anchors: jax.Array, _: Any) -> Detections:
        scores = jax.nn.softmax(heads["cls_logits"])
        return jax.vmap(one, (0, 0, None))(scores, heads["bbox_regression"], anchors)

    return select


def _of_proposals(network: Any, image: tuple[int, int], candidates: int) -> Callable[..., Detections]:
    """Faster R-CNN's: proposals by NMS, features of each by RoIAlign, a second head, and NMS again."""
    rpn, heads = network.rpn, network.roi_heads
    pool = heads.box_roi_pool
    counts = _per_level(network, image)
    ends = list(map(int, np.cumsum(counts)[:-1]))
    each = rpn.anchor_generator.num_anchors_per_location()
    channels = network.backbone.out_channels
    second = jaxconv.from_torch(BoxHead(heads).eval(), torch.zeros(2, channels, *pool.output_size))

    def proposals(scores: jax.Array, codes: jax.Array, anchors: jax.Array) -> Detections:
        parts: list[Detections] = []
        for level, part in enumerate(
            zip(*(jnp.split(x, ends) for x in (scores, codes, anchors)), strict=True)
        ):
            best, i = lax.top_k(part[0], min(rpn.pre_nms_top_n(), part[0].size))
            boxes = clip(decode(part[1][i], part[2][i], rpn.box_coder.weights), image)
            probability = jax.nn.sigmoid(best)
            large = (boxes[:, 2:] - boxes[:, :2] >= rpn.min_size).all(axis=1)
            valid = large & (probability >= rpn.score_thresh)
            parts.append(Detections(boxes, probability, jnp.full(i.shape, level), valid))
        return nms(joined(parts), rpn.nms_thresh, rpn.post_nms_top_n())

    def classified(found: Detections, maps: list[jax.Array]) -> Detections:
        logits, codes = second(roi_align(maps, found.boxes, image, pool))
        scores = jax.nn.softmax(logits)
        classes = scores.shape[1]
        anchors = jnp.repeat(found.boxes, classes, axis=0)
        boxes = clip(decode(codes.reshape(-1, 4), anchors, heads.box_coder.weights), image)
        labels = jnp.tile(jnp.arange(classes), found.valid.size)
        large = (boxes[:, 2:] - boxes[:, :2] >= 1e-2).all(axis=1)
        flat = scores.reshape(-1)
        valid = (labels > 0) & (flat > heads.score_thresh) & large & jnp.repeat(found.valid, classes)
        kept = top(Detections(boxes, flat, labels, valid), candidates)
        return nms(kept, heads.nms_thresh, heads.detections_per_img)

    def select(given: Any, anchors: jax.Array, features: Any) -> Detections:
        # (N, anchors of a place * k, H, W) of each level: in the order of the anchors, (N, anchors, k).
        objectness, codes = (
            jnp.concatenate(
                [
                    x.reshape(x.shape[0], a, -1, *x.shape[2:])
                    .transpose(0, 3, 4, 1, 2)
                    .reshape(x.shape[0], -1, k)
                    for x, a in zip(maps, each, strict=True)
                ],
                axis=1,
            )
            for maps, k in zip(given, (1, 4), strict=True)
        )
        found = jax.vmap(proposals, (0, 0, None))(objectness[..., 0], codes, anchors)
        maps = [features[name] for name in pool.featmap_names]
        return jax.vmap(classified)(found, maps)

    return select


_SELECT = {"RetinaNet": _of_levels, "FCOS": _of_levels, "SSD": _of_classes, "FasterRCNN": _of_proposals}


def compared(theirs: dict[str, torch.Tensor], ours: Detections) -> tuple[int, int]:
    """Counts torch's boxes of an image, and those among them that ours has too: label, score and corners.

    Rounding moves corners and scores by less than a thousandth, and orders boxes of equal scores.
    """
    there = np.asarray(ours.valid)
    boxes, scores, labels = (np.asarray(x)[there] for x in ours[:3])
    own = [theirs[name].numpy() for name in ("boxes", "scores", "labels")]
    near = np.abs(own[0][:, None] - boxes).max(axis=2) < 1e-3 * np.abs(own[0]).max(initial=1)
    near &= np.abs(own[1][:, None] - scores) < 1e-3
    near &= own[2][:, None] == labels
    return len(own[0]), int(near.any(axis=1).sum())


def spread(network: Any) -> None:
    """Sets the batch norms to what they see: else SSD's scores would be equal, and rounding would order them."""
    norms = [m for m in network.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    network.backbone.train()
    with torch.no_grad():
        network.backbone(torch.rand(2, 3, 320, 320))
    network.backbone.eval()


def main() -> None:
    """Compares the boxes of each kind of detector with torch's, on random weights and images."""
    detection = import_module("torchvision.models.detection")
    pyramid: dict[str, Any] = {"min_size": 128, "max_size": 256}
    for name, options in {
        "retinanet_resnet50_fpn": pyramid | {"score_thresh": 0.0},
        "fcos_resnet50_fpn": pyramid | {"score_thresh": 0.0},
        "ssdlite320_mobilenet_v3_large": {},
        "fasterrcnn_resnet50_fpn": pyramid,
    }.items():
        torch.manual_seed(0)
        network = getattr(detection, name)(weights=None, weights_backbone=None, **options).eval()
        images = torch.rand(2, 3, 96, 128)
        if name.startswith("ssd"):
            spread(network)
        with torch.no_grad():
            theirs = network(list(images))
        ours = cast(Detections, jax.jit(detector(network, images))(images.numpy()))
        for i, found in enumerate(theirs):
            count, same = compared(found, ours.of_image(i))
            more = int(ours.valid[i].sum()) - count
            print(f"{name}, image {i}: {same} of torch's {count} boxes, and {more} more")


if __name__ == "__main__":
    main()
