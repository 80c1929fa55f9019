"""torch beside us on the same arrays, values and gradients, judged by the derived bound. Shared by the tests."""

import contextlib
import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch

from jaxconv import functional as F
from parity._bounds import definition, rounding, tolerance
from parity._judge.layer import defined, judge_all
from parity._judge.verdict import judge
from parity._torch.monte_carlo import Wide, uncertainty
from parity._torch.tensors import from_numpy, to_numpy

REFUSALS = (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError)


def torch_outputs(function, arrays, ct_rng):
    """`function`'s value(s), a random cotangent and the gradients, as arrays; None for arrays that are None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensors = [None if a is None else from_numpy(a) for a in arrays]
        differentiable = tensors[0].dtype.is_floating_point or tensors[0].dtype.is_complex
        if differentiable:
            for t in tensors:
                if t is not None:
                    t.requires_grad_()
        result = function(*tensors)
        y, indices = result if isinstance(result, tuple) else (result, None)
        out = {"y": to_numpy(y)} | ({} if indices is None else {"indices": to_numpy(indices)})
        if not differentiable:
            return out, None
        ct = ct_rng.standard_normal(y.shape)
        if y.dtype.is_complex:
            ct = ct + 1j * ct_rng.standard_normal(y.shape)
        ct = ct.astype(out["y"].dtype)
        grads = torch.autograd.grad(y, [t for t in tensors if t is not None], from_numpy(ct))
        names = [n for n, t in zip(("input", "weight", "bias"), tensors, strict=False) if t is not None]
        return out | {f"grad.{n}": to_numpy(g) for n, g in zip(names, grads, strict=True)}, ct


def jax_outputs(function, arrays, ct):
    """The same of our function, in one compiled program."""

    def run(present, ct):
        def call(present):
            it = iter(present)
            result = function(*(None if a is None else next(it) for a in arrays))
            return result if isinstance(result, tuple) else (result, None)

        if ct is None:
            return (*call(present), ())
        y, vjp, indices = jax.vjp(call, present, has_aux=True)
        return y, indices, vjp(jnp.conj(ct))[0]

    present = [jnp.asarray(a) for a in arrays if a is not None]
    y, indices, grads = jax.jit(run)(present, None if ct is None else jnp.asarray(ct))
    out = {"y": np.asarray(y)} | ({} if indices is None else {"indices": np.asarray(indices)})
    names = [n for n, a in zip(("input", "weight", "bias"), arrays, strict=False) if a is not None]
    if ct is None:
        return out
    return out | {f"grad.{n}": np.conj(np.asarray(g)) for n, g in zip(names, grads, strict=True)}


def judge_defined(ours, torchs, references, dtype):
    how = tolerance.arithmetic(np.float32 if np.dtype(dtype).kind in "biu" else dtype)
    verdicts = judge_all(ours, torchs, defined(references, how, how))
    bad = [
        f"{v.name}: {v.reason} (ratio {v.ratio:.3g}, torch {v.torch_ratio:.3g})" for v in verdicts if not v.ok
    ]
    assert verdicts and not bad, "; ".join(bad)
    return verdicts


def check_conv(ndim, x, w, b, kwargs, ct_rng):
    """Compares a convolution and its gradients. Returns the verdicts, or None if both sides refused."""
    name = f"conv{ndim}d"
    torch_function, ours_function = getattr(torch.nn.functional, name), getattr(F, name)
    try:
        torchs, ct = torch_outputs(lambda *a: torch_function(*a, **kwargs), (x, w, b), ct_rng)
    except REFUSALS as error:
        expect_refusal(lambda: ours_function(x, w, b, **kwargs), error)
        return None
    ours = jax_outputs(lambda *a: ours_function(*a, **kwargs), (x, w, b), ct)
    args = {key: value if isinstance(value, int | str) else tuple(value) for key, value in kwargs.items()}
    args = {
        key: value[0] if isinstance(value, tuple) and len(value) == 1 else value
        for key, value in args.items()
    }
    refs = definition.conv_layer(args, x, {"weight": w} | ({} if b is None else {"bias": b}), ct)
    return judge_defined(ours, torchs, refs, x.dtype)


def check_max_pool(ndim, x, kwargs, ct_rng):
    """Compares a max pooling, its indices and its gradient. Returns the verdicts, or None if both sides refused."""
    name = f"max_pool{ndim}d"
    torch_function, ours_function = getattr(torch.nn.functional, name), getattr(F, name)
    kwargs = {**kwargs, "return_indices": True}
    try:
        torchs, ct = torch_outputs(lambda x: torch_function(x, **kwargs), (x,), ct_rng)
    except REFUSALS as error:
        expect_refusal(lambda: ours_function(x, **kwargs), error)
        return None
    ours = jax_outputs(lambda x: ours_function(x, **kwargs), (x,), ct)
    args = {
        key: value[0] if isinstance(value, tuple | list) and len(value) == 1 else value
        for key, value in kwargs.items()
    }
    args = {key: None if value == () else value for key, value in args.items()}
    refs = definition.max_pool_layer(args, x, ct, ndim)
    return judge_defined(ours, torchs, refs, x.dtype)


def expect_refusal(ours, torchs_error):
    """Fails unless `ours` refuses too."""
    try:
        result = ours()
    except (ValueError, TypeError):
        return
    raise AssertionError(
        f"torch refuses ({str(torchs_error).splitlines()[0]}), we return {jax.tree.map(jnp.shape, result)}"
    )


class Sample(NamedTuple):
    """One call to compare: two functions of the same arrays, whose other arguments are bound.

    arrays: name -> array, or None; both functions take them as keywords.
    wrt: the names that gradients are taken by; all that are floating or complex by default, none if ().
    about: shown where it fails.
    constants: how far elements of tables that our function computes from its other arguments may be off, in units of
        roundoff.
    """

    torch_function: Any
    our_function: Any
    arrays: dict[str, Any]
    wrt: tuple[str, ...] | None = None
    about: str = ""
    constants: float = 0.0


def check(torch_function, our_function, arrays, *, gradients=True, rng):
    """Compares two functions, and their gradients under a random cotangent for every floating output.

    torch in float64 is the reference, the running error analysis of our function the bound; what is only moved or
    chosen, integers and booleans have to be equal. Where torch refuses, so must we.

    Args:
        torch_function, our_function: of tensors and of arrays; to a value or a tuple.
        arrays: the arguments, NumPy arrays or None: a list, or a dict of keywords.
        gradients: whether gradients are compared.
        rng: draws the cotangents.

    Returns:
        The verdicts, or None if both refused.
    """
    if not isinstance(arrays, dict):
        positional = {str(i): a for i, a in enumerate(arrays)}
        return check(
            lambda **a: torch_function(*a.values()),
            lambda **a: our_function(*a.values()),
            positional,
            gradients=gradients,
            rng=rng,
        )
    return check_samples([Sample(torch_function, our_function, arrays, None if gradients else ())], rng)[0]


def check_samples(samples, rng):
    """`check` of many samples, in one program: nearly all of the time is compiling. Returns a list as `check` does."""
    prepared, results = [], []
    for sample in samples:
        try:
            outputs, cts = _torch_run(sample, rng)
        except REFUSALS as error:
            with _named(sample):
                present = {name: a for name, a in sample.arrays.items()}
                expect_refusal(lambda s=sample, a=present: jax.eval_shape(lambda: s.our_function(**a)), error)
            prepared.append(None)
            continue
        prepared.append((outputs, cts))
    runs = [None if p is None else _our_run(s, p[1]) for s, p in zip(samples, prepared, strict=True)]
    data = [
        None if p is None else ([s.arrays[n] for n in _present(s)], p[1])
        for s, p in zip(samples, prepared, strict=True)
    ]
    ours = jax.jit(
        lambda data: [None if run is None else run(*d) for run, d in zip(runs, data, strict=True)]
    )(data)
    for sample, p, run, d, y in zip(samples, prepared, runs, data, ours, strict=True):
        with _named(sample):
            results.append(
                None if p is None else _judge(sample, p[0], p[1], run, d, jax.tree.map(np.asarray, y))
            )
    return results


@contextlib.contextmanager
def _named(sample):
    try:
        yield
    except Exception as error:
        error.add_note(
            f"{sample.about} { ({n: a if a is None else (a.shape, a.dtype) for n, a in sample.arrays.items()}) }"
        )
        raise


def _present(sample):
    return [name for name, a in sample.arrays.items() if a is not None]


def _floating(a):
    return jnp.issubdtype(a.dtype, jnp.inexact)


def _wrt(sample):
    if sample.wrt is not None:
        return list(sample.wrt)
    return [name for name in _present(sample) if _floating(sample.arrays[name])]


def _tuple(y):
    return tuple(y) if isinstance(y, tuple | list) else (y,)


def _torch_run(sample, rng, wide=False, cts=None, noise=()):
    """torch's outputs by name, and the cotangents: one for each floating output that depends on an input.

    `noise`: an arithmetic and a seed: how it rounds is imitated.
    """
    with warnings.catch_warnings(), Wide(*noise) if wide else contextlib.nullcontext():
        warnings.simplefilter("ignore")
        tensors = {name: None if a is None else from_numpy(a) for name, a in sample.arrays.items()}
        if wide:
            floats = any(_floating(a) for a in sample.arrays.values() if a is not None)
            tensors = {n: _widened(t, floats) for n, t in tensors.items()}
        wrt = _wrt(sample)
        for name in wrt:
            tensors[name].requires_grad_()
        y = _tuple(sample.torch_function(**tensors))
        out = {"y" if i == 0 else f"y{i}": to_numpy(t) for i, t in enumerate(y)}
        through = [t for t in y if t.requires_grad]
        if cts is None:
            cts = [None if not t.requires_grad else _cotangent(to_numpy(t), rng) for t in y]
        if through:
            given = [_like(from_numpy(ct), t) for ct, t in zip(cts, y, strict=True) if ct is not None]
            grads = torch.autograd.grad(through, [tensors[n] for n in wrt], given, allow_unused=True)
            for name, g in zip(wrt, grads, strict=True):
                out[f"grad.{name}"] = to_numpy(torch.zeros_like(tensors[name]) if g is None else g)
        return out, cts


def _widened(t, floats):
    if t is None or (floats and not (t.is_floating_point() or t.is_complex())):
        return t
    return t.to(torch.complex128 if t.is_complex() else torch.float64)


def _like(ct, t):
    return ct.to(t.dtype)


def _cotangent(y, rng):
    ct = rng.standard_normal(y.shape)
    if y.dtype.kind == "c":
        ct = ct + 1j * rng.standard_normal(y.shape)
    return ct.astype(y.dtype)


def _our_run(sample, cts):
    """Our outputs and gradients, in the same order as torch's, as a function of (arrays, cotangents)."""
    wrt = [] if all(ct is None for ct in cts) else _wrt(sample)

    def run(arrays, cts):
        given = dict(zip(_present(sample), arrays, strict=True))

        def call(by):
            return _tuple(sample.our_function(**{n: None for n in sample.arrays} | given | by))

        with _named(sample):
            if not wrt:
                return list(call({})), []
            y, vjp = jax.vjp(call, {n: given[n] for n in wrt})
            assert len(y) == len(cts), f"{len(y)} outputs of ours, {len(cts)} of torch's"
            for a, ct in zip(y, cts, strict=True):
                theirs = (a.shape, a.dtype) if ct is None else (ct.shape, ct.dtype)
                assert (a.shape, a.dtype) == theirs, f"{a.dtype}{a.shape}, in torch {theirs[1]}{theirs[0]}"
            seeds = tuple(
                np.zeros(a.shape, a.dtype if _floating(a) else jax.dtypes.float0)
                if ct is None
                else jnp.conj(ct)
                for a, ct in zip(y, cts, strict=True)
            )
            (grads,) = vjp(seeds)
        return list(y), [jnp.conj(grads[n]) for n in wrt]

    return run


