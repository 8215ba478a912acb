"""The time as the daemon last knew it, so that the next start notices a clock that has leapt; and downtimes."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.downtime import KEPT_FOR, Downtime
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class KnownTime:
    """The newest time at which the daemon ran, whether it is confirmed, and what an operator has accepted.

    See `domain/clock_trust.py`.
    """

    at: Millis
    is_confirmed: bool
    accepted: Millis


def known_time(tx: Tx) -> KnownTime | None:
    """The newest one; None before the first start."""
    row = tx.execute("SELECT at, is_confirmed, accepted FROM known_time").fetchone()
    return KnownTime(row[0], bool(row[1]), row[2]) if row else None


def set_known_time(tx: Tx, known: KnownTime) -> None:
    """Replace it."""
    tx.execute(
        "INSERT OR REPLACE INTO known_time (id, at, is_confirmed, accepted) VALUES (1, ?, ?, ?)",
        (known.at, known.is_confirmed, known.accepted),
    )


def downtimes(tx: Tx) -> list[Downtime]:
    """The downtimes of the last weeks."""
    return [Downtime(*row) for row in tx.execute("SELECT began_at, ended_at FROM downtime ORDER BY began_at")]


def add_downtime(tx: Tx, downtime: Downtime) -> None:
    """Add one, and forget those that are old."""
    tx.execute("DELETE FROM downtime WHERE ended_at <= ?", (downtime.ended_at - KEPT_FOR,))
    tx.execute(
        "INSERT INTO downtime (began_at, ended_at) VALUES (?1, ?2)"
        " ON CONFLICT (began_at) DO UPDATE SET ended_at = max(ended_at, ?2)",
        (downtime.began_at, downtime.ended_at),
    )
