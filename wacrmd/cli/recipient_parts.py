"""The people of a CSV file in parts, each of which one call adds to a draft, and what became of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from wacrmd.cli.input_file import InputFile
from wacrmd.cli.output import Kind, people, say
from wacrmd.cli.table import Column, table
from wacrmd.domain.recipient_file import read_recipients
from wacrmd.domain.text_file import CsvError
from wacrmd.fields import JsonObject

if TYPE_CHECKING:
    from wacrmd.domain.recipient_file import RecipientFile

PART = 1000
LINES = (
    Column("LINE", "line", Kind.NUMBER),
    Column("TO", "to", Kind.KEY),
    Column("REASON", "reason", Kind.PROSE),
)
COUNTS = ("accepted", "rejected", "duplicates", "suppressed")


def read_sheet(source: InputFile, column: str | None) -> "RecipientFile":
    """The recipients in a file; raises ClickException for one that cannot be used."""
    try:
        with source.bar("Reading") as progress:
            sheet = read_recipients(source.pieces(progress), column=column)
    except CsvError as error:
        raise click.ClickException(f"{source.name}: {error}") from None
    if not sheet.rows:
        raise click.ClickException(f"{source.name} holds no recipient that can be used")
    return sheet


class AddedParts:
    """Adds up the answers to all parts."""

    def __init__(self, sheet: "RecipientFile", *, named: bool) -> None:
        self._sheet = sheet
        self._named = named
        self._at = 0
        self._answer: JsonObject = {"rejected": len(sheet.rejected)}
        self._rejections = [{"line": one.line, "to": one.to, "reason": one.reason} for one in sheet.rejected]

    def parts(self) -> Iterator[list[JsonObject]]:
        """The recipients as in the API, some at a time."""
        for at in range(0, len(self._sheet.rows), PART):
            self._at = at
            yield [self._recipient(row.to, row.params) for row in self._sheet.rows[at : at + PART]]

    def _recipient(self, to: str, params: list[str]) -> JsonObject:
        if not self._sheet.columns:
            return {"to": to}
        return {
            "to": to,
            "params": dict(zip(self._sheet.columns, params, strict=True)) if self._named else params,
        }

    def take(self, answer: JsonObject) -> None:
        """The answer to the part that was given last."""
        for name in COUNTS:
            self._answer[name] = self._answer.get(name, 0) + answer[name]
        for name in ("broadcast_id", "status", "total_recipients"):
            self._answer[name] = answer[name]
        for one in answer["rejections"]:
            line = self._sheet.rows[self._at + one["index"]].line
            self._rejections.append({"line": line, "to": one["to"], "reason": one["reason"]})

    @property
    def left_out(self) -> int:
        """How many lines were rejected."""
        return len(self._rejections)

    def as_json(self) -> JsonObject:
        """What all calls came to."""
        return self._answer | {"rejections": self._rejections}

    def tell(self) -> None:
        """The same for a person."""
        table(self._rejections, LINES, empty="")
        left = [f"{self._answer[name]} {name}" for name in COUNTS[1:] if self._answer[name]]
        say(
            f"{people(self._answer['accepted'])} added"
            + (f" ({', '.join(left)})" if left else "")
            + f": draft {self._answer['broadcast_id']} has {people(self._answer['total_recipients'])}."
        )
