"""Preparing a broadcast, for its creation and for a dry run: limits, sending number, recipients, template."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from wacrmd.clock import Millis, iso
from wacrmd.domain.account_settings import AccountSettings
from wacrmd.domain.address import read_address
from wacrmd.domain.media import MediaFacts
from wacrmd.domain.media_in_content import ids_in
from wacrmd.domain.number import Number
from wacrmd.domain.opt_out_buttons import broadcast_warnings
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_guess import Home, doubt
from wacrmd.domain.phone_text import Unreadable
from wacrmd.domain.send_between import SendBetween
from wacrmd.domain.sending_hours import opens_at, zones_for
from wacrmd.domain.start_time import MAX_AHEAD, is_past, past_sentence
from wacrmd.domain.template import SyncedTemplate, TemplateContent
from wacrmd.errors import MAX_PROBLEMS, Problem, Refusal, invalid, no_number
from wacrmd.meta.payloads import content_problems
from wacrmd.off_loop import off_loop
from wacrmd.services.broadcasts import validation
from wacrmd.services.broadcasts.input import BroadcastInput, RecipientInput, too_many_recipients
from wacrmd.services.context import Context
from wacrmd.store import accounts, media, numbers, templates
from wacrmd.store.database import Tx
from wacrmd.views.broadcasts import RejectionView, WarningView

NO_VALID_NUMBER = "No recipients had a valid E.164 phone number"
NO_HOUR_FITS = (
    "No recipient with a valid phone number has an hour within send_between in all time zones in which they may be:"
    " allow more hours, or name one zone in send_between"
)
_NO_HOUR = "no hour is"
MAX_WARNINGS = 1000
"""Numbers whose country is a guess that an answer names."""

MAX_SHOWN_ADDRESS = 64
"""Characters of a rejected `to` that an answer repeats."""


@dataclass(frozen=True, slots=True)
class NormalizedRecipients:
    """The recipients of a request: those that are accepted, as (address, recipient), and the others."""

    accepted: list[tuple[str, RecipientInput]]
    indexes: list[int]
    """The index in the request of each of `accepted`."""
    rejections: list[RejectionView]
    duplicates: int
    warnings: list[WarningView]
    sent_as: list[str | None]
    """The address of each recipient of the request; None: rejected."""


@dataclass(frozen=True, slots=True)
class PreparedBroadcast:
    """A broadcast that was checked and is not stored yet.

    `home` is the country as whose numbers those without `+` are read, or by which they are a guess. `problems` say what
    does not fit its template, `template_warnings` what may go wrong with it.
    """

    given: BroadcastInput
    number: Number
    home: Home
    template: SyncedTemplate | None
    recipients: NormalizedRecipients
    problems: list[Problem]
    template_warnings: list[str]
    file_ids: set[str]
    """The files that it and its recipients name by wacrmd's ids."""


async def prepare(ctx: Context, account_id: str, given: BroadcastInput) -> PreparedBroadcast:
    """Check a broadcast against the limits and its template, and normalize its recipients.

    Raises Refusal for what is wrong with any template: too many recipients, malformed content, a start too far in the
    future, no number to send from.
    """
    _check_size(ctx, given)
    check_time(ctx, given.scheduled_at)
    await off_loop(check_content, given)
    number = await sending_number(ctx, account_id, given.number, abbreviates=given.abbreviates)
    now = ctx.clock.now()

    ids = await off_loop(files_of, given)

    def look_up(tx: Tx) -> tuple[SyncedTemplate | None, AccountSettings, dict[str, MediaFacts]]:
        template = templates.synced(
            tx, waba_id=number.waba_id, name=given.template_name, language=given.template_language
        )
        files = media.facts(tx, account_id, number.id, ids) if ids else {}
        return template, accounts.settings(tx, account_id), files

    template, settings, files = await ctx.db.read(look_up)
    if not given.is_at_once:
        given = replace(given, plan=given.plan.over(settings))
    home = Home.of(settings.default_country, number.display_phone)

    def check() -> PreparedBroadcast:
        recipients, problems = validate(given, template, home, files, now)
        warnings = _template_warnings(given, template, recipients, ctx.config.optout.stop_keywords)
        return PreparedBroadcast(given, number, home, template, recipients, problems, warnings, ids)

    return await off_loop(check)


