"""Creating a broadcast: stores the broadcast, its recipients and the job in one transaction."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from uuid import uuid4

import orjson

from wacrmd.domain.broadcast import BroadcastKind, BroadcastStatus
from wacrmd.domain.number import Number
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import ErrorCode, Refusal, bad_request, conflict, invalid
from wacrmd.fields import JsonObject
from wacrmd.services.broadcasts.files import use_files
from wacrmd.services.broadcasts.input import BroadcastInput
from wacrmd.services.broadcasts.prepare import (
    PreparedBroadcast,
    first_of_each,
    prepare,
    problem,
    why_nobody,
)
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, idempotency, numbers, optouts, people, recipients
from wacrmd.store.database import Tx
from wacrmd.views.broadcasts import CreatedBroadcast
from wacrmd.views.json import from_json, to_json


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's Idempotency-Key, and the hash of the request body."""

    key: str
    body_hash: bytes

    @classmethod
    def of(cls, key: str, body: JsonObject) -> "Idempotency":
        """The key with the hash of a JSON object; spacing and the order of keys make no difference."""
        digest = hashlib.sha256()
        try:
            digest.update(orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
        except orjson.JSONEncodeError:  # an integer that has more than 64 bits
            for piece in _pieces(body):
                digest.update(json.dumps(piece, sort_keys=True).encode() + b"\n")
        return cls(key, digest.digest())


def _pieces(body: JsonObject) -> Iterator[object]:
    """The parts of an object in one order: `json.dumps` takes long for a large one, and lets no other thread run."""
    for name in sorted(body):
        value = body[name]
        if isinstance(value, list):
            yield [name, len(value)]
            yield from value
        else:
            yield {name: value}


@dataclass(frozen=True, slots=True)
class Creation:
    """The answer to a request; `replayed` if the same Idempotency-Key got it before."""

    created: CreatedBroadcast
    replayed: bool = False
    broadcast_id: int | None = None


async def create(
    ctx: Context,
    account_id: str,
    given: BroadcastInput,
    *,
    request_id: str | None = None,
    idempotency_key: Idempotency | None = None,
    kind: BroadcastKind = BroadcastKind.BROADCAST,
) -> Creation:
    """Store the broadcast, its recipients and the job durably; they are sent afterwards.

    Raises Refusal for what cannot be sent; then nothing is stored.
    """
    began = perf_counter()
    if idempotency_key is not None and (first := await first_answer(ctx, account_id, idempotency_key)):
        return first
    ctx.refuse_while_draining()
    prepared = await prepare(ctx, account_id, given)
    if not prepared.recipients.accepted:
        raise _no_valid_number(prepared, kind)
    if prepared.problems:
        raise invalid(prepared.problems)
    creation = await ctx.db.write(
        partial(
            _store,
            ctx=ctx,
            account_id=account_id,
            prepared=prepared,
            request_id=request_id,
            key=idempotency_key,
            kind=kind,
        )
    )
    if not creation.replayed:
        ctx.queue.wake()
        ctx.media.wake.set()
        _count(ctx, creation.created, perf_counter() - began)
    return creation


async def first_answer(ctx: Context, account_id: str, key: Idempotency) -> Creation | None:
    """The answer that this key got before, if it did."""
    since = ctx.clock.ago(idempotency.KEPT_FOR)
    first = await ctx.db.read(partial(idempotency.get, account_id=account_id, key=key.key, since=since))
    return None if first is None else replay(first, key)


def _store(
    tx: Tx,
    *,
    ctx: Context,
    account_id: str,
    prepared: PreparedBroadcast,
    request_id: str | None,
    key: Idempotency | None,
    kind: BroadcastKind,
) -> Creation:
    now, since = ctx.clock.now(), ctx.clock.ago(idempotency.KEPT_FOR)
    if key is not None and (first := idempotency.get(tx, account_id, key.key, since)) is not None:
        return replay(first, key)
    current = current_number(tx, prepared)
    given, found = prepared.given, prepared.recipients
    holders = people.ensure(tx, account_id, [address for address, _ in found.accepted], now)
    by_person = first_of_each(found.accepted, holders)
    opted_out = optouts.among(tx, by_person)
    accepted = {person_id: each for person_id, each in by_person.items() if person_id not in opted_out}
    if not accepted:
        raise _all_opted_out(kind)
    later = given.scheduled_at is not None and given.scheduled_at > now
    uuid = str(uuid4())
    broadcast_id = broadcasts.insert(
        tx,
        uuid=uuid,
        account_id=account_id,
        number_id=current.id,
        kind=kind,
        name=given.name or f"API broadcast ({given.template_name})",
        template_name=given.template_name,
        template_language=given.template_language,
        content=content_json(given.content),
        scheduled_at=given.scheduled_at if later else None,
        request_id=request_id,
        now=now,
        plan=given.plan,
    )
    recipients.insert(
        tx,
        broadcast_id,
        [
            (person_id, address, params_json(recipient.content.params), content_json(recipient.content))
            for person_id, (address, recipient) in accepted.items()
        ],
    )
    use_files(tx, account_id, current.id, broadcast_id, prepared.file_ids, now)
    created = CreatedBroadcast(
        broadcast_id=uuid,
        status=BroadcastStatus.SCHEDULED if later else BroadcastStatus.SENDING,
        total_recipients=len(accepted),
        accepted=len(accepted),
        rejected=len(found.rejections),
        duplicates=found.duplicates + len(found.accepted) - len(by_person),
        suppressed=len(opted_out),
        rejections=found.rejections,
        warnings=found.warnings,
        template_warnings=prepared.template_warnings,
    )
    if key is not None:
        idempotency.put(tx, account_id, key.key, key.body_hash, to_json(created).decode(), now)
    ctx.queue.enqueue_in(tx, broadcast_id)
    return Creation(created, broadcast_id=broadcast_id)


def _no_valid_number(prepared: PreparedBroadcast, kind: BroadcastKind) -> Refusal:
    if kind is BroadcastKind.MESSAGE:
        return problem("recipients[0].to", prepared.recipients.rejections[0].reason)
    return bad_request(why_nobody(each.reason for each in prepared.recipients.rejections))


def _all_opted_out(kind: BroadcastKind) -> Refusal:
    if kind is BroadcastKind.MESSAGE:
        return conflict("This person has opted out of messages from this account: nothing was sent")
    return bad_request(
        "All valid recipients have opted out of messages from this account: nothing is left to send"
    )


def current_number(tx: Tx, prepared: PreparedBroadcast) -> Number:
    """The number that is to send, in the transaction that needs it; raises Refusal if it was removed meanwhile."""
    current = numbers.get(tx, prepared.number.id)
    if current is None or current.is_removed:
        raise Refusal(
            ErrorCode.WHATSAPP_NOT_CONFIGURED, "This number was removed a moment ago: name another one"
        )
    return current


def _count(ctx: Context, created: CreatedBroadcast, seconds: float) -> None:
    """Count the broadcast and its recipients; creating it took `seconds`."""
    ctx.metrics.broadcasts_created.inc()
    ctx.metrics.broadcast_create_duration.observe(seconds)
    count_recipients(ctx, created)


def count_recipients(ctx: Context, created: CreatedBroadcast) -> None:
    """Count the recipients of a request."""
    for result, count in (
        ("accepted", created.accepted),
        ("rejected", created.rejected),
        ("duplicate", created.duplicates),
        ("suppressed", created.suppressed),
    ):
        ctx.metrics.recipients_submitted.labels(result).inc(count)


def replay(first: tuple[bytes, str], key: Idempotency) -> Creation:
    """The first answer to a key; raises Refusal if that was to another request."""
    body_hash, answer = first
    if body_hash != key.body_hash:
        raise Refusal(
            ErrorCode.IDEMPOTENCY_MISMATCH,
            "This Idempotency-Key was used with another body, or for another thing, within the last 24 hours: use a new key"
            " for each new request",
        )
    return Creation(from_json(CreatedBroadcast, answer), replayed=True)


def content_json(content: TemplateContent) -> str | None:
    """Header, buttons and components as JSON for the database; None if there are none."""
    return params_json(content_parts(content))


def content_parts(content: TemplateContent) -> JsonObject | None:
    """Header, buttons and components as an object; None if there are none."""
    parts = {"header": content.header, "buttons": content.buttons, "components": content.components}
    return {name: part for name, part in parts.items() if part is not None} or None


def params_json(value: object) -> str | None:
    """A value as JSON for the database; None for none."""
    return None if value is None else orjson.dumps(value).decode()
