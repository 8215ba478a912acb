"""Sending a draft: a person's request marks it, and step by step its people become recipients of the broadcast."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.domain.draft import CheckResult, Draft, DraftState
from wacrmd.errors import conflict
from wacrmd.services.broadcasts.create import params_json
from wacrmd.services.broadcasts.prepare import start_of
from wacrmd.services.broadcasts.validation import UNSENDABLE
from wacrmd.services.context import Context
from wacrmd.services.drafts import collected, read
from wacrmd.services.drafts.findings import template_digest
from wacrmd.services.drafts.people import BATCH_ROWS
from wacrmd.services.drafts.uploads import SHOWN
from wacrmd.store import broadcasts, drafts, media, numbers, optouts, people, recipients, templates
from wacrmd.store.database import Tx
from wacrmd.views.drafts import SentDraft

STEP_PEOPLE = 250
"""People who become recipients in one transaction: it takes some 10 ms, and sends and webhooks wait no longer for it."""


async def request_send(
    ctx: Context,
    actor: Actor,
    reference: str,
    *,
    version: int | None = None,
    scheduled_at: Millis | None = None,
) -> SentDraft:
    """Ask to send a draft, now or at its time, which `scheduled_at` replaces.

    To ask again for one with a file changes nothing, and gets the same answer. Raises Refusal for one that is not checked as
    it is now, that has problems, or that has another version; and as `collected.send` for one that a program has filled.
    """
    broadcast, before = await ctx.db.read(partial(read.to_change, actor=actor, reference=reference))
    if before.state not in (DraftState.PREPARING, DraftState.SENT):
        ctx.refuse_while_draining()
    if before.state is DraftState.COLLECTING:
        return await collected.send(ctx, actor, broadcast, scheduled_at)
    if before.state is DraftState.SENT and before.file_name is None:
        raise conflict(f"The broadcast is {broadcast.status}: only a draft can be sent")
    at = broadcast.scheduled_at if scheduled_at is None else scheduled_at
    if before.state in (DraftState.EDITING, DraftState.CHECKED):
        start_of(ctx, scheduled_at, broadcast.scheduled_at)

    def work(tx: Tx) -> SentDraft:
        draft = drafts.get(tx, broadcast.id)
        state = draft.state if draft is not None else DraftState.DISCARDED
        if state in (DraftState.EDITING, DraftState.CHECKING):
            raise conflict("The draft is not checked as it is now: check it first")
        if state in (DraftState.RETURNING, DraftState.DISCARDED):
            raise conflict(f"The draft cannot be sent: it is {SHOWN[state]}")
        result = read.result_of(draft) if draft is not None else None
        if state is DraftState.CHECKED:
            if draft is not None and version not in (None, draft.version):
                raise conflict(
                    "It was changed in another window meanwhile: look at it once more, then send it"
                )
            if result is None or result.problems:
                first = result.problems[0].message if result is not None else "check it again"
                raise conflict(f"The draft cannot be sent as it is: {first}")
            drafts.request_send(tx, broadcast.id, actor.name, ctx.clock.now())
            broadcasts.change_draft(tx, broadcast.id, ctx.clock.now(), scheduled_at=at)
        now, current = broadcasts.get(tx, broadcast.id), drafts.get(tx, broadcast.id)
        return SentDraft(
            broadcast_id=broadcast.uuid,
            status=now.status if now is not None else BroadcastStatus.DRAFT,
            state=current.state if current is not None else state,
            total_recipients=result.accepted if result is not None else 0,
            scheduled_at=now.scheduled_at if now is not None else at,
        )

    answer = await ctx.db.write(work)
    ctx.drafts.sends.set()
    ctx.changes.publish([broadcast.id])
    return answer


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to: how many people of the draft were looked at, and whether it was the last one."""

    people: int
    is_last: bool
    is_sent: bool = False


