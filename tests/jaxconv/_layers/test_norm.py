"""The normalisations of both fronts beside torch's modules: outputs, buffers, names, modes, transforms."""

import flax.errors
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx
from oracle import Sample, check_samples

import jaxconv

pytestmark = pytest.mark.share(2)

rng = np.random.default_rng(14)

# Each layer once with its defaults and once with everything else: name, positional arguments, keywords, input.
LAYERS = [
    ("BatchNorm1d", (4,), {}, (3, 4)),
    ("BatchNorm1d", (4, 0.1, 0.3), {}, (3, 4, 5)),
    ("BatchNorm2d", (4, 1e-5, None), {}, (3, 4, 2, 3)),
    ("BatchNorm2d", (4, 1e-5, 0.1, True, False), {}, (3, 4, 2, 3)),
    ("BatchNorm2d", (4,), dict(affine=False), (3, 4, 2, 3)),
    ("BatchNorm3d", (4,), dict(bias=False), (2, 4, 2, 3, 2)),
    ("InstanceNorm1d", (4,), {}, (4, 5)),
    ("InstanceNorm2d", (4, 0.1, 0.3, True, True), {}, (3, 4, 2, 3)),
    ("InstanceNorm2d", (4,), dict(momentum=None, track_running_stats=True), (4, 2, 3)),
    ("InstanceNorm3d", (4,), dict(affine=True, bias=False), (2, 4, 2, 3, 2)),
    ("GroupNorm", (2, 4), {}, (3, 4, 5)),
    ("GroupNorm", (4, 4, 0.1, False), {}, (3, 4, 5)),
    ("GroupNorm", (1, 4), dict(bias=False), (3, 4)),
    ("LayerNorm", (5,), {}, (3, 4, 5)),
    ("LayerNorm", ([4, 5], 0.1, True, False), {}, (3, 4, 5)),
    ("LayerNorm", ((5,),), dict(elementwise_affine=False), (3, 4, 5)),
    ("RMSNorm", ((4, 5), 0.1), {}, (3, 4, 5)),
    ("RMSNorm", (5, 0.1, False), {}, (3, 4, 5)),
    ("LocalResponseNorm", (3, 0.1, 0.5, 2.0), {}, (3, 4, 5)),
]


def torch_steps(name, args, kwargs, names):
    """Two calls in training mode and one in evaluation mode, and the buffers after them."""

    def run(x, **state):
        module = getattr(torch.nn, name)(*args, **kwargs).to(x.dtype)
        assert list(module.state_dict()) == names
        module.load_state_dict(state)
        outputs = [module.train()(x).detach(), module(x * 2 - 1).detach(), module.eval()(x).detach()]
        return *outputs, *(b.clone() for b in module.buffers())

    return run


def nnx_steps(name, args, kwargs, names):
    layer = getattr(jaxconv, name)(*args, **kwargs)
    assert list(jaxconv.state_dict(layer)) == names

    def run(x, **state):
        module = jaxconv.load_state_dict(layer, state)
        outputs = [module(x), module(x * 2 - 1)]
        module.eval()
        outputs.append(module(x))
        return *outputs, *list(jaxconv.state_dict(module).values())[len(parameters(names)) :]

    return run


def linen_steps(name, args, kwargs, names):
    layer = getattr(jaxconv.linen, name)(*args, **kwargs)
    tracks = hasattr(layer, "use_running_average")

    def run(x, **state):
        train = {"use_running_average": False} if tracks else {}
        variables = layer.init(jax.random.key(0), x, **train)
        assert list(jaxconv.state_dict(variables)) == names
        variables = jaxconv.load_state_dict(variables, state)
        outputs = []
        for value in (x, x * 2 - 1):
            y, changed = layer.apply(variables, value, **train, mutable=["batch_stats"])
            variables = {**variables, **changed}
            outputs.append(y)
        outputs.append(layer.apply(variables, x, **({"use_running_average": True} if tracks else {})))
        return *outputs, *list(jaxconv.state_dict(variables).values())[len(parameters(names)) :]

    return run


def parameters(names):
    return [name for name in names if name in ("weight", "bias")]


