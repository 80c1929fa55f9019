"""Text from networks, files and exceptions, made fit for a terminal and for XML."""

import re

# Control characters but tab and line feed, halves of surrogate pairs, and what turns the direction of writing.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def printable(text: str) -> str:
    """The text with escapes (\\x1b, \\ud800) in the place of what moves a cursor or cannot be written.

    What is left may be printed in a terminal, encoded as UTF-8, and stand in XML.
    """
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
