"""lstm, gru, rnn_tanh, rnn_relu and their cells beside torch's."""

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import Sample, check, check_samples

from jaxconv import functional as F
from jaxconv._functional import _recurrence

pytestmark = pytest.mark.share(3)

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
OPTIONS = {
    "plain": {},
    "no biases": dict(has_biases=False),
    "two layers": dict(num_layers=2, batch_first=True),
    "both directions": dict(bidirectional=True),
    "everything": dict(num_layers=2, bidirectional=True, batch_first=True),
    "dropout in evaluation": dict(num_layers=2, dropout=0.5),
    "dropout of all": dict(num_layers=2, dropout=1.0, train=True),
    "dropout of one layer": dict(dropout=0.5, train=True),
    "one step": dict(time=1),
    "no batch": dict(batch=0),
}
PROJECTED = {
    "projected": dict(proj=2),
    "projected, no biases": dict(proj=2, has_biases=False, num_layers=2, bidirectional=True),
}


def arrays(name, rng, dtype, hidden=3, features=4, time=5, batch=2, proj=0, **options):
    """input, states and parameters by name, and the other arguments by position."""
    given = dict(
        has_biases=True, num_layers=1, dropout=0.0, train=False, bidirectional=False, batch_first=False
    )
    given |= options
    rows, size, directions = GATES[name] * hidden, proj or hidden, 1 + given["bidirectional"]
    shape = (batch, time, features) if given["batch_first"] else (time, batch, features)
    shapes = {"input": shape}
    for i, width in enumerate((size, hidden)[: 2 if name == "lstm" else 1]):
        shapes[f"h{i}"] = (given["num_layers"] * directions, batch, width)
    for layer in range(given["num_layers"]):
        for direction in range(directions):
            own = [(rows, directions * size if layer else features), (rows, size)]
            own += [(rows,)] * 2 * given["has_biases"] + [(proj, hidden)] * bool(proj)
            shapes |= {f"p{layer}{direction}{i}": shape for i, shape in enumerate(own)}

    def draw(shape):
        x = rng.standard_normal(shape)
        return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)

    return {key: draw(shape) for key, shape in shapes.items()}, tuple(given.values())


def caller(function, name, given, **more):
    def call(input, **rest):
        states = [x for key, x in rest.items() if key[0] == "h"]
        params = [x for key, x in rest.items() if key[0] == "p"]
        return function(input, states if name == "lstm" else states[0], params, *given, **more)

    return call


def sample(name, option, dtype="float32", wrap=lambda f: f, **more):
    rng = np.random.default_rng(sum(map(ord, name + option)))
    held, given = arrays(name, rng, dtype, **((OPTIONS | PROJECTED)[option] | more))
    ours = wrap(caller(getattr(F, name), name, given))
    return Sample(caller(getattr(torch, name), name, given), ours, held, about=f"{name}, {option}")


@pytest.mark.parametrize("name", GATES)
def test_equals_torch(name):
    samples = [sample(name, option) for option in OPTIONS]
    samples += [sample(name, option) for option in PROJECTED if name == "lstm"]
    assert all(check_samples(samples, np.random.default_rng(0)))


@pytest.mark.parametrize("dtype", ["float64", "float16", jnp.bfloat16, "complex64"])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh"])
def test_dtypes(name, dtype):
    assert check_samples([sample(name, "everything", dtype, time=3)], np.random.default_rng(0))[0]


def test_relu_refuses_complex_numbers_as_torch_does():
    assert check_samples([sample("rnn_relu", "plain", "complex64")], np.random.default_rng(0)) == [None]


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_relu"])
def test_under_transformations(name):
    """A checkpoint, and the derivative that the scan has by itself, judged as the function is."""
    rng = np.random.default_rng(0)
    assert all(check_samples([sample(name, "everything", wrap=jax.checkpoint)], rng))

    held, given = arrays(name, rng, "float32")
    ours, theirs = caller(getattr(F, name), name, given), caller(getattr(torch, name), name, given)
    many = {key: np.stack([x, 2 * x, -x]) for key, x in held.items()}

    def each(**many):
        results = [theirs(**{key: x[i] for key, x in many.items()}) for i in range(3)]
        return tuple(map(torch.stack, zip(*results, strict=True)))

    assert check(
        each_of(each, many), each_of(lambda **a: jax.vmap(lambda a: ours(**a))(a), many), many, rng=rng
    )