@pytest.mark.parametrize("steps", [nnx_steps, linen_steps])
def test_outputs_and_buffers_are_torchs(steps):
    samples = []
    for name, args, kwargs, shape in LAYERS:
        state = {k: v.numpy() for k, v in getattr(torch.nn, name)(*args, **kwargs).state_dict().items()}
        for k, v in state.items():
            if v.dtype == np.float32:
                draw = rng.uniform(0.5, 2, v.shape) if k == "running_var" else rng.standard_normal(v.shape)
                state[k] = draw.astype(np.float32)
        samples.append(
            Sample(
                torch_steps(name, args, kwargs, list(state)),
                steps(name, args, kwargs, list(state)),
                {"x": rng.standard_normal(shape).astype(np.float32), **state},
                wrt=(),
                about=f"{name}{args}{kwargs}",
            )
        )
    assert all(check_samples(samples, rng))


@pytest.mark.parametrize("x64", [True, False])
def test_a_count_goes_to_torch_and_back(x64, tmp_path):
    with jax.enable_x64(x64):
        layer = jaxconv.BatchNorm1d(2)
        layer(jnp.ones((3, 2), jnp.float32))
        count = layer.num_batches_tracked[...]
        assert count.dtype == (jnp.int64 if x64 else jnp.int32) and count == 1
        theirs = torch.nn.BatchNorm1d(2)
        theirs.load_state_dict(jaxconv.to_torch(jaxconv.state_dict(layer)))
        assert theirs.num_batches_tracked == 1 and theirs.num_batches_tracked.dtype == torch.int64
        theirs(torch.ones(3, 2))
        jaxconv.save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
        again = jaxconv.load_state_dict(layer, jaxconv.load_file(tmp_path / "weights.safetensors"))
        assert again.num_batches_tracked[...] == 2 and again.num_batches_tracked[...].dtype == count.dtype


def test_nnx_modes():
    x = jnp.asarray(rng.standard_normal((3, 2)), jnp.float32)

    def count(layer):
        return int(layer.num_batches_tracked[...])

    model = nnx.Sequential(jaxconv.BatchNorm1d(2), jaxconv.InstanceNorm1d(2))
    layer = model.layers[0]
    layer(x)
    assert count(layer) == 1
    layer(x, use_running_average=True)
    model.eval()
    layer(x)
    nnx.view(layer, use_running_average=True)(x)
    assert count(layer) == 1
    layer(x, use_running_average=False)
    nnx.view(layer, use_running_average=False)(x)
    model.train()
    layer(x)
    assert count(layer) == 4
    with pytest.raises(ValueError, match="`use_running_average` must be given to BatchNorm1d or to its call"):
        jaxconv.BatchNorm1d(2, use_running_average=None)(x)


def test_nnx_transforms_keep_the_statistics():
    x = jnp.asarray(rng.standard_normal((3, 2)), jnp.float32)
    eager = jaxconv.BatchNorm1d(2)
    expected = eager(x)

    def stats(layer):
        return [layer.running_mean[...], layer.running_var[...], layer.num_batches_tracked[...]]

    layer = jaxconv.BatchNorm1d(2)
    np.testing.assert_array_max_ulp(nnx.jit(lambda m, x: m(x))(layer, x), expected, maxulp=4)
    assert stats(layer)[2] == 1
    layer = jaxconv.BatchNorm1d(2)
    grads = nnx.grad(lambda m: (m(x) ** 3).sum())(layer)
    jax.tree.map(np.testing.assert_array_equal, stats(layer), stats(eager))
    assert set(grads) == {"weight", "bias"}

    @jax.jit
    def plain(m, x):
        return m(x), m

    layer = jaxconv.BatchNorm1d(2)
    _, new = plain(layer, x)
    assert stats(new)[2] == 1 and stats(layer)[2] == 0
    many = nnx.vmap(lambda _: jaxconv.BatchNorm1d(2))(jnp.arange(3))
    nnx.vmap(lambda m, x: m(x), in_axes=(0, None))(many, x)
    assert many.running_mean.shape == (3, 2)
    np.testing.assert_array_equal(many.num_batches_tracked[...], [1, 1, 1])
    nnx.scan(lambda m, x: (m, m(x)), in_axes=(nnx.Carry, 0))(layer, jnp.stack([x, x]))
    assert stats(layer)[2] == 2