def validate(
    given: BroadcastInput,
    template: SyncedTemplate | None,
    home: Home,
    files: Mapping[str, MediaFacts],
    now: Millis = 0,
) -> tuple[NormalizedRecipients, list[Problem]]:
    """The normalized recipients, and what does not fit the files, or the template if one is known. Pure; 20 ms for 1,000."""
    recipients = normalize_recipients(given.recipients, home, given.plan.send_between, now)
    contents = [
        (index, recipient.content)
        for index, (_, recipient) in zip(recipients.indexes, recipients.accepted, strict=True)
    ]
    found = validation.file_problems(files, given.content, contents)
    if template is None:
        return recipients, found + validation.parameter_problems(given.content, contents)
    addresses = [
        (index, address) for index, (address, _) in zip(recipients.indexes, recipients.accepted, strict=True)
    ]
    found += validation.address_problems(template, addresses)
    return recipients, found + validation.problems(
        template, given.template_name, given.template_language, given.content, contents
    )


def _template_warnings(
    given: BroadcastInput,
    synced: SyncedTemplate | None,
    recipients: NormalizedRecipients,
    keywords: Sequence[str],
) -> list[str]:
    """The warnings about the template's buttons, if the template is known. Pure."""
    if synced is None or synced.template is None:
        return []
    contents = (recipient.content.over(given.content) for _, recipient in recipients.accepted)
    return broadcast_warnings(synced.template, keywords, contents)


def normalize_recipients(
    given: Sequence[RecipientInput], home: Home, hours: SendBetween | None = None, now: Millis = 0
) -> NormalizedRecipients:
    """Each address once, in E.164 or as business-scoped user id; of equal ones the first counts.

    Whoever may be in so many time zones that no hour is one of `hours` in all of them is rejected.

    Pure; 3 µs each, 10 µs with formatting, 60 µs for a number without `+` whose country is a guess, up to 80 µs more with
    hours by each person's clock.
    """
    accepted: dict[str, RecipientInput] = {}
    indexes: list[int] = []
    rejections: list[RejectionView] = []
    warnings: list[WarningView] = []
    sent_as: list[str | None] = []
    country = home.country if home.is_default else None
    for index, recipient in enumerate(given):
        to = recipient.to
        found = read_address(to, country) if isinstance(to, str) else None
        if found is None or isinstance(found, Unreadable):
            rejections.append(_rejection(index, to, found))
            sent_as.append(None)
            continue
        address = found.phone if isinstance(found, Reading) else found
        sent_as.append(address)
        if address in accepted:
            continue
        if hours is not None and opens_at(hours, address, now) is None:
            rejections.append(
                RejectionView(index=index, to=str(to)[:MAX_SHOWN_ADDRESS], reason=no_hour(hours, address))
            )
            sent_as[-1] = None
            continue
        accepted[address] = recipient
        indexes.append(index)
        if isinstance(found, Reading) and found.digits and len(warnings) < MAX_WARNINGS:
            message = doubt(found, home)
            if message is not None:
                shown = str(to)[:MAX_SHOWN_ADDRESS]
                warnings.append(WarningView(index=index, to=shown, sent_as=address, message=message))
    duplicates = len(given) - len(rejections) - len(accepted)
    return NormalizedRecipients(list(accepted.items()), indexes, rejections, duplicates, warnings, sent_as)


def no_hour(hours: SendBetween, address: str) -> str:
    """Why somebody is rejected for whom no hour is one of these."""
    zones = zones_for(hours, address)
    return (
        f"{_NO_HOUR} {hours.begin}-{hours.end} in all {len(zones)} time zones in which this person may be"
        f" ({zones[0]} … {zones[-1]}): allow more hours, or name one zone in send_between"
    )


def why_nobody(reasons: Iterable[str]) -> str:
    """Why nobody is left where all were rejected, each for one of these reasons."""
    return NO_HOUR_FITS if any(reason.startswith(_NO_HOUR) for reason in reasons) else NO_VALID_NUMBER


