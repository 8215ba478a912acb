"""Writing the audit log: who changed what, by a command or in the dashboard."""

from functools import partial

from wacrmd.clock import SECOND
from wacrmd.domain.actor import Actor, Via
from wacrmd.domain.address import UnplacedNumber, normalize_address
from wacrmd.fields import JsonObject
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import accounts
from wacrmd.store import audit as audit_log
from wacrmd.store.audit import AuditEntry

OK, INTERRUPTED, DENIED = "ok", "interrupted", "denied"
"""Results: it was done, it may have been done in part, the user may not do it."""

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
    account_id: str | None = None,
) -> None:
    """Write that somebody changed something, or tried to; `params` are in the form that the audit may keep.

    `account_id` is the only account of the user; None for one who has several or all.
    """
    kept = await placed(ctx, params, account_id)
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
        account_id=actor.account_id,
    )


async def record_denied(ctx: Context, actor: Actor, method: str) -> None:
    """Write that something was denied in the dashboard: the first time at once, then a sum each minute.

    Without parameters: nobody may write into the database whose call is denied.
    """
    shown = ctx.denied.admit(actor, method, ctx.clock.monotonic() / SECOND)
    if shown is not None:
        await record_in_dashboard(ctx, shown, method, {}, DENIED)


async def record_export(ctx: Context, actor: Actor, method: str, params: JsonObject, result: str) -> None:
    """Write that somebody has taken people's data away in the dashboard; of very many calls in a minute the sum.

    One that was refused took nothing away, and is not written.
    """
    if result not in (OK, INTERRUPTED):
        return
    shown = ctx.exports.admit(actor, method, ctx.clock.monotonic() / SECOND)
    if shown is not None:
        await record_in_dashboard(ctx, shown, method, params, result)


async def record_login(
    ctx: Context, actor: Actor, method: str, *, by: str | None, address: str | None
) -> None:
    """Write that somebody has logged in or out, by which way and from where; of very many in a minute the sum."""
    shown = ctx.logins.admit(actor, method, ctx.clock.monotonic() / SECOND, address)
    if shown is not None:
        given = {"by": by, "address": address}
        known = {name: value for name, value in given.items() if value is not None}
        await record_in_dashboard(ctx, shown, method, known, OK)


async def write_sums(ctx: Context, *, all_of_them: bool = False) -> None:
    """Write the sums of the minutes that have ended; all of them before the daemon stops."""
    now_s = None if all_of_them else ctx.clock.monotonic() / SECOND
    for calls, result in ((ctx.denied, DENIED), (ctx.logins, OK), (ctx.exports, OK)):
        for each in calls.due(now_s):
            params = {"addresses": each.addresses} if each.addresses else {}
            await record_in_dashboard(ctx, each.caller, each.method, params, result, each.calls)


async def placed(ctx: Context, params: JsonObject, account_id: str | None = None) -> JsonObject:
    """Parameters of a call with each number as its account reads it: the form by which an erasure finds it."""
    if not any(isinstance(value, UnplacedNumber) for value in params.values()):
        return params
    known = await ctx.db.read(accounts.all_of)
    name = params.get("account") or account_id
    named = [
        each for each in known if name is None or name == each.id or str(name).lower() == each.name.lower()
    ]
    country = named[0].default_country if len(named) == 1 else None
    return {
        key: normalize_address(value, country) or NEITHER if isinstance(value, UnplacedNumber) else value
        for key, value in params.items()
    }
