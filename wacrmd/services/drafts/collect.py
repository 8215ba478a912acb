"""Drafts that a program fills: the people of each call become recipients at once, and nothing is sent yet."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import uuid4

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor, ActorKind
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.domain.draft import CheckResult, Draft, DraftState
from wacrmd.domain.draft_room import too_many
from wacrmd.domain.forecast import places
from wacrmd.domain.market import country_of
from wacrmd.errors import conflict, counted, invalid, not_found
from wacrmd.services.broadcasts.create import (
    Creation,
    Idempotency,
    content_json,
    count_recipients,
    current_number,
    first_answer,
    params_json,
    replay,
)
from wacrmd.services.broadcasts.files import use_files
from wacrmd.services.broadcasts.input import BroadcastInput, RecipientInput
from wacrmd.services.broadcasts.prepare import PreparedBroadcast, first_of_each, prepare, problem
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.services.drafts.findings import template_digest
from wacrmd.store import broadcasts, drafts, idempotency, optouts, people, recipients
from wacrmd.store.database import Tx
from wacrmd.views.broadcasts import CreatedBroadcast
from wacrmd.views.json import to_json

DIFFERENT = ""
"""In place of the digest of the template, where people were checked against different contents of it."""


async def create(
    ctx: Context,
    actor: Actor,
    given: BroadcastInput,
    *,
    request_id: str | None = None,
    idempotency_key: Idempotency | None = None,
) -> Creation:
    """Store a draft, with the recipients that are given; none of them is sent to before `draft.send`.

    Raises Refusal for what cannot be sent, and for a draft too many; then nothing is stored.
    """
    if idempotency_key is not None and (first := await first_answer(ctx, actor.account, idempotency_key)):
        return first
    ctx.refuse_while_draining()
    prepared = await prepare(ctx, actor.account, given)
    if prepared.problems:
        raise invalid(prepared.problems)
    now = ctx.clock.now()

    def work(tx: Tx) -> Creation:
        if (first := _replayed(tx, ctx, actor, idempotency_key)) is not None:
            return first
        number = current_number(tx, prepared)
        if (why := too_many(drafts.waiting(tx, actor.account), actor.name)) is not None:
            raise conflict(why)
        uuid = str(uuid4())
        broadcast_id = broadcasts.insert(
            tx,
            uuid=uuid,
            account_id=actor.account,
            number_id=number.id,
            name=given.name or f"API broadcast ({given.template_name})",
            template_name=given.template_name,
            template_language=given.template_language,
            content=content_json(given.content),
            scheduled_at=given.scheduled_at,
            request_id=request_id,
            now=now,
            plan=prepared.given.plan,
            is_draft=True,
        )
        drafts.insert(tx, broadcast_id, made_by=actor.name, now=now, state=DraftState.COLLECTING)
        answer = _add(tx, ctx, actor.account, broadcast_id, uuid, prepared, None, now)
        return _answered(tx, actor, idempotency_key, answer, broadcast_id, now)

    return await _stored(ctx, work)


async def add(
    ctx: Context,
    actor: Actor,
    reference: str,
    given: Sequence[RecipientInput],
    *,
    idempotency_key: Idempotency | None = None,
) -> Creation:
    """Add people to a draft; who is a recipient of it already counts as a duplicate, and keeps what they had.

    The answer is about this call, `total_recipients` about the draft. Raises Refusal for what cannot be sent, for more
    people than one broadcast may have, and if no program adds people to it (any more); then nothing is stored.
    """
    if idempotency_key is not None and (first := await first_answer(ctx, actor.account, idempotency_key)):
        return first
    ctx.refuse_while_draining()

    def look_up(tx: Tx) -> tuple[Broadcast, str | None]:
        broadcast, draft = read.to_change(tx, actor, reference)
        _check_collecting(actor, broadcast, draft)
        read.number_of(tx, broadcast)
        content, _ = broadcasts.content_and_request_id(tx, broadcast.id)
        return broadcast, content

    broadcast, content = await ctx.db.read(look_up)
    whole = BroadcastInput(
        template_name=broadcast.template_name,
        template_language=broadcast.template_language,
        recipients=given,
        number=broadcast.number_id,
        content=read.template_content(content),
        plan=broadcast.plan,
    )
    prepared = await prepare(ctx, broadcast.account_id, whole)
    if prepared.problems:
        raise invalid(prepared.problems)
    now = ctx.clock.now()
    within = actor.within(broadcast.account_id)

    def work(tx: Tx) -> Creation:
        if (first := _replayed(tx, ctx, within, idempotency_key)) is not None:
            return first
        draft = drafts.get(tx, broadcast.id)
        if draft is None:
            raise not_found("Draft")
        _check_collecting(actor, broadcasts.get(tx, broadcast.id) or broadcast, draft)
        read.number_of(tx, broadcast)
        before = read.result_of(draft)
        answer = _add(tx, ctx, broadcast.account_id, broadcast.id, broadcast.uuid, prepared, before, now)
        broadcasts.change_draft(tx, broadcast.id, now)
        return _answered(tx, within, idempotency_key, answer, broadcast.id, now)

    return await _stored(ctx, work)


def _add(
    tx: Tx,
    ctx: Context,
    account_id: str,
    broadcast_id: int,
    uuid: str,
    prepared: PreparedBroadcast,
    before: CheckResult | None,
    now: Millis,
) -> CreatedBroadcast:
    """Store the people as recipients and the sums of all calls; raises Refusal if they are too many."""
    found = prepared.recipients
    holders = people.ensure(tx, account_id, [address for address, _ in found.accepted], now)
    by_person = first_of_each(found.accepted, holders)
    there = recipients.people_in(tx, broadcast_id, by_person)
    opted_out = set(optouts.among(tx, by_person)) - there
    accepted = {
        person_id: each
        for person_id, each in by_person.items()
        if person_id not in there and person_id not in opted_out
    }
    answer = CreatedBroadcast(
        broadcast_id=uuid,
        status=BroadcastStatus.DRAFT,
        total_recipients=(before.accepted if before is not None else 0) + len(accepted),
        accepted=len(accepted),
        rejected=len(found.rejections),
        duplicates=found.duplicates + len(found.accepted) - len(by_person) + len(there),
        suppressed=len(opted_out),
        rejections=found.rejections,
        warnings=found.warnings,
        template_warnings=prepared.template_warnings,
    )
    most = ctx.config.limits.max_upload_recipients
    if answer.total_recipients > most:
        raise problem(
            "recipients",
            f"the draft would have {counted(answer.total_recipients, 'person', 'people')}, and a broadcast"
            f" has at most {most}: make another one for the rest, or raise [limits] max_upload_recipients",
        )
    recipients.insert(
        tx,
        broadcast_id,
        [
            (person_id, address, params_json(recipient.content.params), content_json(recipient.content))
            for person_id, (address, recipient) in accepted.items()
        ],
    )
    use_files(tx, account_id, prepared.number.id, broadcast_id, prepared.file_ids, now)
    addresses = [address for address, _ in accepted.values()]
    where = places(prepared.given.plan, addresses)  # looked up before, so quick
    countries = Counter(country_of(each) or "" for each in addresses)
    sums = _sums(ctx, before, answer, prepared, now)
    sums = replace(sums, places=Counter(sums.places) + where, countries=Counter(sums.countries) + countries)
    drafts.collected(tx, broadcast_id, orjson.dumps(sums).decode(), now)
    return answer


def _sums(
    ctx: Context,
    before: CheckResult | None,
    answer: CreatedBroadcast,
    prepared: PreparedBroadcast,
    now: Millis,
) -> CheckResult:
    """What all calls so far came to; nothing in it names a person."""
    digest = template_digest(prepared.template)
    if before is None:
        before = CheckResult(
            checked_at=now,
            rows=0,
            accepted=0,
            rejected=0,
            duplicates=0,
            same_person=0,
            opted_out=0,
            guessed=0,
            template_digest=digest,
        )
    rate = prepared.number.rate(ctx.config.sender.messages_per_second)
    return replace(
        before,
        checked_at=now,
        rows=before.rows + len(prepared.given.recipients),
        accepted=answer.total_recipients,
        rejected=before.rejected + answer.rejected,
        duplicates=before.duplicates + answer.duplicates,
        opted_out=before.opted_out + answer.suppressed,
        guessed=before.guessed + len(answer.warnings),
        warnings=list(dict.fromkeys([*before.warnings, *answer.template_warnings])),
        expected_duration_s=round(answer.total_recipients / rate, 1),
        template_synced_at=prepared.template.synced_at if prepared.template is not None else None,
        template_digest=digest if before.template_digest == digest or not before.rows else DIFFERENT,
    )


def _check_collecting(actor: Actor, broadcast: Broadcast, draft: Draft) -> None:
    """Raise Refusal unless programs may add people."""
    if draft.state is DraftState.DISCARDED:
        raise not_found("Draft")
    if draft.state is DraftState.SENT:
        raise conflict(f"No recipients can be added: the broadcast is {broadcast.status}, no draft any more")
    if draft.state is not DraftState.COLLECTING:
        raise conflict("No recipients can be added: the people of this draft come from a file")
    check_restored(actor, draft)


def check_restored(actor: Actor, draft: Draft) -> None:
    """Raise Refusal if a program goes on with a draft of a restored backup: a person must look at it first.

    What the program has added since the backup is lost, and it may have sent the draft.
    """
    if draft.problem is not None and actor.kind is ActorKind.API:
        raise conflict(
            f"{draft.problem}: an operator can look at this draft and send it (wacrmd draft send). Or delete it, and make"
            " a new one"
        )


def _replayed(tx: Tx, ctx: Context, actor: Actor, key: Idempotency | None) -> Creation | None:
    if key is None:
        return None
    first = idempotency.get(tx, actor.account, key.key, ctx.clock.ago(idempotency.KEPT_FOR))
    return None if first is None else replay(first, key)


def _answered(
    tx: Tx, actor: Actor, key: Idempotency | None, answer: CreatedBroadcast, broadcast_id: int, now: Millis
) -> Creation:
    if key is not None:
        idempotency.put(tx, actor.account, key.key, key.body_hash, to_json(answer).decode(), now)
    return Creation(answer, broadcast_id=broadcast_id)


async def _stored(ctx: Context, work: Callable[[Tx], Creation]) -> Creation:
    creation = await ctx.db.write(work)
    if not creation.replayed:
        count_recipients(ctx, creation.created)
        if creation.broadcast_id is not None:
            ctx.changes.publish([creation.broadcast_id])
    return creation
