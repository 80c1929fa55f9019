"""Boxes with a fixed number of them: next to loops over boxes, a small detector of our own, and torchvision's."""

import itertools
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from examples_support import EXAMPLES, load


@pytest.fixture(scope="module")
def examples():
    sys.path.insert(0, str(EXAMPLES))
    detection = load("detection")
    yield SimpleNamespace(boxes=sys.modules["boxes"], detection=detection)
    sys.path.remove(str(EXAMPLES))


def overlap(a, b):
    both = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return both / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both)


def kept(boxes, scores, labels, threshold):
    """The indices of the boxes that torchvision.ops.batched_nms keeps, by its definition."""
    found = []
    for i in np.argsort(-scores, kind="stable"):
        if all(labels[i] != labels[j] or overlap(boxes[i], boxes[j]) <= threshold for j in found):
            found.append(i)
    return np.array(found)


def drawn(n, seed, size=8):
    """Boxes with integer corners, many of them equal, scores with ties, and labels."""
    rng = np.random.default_rng(seed)
    low = rng.integers(0, size, (n, 2))
    boxes = np.concatenate([low, low + rng.integers(1, size, (n, 2))], axis=1).astype(np.float32)
    return boxes, rng.integers(0, 20, n).astype(np.float32) / 20, rng.integers(0, 3, n)


@pytest.mark.parametrize("seed", range(4))
def test_nms_keeps_torchs_boxes_and_says_how_many(examples, seed):
    boxes, scores, labels = drawn(60, seed)
    valid = scores >= 0.25
    wanted = np.flatnonzero(valid)[kept(boxes[valid], scores[valid], labels[valid], 0.5)]
    assert 5 < len(wanted) < valid.sum()
    candidates = examples.boxes.Detections(*map(jnp.asarray, (boxes, scores, labels, valid)))
    for n in (4, 60):
        found = jax.jit(examples.boxes.nms, static_argnums=(1, 2))(candidates, 0.5, n)
        first = wanted[:n]
        assert np.asarray(found.valid).tolist() == [i < len(first) for i in range(n)]
        for ours, theirs in zip(found[:3], (boxes, scores, labels), strict=True):
            np.testing.assert_array_equal(ours[: len(first)], theirs[first])


def test_roi_align_is_a_mean_of_interpolated_values(examples):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 5, 7))
    boxes = np.array([[0.5, 1.0, 5.0, 4.5], [-3.0, -2.5, 9.0, 7.0], [2.0, 2.0, 2.25, 2.25]])

    def value(c, row, column):
        if not (-1 <= row <= 5 and -1 <= column <= 7):
            return 0.0
        row, column = min(max(row, 0), 4), min(max(column, 0), 6)
        top, left = int(row), int(column)
        down, right = min(top + 1, 4), min(left + 1, 6)
        a, b = row - top, column - left
        upper, lower = ((1 - b) * x[c, i, left] + b * x[c, i, right] for i in (top, down))
        return (1 - a) * upper + a * lower

    wanted = np.zeros((3, 2, 3, 2))
    for n, (x1, y1, x2, y2) in enumerate(boxes):
        height, width = max(y2 - y1, 1) / 3, max(x2 - x1, 1) / 2
        for c, i, j in np.ndindex(2, 3, 2):
            places = [(i + (k + 0.5) / 2, j + (m + 0.5) / 2) for k in (0, 1) for m in (0, 1)]
            wanted[n, c, i, j] = np.mean([value(c, y1 + a * height, x1 + b * width) for a, b in places])
    ours = examples.boxes._roi_align(jnp.asarray(x), jnp.asarray(boxes), (3, 2), 2)
    # Each is a mean of 4 sums of 4 products, whose factors add up to 1 at most.
    assert np.abs(ours - wanted).max() <= 16 * np.finfo(np.float64).eps * np.abs(x).max()


class Levels(torch.nn.Module):
    out_channels = 4

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 4, 3, 2, 1), torch.nn.Conv2d(4, 4, 3, 2, 1)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return {"0": x, "1": self.second(x)}


class Head(torch.nn.Module):
    """Two classes and four numbers for each of two anchors at each position."""

    def __init__(self):
        super().__init__()
        self.classes, self.codes = torch.nn.Conv2d(4, 4, 1), torch.nn.Conv2d(4, 8, 1)

    def forward(self, maps):
        def rows(head, k):
            found = [head(m) for m in maps]
            return torch.cat([y.unflatten(1, (-1, k)).permute(0, 3, 4, 1, 2).flatten(1, 3) for y in found], 1)

        return {"cls_logits": rows(self.classes, 2), "bbox_regression": rows(self.codes, 4)}


