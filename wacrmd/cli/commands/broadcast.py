"""`wacrmd broadcast …`."""

from typing import Any

import click

from wacrmd.cli.broadcast_tables import BILLED, COLUMNS, FAILURES, TIMELINE
from wacrmd.cli.client import call, stream
from wacrmd.cli.cost import cost_line
from wacrmd.cli.exit_codes import INTERRUPTED
from wacrmd.cli.frame import Lazy, Noun, Session
from wacrmd.cli.input import confirm
from wacrmd.cli.number_name import number_name
from wacrmd.cli.options import (
    Whole,
    broadcast_id,
    limit_option,
    one_of,
    only_account_option,
    yes_option,
)
from wacrmd.cli.output import (
    SHORT_ID,
    details,
    emit,
    emit_items,
    held_of,
    hint,
    holds,
    on_terminal,
    people,
    say,
)
from wacrmd.cli.plan import PLAN_PARTS, plan_lines
from wacrmd.cli.table import table
from wacrmd.cli.times import PastTime, timezone_option
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

DETAILS = ("id", "from", "sends", "created_at", "scheduled_at", "started_at", "completed_at", "updated_at")
"""Fields that the drawing of a broadcast does not show."""


@click.group(
    cls=Noun,
    lazy={
        "create": Lazy("wacrmd.cli.commands.create:create", "Send to a CSV file."),
        "export": Lazy("wacrmd.cli.commands.recipients:export", "Write all recipients to standard output."),
        "recipients": Lazy(
            "wacrmd.cli.commands.recipients:list_recipients", "List recipients of a broadcast."
        ),
        "retry": Lazy("wacrmd.cli.commands.retry:retry", "Send again to recipients that failed."),
    },
)
def broadcast() -> None:
    """Broadcasts and their recipients.

    The beginning of an ID is enough if no other id begins with it.
    """


@broadcast.command("list")
@only_account_option
@click.option("--status", type=one_of(BroadcastStatus), help="Only broadcasts with this status.")
@click.option("--text", metavar="TEXT", help="Only those with TEXT in their name or their template's.")
@click.option(
    "--since", type=PastTime(), metavar="TIME", help="Only those created since a time, or 2h, 3d ago."
)
@click.option("--until", type=PastTime(), metavar="TIME", help="Only those created before.")
@timezone_option
@limit_option
@click.pass_obj
def list_broadcasts(session: Session, /, **options: Any) -> None:
    """List broadcasts, the newest first.

    For example: wacrmd broadcast list --status sending
    """

    def render(rows: list[JsonObject]) -> None:
        shown = [row | {"hold": (row["hold"] or {}).get("detail")} for row in rows]
        empty = "There is no such broadcast."
        if not on_terminal():
            table(shown, COLUMNS, empty=empty)
            return
        table(shown, [one for one in COLUMNS if one.field != "hold"], empty=empty)
        holds(held_of(rows, "broadcast", "name"))

    emit(session, call(session, "broadcast.list", **options), render)


@broadcast.command("show")
@broadcast_id
@click.pass_obj
def show(session: Session, broadcast_id: str) -> None:
    """Show one broadcast: counts, hold, and why recipients failed.

    For example: wacrmd broadcast show 4b6d
    """
    found = call(session, "broadcast.show", id=broadcast_id)
    numbers = [] if session.json else call(session, "number.list", removed=True)
    sender = next((number_name(one) for one in numbers if one["id"] == found["from"]), found["from"])
    emit(session, found, lambda found: _print_broadcast(found, sender))
    if not session.json:
        _advise(found)


def _print_broadcast(found: JsonObject, sender: str) -> None:
    found = {**found, "sends": "; ".join(plan_lines(found)) or None}
    if on_terminal():
        from wacrmd.cli import live  # noqa: PLC0415 - not needed without a terminal

        live.draw(found)
        say("")
        values = found | {"from": sender}
        details((name, values[name]) for name in DETAILS if values[name] is not None)
        cost_line(found["cost"])
        return
    apart = ("hold", "failures", "billed", "cost", "is_retry_planned", *PLAN_PARTS)
    found = {
        "id": found["id"],
        "from": sender,
        **{name: found[name] for name in found if name not in ("id", "from")},
    }
    details((name, value) for name, value in found.items() if name not in apart)
    if found["hold"]:
        details([("hold", found["hold"]["detail"]), ("since", found["hold"]["since"])])
    if found["billed"]:
        say("")
        table(found["billed"], BILLED, empty="")
        cost_line(found["cost"])
    if found["failures"]:
        say("")
        table(found["failures"], FAILURES, empty="")


@broadcast.command("watch")
@broadcast_id
@click.pass_obj
def watch(session: Session, broadcast_id: str) -> int:
    """Watch a broadcast live: counts, speed, time left, failures.

    It ends when nothing more is to come. For example: wacrmd broadcast watch 4b6d
    """
    return watch_until_finished(session, broadcast_id)


