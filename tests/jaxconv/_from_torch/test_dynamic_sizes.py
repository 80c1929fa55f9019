"""Networks at other heights and widths than the example's: equal to torch, exported with symbols, refused in words.

The weights are whole numbers, the inputs too, and every mean is over a power of two: nothing rounds, all must be equal.
"""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.nn import functional as F

import jaxconv
from jaxconv._from_torch import conditions

SIZES = {2: "h", 3: "w"}


def conv(*args, **options):
    return nn.Conv2d(*args, padding=options.pop("padding", 1), **options)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.bottom = conv(2, 3, 3), conv(3, 4, 3)
        self.up, self.last = nn.ConvTranspose2d(4, 3, 2, 2), conv(6, 2, 3)

    def forward(self, x):
        skip = self.down(x).relu()
        y = self.up(self.bottom(F.max_pool2d(skip, 2)).relu())
        return self.last(torch.cat([skip, y], 1))


class Pyramid(nn.Module):
    """As a detector's neck: levels of the backbone, each added to the next finer one."""

    def __init__(self):
        super().__init__()
        self.stem, self.next, self.lateral = (
            conv(2, 3, 3, stride=2),
            conv(3, 3, 3, stride=2),
            conv(3, 3, 1, padding=0),
        )

    def forward(self, x):
        fine = self.stem(x).relu()
        coarse = self.next(fine)
        return self.lateral(fine) + F.interpolate(coarse, size=fine.shape[-2:], mode="nearest"), coarse


class Context(nn.Module):
    """As DeepLab's head: dilated branches and the global mean, at the input's size."""

    def __init__(self):
        super().__init__()
        self.near, self.far, self.all = (
            conv(2, 2, 3),
            conv(2, 2, 3, padding=2, dilation=2),
            nn.Conv2d(2, 2, 1),
        )

    def forward(self, x):
        mean = self.all(F.adaptive_avg_pool2d(x, 1)).expand(-1, -1, *x.shape[2:])
        return torch.cat([self.near(x), self.far(x), mean], 1)


class SuperResolution(nn.Sequential):
    def __init__(self):
        super().__init__(conv(2, 4, 3), nn.ReLU(), conv(4, 8, 3), nn.PixelShuffle(2))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = conv(2, 3, 3, stride=2), conv(3, 2, 3)

    def forward(self, x):
        return self.decode(F.interpolate(self.encode(x), scale_factor=2, mode="bilinear")) + x


class Windows(nn.Module):
    """Windows of 4 by 4 pixels, each on its own."""

    def forward(self, x):
        windows = F.pixel_unshuffle(x, 4)
        return F.pixel_shuffle(windows - windows.amax(1, keepdim=True), 4)