class Anchors:
    """Squares and wide boxes around each position."""

    def num_anchors_per_location(self):
        return [2, 2]

    def __call__(self, images, maps):
        rows = []
        for m in maps:
            step = images.tensors.shape[2] / m.shape[2]
            y, x = torch.meshgrid(torch.arange(m.shape[2]), torch.arange(m.shape[3]), indexing="ij")
            middle = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4) * step
            rows.append((middle + torch.tensor([[-2, -2, 2, 2], [-4, -2, 4, 2]]) * step / 2).reshape(-1, 4))
        return [torch.cat(rows)] * len(images.image_sizes)


class RetinaNet(torch.nn.Module):
    """What torchvision's is, as far as the example looks at it, and its selection by loops over boxes."""

    score_thresh, nms_thresh, topk_candidates, detections_per_img = 0.6, 0.4, 40, 38

    def __init__(self):
        super().__init__()
        self.backbone, self.head, self.anchor_generator = Levels(), Head(), Anchors()
        self.box_coder = SimpleNamespace(weights=(1.0, 1.0, 1.0, 1.0))
        self.transform = SimpleNamespace(
            normalize=lambda x: (x - 0.5) / 0.25,
            fixed_size=None,
            min_size=(16,),
            max_size=64,
            size_divisible=4,
        )

    def forward(self, images):
        x = torch.nn.functional.interpolate((images - 0.5) / 0.25, scale_factor=2.0, mode="bilinear")
        maps = list(self.backbone(x).values())
        outputs = self.head(maps)
        anchors = self.anchor_generator(SimpleNamespace(tensors=x, image_sizes=[0]), maps)[0]
        ends = [0, maps[0][0, 0].numel() * 2, len(anchors)]
        return [self.select(*pair, anchors, ends) for pair in zip(*outputs.values(), strict=True)]

    def select(self, logits, codes, anchors, ends):
        boxes, scores, labels = [], [], []
        for start, end in itertools.pairwise(ends):
            flat = logits[start:end].sigmoid().flatten()
            flat, i = flat.sort(descending=True, stable=True)
            i = i[: self.topk_candidates][flat[: self.topk_candidates] > self.score_thresh]
            anchor, code = anchors[start:end][i // 2], codes[start:end][i // 2]
            size = anchor[:, 2:] - anchor[:, :2]
            middle = code[:, :2] * size + (anchor[:, :2] + anchor[:, 2:]) / 2
            half = code[:, 2:].exp() * size / 2
            box = torch.cat([middle - half, middle + half], 1)
            boxes.append(torch.minimum(box.clamp(min=0), torch.tensor([24.0, 16.0, 24.0, 16.0])))
            scores.append(logits[start:end].sigmoid().flatten()[i])
            labels.append(i % 2)
        boxes, scores, labels = map(torch.cat, (boxes, scores, labels))
        found = kept(boxes.numpy(), scores.numpy(), labels.numpy(), self.nms_thresh)[
            : self.detections_per_img
        ]
        return {"boxes": boxes[found] / 2, "scores": scores[found], "labels": labels[found]}


def test_a_detector_end_to_end_without_torchvision(examples):
    torch.manual_seed(0)
    network, images = (
        RetinaNet().eval(),
        torch.rand(3, 3, 8, 12) * torch.tensor([0.3, 1.0, 2.0]).reshape(3, 1, 1, 1),
    )
    detect = jax.jit(examples.detection.detector(network, images[:2]))
    with torch.no_grad():
        theirs = network(images)
    ours = detect(images.numpy())
    for i, found in enumerate(theirs):
        count, same = examples.detection.compared(found, ours.of_image(i))
        assert count == same == ours.valid[i].sum() and 0 < count < 39
    assert len({len(found["boxes"]) for found in theirs}) > 1, "all images have the same number of boxes"
    # A box that is not torch's does not count.
    moved = ours._replace(boxes=ours.boxes + 1.0)
    assert examples.detection.compared(theirs[0], moved.of_image(0))[1] == 0


def test_torchvisions_detectors_end_to_end(examples, capsys):
    pytest.importorskip("torchvision", reason="torchvision is not installed: pip install torchvision")
    with jax.enable_x64(False):
        examples.detection.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    for line in lines:
        same, count, more = (int(word) for word in line.partition(": ")[2].split() if word.isdigit())
        assert same == count > 50 and more == 0, line
