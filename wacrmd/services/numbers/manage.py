"""Numbers for operators: add, show, change, check, pause, resume and remove them."""

from functools import partial
from uuid import uuid4

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.hold import HoldReason
from wacrmd.errors import bad_request, conflict, counted
from wacrmd.fields import shared
from wacrmd.secrets import hash_verify_token
from wacrmd.services import marketing, pausing
from wacrmd.services.context import Context
from wacrmd.services.numbers import meta_check
from wacrmd.services.numbers.findings import worst
from wacrmd.services.numbers.input import NewNumber, NumberChange
from wacrmd.services.numbers.read import number_of, view_of
from wacrmd.store import broadcast_queue, broadcasts, conversations, numbers
from wacrmd.store.database import Tx
from wacrmd.vault import access_token_context, app_secret_context
from wacrmd.views.checks import Check, CheckState
from wacrmd.views.numbers import (
    AccountNumber,
    AddedNumber,
    ChangedNumber,
    CheckedNumber,
    LimitUseView,
    NumberDetails,
    RemovedNumber,
)


async def add(ctx: Context, account_id: str, new: NewNumber, *, check: bool) -> AddedNumber:
    """Store a number, with its secrets encrypted.

    With `check`, Meta is asked first, and a token that Meta refuses raises Refusal. If Meta cannot be reached, the
    answer has a warning.
    """
    display = _phone(new.display_phone) if new.display_phone is not None else None
    found, seen = (
        await meta_check.ask_number(ctx, new.phone_number_id, new.access_token) if check else (None, None)
    )
    _refuse_failed(found)
    if display is None and seen is not None:
        display = meta_check.business_phone(seen.display_phone_number or "")
    number_id = str(uuid4())
    await ctx.db.write(
        partial(
            numbers.add,
            number_id=number_id,
            account_id=account_id,
            phone_number_id=new.phone_number_id,
            waba_id=new.waba_id,
            access_token=ctx.vault.encrypt(new.access_token, access_token_context(number_id)),
            app_secret=ctx.vault.encrypt(new.app_secret, app_secret_context(number_id)),
            verify_token_hash=hash_verify_token(new.verify_token),
            label=new.label,
            display_phone=display,
            messages_per_second=new.messages_per_second,
            default=new.default,
            now=ctx.clock.now(),
        )
    )
    ctx.app_secrets.invalidate()
    number = await number_of(ctx, number_id)
    if seen is not None:
        await meta_check.store(ctx, number_id, seen, None)
        await meta_check.check_marketing(ctx, number, new.access_token)
    made = view_of(ctx, await number_of(ctx, number_id))
    return AddedNumber(**shared(AccountNumber, made), check=found)


async def show(ctx: Context, actor: Actor, reference: str) -> NumberDetails:
    """A number with its health as Meta last reported it, and the time until which a replaced app secret is valid."""
    number = await number_of(ctx, reference, actor.account_id)
    health = await ctx.db.read(partial(numbers.health, number_id=number.id))
    onboarding, route = await ctx.db.read(partial(marketing.of_number, number=number))
    silent_since = ctx.meta_webhook_liveness.silent_since(number.id)
    retired = await ctx.db.read(partial(numbers.retired_until, number_id=number.id, now=ctx.clock.now()))
    use = await ctx.db.read(partial(_limit_use, number_id=number.id, now=ctx.clock.now()))
    return NumberDetails(
        **shared(AccountNumber, view_of(ctx, number)),
        limit_use=use,
        health=health,
        old_app_secret_until=retired,
        marketing_onboarding=onboarding,
        marketing_route=route,
        silent_since=None if silent_since is None else ctx.clock.time_of(silent_since),
    )


def _limit_use(tx: Tx, *, number_id: str, now: Millis) -> LimitUseView:
    budget = conversations.budget_of(tx, number_id)
    use = conversations.use_of(tx, budget, now)
    return LimitUseView(
        used=use.used,
        limit=int(use.limit) if budget.is_limited else None,
        free=int(use.free) if budget.is_limited else None,
        is_known=budget.is_known,
        next_at=use.next_at,
        next_count=use.next_count,
    )


