"""Meta's events about business accounts and numbers: notices are kept, and what stops templates pauses the numbers."""

from functools import partial

from wacrmd.clock import Millis, iso
from wacrmd.domain.account_notice import AccountNotice
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.messaging_limit import is_lower
from wacrmd.log import get_logger
from wacrmd.meta import account_events
from wacrmd.meta.account_events import AccountChange
from wacrmd.meta.webhook import AccountEvent
from wacrmd.services import pausing
from wacrmd.services.marketing import log_onboarding
from wacrmd.services.meta_events.batch import Batch
from wacrmd.store import account_notices, broadcast_queue, marketing, numbers
from wacrmd.store.account_notices import ACCOUNT

log = get_logger(__name__)


def apply_account_event(batch: Batch, event: AccountEvent, waba_id: str) -> None:
    """Keep what the event tells, pause what it stops, resume what it gives back; the newest word counts."""
    change = account_events.read(event, batch.now)
    number = _number(batch, waba_id, change)
    for notice in change.notices:
        _record(batch, waba_id, number, notice, event.at)
    if change.limit is not None:
        _set_limit(batch, waba_id, number, event, change.limit)
    if change.onboarding is not None:
        _set_onboarding(batch, waba_id, event, change.onboarding)
    if change.lifts:
        _lift(batch, waba_id, number, event, change)
    if not change.notices and not change.lifts:
        batch.result.after_commit.append(partial(_log_event, event.field, event.event, waba_id))


def _number(batch: Batch, waba_id: str, change: AccountChange) -> str:
    """The phone number id that the event is about; `ACCOUNT` if it is about all numbers, or about one not known here."""
    if change.display_phone is None:
        return ACCOUNT
    wanted = _digits(change.display_phone)
    known = numbers.display_phones(batch.tx, waba_id)
    for phone_number_id, display_phone in known.items():
        if display_phone and _digits(display_phone) == wanted:
            return phone_number_id
    unnamed = [phone_number_id for phone_number_id, display_phone in known.items() if not display_phone]
    return unnamed[0] if len(known) == len(unnamed) == 1 else ACCOUNT


def _digits(phone: str) -> str:
    return "".join(filter(str.isdecimal, phone))


def _record(batch: Batch, waba_id: str, number: str, notice: AccountNotice, at: Millis) -> None:
    is_news = account_notices.record(batch.tx, waba_id, number, notice, at)
    if not is_news or not notice.holds(batch.now):
        return
    batch.result.after_commit.append(partial(_log_notice, waba_id, number, notice))
    if notice.stops_sending:
        batch.result.pauses += _stop(batch, waba_id)


def _stop(batch: Batch, waba_id: str) -> list[pausing.PauseEvent]:
    """Pause the account's numbers until the last of what stops them ends."""
    detail, until = _told(waba_id, account_notices.stops(batch.tx, waba_id, batch.now))
    return pausing.pause_business_account(batch.tx, waba_id, HoldReason.ACCOUNT, detail, batch.now, until)


def _told(waba_id: str, stops: list[AccountNotice]) -> tuple[str, Millis | None]:
    """What stops an account in a sentence, and when all of it ends by itself."""
    ends = [stop.until for stop in stops]
    until = max((end for end in ends if end is not None), default=None) if None not in ends else None
    told = "; ".join(stop.text() for stop in stops)
    then = "Sending resumes by itself then." if until else "See WhatsApp Manager, then resume the number."
    return f"Meta says about business account {waba_id}: {told}. {then}", until


def _lift(batch: Batch, waba_id: str, number: str, event: AccountEvent, change: AccountChange) -> None:
    kinds = account_notices.lift(batch.tx, waba_id, number, change.lifts, event.at)
    batch.result.after_commit.append(partial(_log_lifted, waba_id, number, event.event, kinds))
    if not change.resumes:
        return
    if stops := account_notices.stops(batch.tx, waba_id, batch.now):
        if kinds:  # one of several reasons has ended
            numbers.change_hold(batch.tx, waba_id, HoldReason.ACCOUNT, *_told(waba_id, stops))
        return
    resumed = pausing.resume_business_account(batch.tx, waba_id, HoldReason.ACCOUNT, batch.now)
    batch.result.resumed.add(resumed)


def _set_onboarding(batch: Batch, waba_id: str, event: AccountEvent, onboarding: str) -> None:
    before = marketing.onboarding_of(batch.tx, waba_id)
    if marketing.record_onboarding(batch.tx, waba_id, onboarding, event.at, is_now=False):
        batch.result.after_commit.append(partial(log_onboarding, waba_id, before, onboarding))
        batch.result.resumed.add(pausing.resume_rerouted(batch.tx, waba_id, batch.now))


def _set_limit(batch: Batch, waba_id: str, number: str, event: AccountEvent, limit: str) -> None:
    """Store a limit, unless a newer event has told one: events come in any order."""
    known = numbers.set_limit_tier(batch.tx, waba_id, limit, event.at, batch.now)
    if known is None:
        return
    # Any of them may wait for the limit: also one that is not new counts anew, if another number's was told meanwhile.
    batch.result.resumed.broadcasts.update(broadcast_queue.sending(batch.tx))
    before = known - {limit}
    if not before:
        return
    old = ", ".join(sorted(before))
    batch.result.after_commit.append(partial(_log_limit, waba_id, old, limit))
    if any(is_lower(limit, each) for each in before):
        lowered = account_events.notice("DOWNGRADE", batch.now, f"from {old} to {limit}")
        if event.field == "business_capability_update":  # the other field has an event that says so
            _record(batch, waba_id, ACCOUNT, lowered, event.at)
    elif any(is_lower(each, limit) for each in before):
        for told_about in {ACCOUNT, number}:
            account_notices.lift(batch.tx, waba_id, told_about, ["DOWNGRADE"], event.at)


def _log_notice(waba_id: str, number: str, notice: AccountNotice) -> None:
    log.warning(
        "account_notice_received",
        business_account=waba_id,
        number=number or None,
        kind=notice.kind,
        detail=notice.detail,
        stops_sending=notice.stops_sending,
        until=iso(notice.until) if notice.until else None,
        summed=(waba_id, number, notice.kind),
    )


def _log_lifted(waba_id: str, number: str, event: str | None, kinds: list[str]) -> None:
    log.info(
        "account_notice_lifted",
        business_account=waba_id,
        number=number or None,
        type=event,
        kinds=kinds,
        summed=(waba_id, number, event),
    )


def _log_limit(waba_id: str, before: str, limit: str) -> None:
    log.info(
        "messaging_limit_changed",
        business_account=waba_id,
        before=before,
        limit=limit,
        summed=(waba_id, limit),
    )


def _log_event(field: str, event: str | None, waba_id: str) -> None:
    log.info(
        "account_event_received", field=field, type=event, business_account=waba_id, summed=(waba_id, field)
    )
