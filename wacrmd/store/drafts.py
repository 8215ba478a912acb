"""Drafts: their rows beside those of `broadcast`, and the pieces of their files and people."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from wacrmd.clock import Millis
from wacrmd.domain.draft import DISCARDABLE, EDITABLE, WAITING, Draft, DraftState, FileFormat
from wacrmd.domain.draft_room import WaitingDraft
from wacrmd.store import revisions
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper, insert_row

_ROW = RowMapper(Draft)
_EDITABLE = ", ".join(f"'{state}'" for state in EDITABLE)
_DISCARDABLE = ", ".join(f"'{state}'" for state in DISCARDABLE)
_WAITING = ", ".join(f"'{state}'" for state in WAITING)


def insert(
    tx: Tx, broadcast_id: int, *, made_by: str, now: Millis, state: DraftState = DraftState.EDITING
) -> None:
    """Make a broadcast that was just stored a draft without people."""
    insert_row(
        tx,
        "draft",
        broadcast_id=broadcast_id,
        state=state,
        made_by=made_by,
        updated_at=now,
    )


def get(tx: Tx, broadcast_id: int) -> Draft | None:
    """The draft of this broadcast, in any state."""
    row = tx.execute(f"SELECT {_ROW.columns} FROM draft WHERE broadcast_id = ?", (broadcast_id,)).fetchone()
    return _ROW.record(row) if row else None


def waiting(tx: Tx, account_id: str) -> list[WaitingDraft]:
    """The drafts of an account that were not sent."""
    rows = tx.execute(
        "SELECT d.broadcast_id, d.made_by, d.file_bytes FROM draft d JOIN broadcast b ON b.id = d.broadcast_id"
        f" WHERE d.state IN ({_WAITING}) AND b.account_id = ?",
        (account_id,),
    )
    return [WaitingDraft(*row) for row in rows]


def changed(tx: Tx, broadcast_id: int, now: Millis, **columns: str | int | None) -> None:
    """Set columns after a change of what is sent: the draft is to be checked again, and an older check counts no more."""
    names = "".join(f"{column} = ?, " for column in columns)
    tx.execute(
        f"UPDATE draft SET {names}state = 'editing', version = version + 1, people_edition = NULL, problem = NULL,"
        f" result = NULL, updated_at = ? WHERE broadcast_id = ? AND state IN ({_EDITABLE})",
        (*columns.values(), now, broadcast_id),
    )


def touched(tx: Tx, broadcast_id: int, now: Millis) -> None:
    """Note a change that needs no new check, such as of the name."""
    tx.execute("UPDATE draft SET updated_at = ? WHERE broadcast_id = ?", (now, broadcast_id))


def next_edition(tx: Tx, broadcast_id: int) -> int:
    """The number of a new upload or check."""
    row = tx.execute(
        "UPDATE draft SET editions = editions + 1 WHERE broadcast_id = ? RETURNING editions", (broadcast_id,)
    ).fetchone()
    return int(row[0])


def put_piece(tx: Tx, broadcast_id: int, edition: int, number: int, content: bytes) -> None:
    """Store a piece of a file or of its people."""
    insert_row(tx, "draft_piece", broadcast_id=broadcast_id, edition=edition, number=number, content=content)


def copy_piece(tx: Tx, broadcast_id: int, edition: int, number: int, *, to: int) -> bytes | None:
    """Store a piece once more, as that of another edition; what it holds, None behind the last one."""
    content = piece(tx, broadcast_id, edition, number)
    if content is not None:
        put_piece(tx, broadcast_id, to, number, content)
    return content


def piece(tx: Tx, broadcast_id: int, edition: int, number: int) -> bytes | None:
    """One piece; None behind the last one."""
    row = tx.execute(
        "SELECT content FROM draft_piece WHERE broadcast_id = ? AND edition = ? AND number = ?",
        (broadcast_id, edition, number),
    ).fetchone()
    return row[0] if row else None


def file_stored(
    tx: Tx,
    broadcast_id: int,
    edition: int,
    now: Millis,
    *,
    name: str,
    form: FileFormat,
    size: int,
    mapping: str,
) -> None:
    """All pieces of an upload are stored: it is the file of the draft now."""
    changed(
        tx,
        broadcast_id,
        now,
        file_edition=edition,
        file_name=name,
        file_format=form,
        file_bytes=size,
        mapping=mapping,
    )


def want_check(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Let the draft be checked; False if it needs no check, or cannot be changed now."""
    return _move(tx, broadcast_id, DraftState.CHECKING, (DraftState.EDITING, DraftState.CHECKED), now) > 0


