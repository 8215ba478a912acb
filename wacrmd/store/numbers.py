"""Business phone numbers: their rows, their states, and their encrypted secrets."""

import json
import sqlite3
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.number import Number, NumberIds
from wacrmd.errors import conflict
from wacrmd.fields import JsonObject
from wacrmd.store import account_notices
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper, insert_row
from wacrmd.store.state_sql import NOT_PAUSED_BY_PERSON, SET_HOLD

_ROW = RowMapper(Number, {"account": "a.name", "notices": account_notices.OF_NUMBER}, table="n")
_SELECT = f"SELECT {_ROW.columns} FROM number n JOIN account a ON a.id = n.account_id"


@dataclass(frozen=True, slots=True)
class AppSecret:
    """An encrypted app secret, and the number for which it authorises webhooks."""

    number: NumberIds
    encrypted: bytes


def add(
    tx: Tx,
    *,
    number_id: str,
    account_id: str,
    phone_number_id: str,
    waba_id: str,
    access_token: bytes,
    app_secret: bytes,
    verify_token_hash: bytes,
    label: str | None,
    display_phone: str | None,
    messages_per_second: float | None,
    default: bool,
    now: Millis,
) -> None:
    """Store a new number, all secrets encrypted; the account's first number is its default one.

    Refuses a phone number id that is configured already.
    """
    first = tx.execute(
        "SELECT 1 FROM number WHERE account_id = ? AND removed_at IS NULL LIMIT 1", (account_id,)
    ).fetchone()
    is_default = default or first is None
    if is_default:
        tx.execute("UPDATE number SET is_default = 0 WHERE account_id = ?", (account_id,))
    try:
        insert_row(
            tx,
            "number",
            id=number_id,
            account_id=account_id,
            phone_number_id=phone_number_id,
            waba_id=waba_id,
            label=label,
            display_phone=display_phone,
            access_token=access_token,
            verify_token_hash=verify_token_hash,
            messages_per_second=messages_per_second,
            is_default=int(is_default),
            created_at=now,
        )
    except sqlite3.IntegrityError as error:
        raise conflict(f"The number {phone_number_id} is configured already: see number list") from error
    add_app_secret(tx, number_id, app_secret, now)


def all_of(tx: Tx, account_id: str | None = None, *, removed: bool = False) -> list[Number]:
    """The configured numbers of one account or of all, oldest first; `removed`: also those that were removed."""
    rows = tx.execute(
        f"{_SELECT} WHERE (?1 OR n.removed_at IS NULL) AND n.account_id = ifnull(?2, n.account_id)"
        " ORDER BY n.created_at, n.id",
        (removed, account_id),
    )
    return [_ROW.record(row) for row in rows]


def identity(tx: Tx, number_id: str) -> tuple[str, str, bytes] | None:
    """Phone number id, business account and encrypted access token of a number, also of a removed one."""
    row: tuple[str, str, bytes] | None = tx.execute(
        "SELECT phone_number_id, waba_id, access_token FROM number WHERE id = ?", (number_id,)
    ).fetchone()
    return row


def get(tx: Tx, number_id: str) -> Number | None:
    """The number of this id, also one that was removed meanwhile."""
    row = tx.execute(f"{_SELECT} WHERE n.id = ?", (number_id,)).fetchone()
    return _ROW.record(row) if row else None


def named(tx: Tx, reference: str, account_id: str) -> Number | None:
    """The number of an account with this id or phone number id."""
    row = tx.execute(
        f"{_SELECT} WHERE n.removed_at IS NULL AND (n.phone_number_id = ?1 OR n.id = ?1) AND n.account_id = ?2",
        (reference, account_id),
    ).fetchone()
    return _ROW.record(row) if row else None


def find(tx: Tx, reference: str, account_id: str | None = None) -> list[Number]:
    """The numbers with this phone number id, or whose id begins so; two at most, which is enough to see ambiguity."""
    where, values = ("AND n.account_id = ?", (account_id,)) if account_id else ("", ())
    rows = tx.execute(
        f"{_SELECT} WHERE n.removed_at IS NULL AND (n.phone_number_id = ? OR substr(n.id, 1, ?) = ?) {where}"
        " ORDER BY n.phone_number_id = ? DESC LIMIT 2",
        (reference, len(reference), reference, *values, reference),
    )
    numbers = [_ROW.record(row) for row in rows]
    return numbers[:1] if numbers and numbers[0].phone_number_id == reference else numbers


def default_of(tx: Tx, account_id: str) -> Number | None:
    """The number that sends if a broadcast names none."""
    row = tx.execute(
        f"{_SELECT} WHERE n.account_id = ? AND n.removed_at IS NULL ORDER BY n.is_default DESC, n.created_at LIMIT 1",
        (account_id,),
    ).fetchone()
    return _ROW.record(row) if row else None


