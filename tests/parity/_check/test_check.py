"""parity.check: right ports pass, wrong ones are found in the layer that is wrong, and nothing passes unseen."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

import jaxconv
import parity
from jaxconv import surgery


class TorchNet(torch.nn.Module):
    def __init__(self, activation=torch.relu, **second):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.pool = torch.nn.MaxPool2d(3, 2, 1)
        self.body = torch.nn.ModuleList([torch.nn.Conv2d(8, 8, 3, padding=1, **second) for _ in range(2)])
        self.activation = activation

    def forward(self, x):
        x = self.pool(self.activation(self.stem(x)))
        for layer in self.body:
            x = x + self.activation(layer(x))
        return x.mean((-2, -1))


class Net(nnx.Module):
    def __init__(self, *, rngs, activation=jax.nn.relu, pool=None, **second):
        self.stem = jaxconv.Conv2d(3, 8, 3, padding=1, rngs=rngs)
        self.pool = pool or jaxconv.MaxPool2d(3, 2, 1)
        second = {"padding": 1, **second}
        self.body = nnx.List([jaxconv.Conv2d(8, 8, 3, **second, rngs=rngs) for _ in range(2)])
        self.activation = activation

    def __call__(self, x):
        x = self.pool(self.activation(self.stem(x)))
        for layer in self.body:
            x = x + self.activation(layer(x))
        return x.mean((-2, -1))


class LinenNet(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = jaxconv.linen.MaxPool2d(3, 2, 1, name="pool")(
            jax.nn.relu(jaxconv.linen.Conv2d(3, 8, 3, padding=1, name="stem")(x))
        )
        for i in range(2):
            x = x + jax.nn.relu(jaxconv.linen.Conv2d(8, 8, 3, padding=1, name=f"body.{i}")(x))
        return x.mean((-2, -1))


def torch_net(seed=0, **kwargs):
    torch.manual_seed(seed)
    return TorchNet(**kwargs)


def image(seed=0, shape=(2, 3, 9, 8), dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def linen_net(x):
    module = LinenNet()
    return module, module.init(jax.random.key(0), jnp.asarray(x))


@pytest.mark.parametrize(("convert", "seed"), [("to_flax", 0), ("to_torch", 1)])
def test_a_right_port_passes(convert, seed):
    report = parity.check(torch_net(seed), Net(rngs=nnx.Rngs(seed)), image(seed), convert=convert, seed=seed)
    report.assert_ok()
    assert report.ok and report.first_divergence is None and not report.findings()
    assert [layer.name for layer in report.layers] == ["stem", "pool", "body.0", "body.1"]
    results = {v.name for layer in report.layers for v in layer.verdicts}
    assert results == {"y", "grad.input", "grad.weight", "grad.bias"}
    assert {"output", "grad.input", "grad.stem.weight", "grad.body.1.bias"} <= {
        v.name for v in report.network
    }


def test_linen_as_a_pair_and_bound():
    x = image()
    module, variables = linen_net(x)
    for model in ((module, variables), module.bind(variables)):
        report = parity.check(torch_net(), model, x)
        report.assert_ok()
        assert [layer.name for layer in report.layers] == ["stem", "pool", "body.0", "body.1"]
    with pytest.raises(TypeError, match=r"give \(module, variables\) or module.bind\(variables\)"):
        parity.check(torch_net(), module, x)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_other_dtypes(dtype):
    x = image().astype(jnp.dtype(dtype))

    class One(nnx.Module):
        def __init__(self, *, rngs):
            self.conv = jaxconv.Conv2d(3, 8, 3, param_dtype=jnp.dtype(dtype), rngs=rngs)
            self.pool = jaxconv.MaxPool2d(2)

        def __call__(self, x):
            return self.pool(self.conv(x))

    class TorchOne(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 8, 3, dtype=getattr(torch, dtype))
            self.pool = torch.nn.MaxPool2d(2)

        def forward(self, x):
            return self.pool(self.conv(x))

    parity.check(TorchOne(), One(rngs=nnx.Rngs(0)), x).assert_ok()


def test_nothing_is_changed():
    original, model = torch_net(), Net(rngs=nnx.Rngs(0))
    before = {k: v.clone() for k, v in original.state_dict().items()}
    ours = {k: np.asarray(v) for k, v in jaxconv.state_dict(model).items()}
    for convert in ("to_flax", "to_torch"):
        parity.check(original, model, image(), convert=convert)
    assert all(torch.equal(v, before[k]) for k, v in original.state_dict().items())
    assert all(np.array_equal(v, ours[k]) for k, v in jaxconv.state_dict(model).items())
    assert all(p.grad is None and p.requires_grad for p in original.parameters())
    assert not original.stem._forward_hooks and not original.stem._forward_pre_hooks


WRONG = {
    # What is wrong -> (torch's arguments, ours, the first layer that has to be named)
    "dilation": ({}, dict(dilation=2, padding=2), "body.0"),
    "padding mode": ({}, dict(padding_mode="circular"), "body.0"),
    "padding": ({}, dict(padding=0), "body.0"),
    "groups": (dict(groups=2), dict(groups=2, padding_mode="reflect"), "body.0"),
    "pool stride": ({}, dict(pool=jaxconv.MaxPool2d(3, 1, 1)), "pool"),
    "pool padding": ({}, dict(pool=jaxconv.MaxPool2d(3, 2, 0, ceil_mode=True)), "pool"),
    "low precision": ({}, dict(dtype=jnp.bfloat16), "body.0"),
}


@pytest.mark.share(2)
@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_argument_is_found_in_its_layer(fault):
    theirs, ours, where = WRONG[fault]
    report = parity.check(torch_net(**theirs), Net(rngs=nnx.Rngs(0), **ours), image())
    assert not report.ok and report.first_divergence == where
    assert {layer.name for layer in report.layers if layer.ok} >= {"stem"}
    with pytest.raises(AssertionError, match=rf"the networks differ:\n  (2 layers \()?{where}[:,] "):
        report.assert_ok()


def test_a_later_layer_with_wrong_weights_is_found_and_earlier_ones_are_not_accused():
    model = jaxconv.load_state_dict(Net(rngs=nnx.Rngs(0)), torch_net().state_dict())
    wrong = surgery.update(model, "body.1.weight", lambda w: w[..., ::-1])
    report = parity.check(torch_net(), wrong, image(), convert=None)
    assert report.first_divergence == "body.1"
    assert [layer.name for layer in report.layers if not layer.ok] == ["body.1"]
    # A difference far below every guessed tolerance.
    slight = surgery.update(model, "body.0.weight", lambda w: w * (1 + 1e-4))
    report = parity.check(torch_net(), slight, image(), convert=None)
    assert [layer.name for layer in report.layers if not layer.ok] == ["body.0"]
    parity.check(torch_net(), model, image(), convert=None).assert_ok()


def test_wrong_glue_is_found_though_every_layer_is_right():
    for activation in (lambda x: jnp.maximum(x, 1e-3), jax.nn.leaky_relu, lambda x: x):
        report = parity.check(torch_net(), Net(rngs=nnx.Rngs(0), activation=activation), image())
        assert not report.ok and all(layer.ok for layer in report.layers)
        assert "what stands between the layers differs" in str(report)


def test_wrong_gradient_of_glue_is_found_though_the_output_is_right():
    def relu(x):
        return jax.lax.stop_gradient(jax.nn.relu(x) - x) + x  # straight-through

    report = parity.check(torch_net(), Net(rngs=nnx.Rngs(0), activation=relu), image())
    verdicts = {v.name: v.ok for v in report.network}
    assert verdicts["output"] and not verdicts["grad.stem.weight"] and not report.ok


def test_no_alarm_over_many_seeds():
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.MaxPool2d(2), torch.nn.Conv2d(3, 2, 2))
    twin = nnx.Sequential(
        jaxconv.Conv2d(2, 3, 3, rngs=nnx.Rngs(0)),
        jaxconv.MaxPool2d(2),
        jaxconv.Conv2d(3, 2, 2, rngs=nnx.Rngs(0)),
    )
    for seed in range(6):
        parity.check(module, twin, image(seed, (1, 2, 8, 7)), seed=seed).assert_ok()


def test_ties_in_pooling_do_not_alarm():
    x = np.repeat(np.repeat(image(0, (2, 3, 3, 3)), 3, 2), 3, 3)  # equal neighbours everywhere
    parity.check(torch_net(), Net(rngs=nnx.Rngs(0)), x).assert_ok()


def test_a_single_layer_and_indices():
    parity.check(torch.nn.Conv2d(3, 4, 3), jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0)), image()).assert_ok()
    module = torch.nn.Conv1d(3, 4, 3, padding="same", padding_mode="reflect")
    twin = jaxconv.Conv1d(3, 4, 3, padding="same", padding_mode="reflect", rngs=nnx.Rngs(0))
    parity.check(module, twin, image(shape=(2, 3, 9))).assert_ok()


def test_a_layer_may_be_called_input():
    class Ours(nnx.Module):
        def __init__(self):
            self.input_conv = jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return self.input_conv(x)

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.input_conv = torch.nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.input_conv(x)

    parity.check(Theirs(), Ours(), image()).assert_ok()


def test_a_layer_called_twice_is_judged_twice():
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x))

    class Ours(nnx.Module):
        def __init__(self):
            self.conv = jaxconv.Conv2d(3, 3, 3, padding=1, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return self.conv(self.conv(x))

    report = parity.check(Twice(), Ours(), image())
    report.assert_ok()
    assert [layer.name for layer in report.layers] == ["conv", "conv#2"]


def test_with_64_bit_types_off():
    with jax.enable_x64(False):
        parity.check(torch_net(), Net(rngs=nnx.Rngs(0)), image()).assert_ok()
        with pytest.raises(
            TypeError, match=r"`inputs\[0\]` is float64, which JAX turns into float32. Enable 64-bit"
        ):
            parity.check(torch_net().double(), Net(rngs=nnx.Rngs(0)), image(dtype=np.float64))


# Nothing passes unseen.


def test_a_constant_input_is_no_pass():
    report = parity.check(torch_net(), Net(rngs=nnx.Rngs(0)), np.ones((2, 3, 9, 8), np.float32))
    assert not report.ok and "inputs[0] is constant" in str(report)


def test_a_network_without_layers_is_compared_end_to_end():
    class Theirs(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.gelu(x)

    parity.check(Theirs(), (lambda _, x: jax.nn.gelu(x, approximate=False), {}), image()).assert_ok()
    report = parity.check(Theirs(), (lambda _, x: jax.nn.gelu(x), {}), image())
    assert not report.ok
    assert str(report).startswith("NOT the same network")
    with pytest.raises(AssertionError, match=r"output: .* times as far from float64"):
        report.assert_ok()


def test_weights_that_are_never_used_are_no_pass():
    torch_side, model = torch_net(), Net(rngs=nnx.Rngs(0))
    torch_side.extra, model.extra = torch.nn.Conv2d(3, 3, 1), jaxconv.Conv2d(3, 3, 1, rngs=nnx.Rngs(0))
    report = parity.check(torch_side, model, image())
    assert not report.ok and "torch's layer 'extra' (Conv2d) was never called" in str(report)
    report = parity.check(torch_net(), model, image(), convert=None)
    assert "the Flax network's 'extra.weight' has no partner in torch" in report.problems


class Then(nnx.Module):
    """A convolution, then a function."""

    def __init__(self, after):
        setattr(self, "0", jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0)))
        self.after = after

    def __call__(self, x):
        return self.after(getattr(self, "0")(x))


def test_a_torch_layer_without_weights_may_be_a_function_in_flax():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Hardshrink())
    report = parity.check(module, Then(lambda x: jnp.where(jnp.abs(x) > 0.5, x, 0)), image())
    report.assert_ok()
    assert "'1' (Hardshrink) has no Flax layer of that name: it was compared end to end only" in str(report)
    report = parity.check(module, Then(lambda x: jnp.where(jnp.abs(x) > 0.4, x, 0)), image())
    assert not report.ok and all(layer.ok for layer in report.layers)


def test_a_layer_with_weights_that_flax_does_not_have_is_no_pass():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.PReLU())
    report = parity.check(module, Then(jax.nn.leaky_relu), image(), convert=None)
    assert "1: layer: the Flax network has no layer of this name" in report.findings()


def test_nan_on_one_side_is_no_pass():
    report = parity.check(
        torch_net(), Net(rngs=nnx.Rngs(0), activation=lambda x: jnp.log(x) * 0 + jax.nn.relu(x)), image()
    )
    assert not report.ok and "NaN or infinity on one side only" in str(report)


def test_another_output_shape_is_no_pass():
    class Wide(Net):
        def __call__(self, x):
            return super().__call__(x)[:, None]

    report = parity.check(torch_net(), Wide(rngs=nnx.Rngs(0)), image())
    assert not report.ok and "output: shapes" in str(report)


# What cannot be run is refused.


def test_bad_arguments():
    model = Net(rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match=r"`convert` \(='both'\) must be 'to_flax', 'to_torch' or None"):
        parity.check(torch_net(), model, image(), convert="both")
    with pytest.raises(ValueError, match="`inputs`: at least one is needed"):
        parity.check(torch_net(), model)
    with pytest.raises(
        TypeError, match=r"`inputs\[0\]` must be an array of floating numbers.*, got dtype complex64"
    ):
        parity.check(torch_net(), model, np.ones((1, 3, 9, 9), np.complex64))
    with pytest.raises(ValueError, match=r"`inputs`: torch's network does not run on them: .*long int"):
        parity.check(torch_net(), model, np.ones((1, 3, 9, 9), np.int64))
    with (
        jax.enable_x64(False),
        pytest.raises(
            ValueError, match=r"`inputs\[0\]` has numbers up to 2147483648, which do not fit JAX's int32"
        ),
    ):
        parity.check(torch_net(), model, np.full((1, 3), 2**31))
    with pytest.raises(TypeError, match=r"`torch_module` must be a torch.nn.Module, got Net"):
        parity.check(model, model, image())
    with pytest.raises(
        TypeError, match=r"`flax_module` must be an NNX module, or a Linen module .* got TorchNet"
    ):
        parity.check(torch_net(), torch_net(), image())
    with pytest.raises(ValueError, match=r"size mismatch for body.0.weight"):
        parity.check(torch_net(groups=2), model, image())


def test_json_and_text():
    report = parity.check(torch_net(), Net(rngs=nnx.Rngs(0), dilation=2), image())
    data = json.loads(report.to_json())
    assert data["schema"] == 5 and data["ok"] is False and data["first_divergence"] == "body.0"
    assert data["layers"][0]["name"] == "stem" and data["layers"][0]["ok"]
    assert data["layers"][0]["verdicts"][0]["ratio"] <= 1
    text = str(report)
    assert text.startswith("NOT the same network: 2 of 4 layers agree, the first that does not is body.0")
    assert max(len(line) for line in text.splitlines()[:10] if "convolution(" not in line) <= 100
    right = str(parity.check(torch_net(), Net(rngs=nnx.Rngs(0)), image()))
    assert right.startswith(
        "the same network: 4 of 4 layers and the network end to end differ by rounding only"
    )


def test_frozen_parameters_and_activations_in_place():
    module = torch_net(activation=torch.relu_)
    module.requires_grad_(False)
    parity.check(module, Net(rngs=nnx.Rngs(0)), image()).assert_ok()
    assert not any(p.requires_grad for p in module.parameters())


def test_several_inputs_and_outputs():
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(2, 4, 1)

        def forward(self, x, y):
            return self.a(x), self.a(x) + self.b(y)

    class Ours(nnx.Module):
        def __init__(self):
            self.a = jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0))
            self.b = jaxconv.Conv2d(2, 4, 1, rngs=nnx.Rngs(0))

        def __call__(self, x, y):
            return self.a(x), self.a(x) + self.b(y)

    inputs = image(0), image(1, (2, 2, 7, 6))
    report = parity.check(Two(), Ours(), *inputs)
    report.assert_ok()
    names = {v.name for v in report.network}
    assert names >= {"output.0", "output.1", "grad.input.0", "grad.input.1", "grad.a.weight"}

    class Swapped(Ours):
        def __call__(self, x, y):
            return super().__call__(x, y)[::-1]

    assert not parity.check(Two(), Swapped(), *inputs).ok


def test_a_torch_network_that_raises_is_said_to():
    class Raises(torch.nn.Module):
        def forward(self, x):
            return {}["missing"]

    with pytest.raises(ValueError, match=r"torch's network does not run on them: KeyError: 'missing'"):
        parity.check(Raises(), (lambda _, x: x, {}), image())


def test_keys_of_an_output_may_be_of_any_kind():
    class Theirs(torch.nn.Module):
        def forward(self, x):
            return {"b": x * 2, 10: x + 1, 2: -x}

    def ours(_, x):
        return {2: -x, "b": x * 2, 10: x + 1}

    parity.check(Theirs(), (ours, {}), image()).assert_ok()


def test_integer_outputs_are_compared_exactly():
    theirs = torch.nn.MaxPool2d(2, return_indices=True)
    parity.check(theirs, jaxconv.MaxPool2d(2, return_indices=True), image()).assert_ok()

    def off(_, x):
        y, indices = jaxconv.functional.max_pool2d(x, 2, return_indices=True)
        return y, indices.at[0, 0, 0, 0].add(1)

    report = parity.check(theirs, (off, {}), image())
    assert [v.name for v in report.network if not v.ok] == ["index"]


def test_a_random_network_and_a_dead_output_are_no_pass():
    class Theirs(torch.nn.Module):
        def __init__(self, after):
            super().__init__()
            self.conv, self.after = torch.nn.Conv2d(3, 4, 3), after

        def forward(self, x):
            return self.after(self.conv(x))

    class Ours(nnx.Module):
        def __init__(self, after):
            self.conv, self.after = jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0)), after

        def __call__(self, x):
            return self.after(self.conv(x))

    report = parity.check(Theirs(torch.nn.functional.dropout), Ours(lambda x: x), image())
    assert not report.ok and "gives another output each time" in str(report)
    report = parity.check(
        Theirs(lambda x: torch.relu(x - 100)), Ours(lambda x: jax.nn.relu(2 * x - 100)), image()
    )
    assert not report.ok and "torch's output 0 is constant" in str(report)


def test_a_parameter_that_torch_does_not_have_is_no_pass():
    class Scaled(nnx.Module):
        def __init__(self):
            self.conv, self.w = (
                jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0)),
                nnx.Param(jnp.ones((), jnp.float32)),
            )

        def __call__(self, x):
            return self.conv(x) * self.w[...]

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.conv(x)

    report = parity.check(Theirs(), Scaled(), image(), convert=None)
    assert "network: grad.w: missing in torch's network" in report.findings()


@pytest.mark.parametrize("precision", ["float32", "tensorfloat32", "highest"])
def test_every_spelling_of_a_precision(precision):
    with jax.default_matmul_precision(precision):
        model = jaxconv.Conv2d(3, 4, 3, precision=("highest", "default"), rngs=nnx.Rngs(0))
        parity.check(torch.nn.Conv2d(3, 4, 3), model, image()).assert_ok()


def test_layers_that_draw_are_named_as_such():
    """In training mode no two runs are the same: not an unknown cause."""
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.RReLU()).train()
    ours = jaxconv.Sequential(
        jaxconv.Linear(4, 8, rngs=nnx.Rngs(0)),
        jaxconv.Dropout(0.5, rngs=nnx.Rngs(1)),
        jaxconv.RReLU(rngs=nnx.Rngs(2)),
    )
    x = np.random.default_rng(0).standard_normal((3, 4), dtype=np.float32)
    report = parity.check(theirs, ours, x)
    assert [(d.layer, d.cause) for d in report.diagnosis] == [
        ("1", "dropout.active"),
        ("2", "dropout.active"),
    ]
    assert any("another output each time" in problem for problem in report.problems)
    ours.eval()
    parity.check(theirs.eval(), ours, x).assert_ok()


def test_a_buffer_that_is_not_saved_is_nobodys_business():
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3)).train()
    theirs.register_buffer("scratch", torch.zeros(2), persistent=False)
    ours = jaxconv.Sequential(jaxconv.Linear(3, 3, rngs=nnx.Rngs(0)), jaxconv.BatchNorm1d(3))
    x = np.random.default_rng(0).standard_normal((4, 3), dtype=np.float32)
    parity.check(theirs, ours, x).assert_ok()
