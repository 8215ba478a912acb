"""Which parameters of a call the audit keeps, and in what form; pure."""

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson

from wacrmd.fields import JsonObject
from wacrmd.operations.inputs import Audited, Params

REDACTED = "[redacted]"
_MAX_CHARACTERS = 500
"""Characters of one parameter that the audit keeps: a pasted list must not fill the database."""

_MAX_PARAMS = 50
"""Parameters of one call that the audit keeps; no operation has as many."""


def audited(params: type[Params], given: JsonObject) -> JsonObject:
    """The given parameters as the audit may keep them, whether or not they are valid.

    Only plain values of declared parameters are kept as they are; a secret, anything nested, and the
    value of an unknown name (a misspelt secret, perhaps) are not. A parameter can declare another form
    (`Audited`).
    """
    public, forms = _public(params), _forms(params)
    kept: JsonObject = {}
    for name, value in itertools.islice(given.items(), _MAX_PARAMS):
        kept[name[:_MAX_CHARACTERS]] = _kept(value, forms.get(name)) if name in public else REDACTED
    return kept


@cache
def _public(params: type[Params]) -> frozenset[str]:
    """The declared parameters that are no secrets. Found once: to describe a class takes 2 ms on the event loop."""
    properties = params.model_json_schema().get("properties", {})
    return frozenset(
        name for name, declared in properties.items() if b'"writeOnly"' not in orjson.dumps(declared)
    )


def _forms(params: type[Params]) -> dict[str, Callable[[str], str]]:
    """What the audit keeps of the parameters that declare it, by name."""
    return {
        declared.alias or name: marker.form
        for name, declared in params.model_fields.items()
        for marker in declared.metadata
        if isinstance(marker, Audited)
    }


def _kept(value: Any, form: Callable[[str], str] | None) -> Any:
    """The value in the form that its parameter declares, which only a text can have; else as it is."""
    if form is None:
        return _plain(value)
    return form(value) if isinstance(value, str) else REDACTED


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _MAX_CHARACTERS else value[:_MAX_CHARACTERS] + "…"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        text = orjson.dumps(value).decode()
        return value if len(text) <= _MAX_CHARACTERS else f"[{len(value)} values]"
    return REDACTED
