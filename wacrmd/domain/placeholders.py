"""The `{{…}}` placeholders of a template: `{{1}}`, `{{2}}` … or names such as `{{first_name}}`. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_NUMBER = re.compile(r"\{?\{?\s*([1-9][0-9]?)\s*\}?\}?", re.ASCII)


def names_in(text: str) -> tuple[str, ...]:
    """The names or numbers of the placeholders in a text, in the order of their first use, each once."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))


Params = Sequence[str] | Mapping[str, str]
"""Values of placeholders: a sequence fills `{{1}}`, `{{2}}` … in order, a mapping fills placeholders by name."""


class Piece(NamedTuple):
    """A part of a text that is filled: what stands between placeholders, or one placeholder."""

    text: str
    placeholder: str | None = None
    """Its name or number; None between them."""
    is_filled: bool = True
    """Whether the text is a value and not the placeholder itself."""


def pieces(text: str, params: Params) -> Iterator[Piece]:
    """The text with its parameters, piece by piece; a placeholder without a value stays as it is."""
    values = _values(params)
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        if found.start() > end:
            yield Piece(text[end : found.start()])
        name, end = found[1], found.end()
        yield Piece(values.get(name, found[0]), name, name in values)
    if end < len(text):
        yield Piece(text[end:])


def fill(text: str, params: Params) -> str:
    """The text with its parameters; a placeholder without a value stays as it is."""
    values = _values(params)
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _values(params: Params) -> Mapping[str, str]:
    return (
        params if isinstance(params, Mapping) else {str(n): param for n, param in enumerate(params, start=1)}
    )


def number_of(column: str) -> int | None:
    """The number of the placeholder for which a column is named: of `2` and `{{2}}` 2, of a word None."""
    found = _NUMBER.fullmatch(column)
    return int(found[1]) if found else None
