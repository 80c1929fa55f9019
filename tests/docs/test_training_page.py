"""docs/training.md in float64, where rounding cannot hide a difference: each step gives what torch's step gives."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest
import torch

import jaxconv

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)


def code(section):
    return "".join(re.findall(r"^```python\n(.*?)^```\n", section, re.DOTALL | re.MULTILINE))


@pytest.fixture
def in_float64(monkeypatch):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    load = jaxconv.load_state_dict

    def wide(tree, *args):
        return load(jax.tree.map(lambda a: a.astype(np.float64) if a.dtype == np.float32 else a, tree), *args)

    monkeypatch.setattr(jaxconv, "load_state_dict", wide)
    yield
    torch.set_default_dtype(before)


def run(source):
    """Runs a section, after the definitions at the top and the function `step`. Returns how many arrays were compared."""
    count = 0

    def difference(tree, module):
        nonlocal count
        ours, theirs = jaxconv.state_dict(tree), module.state_dict()
        assert set(ours) == set(theirs)
        for name, tensor in theirs.items():
            if tensor.is_floating_point():
                assert ours[name].dtype == np.float64 and tensor.dtype == torch.float64
            np.testing.assert_array_equal(np.float32(ours[name]), np.float32(tensor.numpy()), err_msg=name)
            count += 1

    step = re.search(r"^def loss_of.*?return loss\n", code(SECTIONS[1]), re.DOTALL | re.MULTILINE)[0]
    first = code(SECTIONS[0]).replace("np.float32", "np.float64")
    namespace = {"__name__": "docs.training"}
    exec(first, namespace)
    namespace["difference"] = difference
    exec(step, namespace)  # which the others use
    exec(source.replace("np.float32", "np.float64"), namespace)
    return count


NAMED = {section.partition("\n")[0]: section for section in SECTIONS[1:]}
NAMED.pop("Mixed precision")  # exact on the page itself


@pytest.mark.parametrize("name", NAMED)
def test_a_section_does_what_torch_does(name, in_float64):
    assert run(code(NAMED[name])) >= 8  # the arrays of the first section's network


@pytest.mark.parametrize(
    ("right", "wrong", "section"),
    [
        ("+ 1e-6", "", "Gradient clipping"),
        ("0.1, 10)", "0.1, 11)", "Schedules"),
        ("0.1 * new", "0.1001 * new", "EMA"),
        ("model.bn.eval()\n", "", "Freezing"),
        ("b1=0.5", "b1=0.51", "A GAN"),
    ],
)
def test_a_mistake_is_seen(right, wrong, section, in_float64):
    source = code(NAMED[section])
    assert right in source
    with pytest.raises(AssertionError):
        run(source.replace(right, wrong))
