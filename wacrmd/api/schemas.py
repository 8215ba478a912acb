"""The JSON schemas of the OpenAPI document: of every body, query and answer, made by pydantic from their types."""

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import PydanticUndefined

from wacrmd.api.form import Form
from wacrmd.fields import JsonObject
from wacrmd.operations.operation import Http, Operation
from wacrmd.views.errors import ErrorBody
from wacrmd.views.json import adapter

REFERENCE = "#/components/schemas/{model}"

Names = dict[tuple[Any, JsonSchemaMode], JsonObject]
"""References to schemas by type and by whether it is read or written."""

Row = tuple[Operation, Http, Form]


def schemas_of(rows: list[Row]) -> tuple[Names, JsonObject]:
    """References to the types of all bodies, queries and answers, and their schemas by name."""
    wanted: dict[tuple[Any, JsonSchemaMode], TypeAdapter[Any]] = {}

    def want(kind: Any, mode: JsonSchemaMode) -> None:
        wanted[kind, mode] = adapter(kind)

    want(ErrorBody, "serialization")
    for operation, http, form in rows:
        for model in (form.query, form.body):
            if model is not None:
                want(model, "validation")
        for answer in (operation.http_item, *http.other.values()):
            if answer is not None:
                want(answer, "serialization")
    references, definitions = TypeAdapter.json_schemas(
        [(key, key[1], made) for key, made in wanted.items()], ref_template=REFERENCE, by_alias=True
    )
    names: Names = {key: references[key, key[1]] for key in wanted}
    schemas: JsonObject = _tidy(definitions["$defs"])
    for _, http, form in rows:
        if form.body is not None:
            body = schemas[_name(names[form.body, "validation"])]
            _drop(body, http.path_names)
            _tell_defaults(body, form.body)
        if form.query is not None:
            schemas.pop(_name(names[form.query, "validation"]), None)
    return names, schemas


def _name(reference: JsonObject) -> str:
    name: str = reference["$ref"].removeprefix(REFERENCE.format(model=""))
    return name


def _drop(schema: JsonObject, path_names: tuple[str, ...]) -> None:
    """Take out of a body's schema what stands in the path."""
    for name in path_names:
        schema["properties"].pop(name, None)
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name not in path_names]


def _tell_defaults(schema: JsonObject, body: type[BaseModel]) -> None:
    """Say in words what a field that is left out means."""
    for name, field in body.model_fields.items():
        if field.default not in (None, PydanticUndefined):
            schema["properties"][field.alias or name]["description"] += f"; default `{field.default}`"


_PYDANTICS = ("title", "default")
"""Keywords of a schema; fields may have the same names, and those are objects."""


def _tidy(schema: Any) -> Any:
    """Without the names that pydantic gives to fields, and without defaults: generators require what has one."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _tidy(part)
        for key, part in schema.items()
        if not (key in _PYDANTICS and not isinstance(part, dict))
    }


def without_null(schema: JsonObject) -> JsonObject:
    """A query parameter is left out, never null."""
    if "anyOf" not in schema:
        return schema
    kept = [part for part in schema["anyOf"] if part.get("type") != "null"]
    rest = {key: part for key, part in schema.items() if key != "anyOf" and part is not None}
    return {**kept[0], **rest} if len(kept) == 1 else {"anyOf": kept, **rest}
