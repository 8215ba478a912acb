"""`wacrmd broadcast …`."""

import sys
from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.client import call, stream
from wacrmd.cli.frame import Lazy, Noun, Session
from wacrmd.cli.input import confirm, yes_option
from wacrmd.cli.output import (
    Column,
    Kind,
    details,
    emit,
    held_of,
    hint,
    holds,
    items,
    on_terminal,
    say,
    table,
)

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("NAME", "name"),
    Column("STATUS", "status", Kind.STATE),
    Column("TOTAL", "total_recipients", Kind.NUMBER),
    Column("PENDING", "pending_count", Kind.NUMBER),
    Column("SENT", "sent_count", Kind.NUMBER),
    Column("DELIVERED", "delivered_count", Kind.NUMBER, spare=True),
    Column("READ", "read_count", Kind.NUMBER, spare=True),
    Column("FAILED", "failed_count", Kind.NUMBER),
    Column("UNCERTAIN", "uncertain_count", Kind.NUMBER, spare=True),
    Column("CREATED", "created_at", Kind.TIME),
    Column("HOLD", "hold"),
)

PEOPLE = (
    Column("ID", "id", Kind.NUMBER),
    Column("TO", "to", Kind.KEY),
    Column("STATUS", "status", Kind.STATE),
    Column("TRIES", "attempts", Kind.NUMBER),
    Column("SENT", "sent_at", Kind.TIME),
    Column("DELIVERED", "delivered_at", Kind.TIME, spare=True),
    Column("READ", "read_at", Kind.TIME, spare=True),
    Column("ERROR", "error"),
)

STATUSES = ("scheduled", "sending", "paused", "sent", "cancelled")
RECIPIENT_STATUSES = (
    "pending",
    "sent",
    "delivered",
    "read",
    "replied",
    "failed",
    "uncertain",
    "cancelled",
)

FACTS = ("id", "from", "created_at", "scheduled_at", "started_at", "completed_at", "updated_at")
"""What the drawing of a broadcast does not show."""

broadcast_id = click.argument("broadcast_id", metavar="ID", shell_complete=complete.broadcasts)


def show_broadcast(result: dict[str, Any]) -> None:
    """Print one broadcast, what keeps it from moving and why recipients failed included."""
    if on_terminal():
        from wacrmd.cli import live  # noqa: PLC0415 - only a terminal is drawn on

        live.draw(result)
        details((name.replace("_", " "), result[name]) for name in FACTS if result.get(name) is not None)
        return
    apart = ("hold", "failures")
    details((name.replace("_", " "), value) for name, value in result.items() if name not in apart)
    if result.get("hold"):
        details([("hold", result["hold"].get("detail")), ("since", result["hold"].get("since"))])
    failed = result.get("failures") or []
    if failed:
        say("")
        table(
            failed,
            (
                Column("FAILED", "count", Kind.NUMBER),
                Column("CODE", "code", Kind.NUMBER),
                Column("REASON", "title"),
                Column("WHAT TO DO", "advice"),
            ),
            empty="",
        )


@click.group(cls=Noun, lazy={"create": Lazy("wacrmd.cli.commands.create:create", "Send from a CSV file.")})
def broadcast() -> None:
    """Broadcasts and their recipients; an unambiguous beginning of an ID is enough."""


@broadcast.command("list")
@click.option("--account", metavar="NAME", shell_complete=complete.accounts, help="Only this account's.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many, the newest first.")
@click.pass_obj
def list_broadcasts(session: Session, account: str | None, status: str | None, limit: int | None) -> None:
    """List broadcasts, the newest first.

    For example: wacrmd broadcast list --status sending
    """

    def render(rows: list[dict[str, Any]]) -> None:
        said = [row | {"hold": (row.get("hold") or {}).get("detail")} for row in rows]
        if not on_terminal():
            table(said, COLUMNS, empty="There is no such broadcast.")
            return
        table(said, [one for one in COLUMNS if one.field != "hold"], empty="There is no such broadcast.")
        holds(held_of(rows, "broadcast", "name"))

    emit(session, call(session, "broadcast.list", account=account, status=status, limit=limit), render)


