"""Browsers that are logged in, and links that log one in; only hashes of their secrets are stored."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.user import (
    IDLE,
    LINK_LASTS,
    LONGEST,
    LONGEST_BY_LINK,
    MAX_LINKS,
    MAX_SESSIONS,
    LoginSession,
    Rights,
    Role,
)
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper, insert_row

_ACCOUNTS = (
    "(SELECT json_group_array(account_id) FROM"
    " (SELECT account_id FROM user_account WHERE user_id = s.user_id ORDER BY account_id))"
)
_ROW = RowMapper(
    LoginSession,
    {"name": "coalesce(u.name, s.name)", "role": "coalesce(u.role, s.role)", "account_ids": _ACCOUNTS},
    table="s",
)
_SELECT = f"SELECT {_ROW.columns} FROM login_session s LEFT JOIN user u ON u.id = s.user_id"
_LIVE = "s.used_at > ? AND s.created_at > iif(s.user_id IS NULL, ?, ?)"


def _since(now: Millis) -> tuple[Millis, Millis, Millis]:
    """The parameters of `_LIVE`."""
    return now - IDLE, now - LONGEST_BY_LINK, now - LONGEST


def add_link(tx: Tx, *, hashed: bytes, uid: int, name: str, role: Role, now: Millis) -> None:
    """Store a new link of a user of the machine, who has only so many."""
    tx.execute("DELETE FROM login_link WHERE created_at <= ?", (now - LINK_LASTS,))
    tx.execute(
        "DELETE FROM login_link WHERE hash IN"
        " (SELECT hash FROM login_link WHERE uid = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?)",
        (uid, MAX_LINKS - 1),
    )
    insert_row(tx, "login_link", hash=hashed, uid=uid, name=name, role=role, created_at=now)


def has_link(tx: Tx, hashed: bytes) -> bool:
    """Whether there is such a link, used up or not: what strangers make up must not cost a write."""
    return tx.execute("SELECT 1 FROM login_link WHERE hash = ?", (hashed,)).fetchone() is not None


def take_link(tx: Tx, hashed: bytes, now: Millis) -> tuple[int, str, Role] | None:
    """Use up a link: whose it is, with the role; None if there is none, or its time is over."""
    row = tx.execute(
        "DELETE FROM login_link WHERE hash = ? RETURNING uid, name, role, created_at", (hashed,)
    ).fetchone()
    if row is None or not 0 <= now - row[3] < LINK_LASTS:
        return None
    return row[0], row[1], Role(row[2])


def begin_by_link(tx: Tx, *, hashed: bytes, uid: int, name: str, role: Role, now: Millis) -> None:
    """Store the session of a user of the machine."""
    _make_room(tx, "user_id IS NULL AND uid = ?", uid)
    insert_row(tx, "login_session", hash=hashed, uid=uid, name=name, role=role, created_at=now, used_at=now)


def begin(tx: Tx, *, hashed: bytes, user_id: str, name: str, now: Millis) -> None:
    """Store the session of a user."""
    _make_room(tx, "user_id = ?", user_id)
    insert_row(tx, "login_session", hash=hashed, user_id=user_id, name=name, created_at=now, used_at=now)


def _make_room(tx: Tx, whose: str, owner: object) -> None:
    tx.execute(
        f"DELETE FROM login_session WHERE id IN"
        f" (SELECT id FROM login_session WHERE {whose} ORDER BY used_at DESC, id DESC LIMIT -1 OFFSET ?)",
        (owner, MAX_SESSIONS - 1),
    )


def find(tx: Tx, hashed: bytes, now: Millis) -> LoginSession | None:
    """The session of a cookie, with what its user may do now; None if it has ended."""
    row = tx.execute(f"{_SELECT} WHERE s.hash = ? AND {_LIVE}", (hashed, *_since(now))).fetchone()
    return _ROW.record(row) if row else None


def rights(tx: Tx, session_ids: Iterable[int], now: Millis) -> dict[int, Rights]:
    """What the users of these sessions may do now, by row id, without those that have ended."""
    rows = tx.execute(
        f"{_SELECT} WHERE s.id IN (SELECT value FROM json_each(?)) AND {_LIVE}",
        (json.dumps(list(session_ids)), *_since(now)),
    )
    return {found.id: found.rights for found in map(_ROW.record, rows)}


def of_user(tx: Tx, user_id: str, now: Millis) -> int:
    """How many sessions of a user there are."""
    (count,) = tx.execute(
        f"SELECT count(*) FROM login_session s WHERE s.user_id = ? AND {_LIVE}", (user_id, *_since(now))
    ).fetchone()
    return int(count)


def by_link(tx: Tx, name: str, now: Millis) -> int:
    """How many sessions a user of the machine has begun with links."""
    (count,) = tx.execute(
        f"SELECT count(*) FROM login_session s WHERE s.user_id IS NULL AND s.name = ? AND {_LIVE}",
        (name, *_since(now)),
    ).fetchone()
    return int(count)


def touch(tx: Tx, session_id: int, now: Millis) -> None:
    """Record that a session was used."""
    tx.execute("UPDATE login_session SET used_at = ? WHERE id = ?", (now, session_id))


def end(tx: Tx, hashed: bytes) -> None:
    """End one session."""
    tx.execute("DELETE FROM login_session WHERE hash = ?", (hashed,))


def end_all_of(tx: Tx, user_id: str) -> int:
    """End all sessions of a user; how many there were."""
    return tx.execute("DELETE FROM login_session WHERE user_id = ?", (user_id,)).rowcount


def end_all_by_link(tx: Tx, name: str) -> int:
    """End all sessions of a user of the machine, and let no link of theirs begin another one; how many there were."""
    tx.execute("DELETE FROM login_link WHERE name = ?", (name,))
    return tx.execute("DELETE FROM login_session WHERE user_id IS NULL AND name = ?", (name,)).rowcount


def end_all(tx: Tx) -> None:
    """End all sessions: of a restored database nobody knows which have been ended since."""
    for table in ("login_session", "login_link", "known_browser"):
        tx.execute(f"DELETE FROM {table}")
