"""What torch.nn's modules of several operations compute: whether a program is such a module's, and nothing more."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from jaxconv._args import REDUCTIONS
from jaxconv._from_torch.program import Instruction, Mode, Program, Ref, Variable
from jaxconv._layers.recurrent import Recurrent
from jaxconv._layers.recurrent_cell import RecurrentCell

Form = Callable[[Program, Any], bool]


def has_form(program: Program, module: Any) -> bool:
    """Whether a program is what a torch module of a class in `FORMS` computes, with the module's arguments."""
    form = FORMS.get(type(module).__name__)
    return form is not None and form(program, module)


def call(layer: Any, given: Sequence[Any]) -> Any:
    """Calls a layer with the arrays that its program takes, and returns the arrays that its program returns."""
    if not isinstance(layer, Recurrent | RecurrentCell):
        return layer(*given)
    own: Any = layer
    x, *states = given
    hx = None if not states else tuple(states) if own._states > 1 else states[0]
    result = own(x, hx)
    return (result[0], *result[1]) if isinstance(layer, Recurrent) and own._states > 1 else result


def _steps(*wanted: tuple[str, tuple[Any, ...]]) -> Callable[[Program], bool]:
    """Whether a program of one input has these steps, and returns the last one's result."""

    def fits(program: Program) -> bool:
        return (
            program.inputs == 1
            and len(program.steps) == len(wanted)
            and program.outputs == (Ref(len(wanted)),)
            and all(map(_fits, program.steps, wanted))
        )

    return fits


def _fits(step: Instruction, wanted: tuple[str, tuple[Any, ...]]) -> bool:
    op, args = wanted
    pairs = zip(step.args, args, strict=False)
    return (
        (step.op, len(step.args), step.kwargs) == (op, len(args), ())
        and all((a == b and type(a) is type(b)) or _same_number(a, b) for a, b in pairs)
    )  # fmt: skip


def _same_number(a: Any, b: Any) -> bool:
    return isinstance(a, int | float) and isinstance(b, int | float) and a == b


def _softsign(program: Program, module: Any) -> bool:
    return _steps(("abs.default", (Ref(0),)), ("add.Tensor", (Ref(1), 1)), ("div.Tensor", (Ref(0), Ref(2))))(
        program
    )


def _tanhshrink(program: Program, module: Any) -> bool:
    return _steps(("tanh.default", (Ref(0),)), ("sub.Tensor", (Ref(0), Ref(1))))(program)


def _softmin(program: Program, module: Any) -> bool:
    return module.dim is not None and _steps(
        ("neg.default", (Ref(0),)), ("softmax.int", (Ref(1), module.dim))
    )(program)


def _power_pool(program: Program, module: Any) -> bool:
    n = int(type(module).__name__[-2])

    def each(value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, tuple | list) else (value,) * n

    kernel, p = each(module.kernel_size), float(module.norm_type)
    pool: tuple[Any, ...] = (Ref(1), kernel)
    if module.stride is not None or module.ceil_mode:
        pool += (() if module.stride is None else each(module.stride),)
    if module.ceil_mode:
        pool += ((0,) * n, True)
    return _steps(
        ("pow.Tensor_Scalar", (Ref(0), p)),
        (f"avg_pool{n}d.default", pool),
        ("sign.default", (Ref(2),)),
        ("abs.default", (Ref(2),)),
        ("relu.default", (Ref(4),)),
        ("mul.Tensor", (Ref(3), Ref(5))),
        ("mul.Tensor", (Ref(6), prod(kernel))),
        ("pow.Tensor_Scalar", (Ref(7), 1.0 / p)),
    )(program)


