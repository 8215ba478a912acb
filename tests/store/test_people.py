"""People in the file: numbers that get another holder, and wishes that come late, doubled or in another order."""

import json
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.store.rows import N1, NOW, broadcast, database, opt_out, opted_out, row
from wacrmd.domain.person import names
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryRequest
from wacrmd.store import attempts, due, inbound_messages, optouts, people, retries
from wacrmd.store.database import Tx
from wacrmd.store.people import Sighting

SECOND = 1000
S = RecipientStatus
JANE, JANE_ID, JIM_ID = "+14155550101", "US.1", "US.2"


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def see(tx: Tx, *phones: str, user_ids: tuple[str, ...] = (), at: int = NOW) -> int:
    """Who is named by a payload of the number's business account."""
    sighting = Sighting(N1.account_id, names(*phones, user_ids=user_ids), at, N1.waba_id)
    (person_id,) = people.see(tx, [sighting], NOW).people
    assert person_id is not None
    return person_id


def stop(tx: Tx, person_id: int, at: int, *, phone: str | None = None, user_id: str | None = None) -> None:
    optouts.add(
        tx,
        account_id=N1.account_id,
        person_id=person_id,
        phone=phone,
        user_id=user_id,
        source="keyword",
        detail="STOP",
        at=at,
    )


def resume(tx: Tx, person_id: int, at: int) -> None:
    """The person wants messages again, as a preference in WhatsApp says."""
    fields: dict[str, Any] = {"account_id": N1.account_id, "person_id": person_id, "source": "preference"}
    if not optouts.remove(tx, **fields, at=at):
        optouts.note_opt_in(tx, **fields, phone=None, user_id=None, at=at)


def said(tx: Tx, user_id: str, at: int, *, stops: bool = False) -> None:
    """A message from Jane's number."""
    person_id = see(tx, JANE, user_ids=(user_id,), at=at)
    if stops:
        stop(tx, person_id, at)