@broadcast.command("show")
@broadcast_id
@click.pass_obj
def show(session: Session, broadcast_id: str) -> None:
    """Show one broadcast: counts, what holds it up, and why recipients failed.

    For example: wacrmd broadcast show 4b6d
    """
    emit(session, call(session, "broadcast.show", id=broadcast_id), show_broadcast)


@broadcast.command("watch")
@broadcast_id
@click.pass_obj
def watch(session: Session, broadcast_id: str) -> None:
    """Watch a broadcast live: progress, speed, time left, funnel, reasons of failures.

    It ends when nothing more is to come. For example: wacrmd broadcast watch 4b6d
    """
    watch_until_done(session, broadcast_id)


def watch_until_done(session: Session, broadcast_id: str) -> None:
    """Show a broadcast until nothing more is to come, or Ctrl-C, which ends the watching alone."""
    from wacrmd.cli import live  # noqa: PLC0415 - only this command draws

    looks = stream(session, "broadcast.watch", id=broadcast_id)
    if session.json:
        items(looks)
        return
    try:
        last = live.follow(looks)
    except KeyboardInterrupt:
        hint(f"The broadcast goes on; see it again: wacrmd broadcast watch {broadcast_id}")
        return
    if last is not None and not last["finished"]:
        hint("The daemon is draining: watch again after its restart.")
    elif last is not None and last["uncertain_count"]:
        hint(
            f"{last['uncertain_count']} uncertain: they may have the message or not. Send again with "
            f"wacrmd broadcast retry {last['id'][:8]} --uncertain, or count them as failed with "
            f"wacrmd broadcast give-up {last['id'][:8]}"
        )


@broadcast.command("recipients")
@broadcast_id
@click.option("--status", type=click.Choice(RECIPIENT_STATUSES), help="Only those.")
@click.option("--to", metavar="PHONE", help="Only this one, with all that happened to it.")
@click.option("--limit", type=click.IntRange(min=1, max=1000), metavar="N", help="At most so many (50).")
@click.option("--before", type=click.IntRange(min=1), metavar="RID", help="The next page: below this id.")
@click.pass_obj
def list_recipients(session: Session, /, broadcast_id: str, **options: Any) -> None:
    """List recipients of a broadcast with what became of each, the newest first.

    For example: wacrmd broadcast recipients 4b6d --status failed
    """

    def render(rows: list[dict[str, Any]]) -> None:
        if options["to"]:
            _one(rows[0])
            return
        table([_with_error(row) for row in rows], PEOPLE, empty="There is no such recipient.")
        if len(rows) == (options["limit"] or 50):
            hint(f"More may follow: --before {rows[-1]['id']}, or wacrmd broadcast export {broadcast_id}")

    emit(session, call(session, "broadcast.recipients", id=broadcast_id, **options), render)


def _with_error(row: dict[str, Any]) -> dict[str, Any]:
    error = row.get("error")
    code = f"{error['code']} " if error and error.get("code") is not None else ""
    return row | {"error": f"{code}{error['title']}" if error else None}


def _one(row: dict[str, Any]) -> None:
    """Print a recipient and its history."""
    facts = {name: value for name, value in _with_error(row).items() if name != "history"}
    details((name.replace("_", " "), value) for name, value in facts.items() if value is not None)
    say("")
    table(
        [
            one | {"error": (one.get("error") or {}).get("title"), "outcome": one.get("outcome")}
            for one in row.get("history", [])
        ],
        (
            Column("WHEN", "at", Kind.MOMENT),
            Column("WHAT", "event"),
            Column("TRY", "attempt", Kind.NUMBER),
            Column("OUTCOME", "outcome", Kind.STATE),
            Column("NOTE", "note"),
            Column("ERROR", "error"),
        ),
        empty="Nothing has happened to it yet.",
    )


