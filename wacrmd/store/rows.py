"""Rows as records: the columns of a SELECT and the record of a row, both from the fields of a dataclass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_type_hints

from wacrmd.clock import Millis
from wacrmd.domain.hold import Hold, HoldReason

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")

_HOLD = ("hold_reason", "hold_detail", "hold_since")


def hold_of(reason: str | None, detail: str | None, since: Millis | None) -> Hold | None:
    """The hold in three columns of a row."""
    return Hold(reason=HoldReason(reason), detail=detail or "", since=since or 0) if reason else None


class RowMapper(Generic[R]):
    """Reads one kind of record: each field stands in the column of its name, a `Hold` in three columns.

    `expressions` name the SQL of those fields that stand elsewhere.
    """

    def __init__(self, record: type[R], expressions: Mapping[str, str] | None = None) -> None:
        hints = get_type_hints(record)
        self._make = record
        self._names: list[str] = []
        self._convert: list[tuple[str, Callable[[Any], Any]]] = []
        self._has_hold = False
        columns: list[str] = []
        for each in fields(record):
            kinds = [hints[each.name], *get_args(hints[each.name])]
            if Hold in kinds:
                self._has_hold = True
                names: Sequence[str] = _HOLD
            else:
                names = (each.name,)
            enum = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)), None)
            if enum is not None:
                self._convert.append((each.name, enum))
            elif bool in kinds:
                self._convert.append((each.name, bool))
            self._names += names
            columns += [(expressions or {}).get(name, name) for name in names]
        self.columns = ", ".join(columns)
        """What to select, in the order in which `record` takes it."""

    def record(self, row: Sequence[Any]) -> R:
        """The record of a row of these columns."""
        values = dict(zip(self._names, row, strict=True))
        if self._has_hold:
            values["hold"] = hold_of(*(values.pop(name) for name in _HOLD))
        for name, convert in self._convert:
            if values[name] is not None:
                values[name] = convert(values[name])
        return self._make(**values)