async def change(
    ctx: Context, actor: Actor, reference: str, wanted: NumberChange, *, check: bool
) -> ChangedNumber:
    """Change a number; a new rate applies from the next message on.

    With `check`, Meta is asked about a new token first, as in `add`.
    """
    number = await number_of(ctx, reference, actor.account_id)
    changed = wanted.names()
    if not changed:
        raise bad_request(
            "Nothing to change: name at least one of label, rate, limit, portfolio, default, token or secret"
        )
    columns: dict[str, str | float | bytes | None] = {}
    if wanted.label is not None:
        columns["label"] = wanted.label or None
    if wanted.display_phone is not None:
        columns["display_phone"] = _phone(wanted.display_phone) if wanted.display_phone else None
    if wanted.messages_per_second is not None:
        columns["messages_per_second"] = wanted.messages_per_second or None
    if wanted.daily_limit is not None:
        columns["daily_limit"] = wanted.daily_limit or None
    if wanted.portfolio is not None:
        columns["portfolio"] = wanted.portfolio.strip() or None
    if wanted.verify_token is not None:
        columns["verify_token_hash"] = hash_verify_token(wanted.verify_token)
    found: Check | None = None
    if wanted.access_token is not None:
        if check:
            found, _ = await meta_check.ask_number(ctx, number.phone_number_id, wanted.access_token)
            _refuse_failed(found)
        columns["access_token"] = ctx.vault.encrypt(wanted.access_token, access_token_context(number.id))
    now = ctx.clock.now()

    def work(tx: Tx) -> None:
        if columns:
            portfolio = conversations.budget_of(tx, number.id).portfolio
            numbers.update(tx, number.id, **columns)
            conversations.join(tx, number.id, portfolio, now)
        if wanted.default:
            numbers.make_default(tx, number.id, number.account_id)
        if wanted.app_secret is not None:
            numbers.retire_app_secrets(tx, number.id, now + wanted.overlap)
            numbers.add_app_secret(
                tx, number.id, ctx.vault.encrypt(wanted.app_secret, app_secret_context(number.id)), now
            )

    await ctx.db.write(work)
    ctx.app_secrets.invalidate()
    ctx.throughput.reset(number.id)
    if "daily_limit" in columns or "portfolio" in columns:  # broadcasts of any number may wait for that
        ctx.queue.enqueue_many(await ctx.db.read(broadcast_queue.sending))
    current = await number_of(ctx, number.id)
    ctx.throughput.set_rate(number.id, current.rate(ctx.config.sender.messages_per_second))
    return ChangedNumber(**shared(AccountNumber, view_of(ctx, current)), check=found, changed=changed)


async def check(ctx: Context, actor: Actor, reference: str, *, subscribe: bool) -> CheckedNumber:
    """Ask Meta about a number and store the answer; returns the findings."""
    number = await number_of(ctx, reference, actor.account_id)
    found = await meta_check.check_number(ctx, number, subscribe=subscribe)
    return CheckedNumber(
        number=view_of(ctx, await number_of(ctx, number.id)), state=worst(found), checks=found
    )


async def remove(ctx: Context, actor: Actor, reference: str) -> RemovedNumber:
    """Remove a number and its secrets; raises Refusal while it has unfinished broadcasts."""
    number = await number_of(ctx, reference, actor.account_id)
    now = ctx.clock.now()

    def work(tx: Tx) -> None:
        unfinished = broadcasts.unfinished_uuids(tx, number.id)
        if unfinished:
            listed = ", ".join(uuid[:8] for uuid in unfinished[:3])
            raise conflict(
                f"The number still has {counted(len(unfinished), 'unfinished broadcast')} ({listed}): wait or cancel"
            )
        numbers.remove(tx, number.id, now)
        left = numbers.default_of(tx, number.account_id)
        if left is not None:
            numbers.make_default(tx, left.id, number.account_id)

    await ctx.db.write(work)
    ctx.app_secrets.invalidate()
    ctx.throughput.reset(number.id)
    return RemovedNumber(
        id=number.id,
        phone_number_id=number.phone_number_id,
        waba_id=number.waba_id,
        label=number.label,
        display_phone=number.display_phone,
        account=number.account,
        removed_at=now,
    )


async def pause(ctx: Context, actor: Actor, reference: str, detail: str) -> AccountNumber:
    """Pause a number until an operator resumes it; pausing it again changes nothing, also not the reason."""
    number = await number_of(ctx, reference, actor.account_id)
    now = ctx.clock.now()
    pauses = await ctx.db.write(
        partial(
            pausing.pause_number,
            number_id=number.id,
            reason=HoldReason.PAUSED_BY_OPERATOR,
            detail=detail,
            now=now,
        )
    )
    pausing.log_pauses(pauses)
    return view_of(ctx, await number_of(ctx, number.id))


async def resume(ctx: Context, actor: Actor, reference: str) -> AccountNumber:
    """Resume a number, and end a temporary block of it."""
    number = await number_of(ctx, reference, actor.account_id)
    now = ctx.clock.now()
    resumed = await ctx.db.write(partial(pausing.resume_number, number_id=number.id, now=now))
    resumed.numbers.add(number.id)
    pausing.continue_sending(ctx, resumed)
    return view_of(ctx, await number_of(ctx, number.id))


def _phone(given: str) -> str:
    phone = meta_check.business_phone(given)
    if phone is None:
        raise bad_request(f"display_phone: expected a phone number such as +14155550123, found {given!r}")
    return phone


def _refuse_failed(found: Check | None) -> None:
    if found is not None and found.state is CheckState.FAIL:
        raise bad_request(
            f"Meta refuses this token for this number: {found.detail.rstrip('.')}. Give another token, or use "
            "--no-check to keep this one all the same"
        )
