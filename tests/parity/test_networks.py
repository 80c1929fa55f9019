"""parity.check on what networks are really made of: any layer, functions between layers, sharing, odd calls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

import jaxconv
import parity

pytestmark = pytest.mark.share(2)


def image(seed=0, shape=(2, 3, 9, 8), dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


class Theirs(torch.nn.Module):
    def __init__(self, after, dtype=torch.float32):
        super().__init__()
        self.conv, self.after = torch.nn.Conv2d(3, 6, 1, dtype=dtype), after

    def forward(self, x):
        return self.after(self.conv(x))


class Ours(nnx.Module):
    def __init__(self, after, dtype=jnp.float32):
        self.conv, self.after = jaxconv.Conv2d(3, 6, 1, param_dtype=dtype, rngs=nnx.Rngs(0)), after

    def __call__(self, x):
        return self.after(self.conv(x))


FUNCTIONS = {
    "softmax": (lambda x: torch.softmax(x, 1), lambda x: jax.nn.softmax(x, 1)),
    "log of a softmax's mean": (
        lambda x: torch.log(torch.softmax(x, 1).mean((2, 3))),
        lambda x: jnp.log(jax.nn.softmax(x, 1).mean((2, 3))),
    ),
    "tanh": (lambda x: torch.tanh(3 * x), lambda x: jnp.tanh(3 * x)),
    "gelu": (torch.nn.functional.gelu, lambda x: jax.nn.gelu(x, approximate=False)),
    "pool and mean": (
        lambda x: torch.nn.functional.max_pool2d(x, 2).mean((2, 3)),
        lambda x: jaxconv.functional.max_pool2d(x, 2).mean((2, 3)),
    ),
    "normalise": (
        lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True),
        lambda x: (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True, ddof=1),
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_round_more_than_the_layers_are_no_alarm(name, dtype):
    theirs, ours = FUNCTIONS[name]
    for seed in range(1 if dtype == "bfloat16" else 3):
        x = image(seed).astype(jnp.dtype(dtype))
        model = Ours(ours, jnp.dtype(dtype))
        parity.check(Theirs(theirs, getattr(torch, dtype)), model, x, seed=seed).assert_ok()


def test_a_wrong_function_is_still_found():
    theirs = FUNCTIONS["gelu"][0]
    report = parity.check(Theirs(theirs), Ours(lambda x: jax.nn.gelu(x, approximate=True)), image())
    assert not report.ok and report.layers[0].ok
    report = parity.check(Theirs(FUNCTIONS["softmax"][0]), Ours(lambda x: jax.nn.softmax(x, 2)), image())
    assert not report.ok


class TorchTied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.b = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.b.weight = self.a.weight
        self.again = self.a

    def forward(self, x):
        return self.again(self.b(torch.relu(self.a(x))))


class Tied(nnx.Module):
    def __init__(self):
        self.a = jaxconv.Conv2d(3, 3, 3, padding=1, rngs=nnx.Rngs(0))
        self.b = jaxconv.Conv2d(3, 3, 3, padding=1, rngs=nnx.Rngs(1))
        self.b.weight = self.a.weight
        self.again = self.a

    def __call__(self, x):
        return self.again(self.b(jax.nn.relu(self.a(x))))


def test_tied_weights_and_a_layer_under_two_names():
    report = parity.check(TorchTied(), Tied(), image())
    report.assert_ok()
    assert len(report.layers) == 3
    assert {"grad.a.weight", "grad.b.weight", "grad.again.weight"} <= {v.name for v in report.network}


def test_no_grad_and_an_operation_in_place_on_the_input():
    class Frozen(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Conv2d(3, 3, 1), torch.nn.Conv2d(3, 3, 1)

        def forward(self, x):
            x.mul_(2)
            with torch.no_grad():
                x = self.a(x)
            return self.b(x)

    class Stopped(nnx.Module):
        def __init__(self, stop):
            self.a = jaxconv.Conv2d(3, 3, 1, rngs=nnx.Rngs(0))
            self.b = jaxconv.Conv2d(3, 3, 1, rngs=nnx.Rngs(0))
            self.stop = stop

        def __call__(self, x):
            return self.b(self.stop(self.a(2 * x)))

    report = parity.check(Frozen(), Stopped(jax.lax.stop_gradient), image())
    report.assert_ok()
    assert "the gradient of 'a.weight' is zero: it shows nothing" in report.notes
    assert not parity.check(Frozen(), Stopped(lambda x: x), image()).ok


def test_arguments_by_keyword_and_several_inputs_of_a_layer():
    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(3, 1, 1))

        def forward(self, a, b, *, factor):
            return a * self.scale + factor * b

    class TorchNet(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.sum = torch.nn.Conv2d(3, 3, 1), Sum()

        def forward(self, x):
            return self.sum(x, b=self.conv(x), factor=3)

    class OurSum(nnx.Module):
        def __init__(self, factor=1):
            self.scale, self.own = nnx.Param(jnp.ones((3, 1, 1), jnp.float32)), factor

        def __call__(self, a, b, *, factor):
            return a * self.scale[...] + self.own * factor * b

    class Net(nnx.Module):
        def __init__(self, **more):
            self.conv, self.sum = jaxconv.Conv2d(3, 3, 1, rngs=nnx.Rngs(0)), OurSum(**more)

        def __call__(self, x):
            return self.sum(x, b=self.conv(x), factor=3)

    report = parity.check(TorchNet(), Net(), image())
    report.assert_ok()
    assert {v.name for v in report.layers[1].verdicts} >= {"grad.input.0", "grad.input.1", "grad.scale"}
    assert parity.check(TorchNet(), Net(factor=2), image()).first_divergence == "sum"


def test_a_layer_in_another_dtype_is_reported_as_that():
    model = Ours(lambda x: x.astype(jnp.float32), jnp.float32)
    model.conv.dtype = jnp.bfloat16
    report = parity.check(Theirs(lambda x: x), model, image())
    assert report.first_divergence == "conv"
    assert "conv: y: dtype bfloat16, in torch float32" in report.findings()


def test_a_function_with_parameters_is_a_network_too():
    def net(params, x):
        return jax.nn.relu(jaxconv.functional.conv2d(x, params["conv"]["weight"], params["conv"]["bias"]))

    params = {"conv": {"weight": jnp.zeros((6, 3, 1, 1), jnp.float32), "bias": jnp.zeros(6, jnp.float32)}}
    report = parity.check(Theirs(torch.relu), (net, params), image())
    report.assert_ok()
    assert all(v.ok and v.elements for v in report.network)
    assert report.layers[0].unjudged == "no Flax layer holds its weights by itself"
    assert (
        "0 of 1 layers and the network end to end differ by rounding only; 1 layer was compared end to end"
        in str(report)
    )


def test_any_layer_is_judged_flax_s_own_among_them():
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Softmax(1)
    )

    class Net(linen.Module):
        gelu: object = linen.gelu

        @linen.compact
        def __call__(self, x):
            x = jaxconv.linen.Conv2d(3, 4, 3, name="0")(x)
            x = Named(lambda x: self.gelu(x, approximate=False), name="1")(x)
            return Named(lambda x: jax.nn.softmax(x, 1), name="3")(x.reshape(len(x), -1))

    class Named(linen.Module):
        function: object

        @linen.compact
        def __call__(self, x):
            return self.function(x)

    x = image(shape=(2, 3, 5, 4))
    for gelu, where in ((linen.gelu, None), (lambda x, approximate: linen.gelu(x, approximate=True), "1")):
        net = Net(gelu)
        report = parity.check(module, (net, net.init(jax.random.key(0), x)), x)
        assert report.first_divergence == where
        assert [layer.name for layer in report.layers] == ["0", "1", "3"]


def test_an_empty_batch_is_no_pass_and_says_why():
    report = parity.check(Theirs(torch.relu), Ours(jax.nn.relu), image(shape=(0, 3, 4, 4)))
    assert not report.ok and "inputs[0] is empty" in str(report)
