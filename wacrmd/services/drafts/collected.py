"""Sending a draft that a program has filled: its people are recipients already, so one transaction does it."""

from dataclasses import replace
from functools import partial

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.domain.draft import CheckResult, DraftState
from wacrmd.domain.media import MediaFacts
from wacrmd.domain.phone_guess import Home
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.template import SyncedTemplate, TemplateContent
from wacrmd.errors import ErrorCode, Problem, Refusal, conflict, not_found
from wacrmd.off_loop import off_loop
from wacrmd.services.broadcasts.input import BroadcastInput, RecipientInput
from wacrmd.services.broadcasts.prepare import start_of, validate
from wacrmd.services.broadcasts.validation import UNSENDABLE
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.collect import check_restored
from wacrmd.services.drafts.findings import template_digest
from wacrmd.store import broadcasts, drafts, media, recipients, templates
from wacrmd.store.database import Tx
from wacrmd.store.recipients import SentContent
from wacrmd.views.drafts import SentDraft

PAGE_ROWS = 1000
Files = dict[str, MediaFacts]
CHANGED = (
    "The template has changed since the recipients were added, and does not fit all of them any more: delete this draft, and"
    " make a new one"
)


async def send(ctx: Context, actor: Actor, broadcast: Broadcast, scheduled_at: Millis | None) -> SentDraft:
    """Let the broadcast be sent, now or at its time; `scheduled_at` replaces the one that it was made with.

    Raises Refusal for a template that is not what the people were checked against and does not fit them, or that Meta does
    not send; for a number that was removed; for a time that has passed; and if nobody is left.
    """
    at = start_of(ctx, scheduled_at, broadcast.scheduled_at)
    while True:
        sums = await fitting(ctx, broadcast)
        answer = await ctx.db.write(
            partial(_send, ctx=ctx, actor=actor, broadcast_id=broadcast.id, at=at, checked=sums)
        )
        if answer is not None:
            break
    ctx.queue.wake()
    ctx.metrics.broadcasts_created.inc()
    ctx.changes.publish([broadcast.id])
    return answer


def _send(
    tx: Tx, *, ctx: Context, actor: Actor, broadcast_id: int, at: Millis | None, checked: CheckResult
) -> SentDraft | None:
    """Make the draft a broadcast; None if people or the template have changed since they were `checked`."""
    now = ctx.clock.now()
    found = check(tx, actor, broadcast_id, checked)
    if found is None:
        return None
    broadcast, sums = found
    drafts.send_collected(tx, broadcast_id, actor.name, now)
    broadcasts.change_draft(tx, broadcast_id, now, scheduled_at=at)
    is_later = broadcasts.schedule_draft(tx, broadcast_id, now)
    if not is_later:
        broadcasts.send_draft(tx, broadcast_id, now)
    ctx.queue.enqueue_in(tx, broadcast_id)
    return SentDraft(
        broadcast_id=broadcast.uuid,
        status=BroadcastStatus.SCHEDULED if is_later else BroadcastStatus.SENDING,
        state=DraftState.SENT,
        total_recipients=sums.accepted,
        scheduled_at=at if is_later else None,
    )


def check(
    tx: Tx, actor: Actor, broadcast_id: int, checked: CheckResult
) -> tuple[Broadcast, CheckResult] | None:
    """The draft with its sums, if it can be sent; None if people or the template have changed since they were `checked`.

    Raises Refusal if it cannot.
    """
    broadcast, draft = broadcasts.get(tx, broadcast_id), drafts.get(tx, broadcast_id)
    if broadcast is None or draft is None or draft.state is DraftState.DISCARDED:
        raise not_found("Draft")
    if draft.state is not DraftState.COLLECTING:
        raise conflict(f"The broadcast is {broadcast.status}: only a draft can be sent")
    check_restored(actor, draft)
    synced = _template(tx, broadcast)
    sums = read.result_of(draft)
    if sums is None or sums.rows != checked.rows or template_digest(synced) != checked.template_digest:
        return None
    if synced is not None and synced.template is None:
        raise conflict(f"The template {broadcast.template_name!r} in {broadcast.template_language} is gone")
    if synced is not None and synced.template is not None:
        why = UNSENDABLE.get(synced.template.status.upper())
        if why is not None:
            raise conflict(f"The template {why}")
    if not recipients.anybody_left(tx, broadcast_id):
        raise conflict(
            "Nobody has been added to this draft: add its recipients first"
            if not sums.accepted
            else "Everybody in this draft has opted out meanwhile"
        )
    return broadcast, sums


def _template(tx: Tx, broadcast: Broadcast) -> SyncedTemplate | None:
    number = read.number_of(tx, broadcast)
    return templates.synced(tx, number.waba_id, broadcast.template_name, broadcast.template_language)


async def fitting(ctx: Context, broadcast: Broadcast) -> CheckResult:
    """The sums with the digest of the template that all recipients fit.

    They were checked when they were added; if the template has another content since, they are checked again.
    """

    def look_up(tx: Tx) -> tuple[CheckResult, SyncedTemplate | None, Home, TemplateContent, Files]:
        draft = drafts.get(tx, broadcast.id)
        sums = read.result_of(draft) if draft is not None else None
        if sums is None:
            raise not_found("Draft")
        content, _ = broadcasts.content_and_request_id(tx, broadcast.id)
        home = Home.of(None, read.number_of(tx, broadcast).display_phone)
        files = media.all_facts(tx, broadcast.account_id, broadcast.number_id)
        return sums, _template(tx, broadcast), home, read.template_content(content), files

    sums, synced, home, defaults, files = await ctx.db.read(look_up)
    digest = template_digest(synced)
    if digest == sums.template_digest or digest is None:
        return replace(sums, template_digest=digest)
    problems: list[Problem] = []
    after, more = 0, True
    while more and not problems:
        found = await ctx.db.read(
            partial(recipients.to_send_again, broadcast_id=broadcast.id, after=after, limit=PAGE_ROWS)
        )
        more = len(found) == PAGE_ROWS
        after = found[-1].id if found else after
        waiting = [each for each in found if each.status is RecipientStatus.PENDING]
        given = BroadcastInput(
            template_name=broadcast.template_name,
            template_language=broadcast.template_language,
            recipients=[RecipientInput(each.to, _content(each)) for each in waiting],
            content=defaults,
        )
        _, problems = await off_loop(validate, given, synced, home, files)
    if problems:
        raise Refusal(ErrorCode.CONFLICT, CHANGED, [_of_person(each, waiting) for each in problems])
    return replace(sums, template_digest=digest)


def _content(one: SentContent) -> TemplateContent:
    params = orjson.loads(one.params) if one.params else None
    return replace(read.template_content(one.content), params=params)


def _of_person(problem: Problem, people: list[SentContent]) -> Problem:
    """A problem of a recipient by the address, because the place in the request is not known any more."""
    place, _, rest = problem.path.removeprefix("recipients[").partition("]")
    if place == problem.path or not place.isdecimal():
        return problem
    return Problem(f"{people[int(place)].to}{rest}", problem.message)
