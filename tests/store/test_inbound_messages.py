"""Finds the broadcast message that a person answers."""

from pathlib import Path

from tests.store.rows import N1, NOW, broadcast, database
from wacrmd.domain.person import names
from wacrmd.services.optouts.from_messages import phone_of
from wacrmd.store import inbound_messages, people
from wacrmd.store.database import Tx
from wacrmd.store.people import Sighting

SECOND = 1000
WINDOW = 100 * SECOND


def person_of(tx: Tx, to: str) -> int:
    return people.of_addresses(tx, N1.account_id, [to])[to]


def test_the_phone_number_of_a_sender_is_the_one_the_broadcast_was_sent_to(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast(tx, 1)
        (to,) = tx.execute('SELECT "to" FROM recipient').fetchone()
        seen = people.see(tx, [Sighting(N1.account_id, names(to, "5491112345678"), NOW)], NOW)
        assert phone_of(tx, seen.people[0], "5491112345678") == to
        assert phone_of(tx, None, "14155550123") == "+14155550123"
        assert phone_of(tx, None, "22507123456") == "+2250707123456", "the old form of Ivory Coast"
        assert phone_of(tx, None, "15550000") == "+15550000", "no valid number"
        assert phone_of(tx, None, None) is None


def test_a_recipient_addressed_by_user_id_has_no_phone_number(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        broadcast(tx, 1)
        tx.execute("UPDATE recipient SET \"to\" = 'US.1', user_id = 'US.1', sent_at = ?", (NOW,))
        assert inbound_messages.broadcast_phone_of(tx, 1) is None


def test_a_reply_without_context_goes_to_the_newest_message_that_was_sent_before(tmp_path: Path) -> None:
    with database(tmp_path) as tx:
        sent_at = (NOW, NOW + 10 * SECOND, NOW + 20 * SECOND)
        people.ensure(tx, N1.account_id, ["+14155550100"], NOW)
        person_id = person_of(tx, "+14155550100")
        for n, at in enumerate(sent_at, start=1):
            row = broadcast(tx, 1, uuid=f"b{n}")
            tx.execute(
                "UPDATE recipient SET person_id = ?, status = 'sent', wamid = ?, sent_at = ? WHERE broadcast_id = ?",
                (person_id, f"wamid.{n}", at, row),
            )

        def newest(written_at: int, window: int = WINDOW, person: int = person_id) -> str | None:
            found = inbound_messages.newest_to(
                tx, N1, person, wa_id=None, written_at=written_at, window=window
            )
            return found.uuid if found else None

        assert newest(NOW + 30 * SECOND) == "b3"
        assert newest(NOW + 15 * SECOND) == "b2", "the third was not sent yet"
        assert newest(NOW + 19 * SECOND) == "b3", "Meta rounds down to whole seconds"
        assert newest(NOW + 19 * SECOND - 1) == "b2"
        assert newest(NOW - 2 * SECOND) is None
        assert newest(NOW + 30 * SECOND, window=9 * SECOND) is None
        assert newest(NOW + 30 * SECOND, person=person_id + 1) is None
        tx.execute("UPDATE recipient SET status = 'failed', failed_at = 1 WHERE wamid = 'wamid.3'")
        assert newest(NOW + 30 * SECOND) == "b2"
        tx.execute(
            "UPDATE recipient SET status = 'uncertain', sent_at = NULL, claimed_at = ? WHERE wamid = 'wamid.2'",
            (NOW + 10 * SECOND,),
        )
        found = inbound_messages.newest_to(
            tx, N1, person_id, wa_id=None, written_at=NOW + 30 * SECOND, window=WINDOW
        )
        assert found is not None
        assert (found.uuid, found.is_settled) == ("b2", False)
