"""A broadcast while it is sent: a live picture on a terminal, else a line for each change."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from wacrmd.cli.output import clean, on_terminal, relative, shown, span
from wacrmd.fields import JsonObject

if TYPE_CHECKING:
    from rich.console import Group

BAR_WIDTH = 30
MAX_REASONS = 5
LINE_INTERVAL_S = 1.0
FUNNEL = (
    ("sent", "sent_count"),
    ("delivered", "delivered_count"),
    ("read", "read_count"),
    ("replied", "replied_count"),
)
OTHER_COUNTS = (
    ("failed", "failed_count"),
    ("held by Meta", "held_count"),
    ("uncertain", "uncertain_count"),
    ("cancelled", "cancelled_count"),
)


def follow(items: Iterable[JsonObject]) -> JsonObject | None:
    """Show each item of `broadcast.watch` as it comes; returns the last one."""
    return _live(items) if on_terminal() else _lines(items)


def done_count(item: JsonObject) -> int:
    """How many recipients are not pending any more."""
    return int(item["total_recipients"]) - int(item["pending_count"])


def line(item: JsonObject) -> str:
    """One line about the broadcast: progress, rate, time left, counts, and its hold."""
    total, done = int(item["total_recipients"]), done_count(item)
    parts = [f"{item['status']}: {done}/{total} ({_percent(done, total)})"]
    if item["rate"] is not None and item["pending_count"]:
        parts.append(f"{item['rate']:g}/s")
    if item["seconds_left"]:
        parts.append(f"{span(item['seconds_left'])} left")
    parts += [f"{word} {item[field]}" for word, field in FUNNEL]
    parts += [f"{word} {item[field]}" for word, field in OTHER_COUNTS if item[field]]
    if item["hold"]:
        parts.append(f"held: {item['hold']['detail']}")
    return clean(", ".join(parts))


def failures(item: JsonObject) -> list[str]:
    """One line for each reason why recipients failed."""
    return [
        clean(f"{one['count']} x {one['code'] if one['code'] is not None else 'no code'}: {one['title']}")
        for one in item["failures"]
    ]


def billed(one: JsonObject) -> str:
    """One line about the messages that Meta counts in one way."""
    return f"{one['count']} {one['category'] or 'without a category'} ({one['type'] or 'no type'})"


def _lines(items: Iterable[JsonObject]) -> JsonObject | None:
    last, printed_at, printed = None, 0.0, ""
    for last in items:
        text = line(last)
        if text != printed and (time.monotonic() - printed_at >= LINE_INTERVAL_S or last["finished"]):
            click.echo(text)
            printed_at, printed = time.monotonic(), text
    if last is not None:
        if line(last) != printed:
            click.echo(line(last))
        for reason in failures(last):
            click.echo(f"failed: {reason}")
    return last


def draw(item: JsonObject) -> None:
    """Print a broadcast once, with advice about its failures."""
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    console = Console(highlight=False)
    console.print(_drawn(item | {"rate": None, "seconds_left": None}))
    for one in item["failures"][:MAX_REASONS]:
        if one["advice"]:
            console.print(f"  {one['code']}: {clean(one['advice'])}", style="dim", markup=False)


def _live(items: Iterable[JsonObject]) -> JsonObject | None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.live import Live  # noqa: PLC0415

    last = None
    with Live(console=Console(), auto_refresh=False, transient=False) as view:
        for last in items:
            view.update(_drawn(last), refresh=True)
    return last


def _drawn(item: JsonObject) -> "Group":
    from rich.console import Group  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    total, done = int(item["total_recipients"]), done_count(item)
    head = Text.assemble(
        (clean(item["name"]), "bold"),
        f"  {item['id'][:8]}  {clean(item['template_name'])} ({clean(item['template_language'])})",
    )
    filled = round(BAR_WIDTH * done / total) if total else BAR_WIDTH
    bar = Text.assemble(
        ("━" * filled, "green" if done == total else "cyan"),
        ("━" * (BAR_WIDTH - filled), "dim"),
        f" {_percent(done, total)}  {done}/{total}  ",
        (item["status"], "bold"),
    )
    if item["rate"] is not None and item["pending_count"]:
        bar.append(f"  {item['rate']:g}/s")
    if item["seconds_left"]:
        bar.append(f"  {span(item['seconds_left'])} left")
    funnel = Table(box=None, pad_edge=False, show_header=False)
    for word, field in (*FUNNEL, *OTHER_COUNTS):
        count = int(item[field])
        if not count and field in ("held_count", "uncertain_count", "cancelled_count"):
            continue
        share = round(BAR_WIDTH * count / total) if total else 0
        style = {"failed": "red", "held by Meta": "yellow", "uncertain": "yellow", "cancelled": "dim"}.get(
            word, "green"
        )
        funnel.add_row(Text(word), Text(str(count), justify="right"), Text("▇" * share, style=style))
    parts: list[Any] = [head, bar, funnel]
    if item["hold"]:
        since = relative(item["hold"]["since"])
        parts.append(Text(f"held: {clean(item['hold']['detail'])} ({since})", style="yellow"))
    parts += [Text(f"billed: {clean(billed(one))}") for one in item["billed"]]
    if item["replies_by_button"]:
        parts.append(Text(f"tapped: {shown(item['replies_by_button'])}"))
    parts += [Text(f"  {reason}", style="red") for reason in failures(item)[:MAX_REASONS]]
    return Group(*parts)


def _percent(done: int, total: int) -> str:
    """The share in percent, rounded down: 100 % means all."""
    return f"{100 * done // total if total else 100} %"