def test_a_trace_does_not_search_itself_for_each_statistic(monkeypatch):
    # Reading a traced value's sharding searches all of the trace for the text of an error: n layers take n^2 steps.
    def refuse(tracer):
        raise AssertionError("a traced value's sharding is read")

    layer = jaxconv.BatchNorm2d(4, rngs=nnx.Rngs(0))
    graph, state = nnx.split(layer)

    @jax.jit
    def train(state, x):
        layer = nnx.merge(graph, state)
        layer(x)
        return nnx.state(layer)

    with monkeypatch.context() as patch:
        patch.setattr(jax.core.Tracer, "sharding", property(refuse))
        updated = train(state, jnp.ones((3, 4, 2, 3)))
    assert (
        updated["num_batches_tracked"][...] == 1 and (updated["running_mean"][...] == np.float32(0.1)).all()
    )


def test_linen_modes():
    x = jnp.ones((3, 2), jnp.float32)
    layer = jaxconv.linen.BatchNorm1d(2)
    with pytest.raises(ValueError, match="use_running_average"):
        layer.init(jax.random.key(0), x)
    with pytest.raises(ValueError, match="use_running_average"):
        jaxconv.linen.BatchNorm1d(2, use_running_average=True).init(jax.random.key(0), x, True)
    variables = layer.init(jax.random.key(0), x, False)
    # As Flax's own: `init` leaves the statistics as they are, and they must be mutable in training.
    assert not variables["batch_stats"]["num_batches_tracked"]
    with pytest.raises(flax.errors.ModifyScopeVariableError):
        layer.apply(variables, x, False)
    # Nothing to choose from, so nothing to be told.
    jaxconv.linen.InstanceNorm1d(2).init(jax.random.key(0), jnp.ones((2, 3)))


@pytest.mark.parametrize("front", [jaxconv.nn, jaxconv.linen])
def test_axis_name(front):
    x = jnp.asarray(rng.integers(-4, 5, (2, 2, 3)).astype(np.float32))

    def run(layer, x):
        if front is jaxconv.nn:
            return layer(x), layer.running_var[...]
        variables = layer.init(jax.random.key(0), x, False)  # which knows no axis
        y, changed = layer.apply(variables, x, False, mutable=["batch_stats"])
        return y, changed["batch_stats"]["running_var"]

    whole, variance = run(front.BatchNorm1d(3), x.reshape(4, 3))
    layer = front.BatchNorm1d(3, axis_name="i")
    if front is jaxconv.nn:
        y, variances = jax.vmap(run, (None, 0), axis_name="i")(layer, x)
    else:
        y, variances = jax.vmap(lambda x: run(layer, x), axis_name="i")(x)
    np.testing.assert_array_equal(y.reshape(4, 3), whole)
    np.testing.assert_array_equal(variances, [variance, variance])


def test_dtypes():
    """Statistics and parameters keep theirs; a half-type input is normalised in float32."""
    x = jnp.asarray(rng.standard_normal((3, 4, 5)), jnp.float32)
    layer = jaxconv.BatchNorm1d(4, dtype=jnp.bfloat16)
    y = layer(x)
    assert y.dtype == jnp.bfloat16 and layer.weight.dtype == layer.running_mean.dtype == jnp.float32
    reference = jaxconv.BatchNorm1d(4)
    np.testing.assert_array_equal(
        y, reference(x.astype(jnp.bfloat16).astype(jnp.float32)).astype(jnp.bfloat16)
    )
    np.testing.assert_array_equal(layer.running_var[...], reference.running_var[...])
    half = jaxconv.BatchNorm1d(4, param_dtype=jnp.bfloat16)
    assert half(x.astype(jnp.bfloat16)).dtype == half.running_var.dtype == jnp.bfloat16
    assert half.num_batches_tracked.dtype == jnp.int64
    assert jaxconv.LayerNorm(5)(x.astype(jnp.bfloat16)).dtype == jnp.float32  # Flax's rule: promoted
    assert jaxconv.GroupNorm(2, 4, dtype=jnp.float16)(x).dtype == jnp.float16