def steps_of_see(tx: Tx, phone: str, user_id: str, at: int) -> int:
    """How many steps the database takes to join what a payload says, and to find what the person answers."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    tx.set_progress_handler(count, 1)
    person_id = see(tx, phone, user_ids=(user_id,), at=at)
    inbound_messages.newest_to(tx, N1, person_id, wa_id=phone[1:], written_at=at, window=SECOND)
    tx.set_progress_handler(None, 1)
    return steps


def test_a_person_has_so_many_addresses_and_whoever_is_named_beside_them_is_somebody_else(tx: Tx) -> None:
    phones = [f"+1415555{number:04}" for number in range(2 * people.MAX_ADDRESSES)]
    found = [see(tx, phone, user_ids=(JANE_ID,), at=NOW + at) for at, phone in enumerate(phones)]
    own = people.MAX_ADDRESSES - 1
    assert len(set(found[:own])) == 1, "she has her user id and these phones"
    assert len(set(found[own:])) == len(phones) - own
    assert found[0] not in found[own:]
    for phone, person_id in zip(phones, found, strict=True):
        assert see(tx, phone, user_ids=(JANE_ID,), at=NOW + SECOND) == person_id
    assert see(tx, user_ids=(JANE_ID,)) == found[0]
    assert people.join_two(tx, found[0], found[-1], at=NOW, now=NOW) is None


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("phone", "user_id"),
    [("+1415555{:04}", "US.1"), ("+14155550101", "US.{}"), ("+1415555{:04}", "US.ENT.1")],
)
def test_what_a_payload_costs_does_not_grow_with_all_that_came_before(
    tx: Tx, phone: str, user_id: str
) -> None:
    steps = [steps_of_see(tx, phone.format(n), user_id.format(n), NOW + n) for n in range(400)]
    assert max(steps[300:]) < 2 * max(steps[60:100])


def recipient_of(tx: Tx, person_id: int) -> int:
    found: int = tx.execute("SELECT id FROM recipient WHERE person_id = ?", (person_id,)).fetchone()[0]
    return found


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_the_opt_out_of_an_earlier_holder_stays_with_the_number_in_any_order(
    tx: Tx, order: tuple[int, ...]
) -> None:
    told = [
        (JANE_ID, NOW, True),
        (JANE_ID, NOW + 5 * SECOND, False),
        (JIM_ID, NOW + 60 * SECOND, False),
    ]
    people.ensure(tx, N1.account_id, [JANE], NOW - 60 * SECOND)
    for index in (*order, *order):
        user_id, at, stops = told[index]
        said(tx, user_id, at, stops=stops)
    assert opted_out(tx, JANE, JANE_ID, JIM_ID) == {JANE, JANE_ID, JIM_ID}


def test_a_stop_after_the_number_has_another_holder_is_no_opt_out_of_the_number(tx: Tx) -> None:
    said(tx, JANE_ID, NOW)
    said(tx, JIM_ID, NOW + 60 * SECOND)
    stop(tx, see(tx, user_ids=(JANE_ID,)), NOW + 90 * SECOND)
    assert opted_out(tx, JANE, JANE_ID, JIM_ID) == {JANE_ID}


def test_a_late_opt_out_of_an_earlier_holder_does_not_undo_the_later_holders_return(tx: Tx) -> None:
    said(tx, JANE_ID, NOW)
    said(tx, JIM_ID, NOW + 60 * SECOND)
    jim = see(tx, user_ids=(JIM_ID,))
    optouts.note_opt_in(
        tx, account_id=N1.account_id, person_id=jim, phone=JANE, user_id=JIM_ID, source="x", at=NOW + 70_000
    )
    said(tx, JANE_ID, NOW + 5 * SECOND, stops=True)
    assert opted_out(tx, JANE, JANE_ID, JIM_ID) == {JANE_ID}


def test_a_message_that_waits_for_a_number_with_a_new_holder_waits_for_that_person(tx: Tx) -> None:
    """The next holder says STOP before it is sent."""
    broadcast_id = broadcast(tx, 2)
    waiting, other = tx.execute('SELECT id, "to" FROM recipient ORDER BY id').fetchall()
    see(tx, waiting[1], user_ids=(JANE_ID,), at=NOW)
    jim = see(tx, waiting[1], user_ids=(JIM_ID,), at=NOW + 60 * SECOND)
    stop(tx, jim, NOW + 61 * SECOND)
    assert [claim.recipient_id for claim in attempts.claim(tx, broadcast_id, 10, NOW)] == [other[0]]
    assert row(tx, waiting[0])["error_title"] == due.OPTED_OUT


def test_a_message_that_was_sent_stays_with_whom_it_was_sent_to(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    ((to,),) = tx.execute('SELECT "to" FROM recipient').fetchall()
    jane = see(tx, to, user_ids=(JANE_ID,), at=NOW)
    attempts.claim(tx, broadcast_id, 10, NOW)
    jim = see(tx, to, user_ids=(JIM_ID,), at=NOW + 60 * SECOND)
    assert jim != jane
    assert recipient_of(tx, jane)


def test_who_changed_the_number_is_known_by_the_former_one_and_the_change_is_in_the_history(tx: Tx) -> None:
    jane = see(tx, JANE, user_ids=(JANE_ID,))
    changed = names("+14155550188", user_ids=["US.9"], previous=[JANE, JANE_ID])
    people.see(tx, [Sighting(N1.account_id, changed, NOW + SECOND, N1.waba_id)], NOW)
    rows = tx.execute(
        "SELECT address, former_since IS NOT NULL FROM person_address WHERE person_id = ?", (jane,)
    ).fetchall()
    assert dict(rows) == {JANE: 1, JANE_ID: 1, "+14155550188": 0, "US.9": 0}
    ((event, detail),) = tx.execute("SELECT event, detail FROM person_event").fetchall()
    assert event == "address_changed"
    assert json.loads(detail) == {"from": [JANE, JANE_ID], "to": ["+14155550188", "US.9"]}


def test_who_was_joined_is_the_same_person_for_what_comes_with_it(tx: Tx) -> None:
    other = "+14155550102"
    see(tx, JANE, other)
    jane = see(tx, user_ids=(JANE_ID,))
    named = (names(JANE, user_ids=[JANE_ID]), names(other))
    told = [Sighting(N1.account_id, each, NOW, N1.waba_id) for each in named]
    assert people.see(tx, told, NOW).people == [jane, jane]


def test_an_opt_out_of_whom_only_a_quote_names_shows_what_is_known(tx: Tx) -> None:
    stop(tx, see(tx, user_ids=(JANE_ID,)), NOW)
    stop(tx, see(tx, "+14155550199"), NOW)
    stop(tx, see(tx, user_ids=("US.ENT.3",)), NOW)
    shown = tx.execute("SELECT phone, user_id FROM optout ORDER BY id").fetchall()
    assert shown == [(None, JANE_ID), ("+14155550199", None), (None, "US.ENT.3")]


def test_a_stop_that_is_older_than_a_return_changes_nothing_whichever_comes_first(tx: Tx) -> None:
    jane = see(tx, JANE)
    fields: dict[str, Any] = {"account_id": N1.account_id, "person_id": jane, "source": "preference"}
    assert not optouts.remove(tx, **fields, at=NOW)
    optouts.note_opt_in(tx, **fields, phone=JANE, user_id=None, at=NOW)
    assert not opt_out(tx, phone=JANE, at=NOW - SECOND)
    assert opted_out(tx, JANE) == set()
    optouts.note_opt_in(tx, **fields, phone=JANE, user_id=None, at=NOW + 10 * SECOND)
    assert not opt_out(tx, phone=JANE, at=NOW + 5 * SECOND), "the newest return counts"
    assert opt_out(tx, phone=JANE, at=NOW + 20 * SECOND)
    optouts.note_opt_in(tx, **fields, phone=JANE, user_id=None, at=NOW + 15 * SECOND)
    assert opted_out(tx, JANE) == {JANE}, "an opt-out is not lifted by an older return"


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_a_stop_that_is_said_again_is_not_lifted_by_an_older_return_in_any_order(
    tx: Tx, order: tuple[int, ...]
) -> None:
    jane = see(tx, JANE)
    for index in order:
        if index < 2:
            stop(tx, jane, (NOW, NOW + 4 * SECOND)[index])
        else:
            resume(tx, jane, NOW + 2 * SECOND)
    assert opted_out(tx, JANE) == {JANE}


def test_who_says_stop_again_keeps_the_first_opt_out(tx: Tx) -> None:
    jane = see(tx, JANE)
    assert opt_out(tx, phone=JANE, at=NOW)
    assert not opt_out(tx, phone=JANE, at=NOW + SECOND)
    found = optouts.find(tx, jane)
    assert found is not None
    assert found.at == NOW


def test_a_retry_sends_one_message_to_two_recipients_who_turned_out_to_be_one_person(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 4)
    ids, phones = zip(*tx.execute('SELECT id, "to" FROM recipient ORDER BY id').fetchall(), strict=True)
    tx.execute("UPDATE recipient SET status = 'failed', failed_at = 1")
    tx.execute("UPDATE recipient SET status = 'sent', failed_at = NULL WHERE id = ?", (ids[1],))
    see(tx, *phones[:2])
    see(tx, *phones[2:])
    assert retries.requeue(tx, broadcast_id, RetryRequest(frozenset({S.FAILED})), NOW).ids == [ids[2]]
    assert [row(tx, each)["status"] for each in ids] == ["failed", "sent", "pending", "failed"]
    tx.execute("UPDATE recipient SET status = 'uncertain', failed_at = NULL WHERE id > ?", (ids[1],))
    assert retries.requeue(tx, broadcast_id, RetryRequest(frozenset({S.UNCERTAIN, S.FAILED})), NOW).ids == [
        ids[2]
    ]
    assert [row(tx, each)["status"] for each in ids] == ["failed", "sent", "pending", "uncertain"]
