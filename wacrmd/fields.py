"""Markers for the fields of what callers see: what a field means, its name in JSON, and times.

They are read by pydantic (`wacrmd.views.json`, `wacrmd.operations`) and need none of it to be declared.
"""

from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, get_args

from wacrmd.clock import Millis, iso

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


JsonObject = dict[str, Any]
"""A JSON object whose fields are not declared here: Meta's payloads, JSON schemas, answers that a command reads."""


@dataclass(frozen=True, slots=True)
class Doc:
    """What a field means, in Markdown: `name: Annotated[str, Doc("a label")]`. Goes into every schema."""

    text: str

    def __get_pydantic_json_schema__(
        self, schema: "CoreSchema", handler: Callable[["CoreSchema"], JsonObject]
    ) -> JsonObject:
        """The field's JSON schema with this description (called by pydantic)."""
        return {**handler(schema), "description": self.text}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a text looks like, for readers of its JSON schema: a format, a pattern, its longest length."""

    format: str | None = None
    pattern: str | None = None
    max_length: int | None = None

    def __get_pydantic_json_schema__(
        self, schema: "CoreSchema", handler: Callable[["CoreSchema"], JsonObject]
    ) -> JsonObject:
        """The schema with what is known of the text; in an optional field, that of the text (called by pydantic)."""
        said = {"format": self.format, "pattern": self.pattern, "maxLength": self.max_length}
        return handler(schema) | {key: value for key, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class IsoTime:
    """Milliseconds since the epoch that JSON shows as ISO-8601 UTC, such as `2026-11-23T12:00:00.000Z`."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> "CoreSchema":
        """An integer that is written as text (called by pydantic)."""
        from pydantic_core import core_schema  # noqa: PLC0415 - not needed to declare a field

        written = core_schema.plain_serializer_function_ser_schema(
            iso, return_schema=core_schema.str_schema(), when_used="json"
        )
        return core_schema.int_schema(serialization=written)

    def __get_pydantic_json_schema__(self, _schema: "CoreSchema", _handler: object) -> JsonObject:
        """A time for readers of the schema (called by pydantic)."""
        return {"type": "string", "format": "date-time"}


Time = Annotated[Millis, IsoTime()]
"""A time: an integer inside the program, ISO-8601 in JSON."""

Uuid = Annotated[str, Shape("uuid")]
Url = Annotated[str, Shape("uri", max_length=2048)]
Phone = Annotated[str, Shape(pattern=r"^\+[1-9][0-9]{6,14}$")]
"""A number in E.164 form."""
WrittenTime = Annotated[str, Shape("date-time")]
"""A time that is stored as it is shown."""


def json_name(name: str) -> dict[str, str]:
    """The metadata of a field that JSON calls by another name: `field(metadata=json_name("from"))`."""
    return {"serialization_alias": name}


def name_in_json(each: Field[Any]) -> str:
    """What JSON calls a field."""
    name: str = each.metadata.get("serialization_alias", each.name)
    return name


def is_time(hint: object) -> bool:
    """Whether a type hint, read with its extras, is a `Time`, also an optional or annotated one."""
    return hint == Time or any(is_time(part) for part in get_args(hint))


def shared(base: type, source: object) -> dict[str, Any]:
    """The fields of the dataclass `base` with their values in `source`, which inherits it as well.

    For making one dataclass from another: `BroadcastView(**shared(BroadcastFacts, broadcast), hold=hold)`.
    """
    names, values = _getter(base)
    return dict(zip(names, values(source), strict=True))


@cache
def _getter(base: type) -> tuple[tuple[str, ...], Callable[[object], tuple[Any, ...]]]:
    names = tuple(field.name for field in fields(base))
    values = attrgetter(*names)
    return names, values if len(names) > 1 else lambda source: (values(source),)
