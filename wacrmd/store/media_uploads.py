"""What became of files at Meta: which have an id there that a number can use, and which are to be uploaded."""

from typing import NamedTuple

from wacrmd.clock import HOUR, Millis
from wacrmd.domain.media import RENEW_BEFORE, SCHEDULED_AHEAD, UNUSABLE_BEFORE, MediaUpload
from wacrmd.domain.media_in_content import SentFile
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper

_ROW = RowMapper(MediaUpload)
MEDIA_ERROR = 131053
"""Meta's code for a message whose header could not be loaded (docs/meta.md, Media)."""
TRUSTED_FOR: Millis = HOUR
"""For so long after an upload failures because of media are not taken for a lost file."""


def not_ready(now: str) -> str:
    """SQL: whether a file that the broadcast `b` names has no id that can be used at `now`.

    `now` is the SQL of a time, such as `?1`. A broadcast without files costs one look into an index.
    """
    return (
        "EXISTS (SELECT 1 FROM broadcast_media m WHERE m.broadcast_id = b.id AND NOT EXISTS"
        " (SELECT 1 FROM media_upload u WHERE u.media_id = m.media_id AND u.number_id = b.number_id"
        f" AND u.expires_at > {now} + {UNUSABLE_BEFORE}))"
    )


class ReadyFiles(NamedTuple):
    """The files of a broadcast as Meta knows them, by wacrmd's ids; they can be used until then."""

    files: dict[str, SentFile]
    until: Millis | None


def ready_files(tx: Tx, broadcast_id: int, now: Millis) -> ReadyFiles | None:
    """The files of a broadcast for its number; None if one has to be uploaded first."""
    rows = tx.execute(
        "SELECT f.uuid, f.file_name, u.meta_id, u.expires_at FROM broadcast_media m JOIN media f ON f.id = m.media_id"
        " JOIN broadcast b ON b.id = m.broadcast_id"
        " LEFT JOIN media_upload u ON u.media_id = m.media_id AND u.number_id = b.number_id WHERE m.broadcast_id = ?",
        (broadcast_id,),
    ).fetchall()
    if not rows:
        return ReadyFiles({}, None)
    until = min((expires_at or 0) - UNUSABLE_BEFORE for *_, expires_at in rows)
    if until <= now:
        return None
    return ReadyFiles({uuid: SentFile(meta_id, name) for uuid, name, meta_id, _ in rows}, until)


class Waiting(NamedTuple):
    """A file for which a broadcast waits: what it is called, and how its upload goes."""

    file_name: str
    error: str | None
    next_attempt_at: Millis
    is_stored: bool


def waiting_for(tx: Tx, broadcast_id: int, now: Millis) -> Waiting | None:
    """A file for which a broadcast waits, one with an error first; None if it waits for none."""
    row = tx.execute(
        "SELECT f.file_name, u.error, coalesce(u.next_attempt_at, 0), f.edition IS NOT NULL FROM broadcast_media m"
        " JOIN media f ON f.id = m.media_id JOIN broadcast b ON b.id = m.broadcast_id"
        " LEFT JOIN media_upload u ON u.media_id = m.media_id AND u.number_id = b.number_id"
        " WHERE m.broadcast_id = ? AND coalesce(u.expires_at, 0) <= ? ORDER BY u.error IS NULL, f.id LIMIT 1",
        (broadcast_id, now + UNUSABLE_BEFORE),
    ).fetchone()
    return Waiting(row[0], row[1], row[2], bool(row[3])) if row else None


class Wanted(NamedTuple):
    """A file that is to be uploaded for a number."""

    media_id: int
    number_id: str


