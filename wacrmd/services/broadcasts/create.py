"""Accepting a broadcast: check, freeze the recipients, and store all of it durably in one transaction."""

import hashlib
from dataclasses import asdict, dataclass, field
from functools import partial
from time import perf_counter
from typing import Any
from uuid import uuid4

import anyio
import orjson

from wacrmd.clock import DAY, Millis, iso
from wacrmd.domain.address import normalize_address
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.number import Number
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import ErrorCode, Problem, Refusal, bad_request, draining, no_number
from wacrmd.services import counters
from wacrmd.services.broadcasts import validation
from wacrmd.services.broadcasts.validation import Known
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, idempotency, numbers, optouts, recipients
from wacrmd.store.database import Tx

NO_VALID_NUMBER = "No recipients had a valid E.164 phone number"
IDEMPOTENCY_KEPT: Millis = DAY
MOST_AHEAD: Millis = 366 * DAY
"""How far away a scheduled start may be."""

MOST_PROBLEMS = 100
"""How many problems one answer lists."""


@dataclass(frozen=True, slots=True)
class RecipientInput:
    """One recipient as the caller gave it; `to` may still be anything."""

    to: object
    content: TemplateContent = field(default_factory=TemplateContent)


@dataclass(frozen=True, slots=True)
class BroadcastInput:
    """A broadcast as a caller asks for it, with its fields checked for their types."""

    template_name: str
    template_language: str
    people: list[RecipientInput]
    name: str | None = None
    sender: str | None = None
    scheduled_at: Millis | None = None
    content: TemplateContent = field(default_factory=TemplateContent)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's key, and the hash of the body that it stands for."""

    key: str
    body_hash: bytes

    @classmethod
    def of(cls, key: str, body: object) -> "Idempotency":
        """For the JSON value `body`, whatever its spacing and order of keys.

        Raises Refusal for JSON that is nested too deep to be written again.
        """
        try:
            canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError as error:
            raise bad_request("The body is nested too deep: expected JSON at most 254 deep") from error
        return cls(key, hashlib.sha256(canonical).digest())


@dataclass(frozen=True, slots=True)
class Rejection:
    """One recipient that was dropped, and why."""

    index: int
    to: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class CreatedBroadcast:
    """The answer to a submission; `accepted + rejected + duplicates + suppressed` is what was submitted."""

    broadcast_id: str
    status: BroadcastStatus
    total_recipients: int
    accepted: int
    rejected: int
    duplicates: int
    suppressed: int
    rejections: list[Rejection]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is left of a submission: (address, person) of each, and what was dropped on the way."""

    people: list[tuple[str, RecipientInput]]
    rejections: list[Rejection]
    duplicates: int
    places: list[int]
    """Where each of `people` stood in the submission."""


def audience_of(people: list[RecipientInput]) -> Audience:
    """Addresses in E.164 (or business-scoped user ids), equal ones once, the first wins. Pure, ~25 µs each."""
    found: dict[str, RecipientInput] = {}
    rejections: list[Rejection] = []
    places: list[int] = []
    duplicates = 0
    for index, person in enumerate(people):
        to = person.to
        if not isinstance(to, str):
            reason = "to is missing" if to is None else "to is not a string"
            rejections.append(
                Rejection(index, None, f"{reason}: expected a phone number such as +14155550123")
            )
            continue
        address = normalize_address(to)
        if address is None:
            rejections.append(Rejection(index, to[:64], "not a valid E.164 phone number"))
        elif address in found:
            duplicates += 1
        else:
            found[address] = person
            places.append(index)
    return Audience(list(found.items()), rejections, duplicates, places)


async def choose_number(ctx: Context, account_id: str, reference: str | None) -> Number:
    """The account's number that sends: the one referred to, else its default. Refuses when there is none."""
    if reference is None:
        number = await ctx.db.read(partial(numbers.default_of, account_id=account_id))
        if number is None:
            raise no_number()
        return number
    found = await ctx.db.read(partial(numbers.find, reference=reference, account_id=account_id))
    if len(found) != 1:
        message = f"this account has no number {reference!r}: GET /api/v1/numbers lists them"
        raise bad_request(f"from: {message}", [Problem("from", message)])
    return found[0]


async def create_broadcast(
    ctx: Context,
    account_id: str,
    submission: BroadcastInput,
    *,
    request_id: str | None = None,
    idempotency_key: Idempotency | None = None,
) -> CreatedBroadcast:
    """Store the broadcast, its recipients and the bell's task durably; sending happens afterwards.

    Refuses what cannot be sent, with nothing stored.
    """
    if ctx.draining:
        raise draining()
    began = perf_counter()
    if idempotency_key is not None and (first := await _first_answer(ctx, account_id, idempotency_key)):
        return first
    check_time(ctx, submission)
    number = await choose_number(ctx, account_id, submission.sender)
    synced = await ctx.db.read(
        partial(
            validation.known,
            waba_id=number.waba_id,
            name=submission.template_name,
            language=submission.template_language,
        )
    )
    audience, problems = await anyio.to_thread.run_sync(validate, submission, synced)
    if not audience.people:
        raise bad_request(NO_VALID_NUMBER)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise bad_request(f"{problems[0].path}: {problems[0].message}{more}", problems[:MOST_PROBLEMS])
    accepted, broadcast_id = await ctx.db.write(
        partial(
            _store,
            ctx=ctx,
            account_id=account_id,
            number=number,
            submission=submission,
            audience=audience,
            request_id=request_id,
            key=idempotency_key,
        )
    )
    if broadcast_id is not None:
        ctx.queue.wake()
        counters.count_accepted(
            ctx,
            accepted=accepted.accepted,
            rejected=accepted.rejected,
            duplicates=accepted.duplicates,
            suppressed=accepted.suppressed,
            seconds=perf_counter() - began,
        )
    return accepted


