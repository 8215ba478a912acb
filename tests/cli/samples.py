"""Sample results of operations, made from their declared types."""

from types import UnionType
from typing import Any, get_args

from wacrmd.operations.operation import Operation, ResultKind
from wacrmd.views.json import adapter

STRINGS = {"date-time": "2026-11-23T12:00:00.000Z"}


def sample(operation: Operation, *, filled: bool, branch: int = 0) -> Any:
    """A result as JSON: `filled` has every optional value and one item in each list, otherwise only what is required.

    `branch` chooses a type of a union; a dry run, for example, has another result.
    """
    kinds = get_args(operation.item) if isinstance(operation.item, UnionType) else (operation.item,)
    one = sample_of(kinds[branch], filled=filled)
    return one if operation.kind is ResultKind.ONE else [one] if filled else []


def sample_of(kind: Any, *, filled: bool) -> Any:
    """A value of one type as JSON."""
    schema = adapter(kind).json_schema(mode="serialization", by_alias=True)
    return _value(schema, schema.get("$defs", {}), filled=filled)


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    return schema


def _value(schema: dict[str, Any], definitions: dict[str, Any], *, filled: bool) -> Any:
    schema = _resolved(schema, definitions)
    if "anyOf" in schema:
        nullable = any(each.get("type") == "null" for each in schema["anyOf"])
        kinds = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return None if nullable and not filled else _value(kinds[0], definitions, filled=filled)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: _value(each, definitions, filled=filled) for name, each in properties.items()}
        case "array":
            items = schema.get("items", {})
            return [_value(items, definitions, filled=filled)] if filled else []
        case "string":
            return STRINGS.get(schema.get("format", ""), "text")
        case "integer" | "number":
            return 7 if filled else 0
        case "boolean":
            return filled
        case _:
            return "anything" if filled else None