@broadcast.command("export")
@broadcast_id
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", help="csv, or jsonl.")
@click.option("--status", type=click.Choice(RECIPIENT_STATUSES), help="Only those.")
@click.pass_obj
def export(session: Session, broadcast_id: str, form: str, status: str | None) -> None:
    """Write all recipients to standard output, in the order in which they were given.

    For example: wacrmd broadcast export 4b6d > recipients.csv
    """
    form = "jsonl" if session.json else form
    out = sys.stdout.buffer
    for piece in stream(session, "broadcast.export", id=broadcast_id, format=form, status=status):
        out.write(piece.encode())
    out.flush()


@broadcast.command("pause")
@broadcast_id
@click.pass_obj
def pause(session: Session, broadcast_id: str) -> None:
    """Stop a broadcast where it stands; it can be resumed.

    For example: wacrmd broadcast pause 4b6d
    """
    emit(session, call(session, "broadcast.pause", id=broadcast_id), _tell)


@broadcast.command("resume")
@broadcast_id
@click.pass_obj
def resume(session: Session, broadcast_id: str) -> None:
    """Let a paused broadcast go on where it stopped.

    For example: wacrmd broadcast resume 4b6d
    """
    emit(session, call(session, "broadcast.resume", id=broadcast_id), _tell)


def _tell(made: dict[str, Any]) -> None:
    say(
        f"Broadcast {made['id'][:8]} ({made['name']}) is {made['status']}: {made['sent_count']} of "
        f"{made['total_recipients']} sent, {made['pending_count']} pending."
    )
    if made.get("hold"):
        hint(made["hold"]["detail"])


@broadcast.command("cancel")
@broadcast_id
@yes_option
@click.pass_obj
def cancel(session: Session, broadcast_id: str, yes: bool) -> None:
    """Stop a broadcast for good: who was not tried yet is never messaged.

    For example: wacrmd broadcast cancel 4b6d
    """
    if not yes and sys.stdin.isatty():
        shown = call(session, "broadcast.show", id=broadcast_id)
        broadcast_id = shown["id"]
        confirm(f"Cancel {shown['name']}? {shown['pending_count']} people will never get it.", yes=False)

    def render(made: dict[str, Any]) -> None:
        say(
            f"Broadcast {made['id'][:8]} ({made['name']}) is cancelled: {made['sent_count']} sent, "
            f"{made['cancelled_count']} never tried."
        )
        if made["pending_count"]:
            hint(f"{made['pending_count']} requests are still in flight and end as they end.")

    emit(session, call(session, "broadcast.cancel", id=broadcast_id), render)


@broadcast.command("retry")
@broadcast_id
@click.option("--failed", is_flag=True, help="Those that failed (this is the default).")
@click.option("--uncertain", is_flag=True, help="Those who may have it or not: they may get it twice.")
@yes_option
@click.pass_obj
def retry(session: Session, broadcast_id: str, failed: bool, uncertain: bool, yes: bool) -> None:
    """Send again to recipients that failed, or whose outcome is unknown.

    For example: wacrmd broadcast retry 4b6d --failed
    """
    if uncertain and not yes and sys.stdin.isatty():
        shown = call(session, "broadcast.show", id=broadcast_id)
        broadcast_id = shown["id"]
        confirm(
            f"{shown['uncertain_count']} people may have got {shown['name']} already, and would get it twice. "
            "Send again?",
            yes=False,
        )
    elif uncertain:
        hint("warning: people whose outcome is uncertain may get the message twice")
    result = call(
        session, "broadcast.retry", id=broadcast_id, failed=failed or not uncertain, uncertain=uncertain
    )

    def render(made: dict[str, Any]) -> None:
        if not made["requeued"]:
            say("There is nobody to send to again.")
            return
        say(f"{made['requeued']} people are sent to again; watch it: wacrmd broadcast watch {broadcast_id}")

    emit(session, result, render)


@broadcast.command("give-up")
@broadcast_id
@yes_option
@click.pass_obj
def give_up(session: Session, broadcast_id: str, yes: bool) -> None:
    """Count the uncertain recipients as failed, without sending again.

    For example: wacrmd broadcast give-up 4b6d
    """
    confirm("Count the uncertain recipients as failed?", yes=yes)
    emit(
        session,
        call(session, "broadcast.give-up", id=broadcast_id),
        lambda made: say(f"{made['failed']} people are counted as failed now."),
    )
