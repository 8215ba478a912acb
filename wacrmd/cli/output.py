"""What a person or a script reads: tables, details, times, JSON; plain text where stdout is no terminal."""

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import click

from wacrmd.cli.frame import Session

# Control characters and text-direction overrides: texts come from strangers, and a terminal obeys them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_SHORT_ID = 8
_NOTHING = "-"
_FOLDED = 16

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}

_STYLES = {
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
    "cancelled": "dim",
}

_UNITS = (("day", 86400), ("h", 3600), ("min", 60))


class Kind(Enum):
    """How a column's values are shown on a terminal; plain text has them as they are."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    MOMENT = "moment"
    STATE = "state"
    ID = "id"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, and the field of a row that it shows."""

    title: str
    field: str
    kind: Kind = Kind.TEXT
    spare: bool = False
    """Left out first where the terminal is too narrow for all."""


def emit(session: Session, result: Any, render: Callable[[Any], None]) -> None:
    """Print a method's result: as JSON if that was asked for, else as `render` does."""
    if not session.json:
        render(result)
        return
    import orjson  # noqa: PLC0415 - the help needs none

    click.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2 if on_terminal() else 0))


def items(results: Iterable[Any]) -> None:
    """Print the items of a stream, each as one line of JSON, as they come."""
    import orjson  # noqa: PLC0415 - the help needs none

    for result in results:
        click.echo(orjson.dumps(result))


def say(sentence: str) -> None:
    """Print one sentence about what was done."""
    paragraph("", clean(sentence), 0)


def hint(sentence: str) -> None:
    """Print a remark beside the result: to stderr, so that no script reads it as a part of the result."""
    click.echo(clean(sentence), err=True)


def on_terminal() -> bool:
    """Whether a person watches stdout."""
    return sys.stdout.isatty()


def clean(text: str) -> str:
    """The text without what a terminal would obey."""
    return _UNSAFE.sub("\ufffd", text)


