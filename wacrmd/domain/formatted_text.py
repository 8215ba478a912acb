"""Text as WhatsApp shows it: `*bold*`, `_italic_`, `~struck~`, code between backticks. Pure.

WhatsApp formats what is sent, so that a value of a placeholder can begin or end bold text as well. Its rules are only known
from how it behaves: a mark counts where no letter or digit stands outside of it and no space inside, and on one line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from wacrmd.domain.placeholders import Piece

MAX_CHARACTERS = 4096
"""What is shown of a text at most; Meta takes no more than 1024 characters of a body."""

_CODE = re.compile(r"```(.+?)```|`([^`\n]+)`", re.DOTALL)
_MARKS = {"*": "bold", "_": "italic", "~": "struck"}
_MARKED = {
    style: re.compile(rf"(?<![\w{mark}]){mark}(?=[^\s{mark}])([^{mark}\n]*[^\s{mark}]){mark}(?![\w{mark}])")
    for mark, style in ((re.escape(mark), style) for mark, style in _MARKS.items())
}


@dataclass(frozen=True, slots=True)
class Run:
    """Some characters that look alike."""

    text: str
    styles: tuple[str, ...] = ()
    """`bold`, `italic`, `struck`, `code`."""
    placeholder: str | None = None
    """The placeholder that they fill or stand for."""
    is_filled: bool = True
    """Whether they are no placeholder, or one with its value."""


def runs_of(pieces: Iterable[Piece]) -> tuple[Run, ...]:
    """The pieces of a text with their formats, without the marks; at most `MAX_CHARACTERS`."""
    given, text, size = [], "", 0
    for piece in pieces:
        given.append(piece)
        size += len(piece.text)
        if size > MAX_CHARACTERS:
            break
    text = "".join(piece.text for piece in given)
    shown = text[:MAX_CHARACTERS]
    owners = [at for at, piece in enumerate(given) for _ in piece.text][:MAX_CHARACTERS]
    styles: list[tuple[str, ...] | None] = [()] * len(shown)  # None: a mark
    for found in _CODE.finditer(shown):
        group = 1 if found[1] is not None else 2
        _apply(styles, "code", found.span(), found.span(group))
    for style, marked in _MARKED.items():
        for found in marked.finditer(shown):
            if "code" not in (styles[found.start()] or ()):  # what is code has no other format
                _apply(styles, style, found.span(), found.span(1))
    runs = [
        Run(
            "".join(shown[at] for at in places),
            look,
            given[owner].placeholder,
            given[owner].is_filled,
        )
        for (look, owner), group in groupby(range(len(shown)), key=lambda at: (styles[at], owners[at]))
        if look is not None and (places := list(group))
    ]
    return (*runs, Run("…")) if len(text) > len(shown) else tuple(runs)


def _apply(
    styles: list[tuple[str, ...] | None], style: str, whole: tuple[int, int], content: tuple[int, int]
) -> None:
    for at in (*range(whole[0], content[0]), *range(content[1], whole[1])):
        styles[at] = None
    for at in range(*content):
        known = styles[at]
        styles[at] = None if known is None else (*known, style)
