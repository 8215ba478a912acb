"""Meta's events about templates, business accounts and numbers: stored, and applied to broadcasts and numbers.

The events are in docs/meta.md, Account and template events.
"""

from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.hold import HoldReason
from wacrmd.meta.errors import Action, rule_for
from wacrmd.meta.untrusted import as_object
from wacrmd.meta.webhook import AccountEvent, NumberSignal, TemplateEvent
from wacrmd.services import pausing
from wacrmd.services.failures import SLOWER
from wacrmd.services.meta_events.batch import Batch
from wacrmd.store import account_events, broadcasts, numbers, templates

_STOPPED = frozenset({"PAUSED", "DISABLED", "REJECTED", "DELETED", "PENDING_DELETION", "ARCHIVED", "LOCKED"})
"""Events after which a template cannot be sent."""
_APPROVED = frozenset({"APPROVED", "REINSTATED", "UNARCHIVED"})
"""Events after which a template can be sent."""
_RESTRICTED = frozenset({"ACCOUNT_RESTRICTION", "ACCOUNT_VIOLATION", "ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED"})
"""Events after which a business account cannot send."""


def apply_template_event(batch: Batch, event: TemplateEvent) -> None:
    """Update the synced template; pause its broadcasts if it cannot be sent, resume them if it was approved."""
    waba_id, name = _store(batch, event), event.name
    if waba_id is None or name is None or event.language is None:
        return
    tx, now, language = batch.tx, batch.now, event.language.replace("-", "_")
    known = False
    match event.field:
        case "message_template_status_update":
            status = "APPROVED" if event.event in _APPROVED else event.event
            known = templates.update(tx, waba_id, name, language, now, status=status, reason=event.reason)
            _pause_or_resume(batch, event, waba_id, name, language)
        case "message_template_quality_update":
            known = templates.update(tx, waba_id, name, language, now, quality=event.event)
        case "template_category_update":
            known = templates.update(tx, waba_id, name, language, now, category=event.event)
    if not known:  # a new template, or new components, which the event does not contain
        templates.mark_stale(tx, waba_id)


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
    """Pause the numbers of a restricted business account, resume those of a reinstated one, store its limit."""
    waba_id = _store(batch, event)
    if waba_id is None:
        return
    tx, result, now = batch.tx, batch.result, batch.now
    if event.field == "account_update":
        ban = as_object(event.raw.get("ban_info")).get("waba_ban_state")
        if event.event in _RESTRICTED or ban == "DISABLE":
            detail = (
                f"Meta says {event.event} for business account {waba_id}: see WhatsApp Manager, then resume"
            )
            result.pauses += pausing.pause_business_account(tx, waba_id, HoldReason.ACCOUNT, detail, now)
        elif ban == "REINSTATE" or event.event == "ACCOUNT_RECONNECTED":
            result.resumed.add(pausing.resume_business_account(tx, waba_id, HoldReason.ACCOUNT, now))
    elif event.field == "business_capability_update":
        limit = event.raw.get("max_daily_conversations_per_business")
        if limit is not None:
            numbers.set_limit_tier(tx, waba_id, str(limit), now)


def apply_number_signal(batch: Batch, signal: NumberSignal) -> None:
    """Throttle or pause a number for an error that concerns the number as a whole."""
    number = batch.number(signal.phone_number_id)
    if number is None:
        batch.store_unknown("messages", signal.phone_number_id)
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
        batch.store_unknown(event.field, event.waba_id)
        return None
    batch.result.count(event.field)
    account_events.add(batch.tx, event.field, event.waba_id, event.raw, batch.now)
    return event.waba_id
