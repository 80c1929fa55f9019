"""docs/errors.md has every message of the code, each with a remedy."""

import importlib.util
import re
from pathlib import Path

import pytest

import jaxconv

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("make_errors", ROOT / "docs" / "make_errors.py")
make_errors = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_errors)


def test_the_page_is_fresh():
    assert make_errors.PAGE.read_text() == make_errors.page(), "run python docs/make_errors.py"


def test_messages_are_found_in_all_packages():
    found = [message.path.split("/")[0] for message in make_errors.messages()]
    assert all(found.count(package) > 20 for package in ("jaxconv", "parity", "jaxconv_parity"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: jaxconv.Conv2d(3, 4, 3, groups=2, rngs=None),
        lambda: jaxconv.Conv2d("3", 4, 3),
        lambda: jaxconv.functional.max_pool2d([1.0], 2),
    ],
)
def test_a_message_that_a_user_sees_is_on_the_page(call):
    with pytest.raises((TypeError, ValueError)) as raised:
        call()
    shown = re.findall(r"^- `` (.*) ``$", make_errors.PAGE.read_text(), re.MULTILINE)
    patterns = [re.escape(text).replace("…", ".*") for text in shown if text.strip("…")]
    assert [pattern for pattern in patterns if re.fullmatch(pattern, str(raised.value), re.DOTALL)]


def test_a_message_without_a_kind_is_named(monkeypatch):
    monkeypatch.setattr(
        make_errors, "messages", lambda: [make_errors.Message("other.py", "ValueError", "no such")]
    )
    with pytest.raises(ValueError, match=r"other\.py: no kind .*'no such'"):
        make_errors.page()
