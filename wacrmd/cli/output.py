"""What a person or a script reads: details, times, sizes, JSON; plain text if stdout is no terminal."""

import re
import shutil
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import click

from wacrmd import plain_text
from wacrmd.cli.folding import folded
from wacrmd.cli.frame import Session
from wacrmd.domain.number import number_name
from wacrmd.fields import JsonObject

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
SHORT_ID = 8
MIN_ROOM = 30
"""On a narrower terminal a text is rather broken by that than read in slices."""
_NOTHING = "-"

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}

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
    PROSE = "prose"
    """A text that stands below its row where it does not fit beside it."""


def emit(session: Session, result: Any, render: Callable[[Any], None]) -> None:
    """Print a method's result: as JSON with `--json`, else as `render` prints it."""
    if not session.json:
        render(result)
        return
    click.echo(as_json(result, indent=on_terminal()))


def emit_items(results: Iterable[Any]) -> None:
    """Print the items of a stream as they come, each as one line of JSON."""
    for result in results:
        click.echo(as_json(result))


def as_json(value: Any, *, indent: bool = False) -> str:
    """A value as JSON; on a terminal without characters that control it, which are escaped there."""
    import orjson  # noqa: PLC0415 - the help needs none

    document = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode()
    return plain_text.in_json(document) if on_terminal() else document


def write_pieces(pieces: Iterable[str], *, json: bool = False) -> None:
    """Write the pieces of an export to stdout as they are, line ends included; on a terminal without what controls it."""
    terminal, out = on_terminal(), sys.stdout.buffer
    for piece in pieces:
        if terminal:
            piece = plain_text.in_json(piece) if json else plain_text.in_lines(piece)  # noqa: PLW2901 - as shown
        out.write(piece.encode())
    out.flush()


def say(sentence: str) -> None:
    """Print one sentence about what was done."""
    paragraph("", clean(sentence), 0)


def hint(sentence: str) -> None:
    """Print a remark to stderr, so that no script takes it for a part of the result."""
    text = clean(sentence)
    for line in folded(text, _room(0), whole=True) if sys.stderr.isatty() else [text]:
        click.echo(line, err=True)


def on_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def clean(text: str) -> str:
    """The text without characters that control a terminal."""
    return plain_text.on_a_line(text)


def shown(value: Any, kind: Kind = Kind.TEXT, *, terminal: bool | None = None) -> str:
    """A value as text; times are relative and ids short on a terminal."""
    terminal = on_terminal() if terminal is None else terminal
    if value is None or value in ("", [], {}):
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(shown(one, terminal=terminal) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{clean(name)}: {shown(one, terminal=terminal)}" for name, one in value.items())
    text = clean(str(value))
    if terminal and kind is Kind.TIME:
        return relative(text)
    if terminal and kind is Kind.MOMENT:
        return local(text)
    return text[:SHORT_ID] if terminal and kind is Kind.ID else text


def relative(iso: str, now: datetime | None = None) -> str:
    """An ISO time as people say it: `3 min ago`, `in 2 days`; the date if it is more than 30 days away."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    away = abs(seconds)
    if away > 30 * 86400:
        return local(iso)[:10]
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
    except (ValueError, OverflowError):  # the last day of year 9999 ends in year 10000 elsewhere
        return iso


def span(seconds: float) -> str:
    """A duration as people say it: `8 s`, `3 min`, `1 h 20 min`, `2 days`."""
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


def people(count: int) -> str:
    """A number of people: `1 person`, `2 people`."""
    return "1 person" if count == 1 else f"{count} people"


def details(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one pair a line: `_` is a space. On a terminal, ISO times are followed by relative ones."""
    listed = [(clean(name.replace("_", " ")), _detail(value)) for name, value in pairs]
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        paragraph(click.style(f"{name:<{width}}", dim=True) + "  ", value, width + 2)


def findings(checks: Iterable[JsonObject]) -> None:
    """Print checks, one a line, with advice below those that are not ok."""
    listed = list(checks)
    width = max((len(str(one["check"])) for one in listed), default=0)
    for one in listed:
        word, colour = _MARKS.get(str(one["state"]), (str(one["state"]), ""))
        mark = click.style(word, fg=colour or None, bold=word == "FAIL")
        paragraph(f"{mark}  {clean(str(one['check'])):<{width}}  ", clean(str(one["detail"])), width + 8)
        if one["state"] != "ok" and one["advice"]:
            paragraph(" " * (width + 8), f"→ {clean(str(one['advice']))}", width + 8)


def holds(held: Iterable[JsonObject]) -> None:
    """Print the broadcasts and numbers that do not move: which one, why, and since when."""
    for one in held:
        if one["what"] == "number":
            name = number_name(one["id"], one["display_phone"], one["name"])
        else:
            name = " ".join([one["id"][:SHORT_ID], one["name"] or ""]).rstrip()
        since = f" ({relative(one['since']) if on_terminal() else 'since ' + one['since']})"
        word, thing = click.style("held", fg="yellow") + "  ", f"{one['what']} {clean(name)}"
        if on_terminal():
            paragraph(word, thing, 6)
            paragraph("      ", f"{clean(one['detail'])}{since}", 6)
        else:
            click.echo(f"{word}{thing}: {clean(one['detail'])}{since}")


def held_of(rows: Iterable[JsonObject], what: str, name: str) -> list[JsonObject]:
    """The rows with a hold, in the form that `holds` prints; `name` is the field with the label."""
    return [
        {
            "what": what,
            "id": row["id"],
            "name": row[name],
            "display_phone": row.get("display_phone"),
            **row["hold"],
        }
        for row in rows
        if row["hold"]
    ]


def paragraph(head: str, text: str, indent: int) -> None:
    """Print `head` and a text, folded at the terminal's width, with further lines indented by `indent` columns."""
    if not on_terminal():
        click.echo(head + text)
        return
    for at, line in enumerate(folded(text, _room(indent), whole=True)):
        click.echo((" " * indent if at else head) + line)


def _room(indent: int) -> int:
    """How wide a text may be after an indent."""
    return max(MIN_ROOM, shutil.get_terminal_size().columns - indent - 1)


def _detail(value: Any) -> str:
    is_time = isinstance(value, str) and _ISO.fullmatch(value)
    text = shown(value)
    return f"{text} ({relative(value)})" if is_time and on_terminal() else text
