"""Texts of others without the characters that a terminal obeys or that turn what a person reads around; pure.

C0 and C1 controls, line and paragraph separators, marks and overrides of the text direction (UAX 9), annotations, and lone
surrogates, which cannot be written.
"""

import re

_BEYOND_ASCII = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff"

_ON_A_LINE = re.compile(f"[\x00-\x1f{_BEYOND_ASCII}]")
_IN_LINES = re.compile(f"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f{_BEYOND_ASCII}]")
_IN_JSON = re.compile(f"[{_BEYOND_ASCII}]")

REPLACEMENT = "\ufffd"


def on_a_line(text: str) -> str:
    """The text with a replacement for each of these characters, ends of lines included."""
    return _ON_A_LINE.sub(REPLACEMENT, text)


def in_lines(text: str) -> str:
    """The same for a text of several lines: ends of lines and tabs stay."""
    return _IN_LINES.sub(REPLACEMENT, text)


def in_json(document: str) -> str:
    r"""The same JSON document with each of these characters written as `\u009b`. Its writer has escaped those of ASCII."""
    if document.isascii() and "\x7f" not in document:
        return document
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)
