"""The help of every command: a sentence for each option, its default, examples and exit statuses."""

import argparse

import pytest

from benchmarks.__main__ import parser as benchmarks
from jaxconv_parity import cli
from jaxconv_parity.cli import coverage


def commands(main):
    (choices,) = (a.choices for a in main._actions if isinstance(a, argparse._SubParsersAction))
    return choices.values()


PARSERS = {p.prog: p for main in (cli.parser(), coverage.parser(), benchmarks()) for p in commands(main)}


def faults(parser):
    """What the help of a command lacks."""
    found = [f"no {end!r}" for end in ("examples:\n", "exit status: ") if end not in (parser.epilog or "")]
    if parser.epilog and parser.prog.removesuffix(" suite") not in parser.epilog:
        found.append("an example of another command")
    if not (parser.description or "").strip().split("\n\n")[0].endswith("."):
        found.append("a description without a sentence")
    for action in parser._actions:
        name, text = "/".join(action.option_strings) or action.dest, action.help or ""
        if len(text.split()) < 3:
            found.append(f"{name}: no sentence")
        elif text[0].isupper() or text.endswith("."):
            found.append(f"{name}: {text!r} does not look like the other options")
        if action.default not in (None, False, "", [], argparse.SUPPRESS) and "(default: " not in text:
            found.append(f"{name}: no default")
    return found


def test_there_are_commands():
    assert {"parity model", "parity record", "python -m jaxconv coverage"} <= set(PARSERS)
    assert "python -m benchmarks layers" in PARSERS


@pytest.mark.parametrize("prog", PARSERS)
def test_each_option_has_a_sentence_and_its_default(prog):
    assert not faults(PARSERS[prog])
    assert PARSERS[prog].format_help()  # `%` in a text is read as a format


def test_a_poor_help_is_found():
    poor = argparse.ArgumentParser(
        prog="parity poor", description="compares", epilog="examples:\n  parity good"
    )
    poor.add_argument("--seed", type=int, default=3, help="the seed of inputs")
    poor.add_argument("--out", help="FILE")
    assert faults(poor) == [
        "no 'exit status: '",
        "an example of another command",
        "a description without a sentence",
        "--seed: no default",
        "--out: no sentence",
    ]