def checked(tx: Tx, broadcast_id: int, version: int, *, edition: int, result: str, now: Millis) -> bool:
    """Store what the check of this version found; False if the draft was changed meanwhile."""
    cursor = tx.execute(
        "UPDATE draft SET state = 'checked', people_edition = ?, result = ?, problem = NULL, updated_at = ?"
        " WHERE broadcast_id = ? AND version = ? AND state = 'checking'",
        (edition, result, now, broadcast_id, version),
    )
    if cursor.rowcount:
        revisions.raise_for(tx, [broadcast_id])
    return cursor.rowcount > 0


def not_checked(tx: Tx, broadcast_id: int, version: int, problem: str, now: Millis) -> None:
    """Store why this version could not be checked."""
    tx.execute(
        "UPDATE draft SET state = 'editing', problem = ?, updated_at = ?, result = NULL, people_edition = NULL"
        " WHERE broadcast_id = ? AND version = ? AND state = 'checking'",
        (problem, now, broadcast_id, version),
    )


def request_send(tx: Tx, broadcast_id: int, by: str, now: Millis) -> bool:
    """Mark a checked draft as to be sent; False if it is not checked, or is marked already."""
    cursor = tx.execute(
        "UPDATE draft SET state = 'preparing', send_requested_at = ?1, sent_by = ?2, taken = 0, problem = NULL,"
        " updated_at = ?1 WHERE broadcast_id = ?3 AND state = 'checked'",
        (now, by, broadcast_id),
    )
    return cursor.rowcount > 0


def took(tx: Tx, broadcast_id: int, people: int) -> None:
    """So many of its people were taken over."""
    tx.execute("UPDATE draft SET taken = ? WHERE broadcast_id = ?", (people, broadcast_id))


def send_back(tx: Tx, broadcast_id: int, problem: str, now: Millis) -> None:
    """It cannot be sent: its recipients are to be taken out again."""
    tx.execute(
        "UPDATE draft SET state = 'returning', problem = ?, updated_at = ? WHERE broadcast_id = ? AND state = 'preparing'",
        (problem, now, broadcast_id),
    )


def send_all_back(tx: Tx, problem: str, now: Millis) -> None:
    """No draft is sent before a person asks again; the others say why."""
    tx.execute(
        "UPDATE draft SET state = 'returning', problem = ?, updated_at = ? WHERE state = 'preparing'",
        (problem, now),
    )
    tx.execute(
        f"UPDATE draft SET problem = ? WHERE problem IS NULL AND state IN ({_DISCARDABLE})",
        (problem,),
    )


def returned(tx: Tx, broadcast_id: int, now: Millis) -> None:
    """No recipients are left: the draft is edited again, and is to be checked again."""
    tx.execute(
        "UPDATE draft SET state = 'editing', version = version + 1, send_requested_at = NULL, sent_by = NULL, taken = 0,"
        " people_edition = NULL, updated_at = ? WHERE broadcast_id = ? AND state = 'returning'",
        (now, broadcast_id),
    )


def sent(tx: Tx, broadcast_id: int, result: str | None, now: Millis) -> None:
    """All people are recipients: the file is not needed any more."""
    tx.execute(
        "UPDATE draft SET state = 'sent', result = ?, file_edition = NULL, file_format = NULL, people_edition = NULL,"
        " mapping = NULL, updated_at = ? WHERE broadcast_id = ?",
        (result, now, broadcast_id),
    )


def collected(tx: Tx, broadcast_id: int, result: str, now: Millis) -> None:
    """Store the sums after a program has added people."""
    tx.execute(
        "UPDATE draft SET result = ?, updated_at = ? WHERE broadcast_id = ? AND state = 'collecting'",
        (result, now, broadcast_id),
    )


def send_collected(tx: Tx, broadcast_id: int, by: str, now: Millis) -> bool:
    """End a draft whose people are recipients already; False if nothing is collected any more."""
    cursor = tx.execute(
        "UPDATE draft SET state = 'sent', send_requested_at = ?1, sent_by = ?2, problem = NULL, updated_at = ?1"
        " WHERE broadcast_id = ?3 AND state = 'collecting'",
        (now, by, broadcast_id),
    )
    return cursor.rowcount > 0


