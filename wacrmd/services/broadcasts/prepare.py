"""What creating a broadcast and a dry run have in common: the checks, the number that sends, who is left to send to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import anyio.to_thread

from wacrmd.clock import DAY, Millis, iso
from wacrmd.domain.address import normalize_address
from wacrmd.domain.number import Number
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import Problem, Refusal, bad_request, no_number
from wacrmd.meta.payloads import content_problems
from wacrmd.services.broadcasts import validation
from wacrmd.services.broadcasts.input import BroadcastInput, RecipientInput
from wacrmd.services.broadcasts.validation import Known
from wacrmd.services.context import Context
from wacrmd.store import numbers
from wacrmd.views.broadcasts import RejectionView

NO_VALID_NUMBER = "No recipients had a valid E.164 phone number"
MAX_AHEAD: Millis = 366 * DAY
"""How far away a scheduled start may be."""

MAX_PROBLEMS = 100
"""How many problems one answer lists."""

MAX_SHOWN_ADDRESS = 64
"""Characters of a rejected `to` that an answer repeats."""


@dataclass(frozen=True, slots=True)
class NormalizedRecipients:
    """The recipients of a request: (address, recipient) of each that is left, and what was dropped on the way."""

    accepted: list[tuple[str, RecipientInput]]
    indexes: list[int]
    """The place of each of `accepted` in the request."""
    rejections: list[RejectionView]
    duplicates: int


@dataclass(frozen=True, slots=True)
class PreparedBroadcast:
    """A broadcast that was checked and not stored yet; with `problems` it does not fit its template."""

    given: BroadcastInput
    number: Number
    template: Known | None
    recipients: NormalizedRecipients
    problems: list[Problem]


async def prepare(ctx: Context, account_id: str, given: BroadcastInput) -> PreparedBroadcast:
    """Check a broadcast against the limits and its template, and find out who is left to send to.

    Refuses what no template would make right: too many recipients, content in a wrong form, a start too far away,
    an account without a number or an unknown number.
    """
    _check_size(ctx, given)
    _check_content(given)
    _check_time(ctx, given)
    number = await sending_number(ctx, account_id, given.number)
    template = await ctx.db.read(
        partial(
            validation.known,
            waba_id=number.waba_id,
            name=given.template_name,
            language=given.template_language,
        )
    )
    recipients, problems = await anyio.to_thread.run_sync(validate, given, template)
    return PreparedBroadcast(given, number, template, recipients, problems)


def validate(given: BroadcastInput, template: Known | None) -> tuple[NormalizedRecipients, list[Problem]]:
    """Who is left, and what does not fit the template, where one is known. Pure; some 20 ms for a thousand."""
    recipients = normalize_recipients(given.recipients)
    if template is None:
        return recipients, []
    contents = [
        (index, recipient.content)
        for index, (_, recipient) in zip(recipients.indexes, recipients.accepted, strict=True)
    ]
    return recipients, validation.problems(
        template, given.template_name, given.template_language, given.content, contents
    )


def normalize_recipients(given: Sequence[RecipientInput]) -> NormalizedRecipients:
    """Addresses in E.164 (or business-scoped user ids), equal ones once, the first wins. Pure, ~25 µs each."""
    accepted: dict[str, RecipientInput] = {}
    indexes: list[int] = []
    rejections: list[RejectionView] = []
    duplicates = 0
    for index, recipient in enumerate(given):
        to = recipient.to
        if not isinstance(to, str):
            reason = "to is missing" if to is None else "to is not a string"
            reason += ": expected a phone number such as +14155550123"
            rejections.append(RejectionView(index=index, to=None, reason=reason))
            continue
        address = normalize_address(to)
        if address is None:
            reason = "not a valid E.164 phone number"
            rejections.append(RejectionView(index=index, to=to[:MAX_SHOWN_ADDRESS], reason=reason))
        elif address in accepted:
            duplicates += 1
        else:
            accepted[address] = recipient
            indexes.append(index)
    return NormalizedRecipients(list(accepted.items()), indexes, rejections, duplicates)


async def sending_number(ctx: Context, account_id: str, reference: str | None) -> Number:
    """The account's number that sends: the one referred to, else its default. Refuses when there is none."""
    if reference is None:
        number = await ctx.db.read(partial(numbers.default_of, account_id=account_id))
        if number is None:
            raise no_number()
        return number
    found = await ctx.db.read(partial(numbers.find, reference=reference, account_id=account_id))
    if len(found) != 1:
        message = f"this account has no number {reference!r}: GET /api/v1/numbers lists them"
        raise problem("from", message)
    return found[0]


def problem(path: str, message: str) -> Refusal:
    """The refusal of a request because of one place in it."""
    return bad_request(f"{path}: {message}", [Problem(path, message)])


def refused(problems: list[Problem]) -> Refusal:
    """The refusal of a request because of at least one problem."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return bad_request(f"{problems[0].path}: {problems[0].message}{more}", problems[:MAX_PROBLEMS])


def _check_size(ctx: Context, given: BroadcastInput) -> None:
    most, count = ctx.config.limits.max_recipients, len(given.recipients)
    if count > most:
        raise problem(
            "recipients",
            f"expected at most {most} recipients, found {count}: split the list, or raise [limits] max_recipients",
        )


def _check_content(given: BroadcastInput) -> None:
    """Refuse headers, buttons and components in a wrong form; what the template wants is looked at later."""
    problems = content_problems(_parts(given.content))
    for index, recipient in enumerate(given.recipients):
        parts = _parts(recipient.content)
        if parts:
            problems += content_problems(parts | {"params": recipient.content.params}, f"recipients[{index}]")
    if problems:
        raise refused(problems)


def _parts(content: TemplateContent) -> dict[str, object]:
    parts = {"header": content.header, "buttons": content.buttons, "components": content.components}
    return {name: part for name, part in parts.items() if part is not None}


def _check_time(ctx: Context, given: BroadcastInput) -> None:
    """Refuse a start so far away that it must be a mistake; one that has passed means now."""
    if given.scheduled_at is not None and given.scheduled_at > ctx.clock.now() + MAX_AHEAD:
        raise problem("scheduled_at", f"expected a time within a year, found {iso(given.scheduled_at)}")