def validate(submission: BroadcastInput, synced: Known | None) -> tuple[Audience, list[Problem]]:
    """Who is to get it, and what does not fit the template, where one is known. Pure; some 20 ms a thousand."""
    audience = audience_of(submission.people)
    if synced is None:
        return audience, []
    given = [
        (place, person.content) for place, (_, person) in zip(audience.places, audience.people, strict=True)
    ]
    return audience, validation.problems(
        synced, submission.template_name, submission.template_language, submission.content, given
    )


def check_time(ctx: Context, submission: BroadcastInput) -> None:
    """Refuse a start so far away that it must be a mistake; one that has passed means now."""
    if submission.scheduled_at is not None and submission.scheduled_at > ctx.clock.now() + MOST_AHEAD:
        at = "scheduled_at"
        message = f"expected a time within a year, found {iso(submission.scheduled_at)}"
        raise bad_request(f"{at}: {message}", [Problem(at, message)])


async def _first_answer(ctx: Context, account_id: str, key: Idempotency) -> CreatedBroadcast | None:
    """The answer that this key got before, whatever has changed since."""
    since = ctx.clock.now() - IDEMPOTENCY_KEPT
    first = await ctx.db.read(partial(idempotency.get, account_id=account_id, key=key.key, since=since))
    return None if first is None else _replay(first, key)


def _store(
    tx: Tx,
    *,
    ctx: Context,
    account_id: str,
    number: Number,
    submission: BroadcastInput,
    audience: Audience,
    request_id: str | None,
    key: Idempotency | None,
) -> tuple[CreatedBroadcast, int | None]:
    now = ctx.clock.now()
    if (
        key is not None
        and (first := idempotency.get(tx, account_id, key.key, now - IDEMPOTENCY_KEPT)) is not None
    ):
        return _replay(first, key), None
    current = numbers.get(tx, number.id)
    if current is None or not current.access_token:
        raise Refusal(
            ErrorCode.WHATSAPP_NOT_CONFIGURED, "This number was removed a moment ago: name another one"
        )
    gone = optouts.among(tx, account_id, [address for address, _ in audience.people])
    people = [(address, person) for address, person in audience.people if address not in gone]
    if not people:
        raise bad_request(
            "All valid recipients have opted out of messages from this account: nothing is left to send"
        )
    later = submission.scheduled_at is not None and submission.scheduled_at > now
    uuid = str(uuid4())
    broadcast_id = broadcasts.insert(
        tx,
        uuid=uuid,
        account_id=account_id,
        number_id=number.id,
        name=submission.name or f"API broadcast ({submission.template_name})",
        template_name=submission.template_name,
        template_language=submission.template_language,
        content=content_json(submission.content),
        scheduled_at=submission.scheduled_at if later else None,
        request_id=request_id,
        now=now,
    )
    recipients.insert(
        tx,
        broadcast_id,
        [(address, _json(person.content.params), content_json(person.content)) for address, person in people],
    )
    acceptance = CreatedBroadcast(
        broadcast_id=uuid,
        status=BroadcastStatus.SCHEDULED if later else BroadcastStatus.SENDING,
        total_recipients=len(people),
        accepted=len(people),
        rejected=len(audience.rejections),
        duplicates=audience.duplicates,
        suppressed=len(gone),
        rejections=audience.rejections,
    )
    if key is not None:
        answer = orjson.dumps(asdict(acceptance)).decode()
        idempotency.put(tx, account_id, key.key, key.body_hash, answer, now)
    ctx.queue.enqueue_in(tx, broadcast_id)
    return acceptance, broadcast_id


def _replay(first: tuple[bytes, str], key: Idempotency) -> CreatedBroadcast:
    body_hash, answer = first
    if body_hash != key.body_hash:
        raise Refusal(
            ErrorCode.IDEMPOTENCY_MISMATCH,
            "This Idempotency-Key was used with another body within the last 24 hours: use a new key for a new broadcast",
        )
    stored: dict[str, Any] = orjson.loads(answer)
    stored["status"] = BroadcastStatus(stored["status"])
    stored["rejections"] = [Rejection(**rejection) for rejection in stored["rejections"]]
    stored["replayed"] = True
    return CreatedBroadcast(**stored)


def content_json(content: TemplateContent) -> str | None:
    """Header, buttons and components as JSON for the database; None where there is none of them."""
    given = {
        name: value
        for name in ("header", "buttons", "components")
        if (value := getattr(content, name)) is not None
    }
    return _json(given) if given else None


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
