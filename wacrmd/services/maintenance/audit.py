"""Reading the audit log: who changed what, by a command or in the dashboard."""

from datetime import UTC
from functools import partial

from wacrmd.clock import Millis, millis, read_iso
from wacrmd.domain.actor import Via
from wacrmd.domain.local_time import read_duration
from wacrmd.errors import bad_request
from wacrmd.services.context import Context
from wacrmd.store import audit as audit_log
from wacrmd.store.audit import AuditFilter
from wacrmd.views.maintenance import AuditView


async def read_audit(
    ctx: Context,
    *,
    since: str | None = None,
    user: str | None = None,
    method: str | None = None,
    via: Via | None = None,
    before: int | None = None,
    limit: int,
) -> list[AuditView]:
    """The newest `limit` entries since a time (see `parse_since`), in the order of time.

    Only those of a user, of a method, by a way, and older than the entry with the id `before`, where these are given.
    """
    start = 0 if since is None else parse_since(since, ctx.clock.now())
    wanted = AuditFilter(start, user, method, via, before)
    entries = await ctx.db.read(partial(audit_log.find, wanted=wanted, limit=limit))
    return [
        AuditView(
            id=entry.id,
            at=entry.at,
            via=entry.via,
            user=entry.user,
            uid=entry.uid,
            pid=entry.pid,
            method=entry.method,
            params=entry.params,
            result=entry.result,
            calls=entry.calls,
        )
        for entry in entries
    ]


def parse_since(text: str, now: Millis, name: str = "since") -> Millis:
    """The time of `text`: a duration before now such as `30min`, `2h` or `3d`, or an ISO time (UTC without offset).

    Raises Refusal for anything else. Pure.
    """
    duration = read_duration(text)
    if duration is not None:
        return max(0, now - duration)
    try:
        at = read_iso(text)
        return millis(at if at.tzinfo else at.replace(tzinfo=UTC))
    except ValueError:
        raise bad_request(
            f"{name}: expected a time such as 2026-11-23T12:00:00Z, or how long ago such as 2h or 3d, found {text!r}"
        ) from None
