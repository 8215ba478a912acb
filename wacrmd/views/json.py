"""Views as JSON: the same bytes over HTTP, over the admin socket and in outbound webhooks."""

from functools import cache
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter
from pydantic_core import SchemaSerializer

from wacrmd.fields import JsonObject

T = TypeVar("T")


def to_json(value: object, shown_as: Any = None) -> bytes:
    """`value` as JSON, in the fields of its own type, or of `shown_as`: a type that it inherits, or a list of it."""
    kind: Any = type(value) if shown_as is None else shown_as
    return serializer(kind).to_json(value, by_alias=True)


def fragment(value: object, shown_as: Any = None) -> orjson.Fragment:
    """`value` as `to_json` writes it, as a part of something that orjson writes."""
    return orjson.Fragment(to_json(value, shown_as))


def as_object(view: object) -> JsonObject:
    """A view as the object that a reader of its JSON gets."""
    found: JsonObject = orjson.loads(to_json(view))
    return found


def from_json(kind: type[T], raw: str | bytes) -> T:
    """The view that `to_json` wrote; only for those whose fields JSON calls by their own names and without times."""
    wanted: Any = kind
    value: T = adapter(wanted).validate_json(raw)
    return value


@cache
def serializer(kind: Any) -> SchemaSerializer:
    """What writes one type; made once, for that takes milliseconds."""
    found = adapter(kind).serializer
    assert isinstance(found, SchemaSerializer)  # noqa: S101 - the type of pydantic's attribute is wider
    return found


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Pydantic's view of a type; made once."""
    return TypeAdapter(kind)
