"""Finds the recipient of an inbound message; the phone number is in the form that callers use."""

from pathlib import Path

from tests.store.rows import NOW, broadcast, database
from wacrmd.services.optouts.from_messages import phone_of
from wacrmd.store import inbound_messages
from wacrmd.store.database import Tx


def account_of(tx: Tx) -> str:
    account_id: str = tx.execute("SELECT account_id FROM number WHERE id = 'n1'").fetchone()[0]
    return account_id


def test_the_phone_number_of_a_sender_is_the_one_the_broadcast_was_sent_to(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast_id = broadcast(tx, 2)
        first, second = (
            row[0] for row in tx.execute('SELECT "to" FROM recipient WHERE broadcast_id = ?', (broadcast_id,))
        )
        tx.execute("UPDATE recipient SET wa_id = '5491112345678', sent_at = ? WHERE \"to\" = ?", (NOW, first))
        tx.execute("UPDATE recipient SET user_id = 'US.1', sent_at = ? WHERE \"to\" = ?", (NOW, second))
        mine = account_of(tx)
        assert phone_of(tx, mine, "5491112345678", None) == first
        assert phone_of(tx, mine, None, "US.1") == second
        assert phone_of(tx, mine, "14155550123", "US.9") == "+14155550123"
        assert phone_of(tx, mine, None, "US.9") is None
        assert phone_of(tx, "another account", None, "US.1") is None


def test_a_recipient_addressed_by_user_id_has_no_phone_number(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast(tx, 1)
        tx.execute("UPDATE recipient SET \"to\" = 'US.1', user_id = 'US.1', sent_at = ?", (NOW,))
        assert (
            inbound_messages.broadcast_phone_of(tx, account_id=account_of(tx), wa_id=None, user_id="US.1")
            is None
        )


def test_a_reply_without_context_goes_to_the_newest_message_within_the_window(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        for n, sent_at in enumerate((NOW, NOW + 10, NOW + 20), start=1):
            row = broadcast(tx, 1, uuid=f"b{n}")
            tx.execute(
                "UPDATE recipient SET status = 'sent', wa_id = '1', wamid = ?, sent_at = ? WHERE broadcast_id = ?",
                (f"wamid.{n}", sent_at, row),
            )

        def newest(since: int, wa_id: str | None = "1", number_id: str = "n1") -> str | None:
            found = inbound_messages.newest_message_to(
                tx, number_id=number_id, wa_id=wa_id, user_id=None, since=since
            )
            return found[1] if found else None

        assert newest(NOW) == "wamid.3"
        tx.execute("UPDATE recipient SET status = 'failed', failed_at = 1 WHERE wamid = 'wamid.3'")
        assert newest(NOW) == "wamid.2"
        assert newest(NOW + 15) is None
        assert newest(NOW, "2") is None
        assert newest(NOW, None) is None
        assert newest(NOW, number_id="n2") is None