class Coordinates(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        rows = torch.arange(x.shape[2], dtype=x.dtype)[:, None].expand(*x.shape[2:])
        columns = torch.arange(x.shape[3], dtype=x.dtype).expand(*x.shape[2:])
        grid = torch.stack([rows, columns]).expand(x.shape[0], -1, -1, -1)
        return self.mix(torch.cat([x, grid], 1))


class Tokens(nn.Module):
    """Pixels as a sequence, and back."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(2, 3)

    def forward(self, x):
        y = self.mix(x.flatten(2).transpose(1, 2)).relu()
        return y.transpose(1, 2).reshape(x.shape[0], 3, *x.shape[2:])


NETWORKS = {
    "U-Net": UNet,
    "pyramid": Pyramid,
    "context": Context,
    "decoder": Decoder,
    "windows": Windows,
    "super-resolution": SuperResolution,
    "coordinates": Coordinates,
    "tokens": Tokens,
    "separable": lambda: nn.Sequential(
        conv(2, 4, 3, groups=2), nn.ReLU6(), nn.AdaptiveAvgPool2d(4), nn.Conv2d(4, 3, 1)
    ),
    "circular": lambda: nn.Sequential(
        conv(2, 3, 3, padding_mode="circular"), nn.ReflectionPad2d(1), nn.MaxPool2d(2)
    ),
}
ORDINARY = ("U-Net", "pyramid", "windows", "context")


def whole(make):
    """The network with whole numbers for weights."""
    torch.manual_seed(0)
    module = make().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(-2, 3, parameter.shape))
    return module


def pixels(n, h, w):
    return np.random.default_rng(h).integers(-4, 5, (n, 2, h, w)).astype(np.float32)


LOAD = """
import sys, numpy as np
sys.modules["jaxconv"] = sys.modules["torch"] = None
import jax
for path in sys.argv[1:]:
    call = jax.export.deserialize(open(path + ".bin", "rb").read()).call
    given = np.load(path + ".npz")
    for i in range(3):
        for j, y in enumerate(jax.tree.leaves(call(given[f"x{i}"]))):
            np.testing.assert_array_equal(y, given[f"y{i}_{j}"])
print("equal")
"""


def test_networks_at_other_sizes_here_and_exported_in_a_process_without_jaxconv(request, tmp_path):
    names = NETWORKS if request.config.getoption("--thorough") else ORDINARY
    paths = []
    for name in names:
        module = whole(NETWORKS[name])
        argument = "input" if isinstance(module, nn.Sequential) else "x"
        network = jaxconv.from_torch(module, pixels(1, 16, 32), dynamic={argument: SIZES})
        graph, state = nnx.split(network)
        dims = jax.export.symbolic_shape("b, 2, 4*h, 4*w", constraints=("h >= 2", "w >= 2", "b >= 2"))
        run = jax.jit(lambda x, graph=graph, state=state: nnx.merge(graph, state)(x))
        file = jax.export.export(run)(jax.ShapeDtypeStruct(dims, jnp.float32))
        given = {}
        for i, x in enumerate((pixels(2, 16, 16), pixels(3, 8, 32), pixels(2, 32, 8))):
            theirs = module(torch.from_numpy(x))
            given[f"x{i}"] = x
            for j, y in enumerate(theirs if isinstance(theirs, tuple) else (theirs,)):
                given[f"y{i}_{j}"] = y.detach().numpy()
                np.testing.assert_array_equal(
                    jax.tree.leaves(network(x))[j], given[f"y{i}_{j}"], err_msg=name
                )
        paths.append(str(tmp_path / name))
        np.savez(paths[-1] + ".npz", **given)
        (tmp_path / f"{name}.bin").write_bytes(file.serialize())
    done = subprocess.run([sys.executable, "-c", LOAD, *paths], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "equal\n", done.stderr


def test_a_batch_of_one_has_open_sizes_too():
    module = whole(UNet)
    network = jaxconv.from_torch(module, pixels(1, 16, 16), dynamic={"x": SIZES})
    x = pixels(1, 8, 12)
    np.testing.assert_array_equal(network(x), module(torch.from_numpy(x)).detach())


class Blocks(nn.Module):
    def forward(self, x):
        y = x.unflatten(3, (-1, 4)).unflatten(2, (-1, 4))
        return (y - y.amax((3, 5), keepdim=True)).flatten(4).flatten(2, 3)


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (Decoder, (2, 17, 16), "h = 17: .* It was traced where h % 2 == 0"),
        (Blocks, (2, 16, 18), "w = 18: .* It was traced where w % 4 == 0"),
        (UNet, (2, 18, 17), "w = 17: .* It was traced where w % 2 == 0 .*with an example of it"),
    ],
)
def test_a_size_that_the_network_cannot_take_is_refused_with_the_divisor(make, shape, words):
    module = whole(make)
    network = jaxconv.from_torch(module, pixels(2, 16, 16), dynamic={"x": SIZES})
    x = pixels(*shape)
    with pytest.raises(RuntimeError):
        module(torch.from_numpy(x))
    with pytest.raises(ValueError, match=words):
        network(x)


class Fixed(nn.Module):
    def forward(self, x, factor=2):
        return x.reshape(-1, 2, 16, 8, 2) * factor


@pytest.mark.parametrize(
    ("dynamic", "error", "words"),
    [
        (
            {"x": SIZES},
            ValueError,
            r"names dimension 2 of 'x' 'h', but the network's code fixes it at 16 \(.*line",
        ),
        (
            {"y": SIZES},
            ValueError,
            r"names the argument 'y', but the example has no tensor there; its arguments are \['x'\]",
        ),
        ({"x": {4: "h"}}, ValueError, r"`dynamic\['x'\]` names dimension 4 of a tensor of 4"),
        ({"x": ("h", "w")}, TypeError, r"`dynamic\['x'\]` must be a dict such as \{2: 'h', 3: 'w'\}"),
        ({"x": {2: True}}, TypeError, r"`dynamic\['x'\]` must be a dict such as"),
    ],
)
def test_sizes_that_cannot_stay_open_are_refused(dynamic, error, words):
    with pytest.raises(error, match=words):
        jaxconv.from_torch(Fixed(), pixels(2, 16, 16), dynamic=dynamic)


def test_what_torch_decides_outside_of_the_networks_code_has_a_place_that_torch_2_11_can_write(monkeypatch):
    monkeypatch.setattr(conditions, "calling_frame", lambda: None)
    with conditions.placed():
        location = ShapeEnv()._get_sloc()
    assert isinstance(location.framework_loc, str)  # it calls methods of anything else
    assert conditions.place(location) == ""