def discard(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Throw a draft away; its rows are deleted step by step. False if it cannot be changed now."""
    return _move(tx, broadcast_id, DraftState.DISCARDED, DISCARDABLE, now) > 0


def discard_older(tx: Tx, before: Millis, limit: int, now: Millis) -> list[int]:
    """Throw away drafts that nobody has changed since then; their ids."""
    rows = tx.execute(
        "UPDATE draft SET state = 'discarded', updated_at = ? WHERE broadcast_id IN (SELECT broadcast_id FROM draft"
        f" WHERE state IN ({_DISCARDABLE}) AND updated_at < ? LIMIT ?) RETURNING broadcast_id",
        (now, before, limit),
    ).fetchall()
    revisions.raise_for(tx, [broadcast_id for (broadcast_id,) in rows])
    return [broadcast_id for (broadcast_id,) in rows]


def in_state(tx: Tx, *states: DraftState) -> list[int]:
    """The drafts in one of these states, those that wait longest first."""
    marks = ", ".join("?" * len(states))
    rows = tx.execute(
        f"SELECT broadcast_id FROM draft WHERE state IN ({marks}) ORDER BY updated_at, broadcast_id", states
    )
    return [broadcast_id for (broadcast_id,) in rows]


def with_pieces(tx: Tx) -> list[int]:
    """The drafts of which pieces are stored."""
    rows = tx.execute("SELECT DISTINCT broadcast_id FROM draft_piece ORDER BY broadcast_id")
    return [broadcast_id for (broadcast_id,) in rows]


def drop_pieces(tx: Tx, broadcast_id: int, under_way: Iterable[int], limit: int) -> int:
    """Delete up to `limit` pieces of editions that the draft does not name and that are not under way; how many."""
    draft = get(tx, broadcast_id)
    keep = set(under_way)
    if draft is not None and draft.state is not DraftState.DISCARDED:
        keep |= {each for each in (draft.file_edition, draft.people_edition) if each is not None}
    return tx.execute(
        "DELETE FROM draft_piece WHERE id IN (SELECT id FROM draft_piece WHERE broadcast_id = ?"
        " AND edition NOT IN (SELECT value FROM json_each(?)) LIMIT ?)",
        (broadcast_id, json.dumps(sorted(keep)), limit),
    ).rowcount


def delete_discarded(tx: Tx) -> int:
    """Delete the discarded drafts that have no pieces and no recipients any more; how many."""
    return tx.execute(
        "DELETE FROM broadcast WHERE status = 'draft' AND id IN (SELECT broadcast_id FROM draft d WHERE state = 'discarded'"
        " AND NOT EXISTS (SELECT 1 FROM draft_piece p WHERE p.broadcast_id = d.broadcast_id)"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = d.broadcast_id))"
    ).rowcount


def _move(tx: Tx, broadcast_id: int, to: DraftState, before: Iterable[DraftState], now: Millis) -> int:
    states = list(before)
    marks = ", ".join("?" * len(states))
    moved = tx.execute(
        f"UPDATE draft SET state = ?, updated_at = ? WHERE broadcast_id = ? AND state IN ({marks})",
        (to, now, broadcast_id, *states),
    ).rowcount
    if moved:
        revisions.raise_for(tx, [broadcast_id])
    return moved


class StoredEdition(NamedTuple):
    """What is stored of one file, or of the people whom a check found in it; `form` is None for those."""

    broadcast_id: int
    edition: int
    uuid: str
    name: str
    file_name: str | None
    form: FileFormat | None

    def key(self, number: int) -> tuple[int, int, int]:
        """The place of one of its pieces."""
        return self.broadcast_id, self.edition, number


def stored_editions(tx: Tx, account_id: str | None) -> list[StoredEdition]:
    """The files of the drafts of one account or of all, and the people in them."""
    found: list[StoredEdition] = []
    for broadcast_id in with_pieces(tx):
        row = tx.execute(
            "SELECT b.uuid, b.name, d.file_name, d.file_edition, d.file_format, d.people_edition FROM draft d"
            " JOIN broadcast b ON b.id = d.broadcast_id WHERE d.broadcast_id = ?1 AND (?2 IS NULL OR b.account_id = ?2)"
            " AND d.state != 'discarded'",
            (broadcast_id, account_id),
        ).fetchone()
        if row is None:
            continue
        uuid, name, file_name, file_edition, file_format, people_edition = row
        if file_edition is not None:
            form = FileFormat(file_format)
            found.append(StoredEdition(broadcast_id, file_edition, uuid, name, file_name, form))
        if people_edition is not None:
            found.append(StoredEdition(broadcast_id, people_edition, uuid, name, file_name, None))
    return found


def replace_piece(tx: Tx, broadcast_id: int, edition: int, number: int, content: bytes) -> None:
    """Write other content into a piece."""
    tx.execute(
        "UPDATE draft_piece SET content = ? WHERE broadcast_id = ? AND edition = ? AND number = ?",
        (content, broadcast_id, edition, number),
    )


def check_anew(tx: Tx, broadcast_id: int) -> None:
    """The file has changed under a check: what it finds counts for nothing, and it begins anew."""
    tx.execute(
        "UPDATE draft SET version = version + 1 WHERE broadcast_id = ? AND state = 'checking'",
        (broadcast_id,),
    )


def set_result(tx: Tx, broadcast_id: int, result: str) -> None:
    """Store what stays of a check."""
    tx.execute("UPDATE draft SET result = ? WHERE broadcast_id = ?", (result, broadcast_id))
