"""`wacrmd broadcast …`."""

from typing import Any

import click

from wacrmd.cli import complete
from wacrmd.cli.broadcast_tables import BILLED, COLUMNS, FAILURES, HISTORY, RECIPIENTS, TIMELINE
from wacrmd.cli.client import call, stream
from wacrmd.cli.cost import cost_line
from wacrmd.cli.exit_codes import INTERRUPTED
from wacrmd.cli.frame import Lazy, Noun, Session
from wacrmd.cli.input import confirm
from wacrmd.cli.number_name import number_name
from wacrmd.cli.options import excel_option, limit_option, one_of, only_account_option, yes_option
from wacrmd.cli.output import (
    SHORT_ID,
    details,
    emit,
    emit_items,
    held_of,
    hint,
    holds,
    local,
    on_terminal,
    people,
    say,
    write_pieces,
)
from wacrmd.cli.plan import PLAN_PARTS, plan_lines
from wacrmd.cli.table import table
from wacrmd.cli.times import Hours, PastTime, StartTime, start_shown, timezone_option
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.export_format import ExportFormat
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.fields import JsonObject

DETAILS = ("id", "from", "sends", "created_at", "scheduled_at", "started_at", "completed_at", "updated_at")
"""Fields that the drawing of a broadcast does not show."""

broadcast_id = click.argument("broadcast_id", metavar="ID", shell_complete=complete.broadcasts)
recipient_status_option = click.option(
    "--status",
    type=one_of(RecipientStatus, without=RecipientStatus.SENDING),
    help="Only recipients with this status.",
)
code_option = click.option(
    "--code",
    type=click.IntRange(min=0),
    metavar="CODE",
    help="Only recipients that failed with this code of Meta's; 0: without one.",
)


@click.group(cls=Noun, lazy={"create": Lazy("wacrmd.cli.commands.create:create", "Send to a CSV file.")})
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
    apart = ("hold", "failures", "billed", "cost", *PLAN_PARTS)
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
    """Say what a person can do about uncertain recipients, with the commands."""
    if not found["uncertain_count"]:
        return
    name = found["id"][:SHORT_ID]
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
    type=click.IntRange(1, 24 * 366),
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


@broadcast.command("recipients")
@broadcast_id
@recipient_status_option
@code_option
@click.option("--to", metavar="PHONE", help="Only this recipient, with its history.")
@click.option(
    "--rid",
    type=click.IntRange(min=1),
    metavar="RID",
    help="Only the recipient of this id, with its history.",
)
@limit_option
@click.option(
    "--before", type=click.IntRange(min=1), metavar="RID", help="Only ids below RID: the next page."
)
@click.pass_obj
def list_recipients(session: Session, /, broadcast_id: str, **options: Any) -> None:
    """List recipients of a broadcast with their status.

    The newest is first. For example: wacrmd broadcast recipients 4b6d --status failed
    """

    def render(rows: list[JsonObject]) -> None:
        if options["to"] or options["rid"]:
            for row in rows:
                _print_recipient(row)
            return
        table([_with_error(row) for row in rows], RECIPIENTS, empty="There is no such recipient.")
        if len(rows) == options["limit"]:
            last = rows[-1]["id"]
            hint(f"There may be more: --before {last}, or wacrmd broadcast export {broadcast_id}")

    emit(session, call(session, "broadcast.recipients", id=broadcast_id, **options), render)


def _with_error(row: JsonObject) -> JsonObject:
    """The row with its error as one text."""
    error = row["error"]
    code = f"{error['code']} " if error and error["code"] is not None else ""
    return row | {"error": f"{code}{error['title']}" if error else None}


def _print_recipient(row: JsonObject) -> None:
    """Print a recipient and its history."""
    facts = {name: value for name, value in _with_error(row).items() if name != "history"}
    details((name, value) for name, value in facts.items() if value is not None)
    say("")
    events = [one | {"error": (one["error"] or {}).get("title")} for one in row["history"]]
    table(events, HISTORY, empty="Nothing has happened to it yet.")


