"""torch.export's graph as a flat list of steps. Only here is torch used, and only once called."""

import inspect
from collections.abc import Callable
from typing import Any

from jaxconv._from_torch import autocast, conditions, sizes
from jaxconv._from_torch.alias import Tensors, written
from jaxconv._from_torch.branches import choose
from jaxconv._from_torch.custom_functions import NAMESPACE
from jaxconv._from_torch.custom_steps import CustomCalls
from jaxconv._from_torch.decompose import decomposed, written_outside
from jaxconv._from_torch.exported import is_norm
from jaxconv._from_torch.frames import Path, Value, atoms
from jaxconv._from_torch.module import NORMS, random, supported
from jaxconv._from_torch.names import torch_name
from jaxconv._from_torch.places import place_of
from jaxconv._from_torch.program import Array, Dtype, Mode, Signature, Size, Variable
from jaxconv._from_torch.traced import Trace
from jaxconv._from_torch.tree_spec import structure

# What torch puts into a graph to check it, without a value.
_CHECKS = (
    "_assert_async",
    "_assert_scalar",
    "_assert_tensor_metadata",
    "sym_constrain_range",
    "_linalg_check_errors",
)

# Keyword arguments that say where and how a tensor lies.
_PLACEMENT = ("device", "layout", "memory_format", "non_blocking", "pin_memory", "generator", "requires_grad")


def trace(module: Any, program: Any, arrays: Callable[[Any], Any]) -> Trace:
    """The exported program's steps.

    Args:
        module: the network.
        program: `export` of it.
        arrays: makes an array of a tensor.
    """
    return _Tracer(module, program).trace(arrays)