def _rejection(index: int, to: object, found: Unreadable | None) -> RejectionView:
    """Why a recipient is rejected; `found` is None if its `to` is no string."""
    if found is None:
        reason = "to is missing" if to is None else "to is not a string"
        reason += ": expected a phone number such as +14155550123"
        return RejectionView(index=index, to=None, reason=reason)
    reason = f"not a valid phone number: {found.detail}"
    return RejectionView(index=index, to=str(to)[:MAX_SHOWN_ADDRESS], reason=reason)


def first_of_each(
    accepted: Iterable[tuple[str, RecipientInput]], holders: Mapping[str, int]
) -> dict[int, tuple[str, RecipientInput]]:
    """The recipients by person: of several addresses of one person the first counts."""
    by_person = dict[int, tuple[str, RecipientInput]]()
    for each in accepted:
        by_person.setdefault(holders[each[0]], each)
    return by_person


async def sending_number(
    ctx: Context, account_id: str, reference: str | None, *, abbreviates: bool = False
) -> Number:
    """The number of the account to send from: the one with this id, else the default; raises Refusal if there is none.

    Who `abbreviates` may give the beginning of the id.
    """
    if reference is None:
        number = await ctx.db.read(partial(numbers.default_of, account_id=account_id))
        if number is None:
            raise no_number()
        return number
    found = await ctx.db.read(partial(numbers.named, reference=reference, account_id=account_id))
    if found is None and abbreviates and reference:
        alike = await ctx.db.read(partial(numbers.find, reference=reference, account_id=account_id))
        found = alike[0] if len(alike) == 1 else None
    if found is None:
        expected = "expected the id or phone_number_id of one of its numbers"
        raise problem("from", f"this account has no number {reference!r}: {expected}")
    return found


def problem(path: str, message: str) -> Refusal:
    """The refusal of a request because of one field."""
    return invalid([Problem(path, message)])


def _check_size(ctx: Context, given: BroadcastInput) -> None:
    most, count = ctx.config.limits.max_recipients, len(given.recipients)
    if count > most:
        raise problem("recipients", too_many_recipients(most, count))


def check_content(given: BroadcastInput) -> None:
    """Raise Refusal for malformed headers, buttons and components, whatever the template. Pure; 100 ms for 4 MB."""
    problems = content_problems(_parts(given.content))
    for index, recipient in enumerate(given.recipients):
        parts = _parts(recipient.content)
        if parts:
            problems += content_problems(parts | {"params": recipient.content.params}, f"recipients[{index}]")
        if len(problems) > MAX_PROBLEMS:
            break
    if problems:
        raise invalid(problems)


def _parts(content: TemplateContent) -> dict[str, object]:
    parts = {"header": content.header, "buttons": content.buttons, "components": content.components}
    return {name: part for name, part in parts.items() if part is not None}


def files_of(given: BroadcastInput) -> set[str]:
    """The files that a broadcast and its recipients name by wacrmd's ids. Pure."""
    return ids_in([given.content, *(recipient.content for recipient in given.recipients)])


def check_time(ctx: Context, at: Millis | None, name: str = "scheduled_at") -> None:
    """Raise Refusal for a start that must be a mistake: far in the future, or more than a minute ago."""
    if at is None:
        return
    now = ctx.clock.now()
    if at > now + MAX_AHEAD:
        raise problem(name, f"expected a time within a year, found {iso(at)}")
    if is_past(at, now):
        raise problem(name, past_sentence(at, now))


def start_of(ctx: Context, given: Millis | None, drafted: Millis | None) -> Millis | None:
    """When a draft starts: as `given`, else as it was `drafted`; raises Refusal as `check_time`, and if that has passed."""
    if given is None and drafted is not None and is_past(drafted, now := ctx.clock.now()):
        raise problem(
            "scheduled_at",
            f"the draft was to start at {iso(drafted)}, and it is now {iso(now)}: choose another time, the present one to"
            " start at once",
        )
    at = drafted if given is None else given
    check_time(ctx, at)
    return at
