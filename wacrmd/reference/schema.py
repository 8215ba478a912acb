"""Types in Markdown: what their JSON schemas say, in tables and in a few words."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter

from wacrmd.fields import JsonObject
from wacrmd.views.json import adapter

W = TypeVar("W")

PLURAL = {"string": "strings", "object": "objects", "string or integer": "strings or integers"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field, those of objects within objects included: `recipients[].to`."""

    name: str
    schema: JsonObject
    required: bool
    kind: str
    """Its type in a few words."""

    @property
    def meaning(self) -> str:
        """What it means."""
        return str(self.schema.get("description", ""))

    @property
    def default(self) -> str:
        """`required`, the default, or nothing."""
        if self.required:
            return "required"
        value = self.schema.get("default")
        return (
            ""
            if value in (None, "", [], ())
            else f"`{str(value).lower() if value in (True, False) else value}`"
        )


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects that have a table of their own, and where: a link to each, by its type."""

    links: Mapping[type, str]

    def link(self, kind: Any) -> str:
        """The type with a link to its table, or in words."""
        return " or ".join(self._link(each) for each in alternatives(kind))

    def _link(self, kind: Any) -> str:
        return f"[`{kind.__name__}`]({self.links[kind]})" if kind in self.links else words(kind)

    def answer_fields(self, kind: Any) -> list[Field]:
        """The fields of an answer. Those of objects within it follow, unless they have a table of their own."""
        schema = adapter(kind).json_schema(mode="serialization", by_alias=True)
        return list(_fields(schema, schema.get("$defs", {}), self, answer=True))

    def section(self, kind: type) -> Iterator[str]:
        """The heading, the meaning and the table of an object. Fields of one that it extends are not repeated."""
        yield f"#### `{kind.__name__}`"
        yield ""
        base = next((each for each in kind.__mro__[1:] if each in self.links), None)
        inherited = set() if base is None else {field.name for field in self.answer_fields(base)}
        table = list(self.fields_table(kind, inherited))
        extends = "" if base is None else f" All of {self.link(base)}{', and:' if table else '.'}"
        yield f"{kind.__doc__}{extends}"
        yield ""
        yield from table

    def fields_table(self, kind: type, leave_out: Collection[str] = ()) -> Iterator[str]:
        """The fields of an object in a table; nothing where all of them are left out."""
        fields = [field for field in self.answer_fields(kind) if field.name not in leave_out]
        if fields:
            cells = ((f"`{field.name}`", field.kind, field.meaning) for field in fields)
            yield from rows(("field", "type", "meaning"), cells)


def alternatives(kind: Any) -> tuple[Any, ...]:
    """The types of a union, or the one type; none for None."""
    if isinstance(kind, UnionType):
        return get_args(kind)
    return () if kind is None else (kind,)


def first_shown(answers: Iterable[tuple[W, Any]]) -> dict[type, W]:
    """The objects that are answered, each with the place where it is answered first: its table stands there."""
    first: dict[type, W] = {}
    for place, answer in answers:
        for kind in alternatives(answer):
            if kind is not str:
                first.setdefault(kind, place)
    return first


def parameters(model: Any, leave_out: Collection[str] = ()) -> list[Field]:
    """The fields of a request."""
    schema = TypeAdapter(model).json_schema(mode="validation", by_alias=True)
    found = _fields(schema, schema.get("$defs", {}), Objects({}), answer=False)
    return [field for field in found if field.name not in leave_out]


def rows(titles: tuple[str, ...], cells: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table."""
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in cells:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def words(kind: Any) -> str:
    """A type in a few words."""
    schema = adapter(kind).json_schema(mode="serialization", by_alias=True)
    return _words(schema, schema.get("$defs", {}), Objects({}), answer=True)


def _fields(
    schema: JsonObject, definitions: JsonObject, objects: Objects, *, answer: bool, prefix: str = ""
) -> Iterator[Field]:
    schema = _resolved(schema, definitions)
    required = () if answer else schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        yield Field(prefix + name, one, name in required, _words(one, definitions, objects, answer=answer))
        inner, many = _object_in(one, definitions, objects)
        if inner is not None:
            within = f"{prefix}{name}{'[]' if many else ''}."
            yield from _fields(inner, definitions, objects, answer=answer, prefix=within)


def _object_in(
    schema: JsonObject, definitions: JsonObject, objects: Objects
) -> tuple[JsonObject | None, bool]:
    """The object in a field, if there is one without a table of its own, and whether there are many of them."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    if len(kinds) != 1:
        return None, False
    many = kinds[0].get("type") == "array"
    kind = kinds[0].get("items", {}) if many else kinds[0]
    if _linked(kind, objects) is not None:
        return None, many
    found = _resolved(kind, definitions)
    return (found if "properties" in found else None), many


def _linked(schema: JsonObject, objects: Objects) -> str | None:
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return next((objects.link(kind) for kind in objects.links if kind.__name__ == name), None)


def _resolved(schema: JsonObject, definitions: JsonObject) -> JsonObject:
    return definitions[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def _words(schema: JsonObject, definitions: JsonObject, objects: Objects, *, answer: bool) -> str:
    if (link := _linked(schema, objects)) is not None:
        return link
    schema = _resolved(schema, definitions)
    if "const" in schema or "enum" in schema:
        return _either([_value(each) for each in schema.get("enum", [schema.get("const")])])
    if "anyOf" in schema or "oneOf" in schema:
        kinds = schema.get("anyOf") or schema["oneOf"]
        shown = [
            each for each in kinds if answer or each.get("type") != "null"
        ]  # in a request, null is left out
        return " or ".join(dict.fromkeys(_words(each, definitions, objects, answer=answer) for each in shown))
    if schema.get("writeOnly"):
        return "secret"
    if schema.get("format") == "date-time":
        return "time"
    kind = schema.get("type", "anything")
    if kind == "array":
        of = _words(schema.get("items", {}), definitions, objects, answer=answer)
        return f"list of {_range(schema, 'minItems', 'maxItems')}{PLURAL.get(of, of)}"
    if kind in ("integer", "number"):
        return f"{kind} {_range(schema, 'minimum', 'maximum')}".strip()
    if kind == "string" and "maxLength" in schema and not answer:
        return f"string, up to {schema['maxLength']} characters"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _value(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _range(schema: JsonObject, low: str, high: str) -> str:
    if high not in schema:
        return ""
    least = schema.get(low, schema.get("exclusiveMinimum"))
    most = _number(schema[high])
    return f"up to {most} " if least is None else f"{_number(least)} to {most} "


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
