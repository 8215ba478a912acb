"""Meta's events about templates, business accounts and numbers: stored, and applied to broadcasts and numbers.

The events are in docs/meta.md, Account and template events.
"""

from functools import partial

from wacrmd.clock import Millis, iso
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.hold import HoldReason
from wacrmd.log import get_logger
from wacrmd.meta.errors import Action, rule_for
from wacrmd.meta.untrusted import as_id, as_text, as_time
from wacrmd.meta.webhook import AccountEvent, NumberSignal, TemplateEvent
from wacrmd.services import pausing
from wacrmd.services.failures import SLOWER
from wacrmd.services.meta_events import account_notices
from wacrmd.services.meta_events.batch import Batch
from wacrmd.store import account_events, broadcasts, templates

_STOPPED = frozenset({"PAUSED", "DISABLED", "REJECTED", "DELETED", "PENDING_DELETION", "ARCHIVED", "LOCKED"})
"""Events after which a template cannot be sent."""
_APPROVED = frozenset({"APPROVED", "REINSTATED", "UNARCHIVED"})
"""Events after which a template can be sent."""

log = get_logger(__name__)


def apply_template_event(batch: Batch, event: TemplateEvent) -> None:
    """Update the synced template; pause its broadcasts if it cannot be sent, resume them if it was approved."""
    waba_id = _store(batch, event)
    if waba_id is None:
        return
    tx, now, named = batch.tx, batch.now, _template(batch, event, waba_id)
    if named is None:
        batch.result.after_commit.append(partial(_log_unnamed, waba_id, event))
        templates.mark_stale(tx, waba_id)
        return
    (name, language), known = named, False
    match event.field:
        case "message_template_status_update":
            status = "APPROVED" if event.event in _APPROVED else event.event
            known = templates.update(tx, waba_id, name, language, now, status=status, reason=event.reason)
            _pause_or_resume(batch, event, waba_id, name, language)
        case "message_template_quality_update":
            known = templates.update(tx, waba_id, name, language, now, quality=event.event)
        case "template_category_update":
            known = _apply_category(batch, event, waba_id, name, language)
    if not known:  # a new template, or new components, which the event does not contain
        templates.mark_stale(tx, waba_id)


def _template(batch: Batch, event: TemplateEvent, waba_id: str) -> tuple[str, str] | None:
    """Name and language of the template that an event is about; None if it does not tell."""
    if event.name is not None and event.language is not None:
        return event.name, event.language.replace("-", "_")
    meta_id = as_id(event.raw.get("message_template_id"))
    found = templates.with_meta_id(batch.tx, waba_id, meta_id) if meta_id else None
    return (found.name, found.language.replace("-", "_")) if found else None


def _apply_category(batch: Batch, event: TemplateEvent, waba_id: str, name: str, language: str) -> bool:
    """Store a template's new category, or one that Meta has announced: until then the present one stays."""
    tx, now, after_commit = batch.tx, batch.now, batch.result.after_commit
    stored = templates.get(tx, waba_id, name, language)
    before = stored.category if stored else None
    coming = as_text(event.raw.get("correct_category"))
    at = as_time(event.raw.get("category_update_timestamp"), 0) or None
    if coming is None and at is not None and at > now and not event.raw.get("previous_category"):
        coming = event.event
    if coming is None:
        if before != event.event:
            after_commit.append(partial(_log_category, waba_id, name, language, before, event.event))
        known = templates.update(
            tx, waba_id, name, language, now, category=event.event, next_category=None, next_category_at=None
        )
        batch.result.resumed.add(pausing.resume_rerouted(tx, waba_id, now))
        return known
    coming = coming.upper()
    if coming == (before or event.event):  # the announcement came after the change
        return stored is not None
    if stored is None or (coming, at) != (stored.next_category, stored.next_category_at):
        after_commit.append(partial(_log_coming_category, waba_id, name, language, coming, at))
    return templates.update(tx, waba_id, name, language, now, next_category=coming, next_category_at=at)


def _log_unnamed(waba_id: str, event: TemplateEvent) -> None:
    log.warning(
        "template_event_without_name",
        business_account=waba_id,
        field=event.field,
        type=event.event,
        summed=waba_id,
    )


def _log_category(waba_id: str, name: str, language: str, before: str | None, category: str) -> None:
    log.warning(
        "template_category_changed",
        business_account=waba_id,
        template=name,
        language=language,
        before=before,
        category=category,
        summed=(waba_id, name, language),
    )


def _log_coming_category(waba_id: str, name: str, language: str, category: str, at: Millis | None) -> None:
    log.warning(
        "template_category_change_announced",
        business_account=waba_id,
        template=name,
        language=language,
        category=category,
        at=iso(at) if at else None,
        summed=(waba_id, name, language),
    )


def _pause_or_resume(batch: Batch, event: TemplateEvent, waba_id: str, name: str, language: str) -> None:
    tx, result = batch.tx, batch.result
    if event.event in _STOPPED:
        detail = (
            f"Meta says that template {name} ({language}) is {event.event}: {event.reason or 'no reason'}"
        )
        sending = broadcasts.with_template(tx, waba_id, name, language, BroadcastStatus.SENDING)
        for broadcast_id in sending:
            result.pauses += pausing.pause_broadcast(tx, broadcast_id, HoldReason.TEMPLATE, detail, batch.now)
        result.broadcasts.update(sending)
    elif event.event in _APPROVED:
        paused = broadcasts.with_template(tx, waba_id, name, language, BroadcastStatus.PAUSED)
        result.resumed.add(pausing.resume_after_approval(tx, paused, batch.now))


def apply_account_event(batch: Batch, event: AccountEvent) -> None:
    """Keep what Meta tells about a business account or its numbers (`account_notices.py`)."""
    waba_id = _store(batch, event)
    if waba_id is not None:
        account_notices.apply_account_event(batch, event, waba_id)


def apply_number_signal(batch: Batch, signal: NumberSignal) -> None:
    """Throttle or pause a number for an error that concerns the number as a whole."""
    number = batch.number(signal.phone_number_id)
    if number is None:
        batch.count_unknown("messages", signal.phone_number_id)
        return
    batch.result.count("number_signal")
    error = signal.error
    detail = f"{error.code} {error.title}"
    action = rule_for(error.code, error.subcode, from_webhook=True).action
    if action in SLOWER:
        batch.result.throttled[number.id] = detail
    elif action in (Action.PAUSE_NUMBER, Action.PAUSE_BUSINESS_ACCOUNT):
        batch.result.pauses += pausing.pause_number(
            batch.tx, number.id, HoldReason.ACCOUNT, detail, batch.now
        )
    account_events.add(
        batch.tx, "errors", signal.phone_number_id, {"code": error.code, "title": error.title}, batch.now
    )


def _store(batch: Batch, event: TemplateEvent | AccountEvent) -> str | None:
    """Store the event and return its business account; None if the webhook's secret does not authorise it."""
    if event.waba_id is None or event.waba_id not in batch.authorized.businesses:
        batch.count_unknown(event.field, event.waba_id)
        return None
    batch.result.count(event.field)
    account_events.add(batch.tx, event.field, event.waba_id, event.raw, batch.now)
    return event.waba_id
