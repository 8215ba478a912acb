"""Canaries: to whom a broadcast is sent first, and how far that is."""

from wacrmd.clock import MINUTE, Millis
from wacrmd.domain.canary import Canary, CanaryFigures, CanaryPhase
from wacrmd.domain.canary_sample import LOOKED_AT, choose
from wacrmd.store import optouts
from wacrmd.store.database import Tx
from wacrmd.store.revisions import RAISED
from wacrmd.store.rows import read_record

AFTER_START: Millis = 5 * MINUTE
"""For how long after a start nothing is decided: Meta repeats webhooks that nobody answered within some minutes."""
SAMPLE = "SELECT recipient_id FROM canary_recipient WHERE broadcast_id = ?"
"""The first people of a broadcast, in SQL."""
IS_FIRST = "id IN (SELECT recipient_id FROM canary_recipient c WHERE c.broadcast_id = recipient.broadcast_id)"
"""Whether a recipient is one of them."""


def begin(tx: Tx, broadcast_id: int, count: int) -> None:
    """Choose the first people among those who are pending and have not opted out; without any, nobody is waited for."""
    waiting = "FROM recipient INDEXED BY recipient_count WHERE broadcast_id = ? AND status = 'pending'"
    (people,) = tx.execute(f"SELECT count(*) {waiting}", (broadcast_id,)).fetchone()
    step = -(-people // LOOKED_AT) or 1
    rows = tx.execute(
        'SELECT id, "to", person_id FROM recipient WHERE id IN (SELECT id FROM'
        f" (SELECT id, row_number() OVER (ORDER BY id) AS at {waiting}) WHERE at % ? = 0) ORDER BY id",
        (broadcast_id, step),
    ).fetchall()
    opted_out = optouts.among(tx, [person_id for *_, person_id in rows])
    chosen = choose([(each, to) for each, to, person_id in rows if person_id not in opted_out], count)
    if not chosen:
        let_pass(tx, broadcast_id)
        return
    tx.executemany(
        "INSERT OR IGNORE INTO canary_recipient (broadcast_id, recipient_id) VALUES (?, ?)",
        [(broadcast_id, each) for each in chosen],
    )
    _set_phase(tx, broadcast_id, CanaryPhase.SENDING, None)


def wait(tx: Tx, broadcast_id: int, canary: Canary, now: Millis) -> None:
    """All of the first people were tried: wait for what becomes of it."""
    _set_phase(tx, broadcast_id, CanaryPhase.WAITING, now + canary.wait_minutes * MINUTE)


def wait_after_start(tx: Tx, now: Millis) -> None:
    """The daemon has just started: what Meta reported meanwhile comes first, before the first people are judged.

    Who waits less than `AFTER_START` in any case waits as long again.
    """
    tx.execute(
        f"UPDATE broadcast SET {RAISED}, canary_until = ?1 + min(?2, (canary ->> '$.wait_minutes') * ?3)"
        f" WHERE status IN ('sending', 'paused') AND canary_phase = '{CanaryPhase.WAITING}'"
        " AND canary_until < ?1 + min(?2, (canary ->> '$.wait_minutes') * ?3)",
        (now, AFTER_START, MINUTE),
    )


def let_pass(tx: Tx, broadcast_id: int) -> None:
    """All others may be sent to."""
    tx.execute("DELETE FROM canary_recipient WHERE broadcast_id = ?", (broadcast_id,))
    _set_phase(tx, broadcast_id, CanaryPhase.PASSED, None)


def figures(tx: Tx, broadcast_id: int) -> CanaryFigures:
    """What became of the first people so far; who is sent to again by a rule has failed as far as this goes."""
    again = "(status = 'pending' AND rule_retries > 0)"
    row = tx.execute(
        "SELECT count(*) FILTER (WHERE status != 'cancelled'),"
        " count(*) FILTER (WHERE status IN ('delivered', 'read', 'replied')),"
        f" count(*) FILTER (WHERE status = 'failed' OR {again}),"
        f" count(*) FILTER (WHERE status IN ('pending', 'sending') AND NOT {again})"
        f" FROM recipient WHERE id IN ({SAMPLE})",
        (broadcast_id,),
    ).fetchone()
    return CanaryFigures(*row)


def waiting(tx: Tx, broadcast_id: int) -> int:
    """How many of the first people are still to be sent to."""
    (people,) = tx.execute(
        f"SELECT count(*) FROM recipient WHERE id IN ({SAMPLE}) AND status = 'pending'", (broadcast_id,)
    ).fetchone()
    return int(people)


def under_way(tx: Tx, broadcast_id: int) -> Canary | None:
    """The canary of a broadcast that is being sent, unless all others may be sent to already."""
    row = tx.execute(
        "SELECT canary FROM broadcast WHERE id = ? AND canary IS NOT NULL AND status = 'sending'"
        f" AND canary_phase IS NOT '{CanaryPhase.PASSED}'",
        (broadcast_id,),
    ).fetchone()
    return read_record(Canary, row[0]) if row else None


def phase_of(tx: Tx, broadcast_id: int) -> tuple[CanaryPhase | None, Millis | None]:
    """How far the canary of a broadcast is, and until when it waits."""
    phase, until = tx.execute(
        "SELECT canary_phase, canary_until FROM broadcast WHERE id = ?", (broadcast_id,)
    ).fetchone()
    return CanaryPhase(phase) if phase else None, until


def next_attempt_at(tx: Tx, broadcast_id: int) -> Millis | None:
    """When the next of the first people is due; None if one is in flight, or none waits."""
    in_flight, at = tx.execute(
        "SELECT count(*) FILTER (WHERE status = 'sending'), min(next_attempt_at) FILTER (WHERE status = 'pending')"
        f" FROM recipient WHERE id IN ({SAMPLE})",
        (broadcast_id,),
    ).fetchone()
    return None if in_flight else at


def _set_phase(tx: Tx, broadcast_id: int, phase: CanaryPhase, until: Millis | None) -> None:
    tx.execute(
        f"UPDATE broadcast SET {RAISED}, canary_phase = ?, canary_until = ? WHERE id = ?",
        (phase, until, broadcast_id),
    )
