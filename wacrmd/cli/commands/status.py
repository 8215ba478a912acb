"""`wacrmd status`."""

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.output import (
    SHORT_ID,
    Kind,
    clean,
    details,
    emit,
    holds,
    on_terminal,
    paragraph,
    relative,
    say,
    shown,
    span,
)
from wacrmd.cli.table import Column, table
from wacrmd.errors import counted, sized
from wacrmd.fields import JsonObject

BROADCASTS = (
    Column("BROADCAST", "id", Kind.ID),
    Column("NAME", "name"),
    Column("STATUS", "status", Kind.STATE),
    Column("DONE", "done", Kind.NUMBER, optional=1),
    Column("PENDING", "pending_count", Kind.NUMBER),
    Column("SENT", "sent_count", Kind.NUMBER, optional=2),
    Column("FAILED", "failed_count", Kind.NUMBER, work=True),
    Column("UNCERTAIN", "uncertain_count", Kind.NUMBER, work=True),
    Column("STARTS", "scheduled_at", Kind.TIME, optional=True),
)

NUMBERS = (
    Column("PHONE", "display_phone", Kind.KEY),
    Column("NUMBER", "phone_number_id", Kind.KEY),
    Column("ACCOUNT", "account"),
    Column("LABEL", "label", optional=True),
    Column("STATE", "state", Kind.STATE),
    Column("RATE", "rate", optional=1),
    Column("IN FLIGHT", "in_flight", Kind.NUMBER, optional=2),
    Column("QUALITY", "quality", Kind.STATE, optional=True),
    Column("LIMIT", "limit_tier", optional=True),
)


@click.command(cls=Verb)
@click.pass_obj
def status(session: Session) -> None:
    """Show whether the daemon is healthy, and what does not move.

    For each broadcast or number that does not move, it shows the reason and since when. For example: wacrmd status
    """
    emit(session, call(session, "status"), _render)


def _render(found: JsonObject) -> None:
    word, colour = ("healthy", "green") if found["healthy"] else ("needs attention", "red")
    up = span(found["uptime_s"])
    head = click.style(word.capitalize(), fg=colour, bold=True) + ": "
    paragraph(head, clean(f"{found['summary']} (wacrmd {found['version']}, up {up})"), len(word) + 2)
    for text in found["warnings"]:
        paragraph(f"{click.style('warn', fg='yellow')}  ", clean(text), 6)
    holds(found["held"])
    say("")
    details(_facts(found))
    if found["broadcasts"]:
        say("")
        table([_broadcast_row(one) for one in found["broadcasts"]], BROADCASTS, empty="")
    if found["numbers"]:
        say("")
        table([_number_row(one) for one in found["numbers"]], NUMBERS, empty="")


def _facts(found: JsonObject) -> list[tuple[str, str]]:
    pending, uncertain, database = found["pending"], found["uncertain"], found["database"]
    oldest = f", the oldest due {_when(pending['oldest_due_since'])}" if pending["oldest_due_since"] else ""
    facts = [
        (
            "pending",
            f"{counted(pending['recipients'], 'recipient')}{oldest}; {pending['in_flight']} in flight",
        )
    ]
    if uncertain["recipients"]:
        where = ", ".join(f"{one['count']} in {one['id'][:SHORT_ID]}" for one in uncertain["broadcasts"][:5])
        what = "what to do: wacrmd broadcast show ID"
        facts.append(("uncertain", f"{counted(uncertain['recipients'], 'recipient')}: {where}; {what}"))
    webhooks, workers = found["webhooks"], found["workers"]
    received = (
        f"last status {_when(webhooks['last_status_at'])}"
        if webhooks["last_status_at"]
        else "no status since the start"
    )
    if webhooks["waiting"]:
        received += f"; {counted(webhooks['waiting'], 'webhook')} waiting"
    unmatched = webhooks["unmatched_statuses"]
    facts += [
        ("webhooks", received + (f"; {unmatched} for messages not known yet" if unmatched else "")),
        (
            "workers",
            f"{workers['busy']} of {workers['total']} busy, {counted(workers['jobs_waiting'], 'job')} waiting",
        ),
        ("database", _storage(database)),
    ]
    if webhooks["deliveries_pending"]:
        facts.append(("outbound", f"{webhooks['deliveries_pending']} deliveries to local apps pending"))
    if found["log"]["level"] != found["log"]["configured"]:
        until = f" until {shown(found['log']['until'])}" if found["log"]["until"] else ""
        facts.append(("log", f"level {found['log']['level']}{until}"))
    return facts


def _storage(database: JsonObject) -> str:
    parts = [f"{sized(database['bytes'])}, WAL {sized(database['wal_bytes'])}"]
    if database["disk_free_bytes"] is not None:
        parts.append(f"{sized(database['disk_free_bytes'])} free")
    if database["last_check"]:
        seconds = span(database["last_check"]["duration_ms"] // 1000)
        parts.append(f"checked {_when(database['last_check']['at'])} in {seconds}")
    if database["last_backup_at"]:
        parts.append(f"last backup {_when(database['last_backup_at'])}")
    return ", ".join(parts)


def _when(iso: str) -> str:
    return relative(iso) if on_terminal() else iso


def _broadcast_row(one: JsonObject) -> JsonObject:
    total = one["total_recipients"]
    return one | {"done": f"{100 * (total - one['pending_count']) // total if total else 100} %"}


def _number_row(one: JsonObject) -> JsonObject:
    """The row with its rate: `40 of 80/s` if the number sends slower than it may."""
    allowed, now = one["messages_per_second"], one["rate_now"]
    rate = f"{allowed:g}/s" if now is None or now == allowed else f"{now:g} of {allowed:g}/s"
    return one | {"rate": rate}
