"""Due recipients: to whom of those whose time has come a message may be sent now.

Who has opted out is cancelled. Who is asleep waits for the next decent hour: `next_attempt_at` says so, so the others go on.
Whom Meta's limit leaves no room for waits as the row is, and so do all but the first people of a broadcast with a canary.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from wacrmd.clock import DAY, SECOND, Millis
from wacrmd.domain.canary import CanaryPhase
from wacrmd.domain.recipient_transitions import RecipientEvent
from wacrmd.domain.send_between import SendBetween
from wacrmd.domain.sending_hours import opens_at
from wacrmd.store import canaries, conversations, optouts, revisions, status_events
from wacrmd.store.conversations import Budget
from wacrmd.store.database import Tx
from wacrmd.store.rows import read_record
from wacrmd.store.state_sql import after, allows

OPTED_OUT = "Opted out before the send"
MAX_LOOKED_AT = 500
"""Recipients that one claim looks at, at most: of many who are asleep it finds nobody to send to."""
LOOK_AGAIN: Millis = 1 * SECOND
"""How soon a broadcast is looked at again that waits for something, at the earliest."""

_E = RecipientEvent
_WAITING = f"{allows(_E.CLAIMED)} AND next_attempt_at <= ? ORDER BY next_attempt_at, id LIMIT ?"


class Due(NamedTuple):
    """A recipient whose time has come."""

    id: int
    person_id: int
    to: str


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a broadcast may send now."""

    hours: SendBetween | None
    is_canary: bool
    """Whether only its first people may be sent to."""
    number_id: str
    budget: Budget


def terms_of(tx: Tx, broadcast_id: int) -> Terms | None:
    """On which terms a broadcast may send; None if it may not: it is not sending, its number is paused, its canary waits."""
    row = tx.execute(
        "SELECT b.send_between, b.canary IS NOT NULL, b.canary_phase, n.id FROM broadcast b"
        " JOIN number n ON n.id = b.number_id"
        " WHERE b.id = ? AND b.status = 'sending' AND n.state = 'active' AND n.removed_at IS NULL",
        (broadcast_id,),
    ).fetchone()
    if row is None:
        return None
    hours, has_canary, phase, number_id = row
    if has_canary and phase not in (CanaryPhase.SENDING, CanaryPhase.PASSED):
        return None
    return Terms(
        _hours(hours) if hours else None,
        phase == CanaryPhase.SENDING,
        number_id,
        conversations.budget_of(tx, number_id),
    )


def choose(tx: Tx, broadcast_id: int, terms: Terms, limit: int, now: Millis) -> list[int]:
    """Up to `limit` recipients who may be sent to now, in the order of their times; their people count from now on."""
    chosen, looked_at = list[int](), 0
    while len(chosen) < limit and looked_at < MAX_LOOKED_AT:
        found = _waiting(tx, broadcast_id, limit - len(chosen), now, chosen, is_canary=terms.is_canary)
        looked_at += len(found)
        awake = _awake(tx, terms.hours, _not_opted_out(tx, found, now), now)
        if len(awake) < len(found):
            revisions.raise_for(tx, [broadcast_id])
        free = _within_limit(tx, terms, awake, now)
        chosen += free
        if not found or len(free) < len(awake):
            break
    return chosen


def look_again_at(tx: Tx, broadcast_id: int, now: Millis) -> Millis | None:
    """When a broadcast is to be looked at again that has due recipients and may send to none of them; None: at once."""
    terms = terms_of(tx, broadcast_id)
    if terms is None:
        _, until = canaries.phase_of(tx, broadcast_id)
        return max(until or 0, now + LOOK_AGAIN)
    if terms.is_canary:
        next_at = canaries.next_attempt_at(tx, broadcast_id)
        if next_at is None or next_at > now:
            return max(next_at or 0, now + LOOK_AGAIN)
    if conversations.free(tx, terms.budget, 1, now):
        return None
    free_at = conversations.next_free_at(tx, terms.budget.portfolio, now)
    return max(free_at or 0, now + LOOK_AGAIN)


def cancel_opted_out(tx: Tx, recipient_ids: Iterable[int], now: Millis) -> None:
    """Cancel those of these recipients that are pending: they opted out before the send."""
    ids = list(recipient_ids)
    tx.execute(
        f"UPDATE recipient SET status = {after(_E.OPTED_OUT)}, error_title = ?, error_code = NULL, error_details = NULL"
        f" WHERE id IN (SELECT value FROM json_each(?)) AND {allows(_E.OPTED_OUT)}",
        (OPTED_OUT, json.dumps(ids)),
    )
    status_events.emit(tx, ids, now)


def _waiting(
    tx: Tx, broadcast_id: int, limit: int, now: Millis, chosen: list[int], *, is_canary: bool
) -> list[Due]:
    """The next due recipients who are not chosen yet."""
    where, values = "broadcast_id = ?", (broadcast_id,)
    if is_canary:
        where = f"id IN ({canaries.SAMPLE})"
    rows = tx.execute(
        f'SELECT id, person_id, "to" FROM recipient WHERE {where} AND {_WAITING}',
        (*values, now, limit + len(chosen)),
    )
    taken = set(chosen)
    return [Due(*row) for row in rows if row[0] not in taken][:limit]


def _not_opted_out(tx: Tx, found: list[Due], now: Millis) -> list[Due]:
    opted_out = optouts.among(tx, [each.person_id for each in found])
    if opted_out:
        cancel_opted_out(tx, [each.id for each in found if each.person_id in opted_out], now)
    return [each for each in found if each.person_id not in opted_out]


def _awake(tx: Tx, hours: SendBetween | None, found: list[Due], now: Millis) -> list[Due]:
    """Those for whom it is a decent hour; the others wait for the next one, and that is not counted as their age."""
    if hours is None:
        return found
    open_at = {each.id: opens_at(hours, each.to, now) for each in found}
    asleep = [
        (now + DAY if at is None else at, recipient_id) for recipient_id, at in open_at.items() if at != now
    ]
    if asleep:
        tx.executemany(
            f"UPDATE recipient SET next_attempt_at = ?, first_attempt_at = NULL WHERE id = ? AND {allows(_E.CLAIMED)}",
            asleep,
        )
    return [each for each in found if open_at[each.id] == now]


def _within_limit(tx: Tx, terms: Terms, found: list[Due], now: Millis) -> list[int]:
    """Those whom Meta's limit has room for; they count from now on."""
    if not found:
        return []
    standing = conversations.standing_of(
        tx, terms.number_id, terms.budget.portfolio, [each.person_id for each in found], now
    )
    room = conversations.free(tx, terms.budget, len(standing.new), now)
    free = list[Due]()
    for each in found:
        if each.person_id in standing.new:
            if not room:
                continue
            room -= 1
        free.append(each)
    messages = [(each.person_id, each.id) for each in free]
    conversations.count(tx, terms.budget.portfolio, standing, messages, now)
    return [each.id for each in free]


@lru_cache(maxsize=256)
def _hours(text: str) -> SendBetween:
    return read_record(SendBetween, text)