def take_over(tx: Tx, ctx: Context, broadcast_id: int) -> Step:
    """Make recipients of the next people, or let the broadcast be sent after the last ones.

    How far it came is stored in the same transaction, so it goes on there after a crash. Opt-outs are applied again.
    """
    broadcast, draft = broadcasts.get(tx, broadcast_id), drafts.get(tx, broadcast_id)
    if broadcast is None or draft is None or draft.state is not DraftState.PREPARING:
        return Step(0, is_last=True)
    now = ctx.clock.now()
    if (problem := _obstacle(tx, broadcast, draft)) is not None:
        drafts.send_back(tx, broadcast_id, problem, now)
        return Step(0, is_last=True)
    number, at = divmod(draft.taken, BATCH_ROWS)
    piece = drafts.piece(tx, broadcast_id, draft.people_edition or 0, number)
    rows = orjson.loads(piece)[at : at + STEP_PEOPLE] if piece is not None else []
    if rows:
        _take(tx, broadcast, [each for each in rows if each is not None], now)
        broadcasts.change_draft(tx, broadcast_id, now)
        drafts.took(tx, broadcast_id, draft.taken + len(rows))
        return Step(len(rows), is_last=False)
    if not recipients.exist(tx, broadcast_id):
        drafts.send_back(tx, broadcast_id, "Everybody in the file has opted out meanwhile", now)
        return Step(0, is_last=True)
    if not broadcasts.schedule_draft(tx, broadcast_id, now):
        broadcasts.send_draft(tx, broadcast_id, now)
    drafts.sent(tx, broadcast_id, _kept(draft), now)
    ctx.queue.enqueue_in(tx, broadcast_id)
    return Step(0, is_last=True, is_sent=True)


def _take(tx: Tx, broadcast: Broadcast, rows: list[Any], now: Millis) -> None:
    """Insert these people, except those who have opted out or are recipients already."""
    holders = people.ensure(tx, broadcast.account_id, [each[1] for each in rows], now)
    by_person: dict[int, Any] = {}
    for each in rows:
        by_person.setdefault(holders[each[1]], each)
    left_out = set(optouts.among(tx, by_person)) | recipients.people_in(tx, broadcast.id, by_person)
    recipients.insert(
        tx,
        broadcast.id,
        [
            (person_id, address, params_json(params), params_json(content))
            for person_id, (_, address, params, content) in by_person.items()
            if person_id not in left_out
        ],
    )


def _obstacle(tx: Tx, broadcast: Broadcast, draft: Draft) -> str | None:
    """Why the draft cannot be sent any more as it was checked."""
    number = numbers.get(tx, broadcast.number_id)
    if number is None or number.is_removed:
        return "Its number was removed: choose another one"
    synced = templates.synced(tx, number.waba_id, broadcast.template_name, broadcast.template_language)
    if synced is not None and synced.template is None:
        return f"The template {broadcast.template_name!r} in {broadcast.template_language} is gone: choose another one"
    status = synced.template.status.upper() if synced is not None and synced.template is not None else ""
    if status in UNSENDABLE:
        return f"The template {UNSENDABLE[status]}"
    if (missing := media.missing_of(tx, broadcast.id)) is not None:
        return f"The file {missing} was removed: choose another one"
    result = read.result_of(draft)
    if result is None or template_digest(synced) != result.template_digest:
        return "The template has changed since the check: look at the message again, and check it"
    return None


def _kept(draft: Draft) -> str | None:
    """What stays of the check: numbers, and nothing that names a person."""
    result: CheckResult | None = read.result_of(draft)
    if result is None:
        return None
    return orjson.dumps(replace(result, rejections=[], guessed_lines=[])).decode()


def take_back(tx: Tx, ctx: Context, broadcast_id: int) -> Step:
    """Take some recipients out of a draft that could not be sent; after the last of them it is edited again."""
    draft = drafts.get(tx, broadcast_id)
    if draft is None or draft.state is not DraftState.RETURNING:
        return Step(0, is_last=True)
    removed = _remove(tx, ctx, broadcast_id)
    if removed:
        return Step(removed, is_last=False)
    drafts.returned(tx, broadcast_id, ctx.clock.now())
    broadcasts.change_draft(tx, broadcast_id, ctx.clock.now())
    return Step(0, is_last=True)


def drop_people(tx: Tx, ctx: Context, broadcast_id: int) -> Step:
    """Delete some recipients of a draft that was thrown away."""
    draft = drafts.get(tx, broadcast_id)
    if draft is None or draft.state is not DraftState.DISCARDED:
        return Step(0, is_last=True)
    removed = _remove(tx, ctx, broadcast_id)
    return Step(removed, is_last=not removed)


def _remove(tx: Tx, ctx: Context, broadcast_id: int) -> int:
    removed = recipients.remove_of_draft(tx, broadcast_id, STEP_PEOPLE)
    if removed:
        people.forget_unused(tx, removed)
        broadcasts.change_draft(tx, broadcast_id, ctx.clock.now())
    return len(removed)