def make_default(tx: Tx, number_id: str, account_id: str) -> None:
    """Make this the number that sends if a broadcast names none."""
    tx.execute("UPDATE number SET is_default = 0 WHERE account_id = ?", (account_id,))
    tx.execute("UPDATE number SET is_default = 1 WHERE id = ?", (number_id,))


def update(tx: Tx, number_id: str, **columns: str | float | bytes | None) -> None:
    """Set some columns, such as label or messages_per_second; secrets are encrypted, or hashed."""
    names = ", ".join(f"{name} = ?" for name in columns)
    tx.execute(f"UPDATE number SET {names} WHERE id = ?", (*columns.values(), number_id))


def remove(tx: Tx, number_id: str, now: Millis) -> None:
    """Remove the number: its secrets are deleted, its row stays for the broadcasts that name it."""
    tx.execute(
        "UPDATE number SET removed_at = ?, is_default = 0, access_token = x'', verify_token_hash = x''"
        " WHERE id = ?",
        (now, number_id),
    )
    tx.execute("DELETE FROM app_secret WHERE number_id = ?", (number_id,))


def pause(tx: Tx, number_id: str, reason: HoldReason, detail: str, now: Millis) -> str | None:
    """Pause a number because of a fault; its phone number id, None if it is paused already (the first reason stays)."""
    row = tx.execute(
        "UPDATE number SET state = 'paused', hold_reason = ?, hold_detail = ?, hold_since = ?"
        " WHERE id = ? AND state = 'active' RETURNING phone_number_id",
        (reason, detail, now, number_id),
    ).fetchone()
    return row[0] if row else None


def pause_by_person(tx: Tx, number_id: str, reason: HoldReason, detail: str, now: Millis) -> str | None:
    """Pause a number until a person resumes it; its phone number id, None if a person has paused it already.

    If it was paused for another reason, that reason stays in the detail.
    """
    row = tx.execute(
        f"UPDATE number SET state = 'paused', {SET_HOLD}, hold_until = NULL WHERE id = ?4 AND {NOT_PAUSED_BY_PERSON}"
        " RETURNING phone_number_id",
        (reason, detail, now, number_id),
    ).fetchone()
    return row[0] if row else None


def pause_business_account(
    tx: Tx, waba_id: str, reason: HoldReason, detail: str, now: Millis, until: Millis | None = None
) -> list[str]:
    """Pause all numbers of a business account, `until` then; the phone number ids of those that were active.

    Those that would resume by themselves already do so `until` then, for the new reason.
    """
    tx.execute(
        "UPDATE number SET hold_detail = ?, hold_until = ? WHERE waba_id = ? AND hold_reason = ?"
        " AND hold_until IS NOT NULL AND removed_at IS NULL",
        (detail, until, waba_id, reason),
    )
    rows = tx.execute(
        "UPDATE number SET state = 'paused', hold_reason = ?, hold_detail = ?, hold_since = ?, hold_until = ?"
        " WHERE waba_id = ? AND state = 'active' AND removed_at IS NULL RETURNING phone_number_id",
        (reason, detail, now, until, waba_id),
    )
    return [phone_number_id for (phone_number_id,) in rows.fetchall()]


def change_hold(tx: Tx, waba_id: str, reason: HoldReason, detail: str, until: Millis | None) -> None:
    """Say anew why and until when the numbers of a business account are paused that are paused for this reason."""
    tx.execute(
        "UPDATE number SET hold_detail = ?, hold_until = ? WHERE waba_id = ? AND hold_reason = ?"
        " AND state = 'paused' AND removed_at IS NULL",
        (detail, until, waba_id, reason),
    )


def hold_ended(tx: Tx, now: Millis) -> dict[str, str]:
    """The numbers whose pause ends by itself, at `now` or before: their phone number ids by their ids."""
    return dict(
        tx.execute(
            "SELECT id, phone_number_id FROM number WHERE hold_until <= ? AND state = 'paused' AND removed_at IS NULL",
            (now,),
        ).fetchall()
    )


def resume(tx: Tx, number_id: str) -> bool:
    """Resume the number; False when it was not paused."""
    cursor = tx.execute(
        "UPDATE number SET state = 'active', hold_reason = NULL, hold_detail = NULL, hold_since = NULL,"
        " hold_until = NULL"
        " WHERE id = ? AND state = 'paused'",
        (number_id,),
    )
    return cursor.rowcount > 0


