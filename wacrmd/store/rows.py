"""Reads rows as records, and writes new ones: each column is named once.

The columns of a SELECT come from the fields of a dataclass, those of an INSERT from the names of its values. A record within
a record is JSON, of its own field names.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from wacrmd.clock import Millis
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.store.database import Tx

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")

_HOLD = ("hold_reason", "hold_detail", "hold_since")


def insert_row(tx: Tx, table: str, **values: object) -> int:
    """Write a row with these values, by column; returns its row id."""
    places = ", ".join("?" * len(values))
    cursor = tx.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values())
    )
    return int(cursor.lastrowid or 0)


def json_of(value: "DataclassInstance | tuple[object, ...] | None") -> str | None:
    """A record, or several, for a column that `RowMapper` reads; None for none."""
    return None if value is None else json.dumps(value, default=asdict)


def column_of(value: Any) -> Any:
    """A value of a field for its column: a record, or several, as JSON."""
    is_record = is_dataclass(value) and not isinstance(value, type)
    return json_of(value) if is_record or isinstance(value, tuple) else value


def read_record(kind: type[R], text: str) -> R:
    """The record that `json_of` wrote."""
    found: R = _typed(kind, json.loads(text))
    return found


def read_records(kind: type[R], text: str) -> tuple[R, ...]:
    """The records that `json_of` wrote."""
    return tuple(_typed(kind, each) for each in json.loads(text))


def hold_of(reason: str | None, detail: str | None, since: Millis | None) -> Hold | None:
    """The hold in three columns of a row."""
    return Hold(reason=HoldReason(reason), detail=detail or "", since=since or 0) if reason else None


class RowMapper(Generic[R]):
    """Reads one kind of record: each field from the column of its name, a list from JSON, a `Hold` from three columns.

    `expressions` give the SQL of fields that are no such column, `table` the alias of the table with the other columns.
    Fields with `init=False` are not read.
    """

    def __init__(
        self, record: type[R], expressions: Mapping[str, str] | None = None, *, table: str | None = None
    ) -> None:
        hints = get_type_hints(record)
        self._make = record
        read = [each for each in fields(record) if each.init]
        self._fields = [each.name for each in read]
        self._by_position = not any(each.kw_only for each in read)  # half the time of a call by names
        self._convert: list[tuple[int, Callable[[Any], Any]]] = []
        self._hold_at: int | None = None
        prefix = f"{table}." if table else ""
        columns: list[str] = []
        for each in read:
            kind = _without_none(hints[each.name])
            names: Sequence[str] = (each.name,)
            if kind is Hold:
                self._hold_at, names = len(columns), _HOLD
            elif (convert := _converter(kind)) is not None:
                self._convert.append((len(columns), convert))
            columns += [(expressions or {}).get(name, prefix + name) for name in names]
        self.columns = ", ".join(columns)
        """What to select, in the order in which `record` takes it."""

    def record(self, row: Sequence[Any]) -> R:
        """The record of a row of these columns."""
        values = list(row)
        for at, convert in self._convert:
            if values[at] is not None:
                values[at] = convert(values[at])
        if (at_hold := self._hold_at) is not None:
            end = at_hold + len(_HOLD)
            values[at_hold:end] = [hold_of(*values[at_hold:end])]
        if self._by_position:
            return self._make(*values)
        return self._make(**dict(zip(self._fields, values, strict=True)))


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return kinds[0] if len(kinds) == 1 else hint
    return hint


def _converter(kind: Any) -> Callable[[Any], Any] | None:
    """The function from a column's value to a value of this type; None if they are the same."""
    if get_origin(kind) is list:
        item: Any = get_args(kind)[0]
        return partial(_records, item) if is_dataclass(item) else json.loads
    if isinstance(kind, type) and is_dataclass(kind):
        return partial(read_record, kind)
    if get_origin(kind) is tuple:
        return lambda text: _typed(kind, json.loads(text))
    if kind is bool or (isinstance(kind, type) and issubclass(kind, Enum)):
        converter: Callable[[Any], Any] = kind
        return converter
    return None


def _typed(kind: Any, value: Any) -> Any:
    """A value of JSON as a value of this type."""
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _typed(hints[name], part) for name, part in value.items()})
    if get_origin(kind) is tuple:
        return tuple(_typed(get_args(kind)[0], each) for each in value)
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return {name: _without_none(hint) for name, hint in get_type_hints(kind).items()}


def _records(record: Any, text: str) -> list[Any]:
    return [record(**each) for each in json.loads(text)]
