"""Flax's own layers, channels last, under other names: partners, layouts and weights are found, both ways."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

import jaxconv
import parity


def image(seed=0, shape=(2, 3, 12, 10), dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.bn1 = torch.nn.BatchNorm2d(8)
        self.conv2 = torch.nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False)
        self.norm = torch.nn.GroupNorm(2, 8)
        self.up = torch.nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.pool = torch.nn.AvgPool2d(2)
        self.fc1 = torch.nn.Linear(6 * 6 * 5, 16)
        self.ln = torch.nn.LayerNorm(16)
        self.fc2 = torch.nn.Linear(16, 4)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.pool(self.up(self.norm(self.conv2(x))))
        return self.fc2(torch.tanh(self.ln(self.fc1(torch.flatten(x, 1)))))


def average(x):
    return linen.avg_pool(x, (2, 2), (2, 2))


class Nnx(nnx.Module):
    def __init__(self, rngs=None):
        rngs = rngs or nnx.Rngs(0)
        self.conv1 = nnx.Conv(3, 8, (3, 3), strides=2, padding=1, rngs=rngs)
        self.bn1 = nnx.BatchNorm(8, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.conv2 = nnx.Conv(8, 8, (3, 3), padding=1, feature_group_count=4, use_bias=False, rngs=rngs)
        self.norm = nnx.GroupNorm(8, num_groups=2, epsilon=1e-5, rngs=rngs)
        self.up = nnx.ConvTranspose(8, 6, (2, 2), strides=(2, 2), padding="VALID", rngs=rngs)
        self.fc1 = nnx.Linear(6 * 6 * 5, 16, rngs=rngs)
        self.ln = nnx.LayerNorm(16, epsilon=1e-5, rngs=rngs)
        self.fc2 = nnx.Linear(16, 4, rngs=rngs)

    def __call__(self, x):
        x = jax.nn.relu(self.bn1(self.conv1(x)))
        x = average(self.up(self.norm(self.conv2(x))))
        return self.fc2(jnp.tanh(self.ln(self.fc1(x.reshape(len(x), -1)))))


class Linen(linen.Module):
    train: bool = False

    @linen.compact
    def __call__(self, x):
        x = linen.Conv(8, (3, 3), strides=2, padding=1)(x)
        x = jax.nn.relu(linen.BatchNorm(not self.train, momentum=0.9, epsilon=1e-5)(x))
        x = linen.Conv(8, (3, 3), padding=1, feature_group_count=4, use_bias=False)(x)
        x = linen.GroupNorm(num_groups=2, epsilon=1e-5)(x)
        x = average(linen.ConvTranspose(6, (2, 2), strides=(2, 2), padding="VALID", transpose_kernel=True)(x))
        x = linen.LayerNorm(epsilon=1e-5)(linen.Dense(16)(x.reshape(len(x), -1)))
        return linen.Dense(4)(jnp.tanh(x))


def linen_net():
    net = Linen()
    return net, net.init(jax.random.key(0), jnp.zeros((1, 12, 10, 3), jnp.float32))


def torch_net(seed=0, train=False):
    torch.manual_seed(seed)
    module = Theirs()
    for name, tensor in module.state_dict().items():
        if "running_var" in name or name == "bn1.weight":
            tensor.uniform_(0.5, 2)
        elif "running_mean" in name:
            tensor.normal_()
    return module.train(train)


def evaluated(model):
    model.eval()
    return model


@pytest.mark.share(2)
@pytest.mark.parametrize("convert", ["to_flax", "to_torch"])
@pytest.mark.parametrize("make", [lambda: evaluated(Nnx()), linen_net], ids=["nnx", "linen"])
def test_a_network_of_flax_s_own_layers(make, convert):
    report = parity.check(torch_net(), make(), image(), convert=convert)
    report.assert_ok()
    assert {layer.name for layer in report.layers} == {
        "conv1", "bn1", "conv2", "norm", "up", "fc1", "ln", "fc2",
    }  # fmt: skip
    entries = {entry.torch: entry for entry in report.ledger}
    assert set(entries) == {n for n in torch_net().state_dict() if not n.endswith("num_batches_tracked")}
    assert "channels first to last" in entries["fc1.weight"].how
    assert "transposed" in entries["conv2.weight"].how
    assert all(entry.flax for entry in report.ledger)


def test_training_mode_and_its_statistics():
    model = Nnx()
    report = parity.check(torch_net(train=True), model, image())
    wrong = {line.partition(": ")[0] for line in report.findings() if not line.startswith("network")}
    # Flax's running variance is the biased one: torch's is not.
    assert wrong == {"bn1"}
    assert [line for line in report.findings() if "buffer.running_var" in line]


def test_jaxconv_s_layers_in_training_mode():
    class Ours(nnx.Module):
        def __init__(self):
            self.conv = jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0))
            self.bn = jaxconv.BatchNorm2d(4)

        def __call__(self, x):
            return self.bn(self.conv(x))

    class Same(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)

        def forward(self, x):
            return self.bn(self.conv(x))

    report = parity.check(Same(), Ours(), image())
    report.assert_ok()
    assert {"buffer.bn.running_mean", "buffer.bn.num_batches_tracked"} <= {v.name for v in report.network}


def test_round_trip_of_the_weights_is_exact():
    from parity._pairing.align import align
    from parity._torch.network import calls, forward

    module, x = torch_net(), [image()]
    pair = align(module, calls(module, x), evaluated(Nnx()), x, forward(module, x), "to_flax", None, None)
    back = pair.matching.to_torch({n: np.asarray(a) for n, a in pair.whole.arrays().items()})
    state = {n: t.numpy() for n, t in module.state_dict().items() if not n.endswith("num_batches_tracked")}
    assert set(back) == set(state)
    assert all(back[n].tobytes() == state[n].tobytes() for n in state)


def test_an_explicit_mapping_and_its_errors():
    mapping = {"fc2": "fc2", "conv1": "conv1"}
    parity.check(torch_net(), evaluated(Nnx()), image(), mapping=mapping).assert_ok()
    with pytest.raises(
        ValueError, match=r"torch has no layer 'head'; the Flax network has no layer 'tail'; 'ln' and"
    ):
        wrong = {"head": "fc1", "fc1": "tail", "ln": "conv1"}
        parity.check(torch_net(), evaluated(Nnx()), image(), mapping=wrong)


def test_a_layout_that_is_told():
    class Mean(nnx.Module):
        def __init__(self, axis):
            self.scale, self.axis = nnx.Param(jnp.ones(3, jnp.float32)), axis

        def __call__(self, x):
            return x.mean(self.axis) * self.scale[...]

    class TorchMean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(3))

        def forward(self, x):
            return x.mean((2, 3)) * self.scale

    parity.check(TorchMean(), Mean((1, 2)), image(), layout="NHWC").assert_ok()
    parity.check(TorchMean(), Mean((2, 3)), image(), layout="NCHW").assert_ok()
    parity.check(TorchMean(), Mean((2, 3)), image()).assert_ok()
    assert not parity.check(TorchMean(), Mean((2, 3)), image(shape=(2, 3, 3, 3)), layout="NHWC").ok
    with pytest.raises(ValueError, match=r"`layout` \(='CHWN'\) must be 'NCHW', 'NHWC' or None"):
        parity.check(TorchMean(), Mean((1, 2)), image(), layout="CHWN")


def test_a_wrong_axis_is_not_taken_for_another_layout():
    class Scores(torch.nn.Module):
        def forward(self, x):
            return torch.softmax(x, -1)

    x = image(shape=(2, 3, 5, 6))
    for axis in (1, 2, 3):
        ours = (lambda _, y, axis=axis: jax.nn.softmax(y, axis), {})
        assert parity.check(Scores(), ours, x).ok == (axis == 3)


def test_a_mapping_of_a_layer_s_parameter_is_not_ignored():
    theirs = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Linear(6, 6))
    ours = nnx.Sequential(*(nnx.Linear(6, 6, rngs=nnx.Rngs(i)) for i in range(2)))
    x = image(shape=(3, 6))
    assert parity.check(theirs, ours, x, mapping={"0": "0"}).ok
    with pytest.raises(ValueError, match=r"`mapping`: '0.weight' cannot be '1.kernel'.*map the layer"):
        parity.check(theirs, ours, x, mapping={"0.weight": "1.kernel"})


def test_a_network_that_transposes_on_one_side_is_noted_as_such():
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(4, 4, 1)
    held = {"weight": np.zeros((4, 4, 1, 1), np.float32), "bias": np.zeros(4, np.float32)}

    def ours(parameters, x, turned):
        y = (
            jnp.einsum("oi,nihw->nohw", parameters["weight"][:, :, 0, 0], x)
            + parameters["bias"][:, None, None]
        )
        return y.transpose(0, 2, 3, 1) if turned else y

    for turned in (False, True):
        network = (lambda p, x, turned=turned: ours(p, x, turned), held)
        report = parity.check(theirs, network, image(shape=(2, 4, 4, 4)))
        assert report.ok
        assert any("channels first and returns them with channels last" in n for n in report.notes) == turned
        told = parity.check(theirs, network, image(shape=(2, 4, 4, 4)), layout="NCHW")
        assert told.ok != turned
