"""What is wrong with parameters, in words for callers; the same over HTTP and on the admin socket."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wacrmd.errors import MAX_PROBLEMS, Problem
from wacrmd.suggest import did_you_mean

UNION_TAGS = frozenset({"positional", "named"})
"""Labels that pydantic puts into a path for the branch of a union; they are no field."""

PLAIN_MESSAGES = {
    "missing": "is required",
    "string_type": "expected a string",
    "list_type": "expected an array",
    "dict_type": "expected an object",
    "model_type": "expected an object",
    "model_attributes_type": "expected an object",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
}
"""Messages for callers, where pydantic speaks of itself or of Python."""

ENUM_MEMBER = re.compile(r"<[\w.]+: ('[^']*')>")
"""How Python writes a member of an enum; callers know its value alone."""


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Each wrong place in the parameters of this model, with what is wrong there."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    return [
        Problem(json_path(item["loc"]), _message(item, names))
        for item in error.errors(include_url=False, include_input=False)[:MAX_PROBLEMS]
    ]


def _message(item: ErrorDetails, known: list[str]) -> str:
    """What is wrong with one value, in words for callers."""
    context: dict[str, Any] = item.get("ctx", {})
    match item["type"]:
        case "extra_forbidden":
            return "there is no such parameter" + did_you_mean(str(item["loc"][-1]), known)
        case "literal_error" | "enum":
            return "expected " + ENUM_MEMBER.sub(r"\1", str(context["expected"]))
        case "too_short":
            return f"expected at least {context['min_length']} items, found {context['actual_length']}"
        case "too_long":
            return f"expected at most {context['max_length']} items, found {context['actual_length']}"
        case kind:
            return PLAIN_MESSAGES.get(kind) or item["msg"].removeprefix("Value error, ")


def json_path(location: Iterable[str | int]) -> str:
    """A pydantic location as a path in the caller's JSON, such as `recipients[3].params[1]`; empty for the whole."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in UNION_TAGS:
            path += f".{part}" if path else part
    return path