def _bag(program: Program, module: Any) -> bool:
    """Of rows of indices, or of indices and offsets."""
    *before, bag = program.steps[:3] if program.inputs == 1 else program.steps[:1]
    parts, first = [Ref(program.inputs + len(before))], program.inputs
    if before:
        start, flat = before
        rows = start.op == "arange.start_step" and start.args[0] == 0 and flat.op == "reshape.default"
        if not rows or flat.args != (Ref(0), (-1,)):
            return False
        indices = (Ref(2), Ref(first))
    else:
        indices = (Ref(0), Ref(1))
    mode = ("sum", "mean", "max").index(module.mode)
    wanted = (
        Variable(("weight",)), *indices, module.scale_grad_by_freq, mode, module.sparse, None,
        module.include_last_offset, module.padding_idx,
    )  # fmt: skip
    rest = program.steps[len(before) + 1 :]
    return (
        bag.op == "embedding_bag.padding_idx"
        and bag.args == wanted
        and module.max_norm is None
        and program.outputs == (Ref(parts[0].number + 1),)
        and all((s.op, s.args) == ("getitem", (parts[0], i)) for i, s in enumerate(rest))
    )


def _states(program: Program, count: int) -> tuple[int, tuple[Ref, ...]] | None:
    """How many steps make the initial states, which are zeros, and the states; None if they are others."""
    if program.inputs == 1 + count and program.steps:
        return 0, tuple(map(Ref, range(1, 1 + count)))
    zeros = 0
    while zeros < len(program.steps) and program.steps[zeros].op == "zeros.default":
        zeros += 1
    if program.inputs != 1 or zeros not in (1, count) or zeros == len(program.steps):
        return None
    return zeros, tuple(Ref(1 + (i if zeros > 1 else 0)) for i in range(count))


def _recurrent(program: Program, module: Any) -> bool:
    count = 2 if module.mode == "LSTM" else 1
    found = _states(program, count)
    if found is None:
        return False
    zeros, states = found
    step, *parts = program.steps[zeros:]
    whole = Ref(program.inputs + zeros)
    returned = tuple(Ref(whole.number + 1 + i) for i in range(1 + count))
    names = tuple(Variable((name,)) for name in module._flat_weights_names)
    *own, mode, bidirectional, first = step.args[3:]
    return (
        step.op == f"{module.mode.lower()}.input"
        and step.args[:3] == (Ref(0), states if count > 1 else states[0], names)
        and (*own, bidirectional, first)
        == (module.bias, module.num_layers, module.dropout, module.bidirectional, module.batch_first)
        and (isinstance(mode, Mode) or not (module.dropout and module.num_layers > 1))
        and program.outputs == returned
        and all((s.op.partition(".")[0], s.args) == ("getitem", (whole, i)) for i, s in enumerate(parts))
    )


def _cell(program: Program, module: Any) -> bool:
    kind = type(module).__name__
    count = 2 if kind == "LSTMCell" else 1
    found = _states(program, count)
    if found is None:
        return False
    zeros, states = found
    step, *parts = program.steps[zeros:]
    whole = Ref(program.inputs + zeros)
    op = {"LSTMCell": "lstm", "GRUCell": "gru"}.get(kind) or f"rnn_{module.nonlinearity}"
    names = ("weight_ih", "weight_hh") + (("bias_ih", "bias_hh") if module.bias else ())
    wanted = (Ref(0), states if count > 1 else states[0], *(Variable((name,)) for name in names))
    returned = tuple(Ref(whole.number + 1 + i) for i in range(2)) if count > 1 else (whole,)
    return (
        step.op == f"{op}_cell.default"
        and tuple(arg for arg in step.args if arg is not None) == wanted
        and program.outputs == returned
        and all((s.op.partition(".")[0], s.args) == ("getitem", (whole, i)) for i, s in enumerate(parts))
    )