def _judge(sample, torchs, cts, run, data, ours):
    names = list(torchs)
    y, grads = ours
    own = dict(zip(names, [*y, *grads], strict=False))
    assert len(y) + len(grads) == len(names), f"{len(y)} + {len(grads)} outputs of ours, torch's are {names}"
    dtypes = [a.dtype for a in torchs.values() if _floating(a)]
    limits = {}
    if dtypes:
        values, _ = _torch_run(sample, None, wide=True, cts=cts)
        analysed, limits = _analysed(run, data, dtypes[0], sample.constants, names)
        if dtypes[0] == np.float64:  # the reference is no better than we are
            off = uncertainty(lambda noise: _torch_run(sample, None, wide=True, cts=cts, noise=noise)[0])
            limits = {n: limit + off.get(n, 0.0) for n, limit in limits.items()}
    verdicts = []
    for n in names:
        a, b = (x.view(np.uint8) if x.dtype == bool else x for x in (own[n], torchs[n]))
        limit = limits.get(n)
        if limit is None and n.startswith("grad.") and a.dtype.kind == "c":
            # The sign of a zero is that of our `conj`. And torch's complex convolution is three real ones: also where
            # ours copies a number, its imaginary part is (re + im) - re, two sums that round.
            wide = values[n]
            limit = np.finfo(np.float64).eps * (np.abs(wide.real) + np.abs(wide.imag))
        # Formulas differ in how they round, above all where terms cancel, and the bound is on ours. Of torch's own
        # result it is asked only that it is infinite or NaN where its float64 is.
        of_torch = None if limit is None else np.full(limit.shape, 1e300)
        verdicts.append(judge(n, a, b, values[n] if _floating(torchs[n]) else b, limit, of_torch))
    bad = [
        f"{v.name}: {v.reason} (ratio {v.ratio:.3g}, torch {v.torch_ratio:.3g})" for v in verdicts if not v.ok
    ]
    assert verdicts and not bad, "; ".join(bad)
    for n, limit in limits.items():
        # The analysis computes the value too: a rule of `parity._bounds.rounding` that is wrong shows.
        same = np.abs(analysed[n] - values[n]) <= limit
        assert (same | ~np.isfinite(limit) | ~np.isfinite(values[n])).all(), f"{n}: analysed as {analysed[n]}"
    return verdicts


def _analysed(run, data, dtype, constants, names):
    """The values and bounds of what is rounded, by name; to the bounds on ours those on the reference are added."""
    widened = jax.tree.map(lambda a: a.astype(_wide(a.dtype)) if _floating(a) else a, data)

    def analyse(data, how):
        y, grads = rounding.analyse(run, data, how, constants * how.accumulate)
        return dict(zip(names, [*y, *grads], strict=True))

    own = analyse(data, tolerance.arithmetic(dtype))
    of_torch = analyse(widened, tolerance.arithmetic(_wide(dtype)))
    rounded = [n for n, number in own.items() if number.error is not None and number.value.dtype.kind in "fc"]
    values = {n: own[n].value for n in rounded}
    # torch's formula may round where ours does not: hardswish's x * 6 / 6.
    return values, {n: own[n].errors + of_torch[n].errors + 8 * 2.0**-53 * np.abs(values[n]) for n in rounded}


def _wide(dtype):
    return np.dtype(np.complex128 if jnp.issubdtype(dtype, jnp.complexfloating) else np.float64)
