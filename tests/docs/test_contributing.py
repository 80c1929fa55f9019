"""What CONTRIBUTING.md says of the code is there."""

import ast
import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import jaxconv

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
STEPS = re.findall(r"^(\d+)\. `(.+?)`: `(.+?)`$", TEXT, re.MULTILINE)


def defined(path):
    """The functions of a file, those of classes as Class.function."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{n.name}" for n in node.body if isinstance(n, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef):
            yield node.name


def route(start):
    """The functions of the list that begins with the file `start`, as (path, function)."""
    first = STEPS.index(next(step for step in STEPS if step[:2] == ("1", start)))
    rest = STEPS[first + 1 :]
    length = next((i for i, step in enumerate(rest) if step[0] == "1"), len(rest))
    return [step[1:] for step in STEPS[first : first + 1 + length]]


def test_there_are_two_routes_of_functions_that_exist():
    assert len([number for number, *_ in STEPS if number == "1"]) == 2
    assert 0 < len(route("parity/_check/check.py")) <= 8
    assert 0 < len(route("jaxconv/_spec.py")) <= 5
    assert [step for _, *step in STEPS if step[1] not in defined(step[0])] == []


def traced(function):
    """For each call of one of jaxconv's functions within `function()`: jaxconv's functions on the stack, that one last."""
    stacks = []

    def watch(frame, event, arg):
        stack = []
        while event == "call" and frame is not None:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(ROOT / "jaxconv"):
                stack.append((str(path.relative_to(ROOT)), frame.f_code.co_qualname))
            elif not stack:
                return  # the function called is none of jaxconv's
            frame = frame.f_back
        if stack:
            stacks.append(stack[::-1])

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(before)
    return stacks


@pytest.mark.skipif(jaxconv.kernels().instruction_set is None, reason="there is no kernel to arrive at")
def test_padding_goes_to_the_kernel_on_the_route_it_says():
    made, forward, conv, on_cpu, kernel = route("jaxconv/_spec.py")
    layers = []
    construct = traced(
        lambda: layers.append(jaxconv.Conv2d(3, 5, (2, 3), padding=(3, 7), dilation=2, rngs=nnx.Rngs(0)))
    )
    assert made in {stack[-1] for stack in construct}
    x = jnp.ones((2, 3, 17, 19))
    call = traced(lambda: jax.jit(layers[0]).lower(x))
    assert made not in {stack[-1] for stack in call}, "the spec is made again"
    (stack,) = (stack for stack in call if stack[-1] == conv)
    assert stack[stack.index(forward) :] == [forward, conv]
    (stack,) = (stack for stack in call if stack[-1] == kernel)
    assert stack == [on_cpu, kernel]


@pytest.mark.skipif(jaxconv.kernels().instruction_set is None, reason="there is no kernel to arrive at")
def test_so_does_that_of_a_functional_call():
    made, _, conv, on_cpu, kernel = route("jaxconv/_spec.py")
    x, w = jnp.ones((2, 3, 17, 19)), jnp.ones((5, 3, 3, 2))
    call = traced(
        lambda: jax.jit(lambda x: jaxconv.functional.conv2d(x, w, padding=(5, 9), dilation=2)).lower(x)
    )
    assert [stack[-1] for stack in call].count(made) == 1
    (stack,) = (stack for stack in call if stack[-1] == conv)
    assert [path for path, _ in stack] == ["jaxconv/_functional/conv.py", conv[0]]
    (stack,) = (stack for stack in call if stack[-1] == kernel)
    assert stack == [on_cpu, kernel]


def test_paths_exist():
    paths = [p for p in re.findall(r"`((?:jaxconv|parity|native|tests|docs|tools)[\w/.]*/[\w/.]*)`", TEXT)]
    assert len(paths) > 10
    assert [p for p in paths if not (ROOT / p).exists()] == []
