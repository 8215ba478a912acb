"""The outbox and the suppression list, as store functions on a real file."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.rows import opt_out, opted_out
from tests.support.clock import START
from wacrmd.clock import iso
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.outbound.client import DeliveryResult
from wacrmd.outbound.dispatcher import record_result
from wacrmd.store import optouts, outbox, people, webhook_endpoints
from wacrmd.store.connection import open_writer
from wacrmd.store.migrate import migrate
from wacrmd.views.events import OptOutData

MAX_AGE = 72 * 3_600_000
EVENT = WebhookEvent.CONTACT_OPTED_OUT
JANE, JIM = "+14155550123", "+14155550188"
DATA = OptOutData(phone="+14155550123", user_id=None, source="keyword", detail="STOP")


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "wacrmd.db"
    connection = open_writer(path)
    migrate(connection, path)
    connection.execute("INSERT INTO account (id, name, created_at) VALUES ('a', 'shop', 0)")
    yield connection
    connection.close()


def endpoint(tx: sqlite3.Connection, name: str, *events: str) -> None:
    webhook_endpoints.add(
        tx, endpoint_id=name, account_id="a", url="https://h/", events=[*events], secret=b"s", now=START
    )


def test_an_event_is_queued_for_each_active_subscribed_endpoint_with_its_time(tx: sqlite3.Connection) -> None:
    endpoint(tx, "one", "contact.opted_out", "broadcast.sent")
    endpoint(tx, "two", "contact.opted_out")
    endpoint(tx, "off", "contact.opted_out")
    webhook_endpoints.update(tx, "off", is_active=False, now=START)
    assert outbox.add(tx, "a", WebhookEvent.CONTACT_OPTED_OUT, DATA, START + 5000, occurred_at=START) == 2
    assert outbox.add(tx, "a", WebhookEvent.BROADCAST_SENT, DATA, START) == 1
    assert outbox.add(tx, "a", WebhookEvent.BROADCAST_PAUSED, DATA, START) == 0
    assert outbox.add(tx, "b", WebhookEvent.CONTACT_OPTED_OUT, DATA, START) == 0
    found = outbox.due(tx, now=START + 5000, limit=10)
    assert {name: [each.event for each in due] for name, due in found.items()} == {
        "one": ["broadcast.sent", "contact.opted_out"],
        "two": ["contact.opted_out"],
    }
    envelope = json.loads(found["two"][0].body)
    assert envelope == {
        "id": found["two"][0].event_id,
        "event": "contact.opted_out",
        "occurred_at": iso(START),
        "account_id": "a",
        "data": {"phone": "+14155550123", "user_id": None, "source": "keyword", "detail": "STOP"},
    }
    assert found["one"][1].event_id == found["two"][0].event_id
    busy = {"two": [found["two"][0].id]}
    left = outbox.due(tx, now=START + 5000, limit=10, limits={"one": 1}, in_flight=busy)
    assert {name: len(due) for name, due in left.items()} == {"one": 1, "two": 0}
    assert outbox.due(tx, now=START + 5000, limit=10, limits={"one": 0, "two": 0}) == {"one": [], "two": []}
    assert outbox.due(tx, now=START - 1, limit=10) == {"one": [], "two": []}


def deliver_with(tx: sqlite3.Connection, result: DeliveryResult, now: int) -> str | None:
    (due,) = outbox.due(tx, now=now, limit=1)["one"]
    return record_result(
        tx,
        delivery=due,
        result=result,
        started_at=now,
        max_age=MAX_AGE,
        jitter=0.0,
        age_of=lambda since: now - since,
        now=now,
    )


def test_a_success_clears_failing_since_and_one_later_failure_disables_nothing(
    tx: sqlite3.Connection,
) -> None:
    endpoint(tx, "one", EVENT)
    outbox.add(tx, "a", EVENT, DATA, START)
    failure, success = DeliveryResult(500, "HTTP 500", 0.1), DeliveryResult(200, None, 0.1)
    assert deliver_with(tx, failure, START) is None
    found = webhook_endpoints.get(tx, "one")
    assert found is not None
    assert found.failing_since == START
    (due,) = outbox.due(tx, now=START + MAX_AGE, limit=1)["one"]
    assert due.is_failing
    assert deliver_with(tx, success, START + 5000) is None
    found = webhook_endpoints.get(tx, "one")
    assert found is not None
    assert found.failing_since is None
    later = START + 2 * MAX_AGE
    outbox.add(tx, "a", EVENT, DATA, later)
    assert deliver_with(tx, failure, later) is None
    found = webhook_endpoints.get(tx, "one")
    assert found is not None
    assert found.is_active


def test_an_endpoint_that_fails_for_the_whole_period_is_disabled_and_its_deliveries_fail(
    tx: sqlite3.Connection,
) -> None:
    endpoint(tx, "one", EVENT)
    outbox.add(tx, "a", EVENT, DATA, START)
    assert deliver_with(tx, DeliveryResult(None, "no answer", 1.0), START) is None
    for _ in range(3):
        outbox.add(tx, "a", EVENT, DATA, START + MAX_AGE)
    reason = deliver_with(tx, DeliveryResult(None, "no answer", 1.0), START + MAX_AGE)
    assert reason == f"No delivery has succeeded since {iso(START)}; the last error: no answer"
    assert outbox.due(tx, now=START + 2 * MAX_AGE, limit=10) == {}
    assert {each.status for each in outbox.page(tx, "one", limit=10)} == {"failed"}
    assert outbox.add(tx, "a", EVENT, DATA, START + MAX_AGE) == 0


def test_an_opt_out_with_phone_and_user_id_completes_the_existing_row(tx: sqlite3.Connection) -> None:
    assert opt_out(tx, account_id="a", at=1, phone=JANE)
    assert not opt_out(tx, account_id="a", at=2, phone=JANE, user_id="US.1")
    assert not opt_out(tx, account_id="a", at=3, user_id="US.1")
    (row,) = optouts.page(tx, account_id="a", after=None, limit=9)
    assert (row.phone, row.user_id, row.at) == (JANE, "US.1", 1)
    assert opt_out(tx, account_id="a", at=5, user_id="US.9")
    assert not opt_out(tx, account_id="a", at=6, phone=JIM, user_id="US.9")
    assert opted_out(tx, JIM, account_id="a") == {JIM}


def test_two_opt_outs_are_one_when_they_turn_out_to_be_of_one_person(tx: sqlite3.Connection) -> None:
    assert opt_out(tx, account_id="a", at=1, phone=JANE)
    assert opt_out(tx, account_id="a", at=2, user_id="US.1")
    assert not opt_out(tx, account_id="a", at=3, phone=JANE, user_id="US.1")
    assert opted_out(tx, JANE, "US.1", account_id="a") == {JANE, "US.1"}
    assert optouts.remove(tx, account_id="a", person_id=person(tx), source="keyword", at=9)
    assert opted_out(tx, JANE, "US.1", account_id="a") == set()


def person(tx: sqlite3.Connection) -> int:
    return people.of_addresses(tx, "a", [JANE])[JANE]


def test_the_newer_of_opt_out_and_opt_in_counts_and_of_equal_times_the_later_call(
    tx: sqlite3.Connection,
) -> None:
    def opt_in(at: int, *, include_newer: bool = False) -> bool:
        return optouts.remove(
            tx, account_id="a", person_id=person(tx), source="keyword", at=at, include_newer=include_newer
        )

    people.ensure(tx, "a", [JANE], 1)
    assert not opt_in(5)
    assert opt_out(tx, account_id="a", at=10, phone=JANE)
    assert not opt_in(9)
    assert opt_in(10)
    assert not opt_out(tx, account_id="a", at=9, phone=JANE)
    assert opted_out(tx, JANE, account_id="a") == set()
    assert opt_out(tx, account_id="a", at=10, phone=JANE)
    assert opt_in(3, include_newer=True)
    assert not opt_in(11)