@broadcast.command("export")
@broadcast_id
@click.option(
    "--format",
    "form",
    type=one_of(ExportFormat),
    default=ExportFormat.CSV.value,
    show_default=True,
    help="The format.",
)
@recipient_status_option
@code_option
@excel_option
@click.pass_obj
def export(session: Session, /, broadcast_id: str, form: str, excel: bool, **chosen: Any) -> None:
    """Write all recipients to standard output.

    They come in the order in which they were given. For example: wacrmd broadcast export 4b6d > recipients.csv
    """
    form = ExportFormat.JSONL.value if session.json and not excel else form
    if excel and form != ExportFormat.CSV.value:
        raise click.UsageError("--excel goes with CSV alone")
    asked = {"id": broadcast_id, "format": form, "excel": excel or None, **chosen}
    write_pieces(stream(session, "broadcast.export", **asked), json=form == ExportFormat.JSONL.value)


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
            hint(f"{made['pending_count']} requests are in flight: their results are still recorded.")

    emit(session, call(session, "broadcast.cancel", id=broadcast_id), render)


@broadcast.command("retry")
@broadcast_id
@click.option("--failed", is_flag=True, help="Recipients that failed (default).")
@click.option("--uncertain", is_flag=True, help="Uncertain recipients: they may get the message twice.")
@click.option(
    "--code",
    "codes",
    type=int,
    multiple=True,
    metavar="CODE",
    help="Of those who failed, only who did with this code of Meta's; more than once for several.",
)
@click.option(
    "--not-delivered-after",
    "not_delivered_after_hours",
    type=Hours(),
    metavar="TIME",
    help="Recipients whom Meta took the message for so long ago, such as 48h, and has not delivered it to: they get it twice"
    " if the old one is delivered later.",
)
@click.option(
    "--at",
    type=StartTime(),
    metavar="TIME",
    help="Not before this time. Nobody gets it earlier than Meta allows.",
)
@timezone_option
@yes_option
@click.pass_obj
def retry(
    session: Session,
    broadcast_id: str,
    failed: bool,
    uncertain: bool,
    codes: tuple[int, ...],
    not_delivered_after_hours: float | None,
    at: str | None,
    yes: bool,
) -> None:
    """Send again to recipients that failed, are uncertain, or were not delivered.

    For example: wacrmd broadcast retry 4b6d --code 131049
    """
    late = not_delivered_after_hours is not None

    def question() -> str | None:
        found = call(session, "broadcast.show", id=broadcast_id)
        parts = []
        if uncertain and found["uncertain_count"]:
            who = people(found["uncertain_count"])
            parts.append(f"{who} may have got {found['name']} already, and would get it twice.")
        waiting = found["sent_count"] - found["delivered_count"]
        if late and waiting:
            who = f"up to {people(waiting)}"
            parts.append(f"Who has the phone off gets {found['name']} twice when it is on again ({who}).")
        return f"{' '.join(parts)} Send again?" if parts else None

    if uncertain or late:
        confirm(question, yes=yes)
        if yes and uncertain:
            hint("warning: people whose outcome is uncertain may get the message twice")
        if yes and late:
            hint("warning: people whose old message is delivered later get it twice")
    result = call(
        session,
        "broadcast.retry",
        id=broadcast_id,
        failed=failed,
        uncertain=uncertain,
        codes=list(codes) or None,
        not_delivered_after_hours=not_delivered_after_hours,
        at=at,
    )

    def render(made: JsonObject) -> None:
        if made["requeued"]:
            when = f", {start_shown(at, click.get_current_context())}" if at else ""
            say(
                f"Sending again to {people(made['requeued'])}{when}. To watch: wacrmd broadcast watch {broadcast_id}"
            )
        else:
            say("There is no recipient to send to again.")
        if made["waiting"]:
            until = local(made["waiting_until"])
            hint(
                f"Meta allows no earlier message to {people(made['waiting'])}: the last waits until {until}."
            )
        if made["left_out"]:
            hint(
                f"Not to {people(made['left_out'])}, to whom it would fail again: wacrmd broadcast show {broadcast_id}"
            )

    emit(session, result, render)


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