def resume_business_account(tx: Tx, waba_id: str, reason: HoldReason) -> list[str]:
    """Resume the numbers of a business account that were paused for this reason; their ids."""
    rows = tx.execute(
        "UPDATE number SET state = 'active', hold_reason = NULL, hold_detail = NULL, hold_since = NULL,"
        " hold_until = NULL"
        " WHERE waba_id = ? AND state = 'paused' AND hold_reason = ? AND removed_at IS NULL RETURNING id",
        (waba_id, reason),
    )
    return [number_id for (number_id,) in rows.fetchall()]


def set_health(
    tx: Tx,
    number_id: str,
    *,
    quality: str | None,
    limit_tier: str | None,
    verified_name: str | None,
    display_phone: str | None,
    health: JsonObject | None,
    now: Millis,
) -> None:
    """Store what Meta reported about the number; None leaves the stored value, and so does a known phone."""
    tx.execute(
        "UPDATE number SET quality = coalesce(?1, quality), limit_tier = coalesce(?2, limit_tier),"
        " limit_told_at = iif(?2 IS NULL, limit_told_at, ?6), verified_name = coalesce(?3, verified_name),"
        " display_phone = coalesce(display_phone, ?4), health = coalesce(?5, health), checked_at = ?6 WHERE id = ?7",
        (
            quality,
            limit_tier,
            verified_name,
            display_phone,
            json.dumps(health) if health else None,
            now,
            number_id,
        ),
    )


def set_limit_tier(tx: Tx, waba_id: str, limit_tier: str, at: Millis, now: Millis) -> set[str] | None:
    """Store the messaging limit that Meta reported `at` for all numbers of a business account; the limits before.

    None if a newer event has told one.
    """
    is_old = tx.execute(
        "SELECT 1 FROM number WHERE waba_id = ? AND removed_at IS NULL AND limit_at > ?", (waba_id, at)
    ).fetchone()
    if is_old:
        return None
    before = tx.execute(
        "SELECT DISTINCT limit_tier FROM number WHERE waba_id = ? AND removed_at IS NULL AND limit_tier IS NOT NULL",
        (waba_id,),
    ).fetchall()
    tx.execute(
        "UPDATE number SET limit_tier = ?1, limit_at = ?2, checked_at = ?3, limit_told_at = ?3"
        " WHERE waba_id = ?4 AND removed_at IS NULL",
        (limit_tier, at, now, waba_id),
    )
    return {tier for (tier,) in before}


def display_phones(tx: Tx, waba_id: str) -> dict[str, str | None]:
    """The numbers of a business account as people see them, by phone number id."""
    return dict(
        tx.execute(
            "SELECT phone_number_id, display_phone FROM number WHERE waba_id = ? AND removed_at IS NULL",
            (waba_id,),
        ).fetchall()
    )


def health(tx: Tx, number_id: str) -> JsonObject | None:
    """What Meta last reported about the number's health."""
    row = tx.execute("SELECT health FROM number WHERE id = ?", (number_id,)).fetchone()
    reported: JsonObject | None = json.loads(row[0]) if row and row[0] else None
    return reported


def retired_until(tx: Tx, number_id: str, now: Millis) -> Millis | None:
    """Until when a replaced app secret of the number is still valid; None when there is none."""
    row = tx.execute(
        "SELECT max(valid_until) FROM app_secret WHERE number_id = ? AND valid_until >= ?", (number_id, now)
    ).fetchone()
    until: Millis | None = row[0]
    return until


def add_app_secret(tx: Tx, number_id: str, encrypted: bytes, now: Millis) -> None:
    """Make this the current app secret."""
    tx.execute(
        "INSERT INTO app_secret (number_id, secret, created_at) VALUES (?, ?, ?)", (number_id, encrypted, now)
    )


def retire_app_secrets(tx: Tx, number_id: str, until: Millis) -> None:
    """Let the app secrets that are current now end at `until`, so that two are valid for a while."""
    tx.execute(
        "UPDATE app_secret SET valid_until = ? WHERE number_id = ? AND valid_until IS NULL",
        (until, number_id),
    )


def app_secrets(tx: Tx, now: Millis) -> list[AppSecret]:
    """All app secrets that are valid now."""
    rows = tx.execute(
        "SELECT n.id, n.account_id, n.phone_number_id, n.waba_id, s.secret FROM app_secret s"
        " JOIN number n ON n.id = s.number_id"
        " WHERE n.removed_at IS NULL AND coalesce(s.valid_until, ?) >= ? ORDER BY s.id",
        (now, now),
    )
    return [AppSecret(NumberIds(*ids), secret) for *ids, secret in rows]


def verify_token_known(tx: Tx, hashed: bytes) -> bool:
    """Whether a configured number has this verify token."""
    row = tx.execute(
        "SELECT 1 FROM number WHERE verify_token_hash = ? AND removed_at IS NULL LIMIT 1", (hashed,)
    ).fetchone()
    return row is not None
