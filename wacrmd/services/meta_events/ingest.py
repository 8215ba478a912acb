"""What Meta tells us: verified, then applied in one grouped transaction, answered 200 only after that."""

from dataclasses import dataclass, field
from functools import partial

from wacrmd.clock import HOUR, Millis
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.phone import normalize
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.log import get_logger
from wacrmd.meta.errors import Action, rule_for
from wacrmd.meta.untrusted import as_object
from wacrmd.meta.webhook import (
    AccountEvent,
    Ignored,
    InboundMessage,
    NumberSignal,
    Preference,
    StatusUpdate,
    TemplateEvent,
    Update,
)
from wacrmd.services import counters, pausing
from wacrmd.services.context import Context
from wacrmd.services.meta_events.failures import after_failure
from wacrmd.services.optouts import from_messages
from wacrmd.services.pausing import PauseEvent, Resumed
from wacrmd.services.webhook_secrets import AuthorizedNumbers
from wacrmd.store import (
    account_events,
    broadcasts,
    inbound_messages,
    numbers,
    receipts,
    templates,
)
from wacrmd.store.database import Tx

log = get_logger(__name__)

_STOPPING_TEMPLATE_EVENTS = frozenset(
    {"PAUSED", "DISABLED", "REJECTED", "DELETED", "PENDING_DELETION", "ARCHIVED", "LOCKED"}
)
_SLOWING = frozenset({Action.THROTTLE, Action.CALL_LIMIT, Action.MAINTENANCE})
_RUNNING_TEMPLATE_EVENTS = {"APPROVED": "APPROVED", "REINSTATED": "APPROVED", "UNARCHIVED": "APPROVED"}


@dataclass(slots=True)
class IngestResult:
    """What an intake did, for the log, the metrics, and the effects after the commit."""

    broadcasts: set[int] = field(default_factory=set)
    resumed: Resumed = field(default_factory=Resumed)
    throttled: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    applied: receipts.Applied = field(default_factory=receipts.Applied)
    strangers: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    pauses: list[PauseEvent] = field(default_factory=list)

    def count(self, kind: str, by: int = 1) -> None:
        """Count one kind of event."""
        if by:
            self.kinds[kind] = self.kinds.get(kind, 0) + by


async def ingest(ctx: Context, updates: list[Update], authorized: AuthorizedNumbers) -> IngestResult:
    """Apply what one webhook tells; returns after it is durable. Raises StorageTrouble: then Meta sends it again."""
    taken = await ctx.db.write(partial(_apply, ctx=ctx, updates=updates, authorized=authorized))
    counters.count_webhook(ctx, taken.kinds, taken.applied)
    for number_id, detail in taken.throttled.items():
        ctx.throughput.throttle(number_id, detail)
    pausing.announce(ctx, taken.resumed)
    pausing.log_pauses(taken.pauses)
    ctx.changes.publish(taken.broadcasts)
    if taken.heard:
        ctx.webhook_liveness.status_received(taken.heard, ctx.clock.now())
    for stranger in sorted(taken.strangers):
        log.warning("meta_webhook_number_unknown", subject=stranger)
    return taken


def _apply(tx: Tx, *, ctx: Context, updates: list[Update], authorized: AuthorizedNumbers) -> IngestResult:
    taken, now = IngestResult(), ctx.clock.now()
    statuses: list[Receipt] = []
    for update in updates:
        match update:
            case StatusUpdate():
                number = authorized.numbers.get(update.phone_number_id or "")
                if number is None:
                    _stranger(tx, taken, "messages", update.phone_number_id, now)
                else:
                    taken.heard.add(number[0])
                    statuses.append(
                        Receipt(
                            number[0],
                            update.wamid,
                            update.status,
                            update.at,
                            callback=update.callback,
                            wa_id=update.recipient_id,
                            user_id=update.user_id,
                            error=update.error,
                        )
                    )
            case InboundMessage():
                _inbound(tx, ctx, taken, update, authorized, statuses, now)
            case NumberSignal():
                _signal(tx, taken, update, authorized, now)
            case Preference():
                _preference(tx, taken, update, authorized, now)
            case TemplateEvent():
                _template(tx, taken, update, authorized, now)
            case AccountEvent():
                _account(tx, taken, update, authorized, now)
            case Ignored():
                taken.count(f"ignored_{update.field}"[:40])
    applied = taken.applied = receipts.apply(tx, statuses, now)
    taken.count("status_applied", applied.applied)
    taken.count("status_repeated", applied.repeated)
    taken.count("status_unmatched", applied.unmatched)
    taken.broadcasts |= applied.broadcasts
    for failure in applied.failed:
        _failure(tx, taken, failure, now)
    if taken.broadcasts:
        broadcasts.recipients_changed(tx, taken.broadcasts, now)
    return taken


