"""A dry run of sending a draft: what it would do, and why it would be refused; nothing is stored or sent."""

from functools import partial

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.domain.draft import CheckResult, Draft, DraftState
from wacrmd.domain.marketing_route import route_of
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.errors import MAX_PROBLEMS, ErrorCode, Problem, Refusal, conflict
from wacrmd.fields import shared
from wacrmd.services.broadcasts.forecasting import forecast_of
from wacrmd.services.broadcasts.prepare import start_of
from wacrmd.services.context import Context
from wacrmd.services.drafts import collected, read
from wacrmd.services.drafts.uploads import SHOWN
from wacrmd.services.prices.cost import estimate
from wacrmd.store import broadcast_queue, broadcasts, drafts, marketing, templates
from wacrmd.store.database import Tx
from wacrmd.views.broadcasts import DryRun

_UNCHECKED = "The draft is not checked as it is now: check it first"


async def dry_run(
    ctx: Context, actor: Actor, reference: str, *, scheduled_at: Millis | None = None
) -> DryRun:
    """What to send the draft would do now, with all problems; raises Refusal for what is no draft (any more).

    The people are those of its last check, or of the calls that added them: who has opted out since is still among them.
    """
    broadcast, draft = await ctx.db.read(partial(read.to_change, actor=actor, reference=reference))
    if draft.state is DraftState.SENT:
        raise conflict(f"The broadcast is {broadcast.status}: only a draft can be sent")
    if draft.state in (DraftState.PREPARING, DraftState.RETURNING, DraftState.DISCARDED):
        raise conflict(f"The draft cannot be sent: it is {SHOWN.get(draft.state, draft.state)}")
    problems: list[Problem] = []
    at = broadcast.scheduled_at if scheduled_at is None else scheduled_at
    try:
        at = start_of(ctx, scheduled_at, broadcast.scheduled_at)
    except Refusal as refusal:
        problems += _told(refusal)
    problems += await _problems(ctx, actor, broadcast, draft)
    return await ctx.db.read(
        partial(_answer, ctx=ctx, broadcast_id=broadcast.id, at=at, problems=problems[:MAX_PROBLEMS])
    )


async def _problems(ctx: Context, actor: Actor, broadcast: Broadcast, draft: Draft) -> list[Problem]:
    """Why the draft would be refused as it is."""
    if draft.state is not DraftState.COLLECTING:
        result = read.result_of(draft) if draft.state is DraftState.CHECKED else None
        return [Problem("", _UNCHECKED)] if result is None else list(result.problems)
    try:
        sums = await collected.fitting(ctx, broadcast)
        await ctx.db.read(partial(collected.check, actor=actor, broadcast_id=broadcast.id, checked=sums))
    except Refusal as refusal:
        return _told(refusal)
    return []


def _told(refusal: Refusal) -> list[Problem]:
    """What a refusal says, as problems; raises it if it is no matter of the draft."""
    if refusal.code not in (ErrorCode.CONFLICT, ErrorCode.BAD_REQUEST):
        raise refusal
    return list(refusal.details) or [Problem("", refusal.message)]


def _answer(tx: Tx, *, ctx: Context, broadcast_id: int, at: Millis | None, problems: list[Problem]) -> DryRun:
    broadcast, draft, now = broadcasts.get(tx, broadcast_id), drafts.get(tx, broadcast_id), ctx.clock.now()
    if broadcast is None or draft is None:
        raise conflict("The draft was thrown away a moment ago")
    number = read.number_of(tx, broadcast)
    sums = read.result_of(draft) or _nobody(now)
    template = templates.synced(tx, number.waba_id, broadcast.template_name, broadcast.template_language)
    route = route_of(marketing.facts_of_broadcast(tx, broadcast_id))
    later = at is not None and at > now
    waiting = 0 if later else broadcast_queue.queued(tx, number.id)
    rate = number.rate(ctx.config.sender.messages_per_second)
    status = BroadcastStatus.SCHEDULED if later else BroadcastStatus.SENDING
    return DryRun(
        **shared(SendingPlan, broadcast),
        status=None if problems else status,
        total_recipients=sums.accepted,
        accepted=sums.accepted,
        rejected=sums.rejected,
        duplicates=sums.duplicates + sums.same_person,
        suppressed=sums.opted_out,
        rejections=[],
        template_warnings=sums.warnings,
        sent_as=[],
        problems=problems,
        number_id=number.id,
        template_synced_at=template.synced_at if template is not None else None,
        route=route,
        forecast=forecast_of(tx, ctx, number, broadcast.plan, sums.places, at),
        expected_duration_s=round((sums.accepted + waiting) / rate, 1),
        cost=estimate(
            tx, broadcast.account_id, template, route, sums.countries, at if later and at is not None else now
        ),
    )


def _nobody(now: Millis) -> CheckResult:
    """What a draft that was never checked has."""
    return CheckResult(
        checked_at=now,
        rows=0,
        accepted=0,
        rejected=0,
        duplicates=0,
        same_person=0,
        opted_out=0,
        guessed=0,
    )
