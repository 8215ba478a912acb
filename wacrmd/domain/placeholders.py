"""The `{{…}}` placeholders of a template: `{{1}}`, `{{2}}` … or names such as `{{first_name}}`. Pure."""

import re
from collections.abc import Mapping, Sequence

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_NUMBER = re.compile(r"\{?\{?\s*([1-9][0-9]?)\s*\}?\}?", re.ASCII)


def names_in(text: str) -> tuple[str, ...]:
    """The names or numbers of the placeholders in a text, in the order of their first use, each once."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))


def fill(text: str, params: Sequence[str] | Mapping[str, str]) -> str:
    """The text with its parameters; a placeholder without a value stays as it is.

    A sequence fills `{{1}}`, `{{2}}` … in order, a mapping fills placeholders by name.
    """
    values = (
        params if isinstance(params, Mapping) else {str(n): param for n, param in enumerate(params, start=1)}
    )
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def number_of(column: str) -> int | None:
    """The number of the placeholder for which a column is named: of `2` and `{{2}}` 2, of a word None."""
    found = _NUMBER.fullmatch(column)
    return int(found[1]) if found else None