def _stranger(tx: Tx, taken: IngestResult, kind: str, subject: str | None, now: Millis) -> None:
    """Note an event for something that is not configured with this secret; once a request."""
    taken.count("number_unknown")
    if subject is not None and subject not in taken.strangers:
        taken.strangers.add(subject)
        account_events.add(
            tx, kind, subject, {"ignored": "this number or account is not configured with this secret"}, now
        )


def _inbound(
    tx: Tx,
    ctx: Context,
    taken: IngestResult,
    message: InboundMessage,
    authorized: AuthorizedNumbers,
    statuses: list[Receipt],
    now: Millis,
) -> None:
    number = authorized.numbers.get(message.phone_number_id or "")
    if number is None:
        _stranger(tx, taken, "messages", message.phone_number_id, now)
        return
    number_id, account_id = number
    if not inbound_messages.note(
        tx,
        message_id=message.id,
        number_id=number_id,
        wa_id=message.wa_id,
        user_id=message.user_id,
        at=message.at,
        now=now,
    ):
        taken.count("message_repeated")
        return
    taken.count("message")
    wamid = message.context_id
    if wamid is None:
        since = message.at - round(ctx.config.replies.reply_window_hours * HOUR)
        newest = inbound_messages.newest_message_to(
            tx, number_id=number_id, wa_id=message.wa_id, user_id=message.user_id, since=since
        )
        wamid = newest[1] if newest else None
        phone = normalize(f"+{message.wa_id}") if wamid is None and message.wa_id else None
        token = inbound_messages.in_flight_to(tx, number_id=number_id, phone=phone) if phone else None
        if token is not None:
            statuses.append(Receipt(number_id, "", RecipientStatus.REPLIED, message.at, callback=token))
    if wamid is not None:
        inbound_messages.attribute(tx, message.id, wamid)
        statuses.append(
            Receipt(number_id, wamid, RecipientStatus.REPLIED, message.at, user_id=message.user_id)
        )
    asked = from_messages.apply_message(tx, ctx.config, account_id, message, now)
    if asked is not None:
        taken.count(asked)


def _signal(
    tx: Tx, taken: IngestResult, signal: NumberSignal, authorized: AuthorizedNumbers, now: Millis
) -> None:
    number = authorized.numbers.get(signal.phone_number_id or "")
    if number is None:
        _stranger(tx, taken, "messages", signal.phone_number_id, now)
        return
    taken.count("number_signal")
    detail = f"{signal.error.code} {signal.error.title}"
    action = rule_for(signal.error.code, from_webhook=True).action
    if action in _SLOWING:
        taken.throttled[number[0]] = detail
    elif action in (Action.PAUSE_NUMBER, Action.PAUSE_BUSINESS_ACCOUNT):
        taken.pauses += pausing.pause_number(tx, number[0], HoldReason.ACCOUNT, detail, now)
    account_events.add(
        tx, "errors", signal.phone_number_id, {"code": signal.error.code, "title": signal.error.title}, now
    )


def _preference(
    tx: Tx, taken: IngestResult, preference: Preference, authorized: AuthorizedNumbers, now: Millis
) -> None:
    accounts = _accounts(preference.phone_number_id, preference.waba_id, authorized)
    if not accounts:
        _stranger(tx, taken, "user_preferences", preference.phone_number_id or preference.waba_id, now)
        return
    for account_id in sorted(accounts):
        taken.count(f"preference_{preference.value}"[:40])
        from_messages.apply_preference(tx, account_id, preference, now)


def _accounts(phone_number_id: str | None, waba_id: str | None, authorized: AuthorizedNumbers) -> set[str]:
    if phone_number_id is not None and phone_number_id in authorized.numbers:
        return {authorized.numbers[phone_number_id][1]}
    return authorized.businesses.get(waba_id or "", set())


