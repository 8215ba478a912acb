"""The failure streaks of broadcasts, counted from Meta's statuses: `domain/failure_streak.py` says how."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.failure_streak import FailureStreak
from wacrmd.store.database import Tx


def of_sending(tx: Tx, broadcast_ids: Iterable[int]) -> dict[int, FailureStreak]:
    """The streaks of those of these broadcasts that are being sent, by row id."""
    rows = tx.execute(
        "SELECT id, failure_streak, streak_since FROM broadcast"
        " WHERE id IN (SELECT value FROM json_each(?)) AND status = 'sending'",
        (json.dumps(list(broadcast_ids)),),
    )
    return {broadcast_id: FailureStreak(length, since) for broadcast_id, length, since in rows}


def set_length(tx: Tx, broadcast_id: int, length: int) -> None:
    """Store the length of a streak; callers do not see it, so the revision stays."""
    tx.execute("UPDATE broadcast SET failure_streak = ? WHERE id = ?", (length, broadcast_id))


def reset(tx: Tx, broadcast_ids: Iterable[int], now: Millis) -> None:
    """Begin anew: what fails of the attempts before `now` is no news to the person who lets these broadcasts go on."""
    tx.execute(
        "UPDATE broadcast SET failure_streak = 0, streak_since = ? WHERE id IN (SELECT value FROM json_each(?))",
        (now, json.dumps(list(broadcast_ids))),
    )