def _response_norm(program: Program, module: Any) -> bool:
    steps = list(program.steps)
    first: tuple[str, tuple[Any, ...]]
    pool: tuple[tuple[str, tuple[Any, ...]], ...]
    wanted: list[tuple[str, tuple[Any, ...]]]
    window, sides = module.size, (module.size // 2, (module.size - 1) // 2)
    if len(steps) < 9:
        return False
    if steps[1].op == "unsqueeze.default":  # (N, C, L)
        first = ("unsqueeze.default", (Ref(1), 1))
        pool = (
            ("pad.default", (Ref(2), (0, 0, *sides))),
            ("avg_pool2d.default", (Ref(3), (window, 1), (1, 1))),
        )
    else:
        shape = steps[1].args[1] if len(steps[1].args) > 1 else ()
        if not isinstance(shape, tuple) or len(shape) != 5 or (shape[1], shape[-1]) != (1, -1):
            return False
        first = ("view.default", (Ref(1), shape))
        padded = ("pad.default", (Ref(2), (0, 0, 0, 0, *sides)))
        pool = (padded, ("avg_pool3d.default", (Ref(3), (window, 1, 1), (1, 1, 1))))
    wanted = [("mul.Tensor", (Ref(0), Ref(0))), first, *pool, ("squeeze.dim", (Ref(4), 1))]
    if steps[5].op == "view.default":  # back from (N, 1, C, H, *): of four dimensions it changes nothing
        wanted.append(("view.default", (Ref(5), steps[5].args[1])))
    last = len(wanted)
    wanted += [
        ("mul.Tensor", (Ref(last), module.alpha)),
        ("add.Tensor", (Ref(last + 1), module.k)),
        ("pow.Tensor_Scalar", (Ref(last + 2), module.beta)),
        ("div.Tensor", (Ref(0), Ref(last + 3))),
    ]
    return _steps(*wanted)(program)


def _weighted_entropy(program: Program, module: Any) -> bool:
    if program.inputs != 2 or len(program.steps) != 2 or program.outputs != (Ref(3),):
        return False
    wide, loss = program.steps
    reduction = (1,) if len(loss.args) == 3 else loss.args[3:]
    return (
        wide.op == "expand.default"
        and wide.args[0] == Variable(("weight",))
        and loss.op == "binary_cross_entropy.default"
        and loss.args[:3] == (Ref(0), Ref(1), Ref(2))
        and reduction == (REDUCTIONS.index(module.reduction),)
        and not loss.kwargs
    )


def _unpool(program: Program, module: Any) -> bool:
    """Of the output size that follows from the input's: another one that torch allows leaves a remainder."""
    n = int(type(module).__name__[-2])
    kernel, stride, padding = (
        tuple(value) if isinstance(value, tuple | list) else (value,) * n
        for value in (module.kernel_size, module.stride, module.padding)
    )
    steps, refs = list(program.steps), (Ref(0), Ref(1))
    if n == 1:
        wanted = [*(("unsqueeze.default", (Ref(i), -1)) for i in range(2)), ("squeeze.dim", (Ref(4), -1))]
        if len(steps) != 4 or not all(map(_fits, [*steps[:2], steps[3]], wanted)):
            return False
        steps, refs = steps[2:3], (Ref(2), Ref(3))
    if program.inputs != 2 or len(steps) != 1 or program.outputs != (Ref(1 + len(program.steps)),):
        return False
    op, args = steps[0].op, steps[0].args
    size = args[2] if len(args) > 2 else ()
    more = (stride, padding) if n == 3 else ()
    if op != f"max_unpool{max(n, 2)}d.default" or args != (*refs, size, *more) or steps[0].kwargs:
        return False
    sizes = size[:n]
    return all(
        isinstance(out, int) and (out - k + 2 * p) % s == 0
        for out, k, s, p in zip(sizes, kernel, stride, padding, strict=True)
    )


FORMS: dict[str, Form] = {
    "Softsign": _softsign,
    "Tanhshrink": _tanhshrink,
    "Softmin": _softmin,
    "EmbeddingBag": _bag,
    "LocalResponseNorm": _response_norm,
    "BCELoss": _weighted_entropy,
    **dict.fromkeys(("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"), _unpool),
    **dict.fromkeys(("LPPool1d", "LPPool2d", "LPPool3d"), _power_pool),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent),
    **dict.fromkeys(("LSTMCell", "GRUCell", "RNNCell"), _cell),
}
"""Which check says that a program is a module's, by the name of the module's class."""