def shown(value: Any, kind: Kind = Kind.TEXT, *, terminal: bool | None = None) -> str:
    """A value as text; times are relative and ids short on a terminal."""
    terminal = on_terminal() if terminal is None else terminal
    if value is None or value in ("", []):
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(shown(one, terminal=terminal) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {shown(one, terminal=terminal)}" for name, one in value.items())
    text = clean(str(value))
    if terminal and kind is Kind.TIME:
        return relative(text)
    if terminal and kind is Kind.MOMENT:
        return local(text)
    return text[:_SHORT_ID] if terminal and kind is Kind.ID else text


def relative(iso: str, now: datetime | None = None) -> str:
    """An ISO time as people say it: `3 min ago`, `in 2 days`; the day itself when it is over a month away."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    away = abs(seconds)
    if away > 30 * 86400:
        return moment.astimezone().strftime("%Y-%m-%d")
    for unit, length in _UNITS:
        if away >= length:
            count = int(away // length) if seconds > 0 else round(away / length)
            words = f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now" if seconds >= 0 else "in a moment"


def local(iso: str) -> str:
    """An ISO time as the local time of this machine, to the second."""
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return iso


def span(seconds: float) -> str:
    """A length of time as people say it: `8 s`, `3 min`, `1 h 20 min`, `2 days`."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{max(1, whole)} s"
    minutes = round(seconds / 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def table(rows: Sequence[dict[str, Any]], columns: Sequence[Column], *, empty: str) -> None:
    """Print rows below their titles, fitted to the terminal; `empty` (to stderr) where there are none."""
    if not rows:
        hint(empty)
        return
    terminal = on_terminal()
    if terminal:
        # A column that is empty for all tells nothing, and a person's terminal has no room to lose.
        columns = [one for one in columns if any(_tells(row.get(one.field), one) for row in rows)]
        room = shutil.get_terminal_size().columns
        while sum(_narrowest(one, rows) + 2 for one in columns) > room and any(one.spare for one in columns):
            drop = next(one for one in reversed(columns) if one.spare)
            columns = [one for one in columns if one is not drop]
    cells = [[shown(row.get(one.field), one.kind, terminal=terminal) for one in columns] for row in rows]
    if terminal:
        _rich_table(cells, columns)
        return
    titles = [one.title for one in columns]
    widths = [max(len(row[at]) for row in [titles, *cells]) for at in range(len(columns))]
    for row in [titles, *cells]:
        padded = (
            cell.rjust(width) if column.kind is Kind.NUMBER else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _tells(value: Any, column: Column) -> bool:
    """Whether a cell is worth a column: nothing never is, and a zero is not where the column is a spare one."""
    return bool(value) or (not column.spare and value is not None and value not in ("", []))


def _narrowest(column: Column, rows: Sequence[dict[str, Any]]) -> int:
    """How narrow a column can be made without hiding anything; texts can be folded to some words."""
    widest = max(len(shown(row.get(column.field), column.kind, terminal=True)) for row in rows)
    folded = min(widest, _FOLDED) if column.kind is Kind.TEXT else widest
    return max(len(column.title), folded)


def details(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values below each other; ISO times are relative on a terminal."""
    listed = [(name, _detail(value)) for name, value in pairs]
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        paragraph(click.style(f"{name:<{width}}", dim=True) + "  ", value, width + 2)


def findings(checks: Iterable[dict[str, Any]]) -> None:
    """Print checks one a line, with what to do below those that are not good."""
    listed = list(checks)
    width = max((len(str(one["check"])) for one in listed), default=0)
    for one in listed:
        word, colour = _MARKS.get(str(one["state"]), (str(one["state"]), ""))
        mark = click.style(word, fg=colour or None, bold=word == "FAIL")
        paragraph(f"{mark}  {clean(str(one['check'])):<{width}}  ", clean(str(one["detail"])), width + 8)
        if one["state"] != "ok" and one.get("advice"):
            paragraph(" " * (width + 8), f"→ {clean(str(one['advice']))}", width + 8)


def holds(held: Iterable[dict[str, Any]]) -> None:
    """Print what is held up, one below the other: which thing, why, and since when."""
    for one in held:
        name = one["id"][:_SHORT_ID] if one["what"] == "broadcast" else one["id"]
        label = f" {clean(one['name'])}" if one.get("name") else ""
        since = ""
        if one.get("since"):
            since = f" ({relative(one['since']) if on_terminal() else 'since ' + one['since']})"
        head = f"{click.style('held', fg='yellow')}  {one['what']} {name}{label}"
        if on_terminal():
            click.echo(head)
            paragraph("      ", f"{clean(one['detail'])}{since}", 6)
        else:
            click.echo(f"{head}: {clean(one['detail'])}{since}")


def held_of(rows: Iterable[dict[str, Any]], what: str, name: str) -> list[dict[str, Any]]:
    """Those of the rows that something holds up, as `holds` shows them; `name` is the field with a label."""
    return [
        {"what": what, "id": row["id"], "name": row.get(name), **row["hold"]}
        for row in rows
        if row.get("hold")
    ]


def paragraph(head: str, text: str, indent: int) -> None:
    """Print `head` and a text that is folded at the terminal's width, each line `indent` columns in."""
    if not on_terminal():
        click.echo(head + text)
        return
    room = max(30, shutil.get_terminal_size().columns - indent - 1)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    click.echo(head + lines[0])
    for line in lines[1:]:
        click.echo(" " * indent + line)


def tree(result: dict[str, Any]) -> None:
    """Print a nested result: plain values, then each part below its name, lists of objects as tables."""
    _branch(result, "")


def _branch(result: dict[str, Any], path: str) -> None:
    leaves = {name: value for name, value in result.items() if not _is_branch(value)}
    if leaves:
        if path:
            click.echo(click.style(path, bold=True))
        details((_words(name), value) for name, value in leaves.items())
    for name, value in result.items():
        inner = f"{path}: {_words(name)}" if path else _words(name)
        if isinstance(value, dict) and value:
            click.echo()
            _branch(value, inner)
        elif _is_branch(value):
            click.echo()
            click.echo(click.style(inner, bold=True))
            table(value, [_guessed(field, value) for field in value[0]], empty="")


def _is_branch(value: Any) -> bool:
    return bool(value) and (
        isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict))
    )


def _guessed(field: str, rows: list[dict[str, Any]]) -> Column:
    values = [row.get(field) for row in rows if row.get(field) is not None]
    kind = Kind.TEXT
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        kind = Kind.NUMBER
    elif values and all(_ISO.fullmatch(str(value)) for value in values):
        kind = Kind.TIME
    elif field in ("status", "state"):
        kind = Kind.STATE
    return Column(_words(field).upper(), field, kind)


def _detail(value: Any) -> str:
    is_time = isinstance(value, str) and _ISO.fullmatch(value)
    text = shown(value)
    return f"{text} ({relative(value)})" if is_time and on_terminal() else text


def _words(name: str) -> str:
    return clean(name).replace("_", " ")


def _rich_table(cells: list[list[str]], columns: Sequence[Column]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a third of a command's time, and scripts need none
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(
            column.title,
            justify="right" if column.kind is Kind.NUMBER else "left",
            no_wrap=column.kind is not Kind.TEXT,
            overflow="fold",
        )
    for row in cells:
        styled = (
            Text(cell, style=_STYLES.get(cell, "") if column.kind is Kind.STATE else "")
            for cell, column in zip(row, columns, strict=True)
        )
        drawn.add_row(*styled)
    Console().print(drawn)