def watch_until_finished(session: Session, broadcast_id: str) -> int:
    """Show a broadcast until nothing more is to come, or until Ctrl-C, which does not stop the broadcast; the exit code."""
    from wacrmd.cli import live  # noqa: PLC0415 - only this command draws

    items = stream(session, "broadcast.watch", id=broadcast_id)
    if session.json:
        emit_items(items)
        return 0
    try:
        last = live.follow(items)
    except KeyboardInterrupt:
        hint(f"The broadcast goes on. To watch it again: wacrmd broadcast watch {broadcast_id}")
        return INTERRUPTED
    if last is not None and not last["finished"]:
        hint("The daemon is draining: watch again after its restart.")
    elif last is not None:
        _advise(last)
    return 0


def _advise(found: JsonObject) -> None:
    """Say what a person can do about a planned retry and uncertain recipients, with the commands."""
    name = found["id"][:SHORT_ID]
    if found["is_retry_planned"]:
        hint("To change when it is tried again:")
        hint(f"  wacrmd broadcast retry {name} --waiting --at TIME")
    if not found["uncertain_count"]:
        return
    hint(
        f"{people(found['uncertain_count'])} uncertain: nobody knows whether they got the message. You decide:"
    )
    for command, what in (
        (f"recipients {name} --status uncertain", "who they are"),
        (f"retry {name} --uncertain", "send again; some may get it twice"),
        (f"give-up {name}", "count them as failed; nothing is sent"),
    ):
        hint(f"  wacrmd broadcast {command}")
        hint(f"      {what}")


@broadcast.command("timeline")
@broadcast_id
@click.option(
    "--hours",
    type=Whole(1, 24 * 366),
    default=24,
    show_default=True,
    metavar="N",
    help="Only so many hours from its start.",
)
@click.pass_obj
def show_timeline(session: Session, broadcast_id: str, hours: int) -> None:
    """Show how many messages had which status by when.

    For example: wacrmd broadcast timeline 4b6d --hours 1
    """

    def render(found: JsonObject) -> None:
        table(found["points"], TIMELINE, empty="No message has a status yet.")
        if found["is_estimate"]:
            hint("Estimated from a sample of the recipients.")

    emit(session, call(session, "broadcast.timeline", id=broadcast_id, hours=hours), render)


@broadcast.command("pause")
@broadcast_id
@click.pass_obj
def pause(session: Session, broadcast_id: str) -> None:
    """Pause a broadcast; it can be resumed.

    For example: wacrmd broadcast pause 4b6d
    """
    emit(session, call(session, "broadcast.pause", id=broadcast_id), _print_state)


@broadcast.command("resume")
@broadcast_id
@click.pass_obj
def resume(session: Session, broadcast_id: str) -> None:
    """Resume a paused broadcast where it stopped.

    For example: wacrmd broadcast resume 4b6d
    """
    emit(session, call(session, "broadcast.resume", id=broadcast_id), _print_state)


def _print_state(made: JsonObject) -> None:
    say(
        f"Broadcast {made['id'][:SHORT_ID]} ({made['name']}) is {made['status']}: {made['sent_count']} of "
        f"{made['total_recipients']} sent, {made['pending_count']} pending."
    )
    if made["hold"]:
        hint(made["hold"]["detail"])


@broadcast.command("cancel")
@broadcast_id
@yes_option
@click.pass_obj
def cancel(session: Session, broadcast_id: str, yes: bool) -> None:
    """Cancel a broadcast; it cannot be resumed.

    Recipients that still wait get nothing. For example: wacrmd broadcast cancel 4b6d
    """

    def question() -> str:
        found = call(session, "broadcast.show", id=broadcast_id)
        waiting = found["pending_count"]
        return f"Cancel {found['name']}? " + (f"{people(waiting)} will never get it." if waiting else "")

    confirm(question, yes=yes)

    def render(made: JsonObject) -> None:
        say(
            f"Broadcast {made['id'][:SHORT_ID]} ({made['name']}) is cancelled: {made['sent_count']} sent, "
            f"{made['cancelled_count']} cancelled."
        )
        if made["pending_count"]:
            hint(f"In flight: {counted(made['pending_count'], 'request')}, whose results are still recorded.")

    emit(session, call(session, "broadcast.cancel", id=broadcast_id), render)


@broadcast.command("give-up")
@broadcast_id
@yes_option
@click.pass_obj
def give_up(session: Session, broadcast_id: str, yes: bool) -> None:
    """Count uncertain recipients as failed.

    Nothing is sent again. For example: wacrmd broadcast give-up 4b6d
    """

    def question() -> str | None:
        found = call(session, "broadcast.show", id=broadcast_id)
        count = found["uncertain_count"]
        return f"Count {people(count)} of {found['name']} as failed, who may have got it?" if count else None

    def render(made: JsonObject) -> None:
        failed = made["failed"]
        say(f"Counted as failed: {people(failed)}." if failed else "There is no uncertain recipient.")

    confirm(question, yes=yes)
    emit(session, call(session, "broadcast.give-up", id=broadcast_id), render)
