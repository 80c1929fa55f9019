"""torch beside us on the same arrays, values and gradients, judged by the derived bound. Shared by the tests."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import torch

from jaxconv import functional as F
from parity import reference
from parity.runner import judge_outputs
from parity.torch_side import from_numpy, to_numpy

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


def judge_all(ours, torchs, references, dtype):
    verdicts = judge_outputs(ours, torchs, references, str(dtype))
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
    refs = reference.conv_layer(args, x, {"weight": w} | ({} if b is None else {"bias": b}), ct)
    return judge_all(ours, torchs, refs, x.dtype)


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
    refs = reference.max_pool_layer(args, x, ct, ndim)
    return judge_all(ours, torchs, refs, x.dtype)


def expect_refusal(ours, torchs_error):
    """Fails unless `ours` refuses too."""
    try:
        result = ours()
    except (ValueError, TypeError):
        return
    raise AssertionError(
        f"torch refuses ({str(torchs_error).splitlines()[0]}), we return {jax.tree.map(jnp.shape, result)}"
    )