def wanted(tx: Tx, now: Millis) -> list[Wanted]:
    """What is to be uploaded now: for broadcasts that are being sent or soon start, and what was asked for.

    A file is uploaded again a while before its id cannot be used any more.
    """
    needed = (
        "SELECT DISTINCT m.media_id, b.number_id FROM broadcast b CROSS JOIN number n ON n.id = b.number_id"
        " CROSS JOIN broadcast_media m ON m.broadcast_id = b.id JOIN media f ON f.id = m.media_id AND f.edition IS NOT NULL"
        " LEFT JOIN media_upload u ON u.media_id = m.media_id AND u.number_id = b.number_id"
        " WHERE {which} AND n.state = 'active' AND n.removed_at IS NULL"
        " AND coalesce(u.next_attempt_at, 0) <= ?1 AND coalesce(u.is_refused, 0) = 0"
        " AND coalesce(u.expires_at, 0) <= ?1 + ?2"
    )
    sending = needed.format(
        which="b.status = 'sending' AND EXISTS"
        " (SELECT 1 FROM recipient r WHERE r.broadcast_id = b.id AND r.status = 'pending')"
    )
    scheduled = needed.format(which="b.status = 'scheduled' AND b.scheduled_at <= ?1 + ?3")
    asked = (
        "SELECT u.media_id, u.number_id FROM media_upload u INDEXED BY media_upload_asked"
        " JOIN number n ON n.id = u.number_id JOIN media f ON f.id = u.media_id AND f.edition IS NOT NULL"
        " WHERE u.asked = 1 AND u.next_attempt_at <= ?1 AND n.state = 'active' AND n.removed_at IS NULL"
    )
    rows = [
        *tx.execute(sending, (now, RENEW_BEFORE)).fetchall(),
        *tx.execute(scheduled, (now, RENEW_BEFORE, SCHEDULED_AHEAD)).fetchall(),
        *tx.execute(asked, (now,)).fetchall(),
    ]
    return list(dict.fromkeys(Wanted(*row) for row in rows))


def of_media(tx: Tx, media_id: int) -> list[MediaUpload]:
    """What became of a file at Meta, for each number."""
    rows = tx.execute(f"SELECT {_ROW.columns} FROM media_upload WHERE media_id = ?", (media_id,))
    return [_ROW.record(row) for row in rows]


