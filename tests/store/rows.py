"""A real database file with one account, one number and a broadcast, for tests of store functions."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from wacrmd.domain.attempt import Claim
from wacrmd.domain.callback_token import callback_token
from wacrmd.domain.number import NumberIds
from wacrmd.domain.person import names
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store import broadcasts, numbers, optouts, people, recipients
from wacrmd.store.connection import open_writer
from wacrmd.store.database import Tx
from wacrmd.store.migrate import migrate
from wacrmd.store.people import Sighting

N1 = NumberIds("n1", "a1", "106540352242922", "102290129340398")
"""The number of these files, and its account."""
NOW = 1_795_000_000_000
UUID = "6f1e2d3c-0000-4000-8000-000000000001"


@contextmanager
def database(folder: Path) -> Iterator[Tx]:
    """A migrated file with one active number `n1`."""
    path = folder / "wacrmd.db"
    path.write_bytes(_new_file())
    connection = open_writer(path)
    try:
        yield connection
    finally:
        connection.close()


@cache
def _new_file() -> bytes:
    """Such a file; to migrate one took longer than most tests that use it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wacrmd.db"
        connection = open_writer(path)
        migrate(connection, path)
        number(connection)
        connection.close()
        return path.read_bytes()


def number(tx: Tx) -> None:
    """An account with one active number `n1`."""
    tx.execute("INSERT INTO account (id, name, created_at) VALUES (?, 'shop', ?)", (N1.account_id, NOW))
    numbers.add(
        tx,
        number_id=N1.id,
        account_id=N1.account_id,
        phone_number_id=N1.phone_number_id,
        waba_id=N1.waba_id,
        access_token=b"sealed",
        app_secret=b"sealed",
        verify_token_hash=b"hash",
        label=None,
        display_phone=None,
        messages_per_second=None,
        default=True,
        now=NOW,
    )


def broadcast(tx: Tx, count: int, *, uuid: str = UUID, scheduled_at: int | None = None) -> int:
    """A broadcast of `n1` to `count` people; its row id."""
    account_id = N1.account_id
    broadcast_id = broadcasts.insert(
        tx,
        uuid=uuid,
        account_id=account_id,
        number_id="n1",
        name="test",
        template_name="hello",
        template_language="en_US",
        content=None,
        scheduled_at=scheduled_at,
        request_id=None,
        now=NOW,
    )
    phones = [f"+1415{2_000_000 + broadcast_id * 1000 + index}" for index in range(count)]
    holders = people.ensure(tx, account_id, phones, NOW)
    recipients.insert(tx, broadcast_id, [(holders[phone], phone, None, None) for phone in phones])
    return broadcast_id


def receipt_of(
    claim: Claim,
    status: RecipientStatus,
    wamid: str,
    *,
    token: bool = True,
    at: int = NOW + 5000,
    uuid: str = UUID,
) -> Receipt:
    """A status of Meta for the message of a claim, with or without our token."""
    callback = callback_token(uuid, claim.recipient_id, claim.attempt) if token else None
    return Receipt(N1, wamid, status, at, callback=callback)


def opt_out(
    tx: Tx,
    *,
    phone: str | None = None,
    user_id: str | None = None,
    account_id: str = N1.account_id,
    at: int = NOW,
) -> bool:
    """Opt out the person with these addresses, who wrote STOP."""
    seen = people.see(tx, [Sighting(account_id, names(phone, user_ids=[user_id]), at)], NOW)
    (person_id,) = seen.people
    assert person_id is not None
    return optouts.add(
        tx,
        account_id=account_id,
        person_id=person_id,
        phone=phone,
        user_id=user_id,
        source="keyword",
        detail=None,
        at=at,
    )


def opted_out(tx: Tx, *addresses: str, account_id: str = N1.account_id) -> set[str]:
    """Those of these addresses whose people have opted out."""
    known = people.of_addresses(tx, account_id, addresses)
    found = optouts.among(tx, known.values())
    return {address for address, person_id in known.items() if person_id in found}


def row(tx: Tx, recipient_id: int) -> dict[str, object]:
    """A recipient's row by column."""
    cursor = tx.execute("SELECT * FROM recipient WHERE id = ?", (recipient_id,))
    names = [column[0] for column in cursor.description]
    return dict(zip(names, cursor.fetchone(), strict=True))


def status_of(tx: sqlite3.Connection, recipient_id: int) -> str:
    """A recipient's status."""
    status: str = tx.execute("SELECT status FROM recipient WHERE id = ?", (recipient_id,)).fetchone()[0]
    return status
