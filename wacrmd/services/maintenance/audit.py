"""The audit log: who changed what, by a command or in the dashboard."""

from datetime import UTC
from functools import partial

from wacrmd.clock import SECOND, Millis, millis, read_iso
from wacrmd.domain.actor import Actor, Via
from wacrmd.domain.address import UnplacedNumber, normalize_address
from wacrmd.domain.local_time import read_duration
from wacrmd.errors import bad_request
from wacrmd.fields import JsonObject
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import accounts
from wacrmd.store import audit as audit_log
from wacrmd.store.audit import AuditEntry, AuditFilter
from wacrmd.views.maintenance import AuditView

DENIED = "denied"
"""The result of what a user may not do."""

NEITHER = "[neither a phone number nor a user id]"

log = get_logger(__name__)


async def record(
    ctx: Context,
    *,
    via: Via,
    uid: int | None,
    user: str | None,
    pid: int | None = None,
    method: str,
    params: JsonObject,
    result: str,
    calls: int = 1,
) -> None:
    """Write that somebody changed something, or tried to; `params` are in the form that the audit may keep."""
    kept = await placed(ctx, params)
    entry = AuditEntry(ctx.clock.now(), via, uid, user, pid, method, kept, result, calls)
    await ctx.db.record(partial(audit_log.add, entry=entry))
    log.info(
        "admin_change_made", method=method, via=via, uid=uid, user=user, pid=pid, result=result, calls=calls
    )


async def record_in_dashboard(
    ctx: Context, actor: Actor, method: str, params: JsonObject, result: str, calls: int = 1
) -> None:
    """Write that a user of the dashboard changed something, or tried to."""
    await record(
        ctx,
        via=Via.DASHBOARD,
        uid=actor.uid,
        user=actor.name,
        method=method,
        params=params,
        result=result,
        calls=calls,
    )


async def record_denied(ctx: Context, actor: Actor, method: str) -> None:
    """Write that something was denied in the dashboard: the first time at once, then a sum each minute.

    Without parameters: nobody may write into the database whose call is denied.
    """
    shown = ctx.denials.admit(actor, method, ctx.clock.monotonic() / SECOND)
    if shown is not None:
        await record_in_dashboard(ctx, shown, method, {}, DENIED)


async def sum_up_denied(ctx: Context, *, all_of_them: bool = False) -> None:
    """Write the sums of the minutes that have ended; all of them before the daemon stops."""
    for denial in ctx.denials.due(None if all_of_them else ctx.clock.monotonic() / SECOND):
        await record_in_dashboard(ctx, denial.caller, denial.method, {}, DENIED, denial.calls)


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


async def placed(ctx: Context, params: JsonObject) -> JsonObject:
    """Parameters of a call with each number as its account reads it: the form by which an erasure finds it."""
    if not any(isinstance(value, UnplacedNumber) for value in params.values()):
        return params
    known = await ctx.db.read(accounts.all_of)
    name = params.get("account")
    named = [
        each for each in known if name is None or name == each.id or str(name).lower() == each.name.lower()
    ]
    country = named[0].default_country if len(named) == 1 else None
    return {
        key: normalize_address(value, country) or NEITHER if isinstance(value, UnplacedNumber) else value
        for key, value in params.items()
    }


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