def _template(
    tx: Tx, taken: IngestResult, event: TemplateEvent, authorized: AuthorizedNumbers, now: Millis
) -> None:
    if event.waba_id not in authorized.businesses:
        _stranger(tx, taken, event.field, event.waba_id, now)
        return
    taken.count(event.field)
    account_events.add(tx, event.field, event.waba_id, event.raw, now)
    if event.name is None or event.language is None:
        return
    language = event.language.replace("-", "_")
    known = False
    if event.field == "message_template_status_update":
        status = _RUNNING_TEMPLATE_EVENTS.get(event.event, event.event)
        known = templates.update(
            tx, event.waba_id, event.name, language, now, status=status, reason=event.reason
        )
        if event.event in _STOPPING_TEMPLATE_EVENTS:
            detail = f"Meta says that template {event.name} ({language}) is {event.event}: {event.reason or 'no reason'}"
            found = broadcasts.with_template(tx, event.waba_id, event.name, language, BroadcastStatus.SENDING)
            for broadcast_id in found:
                taken.pauses += pausing.pause_broadcast(tx, broadcast_id, HoldReason.TEMPLATE, detail, now)
            taken.broadcasts.update(found)
        elif status == "APPROVED":
            held = broadcasts.with_template(tx, event.waba_id, event.name, language, BroadcastStatus.PAUSED)
            taken.resumed.add(pausing.resume_after_approval(tx, held, now))
    elif event.field == "message_template_quality_update":
        known = templates.update(tx, event.waba_id, event.name, language, now, quality=event.event)
    elif event.field == "template_category_update":
        known = templates.update(tx, event.waba_id, event.name, language, now, category=event.event)
    if not known:  # one that is new, or whose components changed: only a sync tells what they are now
        templates.mark_stale(tx, event.waba_id)


def _account(
    tx: Tx, taken: IngestResult, event: AccountEvent, authorized: AuthorizedNumbers, now: Millis
) -> None:
    if event.waba_id not in authorized.businesses:
        _stranger(tx, taken, event.field, event.waba_id, now)
        return
    taken.count(event.field)
    account_events.add(tx, event.field, event.waba_id, event.raw, now)
    if event.field == "account_update":
        state = as_object(event.raw.get("ban_info")).get("waba_ban_state")
        pauses = event.event in (
            "ACCOUNT_RESTRICTION",
            "ACCOUNT_VIOLATION",
            "ACCOUNT_DELETED",
            "ACCOUNT_OFFBOARDED",
        )
        if pauses or state == "DISABLE":
            detail = f"Meta says {event.event} for business account {event.waba_id}: see WhatsApp Manager, then resume"
            taken.pauses += pausing.pause_business_account(tx, event.waba_id, HoldReason.ACCOUNT, detail, now)
        elif state == "REINSTATE" or event.event == "ACCOUNT_RECONNECTED":
            taken.resumed.add(pausing.resume_business_account(tx, event.waba_id, HoldReason.ACCOUNT, now))
    elif event.field == "business_capability_update":
        limit = event.raw.get("max_daily_conversations_per_business")
        if limit is not None:
            _note_limit(tx, event.waba_id, str(limit), now)


def _note_limit(tx: Tx, waba_id: str, limit: str, now: Millis) -> None:
    for number in numbers.all_of(tx):
        if number.waba_id == waba_id:
            numbers.note_health(
                tx, number.id, quality=None, limit_tier=limit, verified_name=None, health=None, now=now
            )


def _failure(tx: Tx, taken: IngestResult, failure: receipts.Failure, now: Millis) -> None:
    taken.pauses += after_failure(tx, failure, now)
    receipt = failure.receipt
    if receipt.error and rule_for(receipt.error.code, from_webhook=True).action in _SLOWING:
        taken.throttled[receipt.number_id] = f"{receipt.error.code} {receipt.error.title}"


async def verify_token_known(ctx: Context, hashed: bytes) -> bool:
    """Whether a configured number has the verify token of this SHA-256."""
    return await ctx.db.read(partial(numbers.verify_token_known, hashed=hashed))
