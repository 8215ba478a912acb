"""What is wrong with parameters, in words for callers; the same over HTTP and on the admin socket."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wacrmd.errors import MAX_PROBLEMS, Problem, counted, json_kind
from wacrmd.suggest import did_you_mean

MAX_HINTS = 10
"""Of how many misspelt names one answer guesses the right one: each guess takes half a millisecond."""

UNION_TAGS = frozenset({"positional", "named"})
"""Labels that pydantic puts into a path for the branch of a union; they are no field."""

EXPECTED = {
    "string_type": "a string",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}
"""What was expected, by pydantic's types of errors: its own messages speak of itself or of Python."""

TYPES = (
    "string_type",
    "list_type",
    "tuple_type",
    "dict_type",
    "model_type",
    "bool_type",
    "int_type",
    "float_type",
)
"""Errors that another kind of value would not have: the message says of which kind it is, never the value itself."""

ENUM_MEMBER = re.compile(r"<[\w.]+: ('[^']*')>")
"""How Python writes a member of an enum; callers know its value alone."""


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Each wrong place in the parameters of this model, with what is wrong there."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    return [
        Problem(json_path(item["loc"]), _message(item, names if place < MAX_HINTS else []))
        for place, item in enumerate(error.errors(include_url=False)[:MAX_PROBLEMS])
    ]


def _message(item: ErrorDetails, known: list[str]) -> str:
    """What is wrong with one value, in words for callers."""
    context: dict[str, Any] = item.get("ctx", {})
    match item["type"]:
        case "extra_forbidden":
            return "there is no such parameter" + did_you_mean(str(item["loc"][-1]), known)
        case "literal_error" | "enum":
            return "expected " + ENUM_MEMBER.sub(r"\1", str(context["expected"]))
        case "missing":
            return "is required"
        case "too_short":
            return f"expected at least {counted(context['min_length'], 'item')}, found {len(item['input'])}"
        case "too_long":
            return f"expected at most {counted(context['max_length'], 'item')}, found {len(item['input'])}"
        case "string_too_short":
            return f"expected at least {counted(context['min_length'], 'character')}"
        case "string_too_long":
            most = counted(context["max_length"], "character")
            return f"expected at most {most}, found {len(item['input'])}"
        case kind if kind in EXPECTED:
            found = f", found {json_kind(item['input'])}" if kind in TYPES else ""
            return f"expected {EXPECTED[kind].format(**context)}{found}"
        case _:
            return item["msg"].removeprefix("Value error, ")


def json_path(location: Iterable[str | int]) -> str:
    """A pydantic location as a path in the caller's JSON, such as `recipients[3].params[1]`; empty for the whole."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in UNION_TAGS:
            path += f".{part}" if path else part
    return path