def test_a_number_of_features_that_nothing_uses():
    for module, wrong in ((torch.nn, torch.ones(2, 4, 3)), (jaxconv, x)):
        with pytest.warns(UserWarning, match="num_features"):
            module.InstanceNorm1d(3)(wrong)


def test_initialisers_of_ones_own():
    layer = jaxconv.GroupNorm(2, 4, weight_init=nnx.initializers.normal(), rngs=nnx.Rngs(0))
    assert layer.weight[...].std() > 0 and not layer.bias[...].any()
    with pytest.raises(TypeError, match="`rngs` must be"):
        jaxconv.GroupNorm(2, 4, weight_init=nnx.initializers.normal())
    layer = jaxconv.linen.LayerNorm(3, bias_init=linen.initializers.ones)
    assert layer.init(jax.random.key(0), jnp.ones((2, 3)))["params"]["bias"].all()


x = np.ones((2, 4, 3), np.float32)
BAD = {
    "num_features": (lambda m: m.BatchNorm2d(2.0), TypeError, "`num_features` must be an int, got 2.0"),
    "num_features < 0": (lambda m: m.BatchNorm2d(-1), ValueError, r"`num_features` \(=-1\) must be non-negative"),
    "eps": (lambda m: m.BatchNorm2d(3, None), TypeError, "`eps` must be a number"),
    "momentum": (lambda m: m.InstanceNorm2d(3, momentum="a"), TypeError, "`momentum` must be a number, got 'a'"),
    "affine": (lambda m: m.BatchNorm2d(3, affine=x), TypeError, "`affine` must be a bool"),
    "groups": (lambda m: m.GroupNorm(3, 4), ValueError, r"`num_channels` \(=4\) must be divisible by `num_groups` \(=3\)"),
    "groups 0": (lambda m: m.GroupNorm(0, 4), ValueError, r"`num_groups` \(=0\) must be positive"),
    "shape": (lambda m: m.LayerNorm(()), ValueError, "must have at least one dimension"),
    "shape float": (lambda m: m.LayerNorm([2.0]), TypeError, r"`normalized_shape\[0\]` must be an int"),
    "shape bool": (lambda m: m.RMSNorm(True), TypeError, "`normalized_shape` must be an int"),
    "no bias": (lambda m: m.RMSNorm(2, bias_init=jax.nn.initializers.ones), TypeError, "RMSNorm has no bias: leave out `bias_init`"),
    "size": (lambda m: m.LocalResponseNorm(0), ValueError, r"`size` \(=0\) must be positive"),
    "k": (lambda m: m.LocalResponseNorm(2, k=None), TypeError, "`k` must be a number"),
    "dtype": (lambda m: m.LayerNorm(2, param_dtype=torch.float32), TypeError, "`param_dtype` must be a JAX dtype"),
}  # fmt: skip


@pytest.mark.parametrize("front", [jaxconv.nn, jaxconv.linen])
@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_at_construction(front, row):
    make, error, message = row
    with pytest.raises(error, match=message):
        make(front)


BAD_INPUT = {
    "BatchNorm1d": (lambda: jaxconv.BatchNorm1d(4)(x[0, 0]), r"BatchNorm1d expected 2D or 3D input, got `input` of shape \(3,\)"),
    "BatchNorm2d": (lambda: jaxconv.BatchNorm2d(4)(x), "BatchNorm2d expected 4D input"),
    "InstanceNorm2d": (lambda: jaxconv.InstanceNorm2d(4)(x[0]), "InstanceNorm2d expected 3D or 4D input"),
    "channels": (lambda: jaxconv.InstanceNorm1d(3, affine=True)(x), r"Expected `weight` of shape \(4,\)"),
    "batch of one": (lambda: jaxconv.BatchNorm1d(4)(x[:1, :, 0]), "Expected more than 1 value per channel"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_inputs_are_refused(row):
    call, message = row
    with pytest.raises(ValueError, match=message):
        call()