def each_of(function, held):
    """`function` of the arrays in the order of `held`: transformations sort dictionaries."""
    return lambda **a: function(**{key: a[key] for key in held})


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh"])
def test_forward_mode_and_second_derivatives(name):
    """torch's jvp, and its gradient, in float64: in float32 torch has a kernel without it."""
    rng = np.random.default_rng(1)
    held, given = arrays(name, rng, "float64", bidirectional=True)
    keys = list(held)
    moved = {f"d{key}": rng.standard_normal(x.shape) for key, x in held.items()}
    ours, theirs = caller(getattr(F, name), name, given), caller(getattr(torch, name), name, given)

    def split(a):
        return tuple(a[key] for key in keys), tuple(a[f"d{key}"] for key in keys)

    def torch_jvp(**a):
        return torch.func.jvp(lambda *x: theirs(**dict(zip(keys, x, strict=True))), *split(a))[1]

    def our_jvp(**a):
        return jax.jvp(lambda *x: ours(**dict(zip(keys, x, strict=True))), *split(a))[1]

    assert check(torch_jvp, our_jvp, held | moved, rng=rng)


@pytest.mark.parametrize("name", GATES)
def test_cells_equal_torchs(name):
    rng = np.random.default_rng(2)
    rows, samples = GATES[name] * 3, []
    for with_biases in (True, False):
        for batch in (2, 0):
            shapes = {"input": (batch, 4), "h0": (batch, 3), "h1": (batch, 3), "w": (rows, 4), "v": (rows, 3)}
            shapes |= {"b": (rows,), "c": (rows,)} if with_biases else {}
            if name != "lstm":
                del shapes["h1"]
            held = {key: rng.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}

            def call(function):
                def cell(input, h0, w, v, h1=None, **biases):
                    return function(input, h0 if h1 is None else (h0, h1), w, v, *biases.values())

                return cell

            samples.append(
                Sample(
                    call(getattr(torch, f"{name}_cell")), call(getattr(F, f"{name}_cell")), held, about=name
                )
            )
    assert all(check_samples(samples, rng))


def test_dropout_drops_between_layers_and_not_after_the_last():
    held, given = arrays(
        "rnn_relu", np.random.default_rng(3), "float32", num_layers=2, hidden=64, dropout=0.5, train=True
    )
    held = {key: np.abs(x) for key, x in held.items()}  # no zeros but those of dropout

    def run(seed):
        return caller(F.rnn_relu, "rnn_relu", given, key=jax.random.key(seed))(**held)[0]

    a, b, c = run(0), run(0), run(1)
    assert (a > 0).all() and (a == b).all() and (a != c).any()
    # What the second layer is given: the first one's output, half of it dropped
    held["p100"], held["p101"] = np.eye(64, dtype=np.float32), np.zeros((64, 64), np.float32)
    held["p102"] = held["p103"] = np.zeros(64, np.float32)
    dropped = np.asarray(run(0) == 0).mean()
    assert abs(dropped - 0.5) < 5 * 0.5 / np.sqrt(5 * 2 * 64)  # five standard deviations


def test_a_batch_of_any_size_is_exported():
    held, given = arrays("rnn_relu", np.random.default_rng(4), "float32", num_layers=2, bidirectional=True)
    held = {key: np.round(x) for key, x in held.items()}  # integers: every sum is exact
    n = jax.export.symbolic_shape("n")[0]
    shapes = [jax.ShapeDtypeStruct((x.shape[0], n, x.shape[2]), x.dtype) for x in (held["input"], held["h0"])]

    def function(input, h0):
        return caller(F.rnn_relu, "rnn_relu", given)(**held | dict(input=input, h0=h0))

    exported = jax.export.deserialize(jax.export.export(jax.jit(function))(*shapes).serialize())
    for got, want in zip(
        exported.call(held["input"], held["h0"]), function(held["input"], held["h0"]), strict=True
    ):
        np.testing.assert_array_equal(got, want)


