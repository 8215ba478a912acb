"""Users of the dashboard, and the accounts that they may see."""

from collections.abc import Sequence
from uuid import uuid4

from wacrmd.clock import Millis
from wacrmd.domain.user import Role, User
from wacrmd.errors import conflict
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper

_ACCOUNTS = (
    "(SELECT json_group_array(account_id) FROM"
    " (SELECT account_id FROM user_account WHERE user_id = u.id ORDER BY account_id))"
)
_ROW = RowMapper(User, {"account_ids": _ACCOUNTS}, table="u")
_SELECT = f"SELECT {_ROW.columns} FROM user u"


def add(
    tx: Tx, *, name: str, role: Role, account_ids: Sequence[str], password: str | None, now: Millis
) -> User:
    """Store a new user; raises Refusal if the name is in use."""
    user_id = str(uuid4())
    if with_name(tx, name) is not None:
        raise conflict(f"There is a user named {name!r} already: choose another name")
    tx.execute(
        "INSERT INTO user (id, name, role, password, created_at) VALUES (?, ?, ?, ?, ?)",
        (user_id, name, role, password, now),
    )
    set_accounts(tx, user_id, account_ids)
    return get(tx, user_id)


def get(tx: Tx, user_id: str) -> User:
    """The user with this id, who exists."""
    return _ROW.record(tx.execute(f"{_SELECT} WHERE u.id = ?", (user_id,)).fetchone())


def with_name(tx: Tx, name: str) -> User | None:
    """The user with this name; upper and lower case are the same, and nothing else is: Weiss is not Weiß."""
    row = tx.execute(f"{_SELECT} WHERE u.name = ?", (name,)).fetchone()
    if row is None and not name.isascii():  # SQLite knows the case of ASCII letters only
        row = next(
            (
                tx.execute(f"{_SELECT} WHERE u.name = ?", each).fetchone()
                for each in tx.execute("SELECT name FROM user").fetchall()
                if each[0].lower() == name.lower()
            ),
            None,
        )
    return _ROW.record(row) if row else None


def named(tx: Tx, reference: str) -> User | None:
    """The user with this name or id."""
    row = tx.execute(f"{_SELECT} WHERE u.id = ?", (reference,)).fetchone()
    return with_name(tx, reference) or (_ROW.record(row) if row else None)


def all_of(tx: Tx) -> list[User]:
    """All users by name."""
    return [_ROW.record(row) for row in tx.execute(f"{_SELECT} ORDER BY u.name")]


def set_accounts(tx: Tx, user_id: str, account_ids: Sequence[str]) -> None:
    """Let the user see these accounts only; none: all."""
    tx.execute("DELETE FROM user_account WHERE user_id = ?", (user_id,))
    tx.executemany(
        "INSERT INTO user_account (user_id, account_id) VALUES (?, ?)",
        [(user_id, each) for each in dict.fromkeys(account_ids)],
    )


def set_role(tx: Tx, user_id: str, role: Role) -> None:
    """Let the user do more or less."""
    tx.execute("UPDATE user SET role = ? WHERE id = ?", (role, user_id))


def set_password(tx: Tx, user_id: str, password: str) -> None:
    """Store the hash of another password."""
    tx.execute("UPDATE user SET password = ? WHERE id = ?", (password, user_id))


def set_last_login(tx: Tx, user_id: str, now: Millis) -> None:
    """Record that the user has logged in."""
    tx.execute("UPDATE user SET last_login_at = ? WHERE id = ?", (now, user_id))


def remove(tx: Tx, user_id: str) -> None:
    """Delete the user with all sessions."""
    tx.execute("DELETE FROM user WHERE id = ?", (user_id,))