def get(tx: Tx, media_id: int, number_id: str) -> MediaUpload | None:
    """What became of a file for a number; None if nothing was tried."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM media_upload WHERE media_id = ? AND number_id = ?", (media_id, number_id)
    ).fetchone()
    return _ROW.record(row) if row else None


def ask(tx: Tx, media_id: int, number_id: str, now: Millis) -> None:
    """Ask for the upload of a file before a broadcast needs it, or again after a refusal, unless Meta has it."""
    tx.execute(
        "INSERT INTO media_upload (media_id, number_id, asked) VALUES (?1, ?2, 1)"
        " ON CONFLICT DO UPDATE SET asked = 1, is_refused = 0, attempts = 0, next_attempt_at = 0, error = NULL"
        " WHERE expires_at IS NULL OR expires_at <= ?3",
        (media_id, number_id, now + RENEW_BEFORE),
    )


def uploaded(
    tx: Tx,
    media_id: int,
    number_id: str,
    *,
    meta_id: str,
    uploaded_at: Millis,
    expires_at: Millis,
) -> None:
    """Record that Meta has a file, as uploaded by this number."""
    tx.execute(
        "INSERT OR REPLACE INTO media_upload (media_id, number_id, meta_id, uploaded_at, expires_at)"
        " SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM media WHERE id = ?1 AND edition IS NOT NULL)",
        (media_id, number_id, meta_id, uploaded_at, expires_at),
    )


def failed(
    tx: Tx,
    media_id: int,
    number_id: str,
    *,
    error: str,
    is_refused: bool,
    next_attempt_at: Millis,
) -> None:
    """Record an upload that failed; an id that Meta gave before stays."""
    tx.execute(
        "INSERT INTO media_upload (media_id, number_id, attempts, next_attempt_at, is_refused, error)"
        " SELECT ?1, ?2, 1, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM media WHERE id = ?1 AND edition IS NOT NULL)"
        " ON CONFLICT DO UPDATE SET attempts = attempts + 1, next_attempt_at = ?3, is_refused = ?4, error = ?5,"
        " asked = iif(?4, 0, asked)",
        (media_id, number_id, next_attempt_at, is_refused, error),
    )


def refused(tx: Tx, now: Millis) -> list[tuple[int, str, str]]:
    """(broadcast, file, error) of the broadcasts that are being sent with a file that Meta does not take."""
    rows = tx.execute(
        "SELECT b.id, f.file_name, coalesce(u.error, '') FROM broadcast b"
        " CROSS JOIN broadcast_media m ON m.broadcast_id = b.id"
        " CROSS JOIN media_upload u ON u.media_id = m.media_id AND u.number_id = b.number_id"
        " JOIN media f ON f.id = m.media_id"
        " WHERE b.status = 'sending' AND u.is_refused = 1 AND coalesce(u.expires_at, 0) <= ?",
        (now + UNUSABLE_BEFORE,),
    )
    return [(broadcast_id, name, error) for broadcast_id, name, error in rows]


def failing(tx: Tx, attempts: int) -> tuple[int, str, str] | None:
    """How many uploads have failed so often, and file and error of one; None if none has."""
    row = tx.execute(
        "SELECT count(*), f.file_name, u.error FROM media_upload u INDEXED BY media_upload_failed"
        " JOIN media f ON f.id = u.media_id WHERE u.error IS NOT NULL AND u.is_refused = 0 AND u.attempts >= ?",
        (attempts,),
    ).fetchone()
    return (row[0], row[1], row[2]) if row[0] else None


def waiting_broadcasts(tx: Tx, media_id: int, number_id: str) -> list[int]:
    """The broadcasts of a number that are being sent and name a file."""
    rows = tx.execute(
        "SELECT b.id FROM broadcast b CROSS JOIN broadcast_media m ON m.broadcast_id = b.id AND m.media_id = ?"
        " WHERE b.status = 'sending' AND b.number_id = ?",
        (media_id, number_id),
    )
    return [broadcast_id for (broadcast_id,) in rows]


def try_again(tx: Tx, broadcast_id: int) -> None:
    """A person resumes or retries a broadcast: what Meta did not take is uploaded again.

    So is all of it if messages failed because of their media: Meta may have lost a file, or the token's app has changed.
    """
    tx.execute(
        "DELETE FROM media_upload WHERE media_id IN (SELECT media_id FROM broadcast_media WHERE broadcast_id = ?1)"
        " AND number_id = (SELECT number_id FROM broadcast WHERE id = ?1) AND EXISTS (SELECT 1 FROM recipient"
        " WHERE broadcast_id = ?1 AND status = 'failed' AND error_code = ?2)",
        (broadcast_id, MEDIA_ERROR),
    )
    tx.execute(
        "UPDATE media_upload SET is_refused = 0, attempts = 0, next_attempt_at = 0 WHERE error IS NOT NULL"
        " AND media_id IN (SELECT media_id FROM broadcast_media WHERE broadcast_id = ?1)"
        " AND number_id = (SELECT number_id FROM broadcast WHERE id = ?1)",
        (broadcast_id,),
    )


def lost(tx: Tx, broadcast_id: int, now: Millis) -> None:
    """A message that is sent again by a rule has failed because of its media: what Meta has had for long is uploaded again.

    What is newer was probably uploaded for that reason, so that many such failures do not cost an upload each.
    """
    tx.execute(
        "DELETE FROM media_upload WHERE media_id IN (SELECT media_id FROM broadcast_media WHERE broadcast_id = ?1)"
        " AND number_id = (SELECT number_id FROM broadcast WHERE id = ?1) AND uploaded_at <= ?2",
        (broadcast_id, now - TRUSTED_FOR),
    )


def try_number_again(tx: Tx, number_id: str) -> None:
    """A number is resumed: what could not be uploaded for it is tried again at once."""
    tx.execute(
        "UPDATE media_upload INDEXED BY media_upload_failed SET attempts = 0, next_attempt_at = 0"
        " WHERE number_id = ? AND error IS NOT NULL AND is_refused = 0",
        (number_id,),
    )