def test_the_hidden_weights_gradient_is_one_product():
    """No scan adds it up step by step, which would take most of the time."""
    held, given = arrays("lstm", np.random.default_rng(5), "float32", time=7)

    def loss(held):
        return sum(jnp.sum(y) for y in caller(F.lstm, "lstm", given)(**{key: held[key] for key in keys}))

    keys = list(held)
    scans = [e for e in equations(jax.make_jaxpr(jax.grad(loss))(held).jaxpr) if e.primitive.name == "scan"]
    assert len(scans) > 1
    results = [tuple(v.aval.shape) for scan in scans for v in scan.outvars]
    assert held["p001"].shape not in results and held["p001"].shape[::-1] not in results


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        if equation.primitive.name != "scan":
            for inner in jax.extend.core.jaxprs_in_params(equation.params):
                yield from equations(inner)


def test_a_call_outside_of_jit_is_compiled_once():
    held, given = arrays("gru", np.random.default_rng(6), "float32")
    run = caller(F.gru, "gru", given)
    run(**held)
    before = _recurrence.recurrent._cache_size()
    run(**held)
    assert _recurrence.recurrent._cache_size() == before


x, h = np.zeros((5, 2, 4), np.float32), np.zeros((1, 2, 3), np.float32)
w = [np.zeros(shape, np.float32) for shape in ((12, 4), (12, 3), (12,), (12,))]
g = [a[:9] for a in w]
REST = (True, 1, 0.0, False, False, False)
BAD = {
    "one state": (lambda: F.lstm(x, (h,), w, *REST), ValueError, r"lstm expects two hidden states: `hx` must be a tuple \(h, c\)"),
    "rank": (lambda: F.gru(x[0], h, g, *REST), ValueError, r"gru: Expected `input` to be 3D, but got shape \(2, 4\)"),
    "no steps": (lambda: F.gru(x[:0], h, g, *REST), ValueError, "Expected sequence length to be larger than 0"),
    "state's rank": (lambda: F.gru(x, h[0], g, *REST), ValueError, r"`hx` must be 3D, .* got shape \(2, 3\)"),
    "state's shape": (lambda: F.gru(x, h[:, :1], g, *REST), ValueError, r"Expected `hx` of shape \(1, 2, 3\), but got \(1, 1, 3\)"),
    "features": (lambda: F.gru(x[..., :3], h, g, *REST), ValueError, r"Expected `weight_ih` of shape \(9, 3\), but got \(9, 4\)"),
    "number": (lambda: F.gru(x, h, g[:3], *REST), ValueError, "`params` must be 4 arrays, 4 for each of 1 layers and directions, but got 3"),
    "layers": (lambda: F.gru(x, h, g, True, 0, 0.0, False, False, False), ValueError, r"`num_layers` \(=0\) must be positive"),
    "dropout": (lambda: F.gru(x, h, g, True, 1, 1.5, False, False, False), ValueError, "dropout probability `dropout` has to be between 0 and 1, but got 1.5"),
    "flag": (lambda: F.gru(x, h, g, True, 1, 0.0, 1, False, False), TypeError, "`train` must be a bool, got 1 of type int"),
    "dtype": (lambda: F.gru(x.astype("f8"), h, g, *REST), TypeError, r"all arrays to have the same dtype, but got input: float64, hx\[0\]: float32"),
    "integers": (lambda: F.gru(x.astype(int), h.astype(int), [a.astype(int) for a in g], *REST), TypeError, '"gru" is not implemented for dtype int64'),
    "cell's rank": (lambda: F.lstm_cell(x, (h[0], h[0]), *w), ValueError, r"lstm_cell expected `input` \(N, input_size\), but got shape \(5, 2, 4\)"),
    "cell's bias": (lambda: F.gru_cell(x[0], h[0], *g[:3]), ValueError, "`b_ih` and `b_hh` must both be given, or neither"),
    "cell's state": (lambda: F.gru_cell(x[0], h[0, :1], *g), ValueError, r"gru_cell: Expected `hx` of shape \(2, 3\), but got \(1, 3\)"),
    "list": (lambda: F.rnn_tanh([1.0], h, g, *REST), TypeError, "`input` must be an array"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_refusals(row):
    call, error, message = row
    with pytest.raises(error, match=message):
        call()


def test_dropout_needs_a_key():
    held, given = arrays("gru", np.random.default_rng(0), "float32", num_layers=2, dropout=0.5, train=True)
    with pytest.raises(ValueError, match=r"gru needs `key`, such as jax.random.key\(0\), if `train` and"):
        caller(F.gru, "gru", given)(**held)
