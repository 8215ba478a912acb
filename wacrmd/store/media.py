"""Files for the headers of messages: their rows, their pieces, what became of them at Meta, and who uses them."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.media import Media, MediaFacts, MediaUpload
from wacrmd.domain.page import MAX_ID, Position
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper, insert_row

_ROW = RowMapper(Media, {"size": "bytes"})
_FACTS = RowMapper(MediaFacts, {"refusal": "iif(u.is_refused, coalesce(u.error, ''), NULL)"}, table="f")
_UPLOAD = RowMapper(MediaUpload)
_UNFINISHED = "('draft', 'scheduled', 'sending', 'paused')"


def by_content(tx: Tx, account_id: str, sha256: bytes) -> Media | None:
    """The file of an account with this content, also one that was deleted."""
    return _one(tx, "account_id = ? AND sha256 = ?", account_id, sha256)


def get(tx: Tx, media_id: int) -> Media | None:
    """The file of this row."""
    return _one(tx, "id = ?", media_id)


def _one(tx: Tx, condition: str, *values: object) -> Media | None:
    row = tx.execute(f"SELECT {_ROW.columns} FROM media WHERE {condition}", values).fetchone()
    return _ROW.record(row) if row else None


def find(tx: Tx, beginning: str, account_id: str | None) -> list[Media]:
    """Up to two files that are stored whose ids begin so, of one account or of all."""
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM media WHERE uuid >= ?1 AND uuid < ?1 || 'g' AND edition IS NOT NULL"
        " AND (?2 IS NULL OR account_id = ?2) LIMIT 2",
        (beginning, account_id),
    )
    return [_ROW.record(row) for row in rows]


def page(tx: Tx, account_id: str | None, *, after: Position | None, limit: int) -> list[Media]:
    """Files that are stored, the newest first."""
    where, values = ("account_id = ? AND", (account_id,)) if account_id is not None else ("", ())
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM media WHERE {where} (created_at, id) < (?, ?) AND edition IS NOT NULL"
        " ORDER BY created_at DESC, id DESC LIMIT ?",
        (*values, *(after or (MAX_ID, MAX_ID)), limit),
    )
    return [_ROW.record(row) for row in rows]


_SELECT_FACTS = (
    f"SELECT {_FACTS.columns} FROM media f LEFT JOIN media_upload u ON u.media_id = f.id AND u.number_id = ?2"
)


def facts(tx: Tx, account_id: str, number_id: str, uuids: Iterable[str]) -> dict[str, MediaFacts]:
    """Those of these files of an account that are stored, by their ids; as this number has them."""
    rows = tx.execute(
        f"{_SELECT_FACTS} WHERE f.uuid IN (SELECT value FROM json_each(?3)) AND +f.account_id = ?1"
        " AND f.edition IS NOT NULL",
        (account_id, number_id, json.dumps(sorted(uuids))),
    )
    return {found.uuid: found for found in map(_FACTS.record, rows)}


def all_facts(tx: Tx, account_id: str, number_id: str) -> dict[str, MediaFacts]:
    """All files of an account that are stored, by their ids; as this number has them."""
    rows = tx.execute(
        f"{_SELECT_FACTS} WHERE f.account_id = ?1 AND f.edition IS NOT NULL", (account_id, number_id)
    )
    return {found.uuid: found for found in map(_FACTS.record, rows)}


def stored_bytes(tx: Tx, account_id: str) -> int:
    """How much the files of an account hold together."""
    (total,) = tx.execute(
        "SELECT coalesce(sum(bytes), 0) FROM media WHERE account_id = ? AND edition IS NOT NULL",
        (account_id,),
    ).fetchone()
    return int(total)


def begin(
    tx: Tx,
    *,
    uuid: str,
    account_id: str,
    file_name: str,
    mime_type: str,
    size: int,
    sha256: bytes,
    made_by: str,
    now: Millis,
) -> tuple[int, int]:
    """Begin to store a file: (row id, number of the edition of its pieces). A row with this content is used again."""
    row = tx.execute(
        "UPDATE media SET editions = editions + 1 WHERE account_id = ? AND sha256 = ? RETURNING id, editions",
        (account_id, sha256),
    ).fetchone()
    if row is not None:
        return int(row[0]), int(row[1])
    media_id = insert_row(
        tx,
        "media",
        uuid=uuid,
        account_id=account_id,
        file_name=file_name,
        mime_type=mime_type,
        bytes=size,
        sha256=sha256,
        made_by=made_by,
        created_at=now,
        used_at=now,
        editions=1,
    )
    return media_id, 1


def put_piece(tx: Tx, media_id: int, edition: int, number: int, content: bytes) -> None:
    """Store a piece of a file."""
    insert_row(tx, "media_piece", media_id=media_id, edition=edition, number=number, content=content)


def piece(tx: Tx, media_id: int, edition: int, number: int) -> bytes | None:
    """One piece; None behind the last one."""
    row = tx.execute(
        "SELECT content FROM media_piece WHERE media_id = ? AND edition = ? AND number = ?",
        (media_id, edition, number),
    ).fetchone()
    return row[0] if row else None


def is_whole(tx: Tx, media_id: int, edition: int, size: int) -> bool:
    """Whether all pieces of an edition are there: a damaged page may have taken some."""
    (found,) = tx.execute(
        "SELECT coalesce(sum(length(content)), 0) FROM media_piece WHERE media_id = ? AND edition = ?",
        (media_id, edition),
    ).fetchone()
    return int(found) == size


def finish(
    tx: Tx,
    media_id: int,
    edition: int,
    *,
    file_name: str,
    mime_type: str,
    made_by: str,
    is_alone: bool,
    now: Millis,
) -> None:
    """All pieces of an edition are stored: they are the file, unless another edition is that already.

    `is_alone`: no other edition is being written.
    """
    tx.execute(
        "UPDATE media SET edition = ?, file_name = ?, mime_type = ?, made_by = ?, used_at = ?"
        " WHERE id = ? AND edition IS NULL",
        (edition, file_name, mime_type, made_by, now, media_id),
    )
    # The newest edition is the file: so that pieces of older ones are looked for, it must not seem to be the only one.
    tx.execute(
        "UPDATE media SET editions = editions + 1 WHERE id = ?1 AND edition = editions AND (NOT ?2 OR EXISTS"
        " (SELECT 1 FROM media_piece p WHERE p.media_id = ?1 AND p.edition != media.edition))",
        (media_id, is_alone),
    )


def touch(tx: Tx, media_ids: Iterable[int], now: Millis) -> None:
    """Note that files are used now: they are kept longer."""
    tx.execute(
        "UPDATE media SET used_at = max(used_at, ?) WHERE id IN (SELECT value FROM json_each(?))",
        (now, json.dumps(sorted(media_ids))),
    )


# --- who uses a file -------------------------------------------------------------------------------------------------


def use(tx: Tx, broadcast_id: int, media_ids: Iterable[int], now: Millis) -> None:
    """Note that a broadcast names these files."""
    ids = sorted(media_ids)
    tx.executemany(
        "INSERT OR IGNORE INTO broadcast_media (broadcast_id, media_id) VALUES (?, ?)",
        [(broadcast_id, each) for each in ids],
    )
    touch(tx, ids, now)


def forget_uses(tx: Tx, broadcast_id: int) -> None:
    """A draft is changed: what it names is noted anew."""
    tx.execute("DELETE FROM broadcast_media WHERE broadcast_id = ?", (broadcast_id,))


def used_by(tx: Tx, media_id: int, limit: int) -> list[tuple[str, str]]:
    """(id, name) of broadcasts and drafts that are not finished and name the file."""
    # Few broadcasts are unfinished; those that name one file may be very many, as messages with a logo are.
    rows = tx.execute(
        "SELECT b.uuid, b.name FROM broadcast b CROSS JOIN broadcast_media m ON m.broadcast_id = b.id AND m.media_id = ?"
        f" WHERE b.status IN {_UNFINISHED} ORDER BY b.id LIMIT ?",
        (media_id, limit),
    )
    return [(uuid, name) for uuid, name in rows]


def missing_of(tx: Tx, broadcast_id: int) -> str | None:
    """The name of a file of a broadcast that was deleted; None if all are there."""
    row = tx.execute(
        "SELECT f.file_name FROM broadcast_media m JOIN media f ON f.id = m.media_id"
        " WHERE m.broadcast_id = ? AND f.edition IS NULL LIMIT 1",
        (broadcast_id,),
    ).fetchone()
    return row[0] if row else None


# --- deleting --------------------------------------------------------------------------------------------------------


def remove(tx: Tx, media_id: int) -> None:
    """Delete a file: its pieces are dropped step by step, its row when no broadcast names it any more."""
    tx.execute("UPDATE media SET edition = NULL WHERE id = ?", (media_id,))
    tx.execute("DELETE FROM media_upload WHERE media_id = ?", (media_id,))


def unused(tx: Tx, before: Millis, limit: int) -> list[int]:
    """Files that nobody has used since then, and that no broadcast names that is unfinished or has ended since then."""
    rows = tx.execute(
        "SELECT f.id FROM media f INDEXED BY media_used WHERE f.edition IS NOT NULL AND f.used_at < ?1 AND NOT EXISTS"
        " (SELECT 1 FROM broadcast_media m JOIN broadcast b ON b.id = m.broadcast_id WHERE m.media_id = f.id"
        f" AND (b.status IN {_UNFINISHED} OR b.updated_at >= ?1)) LIMIT ?2",
        (before, limit),
    )
    return [media_id for (media_id,) in rows]


def with_pieces_to_drop(tx: Tx, under_way: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """(file, edition) of pieces that are no file (any more) and that nobody writes."""
    writing = set(under_way)
    rows = tx.execute(
        "SELECT DISTINCT p.media_id, p.edition FROM media f INDEXED BY media_left"
        " CROSS JOIN media_piece p ON p.media_id = f.id"
        " WHERE (f.edition IS NULL OR f.edition != f.editions) AND p.edition IS NOT f.edition"
    )
    return [(media_id, edition) for media_id, edition in rows if (media_id, edition) not in writing]


def drop_pieces(tx: Tx, media_id: int, edition: int, limit: int) -> int:
    """Delete up to `limit` pieces of an edition, unless it is the file; how many."""
    return tx.execute(
        "DELETE FROM media_piece WHERE id IN (SELECT p.id FROM media_piece p JOIN media f ON f.id = p.media_id"
        " WHERE p.media_id = ?1 AND p.edition = ?2 AND f.edition IS NOT ?2 LIMIT ?3)",
        (media_id, edition, limit),
    ).rowcount


_GONE = (
    "f.edition IS NULL AND f.created_at < ? AND NOT EXISTS (SELECT 1 FROM media_piece p WHERE p.media_id = f.id)"
    " AND NOT EXISTS (SELECT 1 FROM broadcast_media m WHERE m.media_id = f.id)"
)


def gone(tx: Tx, before: Millis) -> list[int]:
    """The rows of files that are not stored, that no broadcast names and that were begun before."""
    rows = tx.execute(
        f"SELECT f.id FROM media f INDEXED BY media_left WHERE (f.edition IS NULL OR f.edition != f.editions) AND {_GONE}",
        (before,),
    )
    return [media_id for (media_id,) in rows]


def delete_gone(tx: Tx, media_ids: Iterable[int], before: Millis) -> None:
    """Delete those of these rows that are still gone."""
    tx.execute(
        f"DELETE FROM media AS f WHERE f.id IN (SELECT value FROM json_each(?)) AND {_GONE}",
        (json.dumps(sorted(media_ids)), before),
    )
