"""Tables: on a terminal fitted to its width by what they hold, elsewhere plain text with every column."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from wacrmd.cli.folding import folded, width
from wacrmd.cli.output import Kind, clean, details, hint, on_terminal, say, shown
from wacrmd.fields import JsonObject

GAP = "  "
INDENT = "    "
"""Before a text below its row."""
MIN_TEXT_WIDTH = 16
NARROW_TEXT_WIDTH = 10
"""To how many columns a text is folded before another column has to go; the second where that is still too wide."""

STYLES = {
    "sent": "green",
    "active": "green",
    "ok": "green",
    "sending": "cyan",
    "scheduled": "cyan",
    "paused": "yellow",
    "uncertain": "yellow",
    "failed": "red",
    "revoked": "red",
    "expired": "red",
    "denied": "red",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, and the field of a row that it shows."""

    title: str
    field: str
    kind: Kind = Kind.TEXT
    optional: int = False
    """Whether it goes where the terminal is too narrow, the highest first. Zero counts as nothing to show."""
    work: bool = False
    """Whether a person must act on what it shows. It never goes, unless it holds nothing."""

    def holds(self, value: Any) -> bool:
        """Whether there is something to show."""
        return bool(value) or not (self.optional or self.work or value is None or value in ("", []))


def table(rows: Sequence[JsonObject], columns: Sequence[Column], *, empty: str) -> None:
    """Print rows below their titles, fitted to the terminal; without rows, print `empty` to stderr."""
    columns = [replace(one, title=clean(one.title)) for one in columns]  # one may be of somebody's file
    if not rows:
        hint(empty)
    elif on_terminal():
        _fitted(rows, [one for one in columns if any(one.holds(row[one.field]) for row in rows)])
    else:
        _plain(rows, columns)


def _plain(rows: Sequence[JsonObject], columns: Sequence[Column]) -> None:
    lines = [[one.title for one in columns]]
    lines += [[shown(row[one.field], one.kind, terminal=False) for one in columns] for row in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        click.echo(_line(line, widths, columns, len))


def _fitted(rows: Sequence[JsonObject], columns: Sequence[Column]) -> None:
    room = shutil.get_terminal_size().columns
    cells = {one: [shown(row[one.field], one.kind, terminal=True) for row in rows] for one in columns}
    natural = {one: max(width(one.title), *map(width, cells[one])) for one in columns}
    below: list[Column] = []
    if _total(natural.values()) > room:
        below = [one for one in columns if one.kind is Kind.PROSE]
    inline = _kept([one for one in columns if one not in below], natural, room)
    if inline is None:
        for at, row in enumerate(rows):
            say("") if at else None
            details((one.title.lower(), cells[one][at]) for one in columns if one.holds(row[one.field]))
        return
    widths = _widths(inline, natural, room)
    _print([one.title for one in inline], widths, inline, bold=True)
    for at, row in enumerate(rows):
        _print([cells[one][at] for one in inline], widths, inline)
        for one in below:
            if one.holds(row[one.field]):
                name = f"{one.title.lower()}: " if len(below) > 1 else ""
                for line in folded(name + cells[one][at], max(NARROW_TEXT_WIDTH, room - len(INDENT))):
                    click.echo(INDENT + line)


def _total(widths: Iterable[int]) -> int:
    listed = list(widths)
    return sum(listed) + len(GAP) * (len(listed) - 1)


def _narrowest(column: Column, natural: int, text_width: int) -> int:
    return max(width(column.title), min(natural, text_width)) if column.kind is Kind.TEXT else natural


def _kept(columns: Sequence[Column], natural: dict[Column, int], room: int) -> list[Column] | None:
    """The columns that fit with their texts folded; None if even those that must stay do not."""
    kept = list(columns)
    for text_width in (MIN_TEXT_WIDTH, NARROW_TEXT_WIDTH):
        while _total(_narrowest(one, natural[one], text_width) for one in kept) > room:
            optional = [one for one in reversed(kept) if one.optional and not one.work]
            if not optional:
                break
            kept.remove(max(optional, key=lambda one: one.optional))
        else:
            return kept
    return None


def _widths(columns: Sequence[Column], natural: dict[Column, int], room: int) -> list[int]:
    """The width of each column: the widest texts are folded until all fit."""
    widths = [natural[one] for one in columns]
    texts = [at for at, one in enumerate(columns) if one.kind is Kind.TEXT]
    while _total(widths) > room:
        folds = [at for at in texts if widths[at] > max(width(columns[at].title), NARROW_TEXT_WIDTH)]
        widths[max(folds, key=lambda at: widths[at])] -= 1
    return widths


def _print(
    cells: Sequence[str], widths: Sequence[int], columns: Sequence[Column], *, bold: bool = False
) -> None:
    lines_of = [list(folded(cell, room)) for cell, room in zip(cells, widths, strict=True)]
    for at in range(max(map(len, lines_of))):
        line = [lines[at] if at < len(lines) else "" for lines in lines_of]
        click.echo(_line(line, widths, columns, width, bold=bold, styled=True))


def _line(
    cells: Sequence[str],
    widths: Sequence[int],
    columns: Sequence[Column],
    measure: Callable[[str], int],
    *,
    bold: bool = False,
    styled: bool = False,
) -> str:
    padded = []
    for cell, room, column in zip(cells, widths, columns, strict=True):
        space = " " * (room - measure(cell))
        text = cell
        if styled and bold:
            text = click.style(cell, bold=True)
        elif styled and column.kind is Kind.STATE and cell in STYLES:
            text = click.style(cell, fg=STYLES[cell])
        padded.append(space + text if column.kind is Kind.NUMBER else text + space)
    return GAP.join(padded).rstrip()
