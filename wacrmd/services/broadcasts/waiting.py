"""Why the people of a broadcast who are to be sent to wait: for their hours, for Meta's limit, for the first few."""

from collections.abc import Callable

from wacrmd.clock import Millis
from wacrmd.domain.broadcast import Broadcast, Progress
from wacrmd.domain.broadcast_hold import waiting_hold
from wacrmd.domain.canary import CanaryPhase, waiting_detail
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.messaging_limit import LimitUse
from wacrmd.domain.sending_hours import opens_at
from wacrmd.store import canaries, conversations, recipients
from wacrmd.store.database import Tx


def limit_of(tx: Tx, number_id: str, now: Millis) -> LimitUse | None:
    """How much of Meta's limit a number and those that share it have used; None where there is room for certain."""
    budget = conversations.budget_of(tx, number_id)
    return None if conversations.has_room(tx, budget) else conversations.use_of(tx, budget, now)


def hold_of(
    tx: Tx,
    broadcast: Broadcast,
    progress: Progress,
    limit_of: Callable[[str], LimitUse | None],
    now: Millis,
) -> Hold | None:
    """Why a broadcast that is sending moves nobody now; None if it does, or will at once."""
    phase, until = canaries.phase_of(tx, broadcast.id) if broadcast.canary else (None, None)
    if broadcast.canary and phase is CanaryPhase.WAITING and until is not None:
        detail = waiting_detail(broadcast.canary, canaries.figures(tx, broadcast.id), until)
        return Hold(HoldReason.CANARY, detail, broadcast.updated_at)
    among = canaries.IS_FIRST if phase is CanaryPhase.SENDING else "1"
    first = recipients.next_attempt(tx, broadcast.id, among)
    if first is None:
        return None
    hours = broadcast.send_between
    if first.at > now:
        open_at = opens_at(hours, first.to, now) if hours else now
        # The time of a retry may be at night.
        next_at = (opens_at(hours, first.to, first.at) if hours else None) or first.at
        people = canaries.waiting(tx, broadcast.id) if among == canaries.IS_FIRST else progress.pending_count
        return waiting_hold(broadcast, people, next_at=next_at, opens_at=open_at, now=now)
    limit = limit_of(broadcast.number_id)
    if limit is None or limit.free:
        return None
    if not conversations.would_count(tx, broadcast.number_id, first.person_id, now):
        return None
    return Hold(HoldReason.LIMIT, limit.detail, broadcast.updated_at)