class _Tracer:
    def __init__(self, module: Any, program: Any) -> None:
        self.module, self.program = module, program
        self.first: dict[int, str] = {}  # a shared module goes by its first name
        for name, child in module.named_modules(remove_duplicate=False):
            self.first.setdefault(id(child), name)
        self.children = dict(module.named_modules(remove_duplicate=False))
        self.tensors = Tensors()
        self.parts: dict[Any, Any] = {}
        self.results: dict[Any, list[Any]] = {}
        self.constants: dict[Path, Any] = {}
        self.autocast: autocast.Regions = ()
        self.casts: dict[Any, Any] = {}  # what autocast makes of the inputs of the operation that is read
        self.custom = CustomCalls(self.tensors, self.atom, _problem_in_backward)

    def aliases(self) -> dict[Path, tuple[Path, ...]]:
        """All names of each parameter and buffer that has several."""
        names: dict[int, list[Path]] = {}
        for own in (self.module.named_parameters, self.module.named_buffers):
            for name, tensor in own(remove_duplicate=False):
                names.setdefault(id(tensor), []).append(tuple(name.split(".")))
        return {path: tuple(paths) for paths in names.values() if len(paths) > 1 for path in paths}

    def trace(self, arrays: Callable[[Any], Any]) -> Trace:
        from torch.export.graph_signature import InputKind

        program = self.program
        specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
        inputs, leaves, state = [], [], {}
        for node in (n for n in program.graph.nodes if n.op == "placeholder"):
            spec, meta = specs[node.name], node.meta.get("val")
            if spec.kind == InputKind.USER_INPUT:
                if not hasattr(meta, "untyped_storage"):
                    leaves.append(getattr(spec.arg, "value", meta))
                    continue
                value: Any = Value(sizes.shape(meta))
                inputs.append(value)
                leaves.append(Array(tuple(value.shape), str(meta.dtype).removeprefix("torch.")))
            else:
                owner, _, own = spec.target.rpartition(".")
                # A tensor in a list, say, is no attribute of a module.
                path = (*owner.split("."), own) if owner else (own,)
                value = Variable(path if owner in self.children else (spec.target.replace(".", "_"),))
                state[node] = value.path
                if spec.target in program.constants:
                    self.constants[value.path] = program.constants[spec.target]
            self.tensors.root(node, value)
        outputs = [self.atom(x) for x in self.walk(program.graph)]
        changed = [node for node in state if self.tensors.changed(node)]
        updates = tuple(state[node] for node in changed)
        args, kwargs = program.call_spec.in_spec.children()
        parameters = inspect.signature(self.module.forward).parameters
        defaults = [(name, p.default) for name, p in parameters.items()]
        low_high = [(str(s), *sizes.limits(r)) for s, r in program.range_constraints.items()]
        signature = Signature(
            structure(args),
            structure(kwargs),
            tuple(parameters),
            tuple(leaves),
            tuple(low_high),
            structure(program.call_spec.out_spec),
            updates,
            conditions.of(program),
            defaults=tuple(
                (name, v) for name, v in defaults if v is None or type(v) in (bool, int, float, str)
            ),
        )
        outputs += [self.tensors.now(node, ()) for node in changed]
        made = {*inputs, *(step.result for step in self.tensors.steps)}
        used = atoms(([(step.args, step.kwargs) for step in self.tensors.steps], outputs))
        if any(isinstance(atom, Value) and atom not in made for atom in used):
            raise ValueError(
                "the backward of a custom autograd Function changes something outside itself that the network uses "
                "later: return it instead"
            )
        constants = {path: arrays(tensor) for path, tensor in self.constants.items()}
        return Trace(self.tensors.steps, inputs, outputs, signature, constants, self.aliases())

    def walk(self, graph: Any) -> Any:
        """Makes the steps of a graph whose placeholders are known. Returns its output nodes."""
        for node in graph.nodes:
            if node.op == "get_attr":
                self.attribute(node, getattr(graph.owning_module, node.target))
            elif node.op == "call_function" and name_of(node.target) == "wrap_with_set_grad_enabled":
                self.parts[node] = self.part(node, *node.args)
            elif node.op == "call_function" and name_of(node.target) == "wrap_with_autocast":
                outside = self.autocast
                self.autocast = autocast.within(outside, *node.args[:3])
                self.parts[node] = self.part(node, self.tensors.recorded, *node.args[4:])
                self.autocast = outside
            elif node.op == "call_function" and name_of(node.target) == "cond":
                given = self.tensors, self.custom, self.atom, self.walk
                self.results[node] = choose(node, *given, self.frame(node), place_of(node))
            elif node.op == "call_function" and self.custom.has(node):
                self.custom.result(node)
            elif node.op == "call_function" and name_of(node.target).startswith(NAMESPACE):
                kind = name_of(node.target).split(".")[1]
                self.custom.call(node, kind, self.frame(node), place_of(node))
            elif node.op == "call_function" and node.args and node.args[0] in self.results:
                self.tensors.root(node, self.results[node.args[0]][node.args[1]])
            elif node.op == "call_function" and node.args and node.args[0] in self.parts:
                self.result_of_part(node, *self.parts[node.args[0]])
            elif node.op == "call_function":
                self.call(node)
            elif node.op == "output":
                return node.args[0]

    def attribute(self, node: Any, value: Any) -> None:
        """A graph in the graph, or a number that an operation's decomposition needs."""
        variable = None
        if hasattr(value, "untyped_storage"):
            variable = Variable((f"decomposition_constant_{len(self.constants)}",))
            self.constants[variable.path] = value
        self.tensors.root(node, variable)

    def part(self, node: Any, enabled: bool, name: Any, *given: Any) -> Any:
        """A part of the network under torch.no_grad() or torch.enable_grad() is a graph of its own."""
        before, self.tensors.recorded = self.tensors.recorded, enabled
        result = self.inner(getattr(node.graph.owning_module, name.target).graph, given)
        self.tensors.recorded = before
        return enabled, result

    def inner(self, graph: Any, given: Any) -> Any:
        """Makes the steps of a graph in the graph, on these nodes. Returns its output nodes."""
        for inner, outer in zip((n for n in graph.nodes if n.op == "placeholder"), given, strict=True):
            if outer in self.tensors.of:
                self.tensors.of[inner] = self.tensors.of[outer]
        return self.walk(graph)

    def decomposition(self, node: Any, graph: Any, given: Any, frame: Any) -> None:
        """An operation that is none of ours, in operations that are."""
        result = self.inner(graph, given)
        parts = result if isinstance(result, tuple | list) else (result,)
        for onto, part in zip(written_outside(node), parts, strict=False):
            self.tensors.overwrite(node, onto, self.tensors.now(part, frame), frame, place_of(node), True)
        if isinstance(result, tuple | list):
            self.parts[node] = True, result
        elif node not in self.tensors.of:
            self.tensors.of[node] = self.tensors.of[result]

    def result_of_part(self, node: Any, enabled: bool, results: Any) -> None:
        result = results[node.args[1]]
        if result not in self.tensors.of:
            return  # a size
        if enabled or written(result).op == "placeholder":  # a tensor from outside, written to in place
            self.tensors.of[node] = self.tensors.of[result]
        else:
            frame, place = self.frame(result), place_of(result)
            source = self.tensors.of[result]
            args = (self.tensors.now(result, frame),)
            self.tensors.view(node, source, ("detach.default", args, {}, place), frame, moves=False)

    def atom(self, arg: Any, frame: Any = ()) -> Any:
        """An argument without torch."""
        import torch

        if isinstance(arg, torch.fx.Node):
            meta = arg.meta.get("val")
            if arg in self.casts:
                return self.tensors.cast(arg, Dtype(str(self.casts[arg]).removeprefix("torch.")), frame)
            return Size(sizes.expression(meta)) if sizes.is_size(meta) else self.tensors.now(arg, frame)
        if isinstance(arg, list | tuple):
            return tuple(self.atom(a, frame) for a in arg)
        if isinstance(arg, torch.dtype):
            return Dtype(str(arg).removeprefix("torch."))
        if isinstance(arg, torch.device | torch.layout | torch.memory_format):
            return None
        return arg

    def call(self, node: Any) -> None:
        op = name_of(node.target)
        if sizes.is_size(node.meta.get("val")) or op.startswith(_CHECKS):
            return
        frame = self.frame(node)
        with autocast.entered(self.autocast):
            found = decomposed(node, lambda target: supported(name_of(target)))
        if found:
            self.decomposition(node, *found, frame)
            return
        if op.startswith("as_strided") and not node.args[0].meta["val"].is_contiguous():
            raise ValueError(
                f"{place_of(node)}: as_strided of a tensor that is not contiguous is not covered"
            )
        self.casts = autocast.casts(node, self.autocast)
        args = self.atom(node.args, frame)
        kwargs = {k: self.atom(v, frame) for k, v in node.kwargs.items() if k not in _PLACEMENT}
        self.casts = {}
        if (name := op.partition(".")[0]) in _MODAL:
            rest = [a for a in node.target._schema.arguments if not a.kwarg_only][len(args) :]
            args, kwargs = self.modal(name, (*args, *(a.default_value for a in rest)), kwargs, frame)
        self.tensors.call(node, op, args, kwargs, frame, place_of(node))
        if name in (*RECURRENT, "lstm_cell") and frame and self.is_recurrent(node, frame[-1][1]):
            # Such a module returns its states whether anything takes them or not.
            whole = self.tensors.now(node, frame)
            shapes = [sizes.shape(meta) for meta in node.meta["val"]]
            self.results[node] = [self.tensors.part(whole, i, s, frame) for i, s in enumerate(shapes)]

    def is_recurrent(self, node: Any, path: Path) -> bool:
        """Whether torch's own module makes a call, and returns its results as they are: batched ones."""
        import torch

        module = self.children[".".join(path)]
        return (
            isinstance(module, torch.nn.RNNBase | torch.nn.LSTMCell)
            and name_of(node.args[0].target) != "unsqueeze.default"
        )

    def frame(self, node: Any) -> tuple[tuple[str, Path], ...]:
        """The calls that a node is in, as far as they are of modules that the network holds."""
        calls: list[tuple[str, Path]] = []
        for key, (name, _) in node.meta.get("nn_module_stack", {}).items():
            child = self.children.get(name)
            path = tuple(self.first[id(child)].split(".")) if name and child is not None else ()
            above = calls[-1][1] if calls else ()
            if len(path) > len(above) and path[: len(above)] == above:
                calls.append((key, path))
        return tuple(calls)

    def modal(self, name: str, args: Any, kwargs: Any, frame: Any) -> tuple[Any, Any]:
        """Puts the module's mode in the place of the mode at the time of the trace."""
        layer = self.children[".".join(frame[-1][1])] if frame else self.module
        at = _MODAL[name]
        if name in ("batch_norm", "instance_norm"):
            tracked = isinstance(args[3], Variable)
            if is_norm(layer):
                if getattr(layer, "num_batches_tracked", None) is not None and name == "batch_norm":
                    path = frame[-1][1] if frame else ()
                    kwargs = kwargs | {"count": Variable((*path, "num_batches_tracked"))}
                args = (*args[:6], layer.momentum, *args[7:])
            if tracked and (is_norm(layer) or args[at] == layer.training):
                args = (*args[:at], Mode("use_running_average"), *args[at + 1 :])
        elif name == "scaled_dot_product_attention":
            # torch's own attention, and code written after it, has no probability in the graph in eval mode.
            own = getattr(layer, "dropout", 0.0)
            p = args[at] if args[at] or layer.training or not isinstance(own, float) else own
            args = (*args[:at], p, *args[at + 1 :])
            kwargs = kwargs | ({"training": Mode("deterministic")} if p else {})
        elif name in RECURRENT and (args[4] == 1 or not args[5]):
            args = (*args[:at], False, *args[at + 1 :])  # no layer's output is dropped from
        elif args[at] == layer.training:
            args = (*args[:at], Mode("deterministic"), *args[at + 1 :])
        return args, kwargs


def _problem_in_backward(op: str) -> str:
    """Why a custom Function's backward cannot have an operation; nothing if it can."""
    if op in NORMS:
        return f"{op} in it may change a buffer"
    if random(op):
        return f"{op} in it draws random numbers"
    return "" if supported(op) else f"from_torch does not cover {torch_name(op)}, which is in it"


RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")

# Operations that do something else in training mode, and which argument tells.
_MODAL = {
    "batch_norm": 5,
    "instance_norm": 5,
    "scaled_dot_product_attention": 4,
    **dict.fromkeys(("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"), 2),
    **dict.fromkeys(("dropout_", "feature_dropout_", "alpha_dropout_", "feature_alpha_dropout_"), 2),
    **dict.fromkeys(("rrelu", "rrelu_"), 3),
    **dict.fromkeys(RECURRENT, 6),
}


def name_of(target: Any) -> str:
    """'conv2d.default' of torch.ops.aten.conv2d.default; of another namespace with it; of a function its name."""
    schema = getattr(target, "_schema", None)
    if schema is None:
        return getattr(target, "__name__", None) or str(target)
    return str(target).removeprefix("aten.")
