"""A broadcast as it goes on: a live view on a terminal, a line for each change where there is none."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from wacrmd.cli.output import clean, on_terminal, relative, span

if TYPE_CHECKING:
    from rich.console import Group

_BAR = 30
MOST_REASONS = 5
_LINE_EVERY_S = 1.0
FUNNEL = (
    ("sent", "sent_count"),
    ("delivered", "delivered_count"),
    ("read", "read_count"),
    ("replied", "replied_count"),
)
BESIDE = (
    ("failed", "failed_count"),
    ("uncertain", "uncertain_count"),
    ("cancelled", "cancelled_count"),
)


def follow(items: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Show each item as it comes; returns the last one."""
    return _live(items) if on_terminal() else _lines(items)


def done_of(item: dict[str, Any]) -> int:
    """How many recipients are not waiting any more."""
    return int(item["total_recipients"]) - int(item["pending_count"])


def line(item: dict[str, Any]) -> str:
    """One line about the broadcast: progress, speed, time left, funnel, and what holds it up."""
    total, done = int(item["total_recipients"]), done_of(item)
    parts = [f"{item['status']} {done}/{total} {_percent(done, total)}"]
    if item.get("rate") is not None and item["pending_count"]:
        parts.append(f"{item['rate']:g}/s")
    if item.get("seconds_left"):
        parts.append(f"{span(item['seconds_left'])} left")
    parts += [f"{word} {item[field]}" for word, field in FUNNEL]
    parts += [f"{word} {item[field]}" for word, field in BESIDE if item[field]]
    if item.get("hold"):
        parts.append(f"held: {item['hold']['detail']}")
    return clean(", ".join(parts))


def failures(item: dict[str, Any]) -> list[str]:
    """One line for each reason for which recipients failed."""
    return [
        clean(f"{one['count']} x {one['code'] if one['code'] is not None else 'no code'}: {one['title']}")
        for one in item.get("failures") or []
    ]


def _lines(items: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    last, told_at, told = None, 0.0, ""
    for last in items:
        said = line(last)
        if said != told and (time.monotonic() - told_at >= _LINE_EVERY_S or last["finished"]):
            click.echo(said)
            told_at, told = time.monotonic(), said
    if last is not None:
        if line(last) != told:
            click.echo(line(last))
        for reason in failures(last):
            click.echo(f"failed: {reason}")
    return last


def draw(item: dict[str, Any]) -> None:
    """Show a broadcast once, with what can be done about its failures."""
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    console = Console(highlight=False)
    console.print(_drawn(item))
    for one in (item.get("failures") or [])[:MOST_REASONS]:
        if one.get("advice"):
            console.print(f"  {one['code']}: {clean(one['advice'])}", style="dim", markup=False)


def _live(items: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.live import Live  # noqa: PLC0415

    last = None
    with Live(console=Console(), auto_refresh=False, transient=False) as view:
        for last in items:
            view.update(_drawn(last), refresh=True)
    return last


def _drawn(item: dict[str, Any]) -> "Group":
    from rich.console import Group  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    total, done = int(item["total_recipients"]), done_of(item)
    head = Text.assemble(
        (clean(item["name"]), "bold"),
        f"  {item['id'][:8]}  {clean(item['template_name'])} ({clean(item['template_language'])})",
    )
    filled = round(_BAR * done / total) if total else _BAR
    bar = Text.assemble(
        ("━" * filled, "green" if done == total else "cyan"),
        ("━" * (_BAR - filled), "dim"),
        f" {_percent(done, total)}  {done}/{total}  ",
        (item["status"], "bold"),
    )
    if item.get("rate") is not None and item["pending_count"]:
        bar.append(f"  {item['rate']:g}/s")
    if item.get("seconds_left"):
        bar.append(f"  {span(item['seconds_left'])} left")
    funnel = Table(box=None, pad_edge=False, show_header=False)
    for word, field in (*FUNNEL, *BESIDE):
        count = int(item[field])
        if not count and field in ("uncertain_count", "cancelled_count"):
            continue
        share = round(_BAR * count / total) if total else 0
        style = {"failed": "red", "uncertain": "yellow", "cancelled": "dim"}.get(word, "green")
        funnel.add_row(Text(word), Text(str(count), justify="right"), Text("▇" * share, style=style))
    parts: list[Any] = [head, bar, funnel]
    if item.get("hold"):
        since = relative(item["hold"]["since"]) if item["hold"].get("since") else ""
        parts.append(Text(f"held: {clean(item['hold']['detail'])} ({since})", style="yellow"))
    parts += [Text(f"  {reason}", style="red") for reason in failures(item)[:MOST_REASONS]]
    return Group(*parts)


def _percent(done: int, total: int) -> str:
    """Rounded down: 100 % is said of all alone."""
    return f"{100 * done // total if total else 100} %"
