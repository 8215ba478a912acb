"""`wacrmd status`."""

from typing import Any

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.output import (
    Column,
    Kind,
    clean,
    details,
    emit,
    findings,
    holds,
    on_terminal,
    paragraph,
    relative,
    say,
    shown,
    span,
    table,
)

BROADCASTS = (
    Column("BROADCAST", "id", Kind.ID),
    Column("NAME", "name"),
    Column("STATUS", "status", Kind.STATE),
    Column("DONE", "done", Kind.NUMBER),
    Column("PENDING", "pending_count", Kind.NUMBER),
    Column("SENT", "sent_count", Kind.NUMBER),
    Column("FAILED", "failed_count", Kind.NUMBER),
    Column("UNCERTAIN", "uncertain_count", Kind.NUMBER, spare=True),
    Column("STARTS", "scheduled_at", Kind.TIME, spare=True),
)

NUMBERS = (
    Column("NUMBER", "phone_number_id", Kind.KEY),
    Column("ACCOUNT", "account"),
    Column("LABEL", "label", spare=True),
    Column("STATE", "state", Kind.STATE),
    Column("RATE", "rate"),
    Column("IN FLIGHT", "in_flight", Kind.NUMBER),
    Column("QUALITY", "quality", Kind.STATE, spare=True),
    Column("LIMIT", "limit_tier", spare=True),
)


@click.command(cls=Verb)
@click.pass_obj
def status(session: Session) -> None:
    """Tell whether it is healthy, what it does, and what does not move, why and since when.

    For example: wacrmd status
    """
    emit(session, call(session, "status"), _render)


def _render(found: dict[str, Any]) -> None:
    word, colour = ("healthy", "green") if found["healthy"] else ("needs attention", "red")
    up = span(found["uptime_s"])
    head = click.style(word.capitalize(), fg=colour, bold=True) + ": "
    paragraph(head, clean(f"{found['doing']} (wacrmd {found['version']}, up {up})"), len(word) + 2)
    findings([{"state": "warn", "check": "warning", "detail": warning} for warning in found["warnings"]])
    holds(found["held"])
    say("")
    details(_facts(found))
    if found["broadcasts"]:
        say("")
        table([_broadcast(one) for one in found["broadcasts"]], BROADCASTS, empty="")
    if found["numbers"]:
        say("")
        table([_number(one) for one in found["numbers"]], NUMBERS, empty="")


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    waiting, uncertain, database = found["waiting"], found["uncertain"], found["database"]
    oldest = f", the oldest {_when(waiting['oldest_since'])}" if waiting["oldest_since"] else ""
    facts = [("waiting", f"{waiting['recipients']} recipients{oldest}; {waiting['in_flight']} in flight")]
    if uncertain["recipients"]:
        where = ", ".join(f"{one['count']} in {one['id'][:8]}" for one in uncertain["broadcasts"][:5])
        facts.append(("uncertain", f"{uncertain['recipients']} recipients: {where}"))
    webhooks, workers = found["webhooks"], found["workers"]
    heard = (
        f"the last status {_when(webhooks['heard_at'])}"
        if webhooks["heard_at"]
        else "no status since the start"
    )
    kept = webhooks["statuses_kept_for_later"]
    facts += [
        ("webhooks", heard + (f"; {kept} kept for messages not known yet" if kept else "")),
        (
            "workers",
            f"{workers['busy']} of {workers['workers']} busy, {workers['waiting']} broadcasts wait for one",
        ),
        ("database", _storage(database)),
    ]
    if webhooks["outbound_waiting"]:
        facts.append(("outbound", f"{webhooks['outbound_waiting']} deliveries to local apps wait"))
    if found["log"]["level"] != found["log"]["configured"]:
        until = f" until {shown(found['log']['until'])}" if found["log"]["until"] else ""
        facts.append(("log", f"from {found['log']['level']} on{until}"))
    return facts


def _storage(database: dict[str, Any]) -> str:
    parts = [f"{_size(database['bytes'])}, WAL {_size(database['wal_bytes'])}"]
    if database["disk_free_bytes"] is not None:
        parts.append(f"{_size(database['disk_free_bytes'])} free")
    if database["last_backup_at"]:
        parts.append(f"last backup {_when(database['last_backup_at'])}")
    return ", ".join(parts)


def _when(iso: str) -> str:
    return relative(iso) if on_terminal() else iso


def _size(count: int) -> str:
    """Bytes as people read them."""
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":  # noqa: PLR2004
            break
        size /= 1024
    return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"  # noqa: PLR2004


def _broadcast(one: dict[str, Any]) -> dict[str, Any]:
    total = one["total_recipients"]
    return one | {"done": f"{100 * (total - one['pending_count']) // total if total else 100} %"}


def _number(one: dict[str, Any]) -> dict[str, Any]:
    """The rate as `now / allowed` where they differ."""
    allowed, now = one["messages_per_second"], one["rate_now"]
    rate = f"{allowed:g}/s" if now is None or now == allowed else f"{now:g} of {allowed:g}/s"
    return one | {"rate": rate}
