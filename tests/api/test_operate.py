"""Pause, resume, cancel and retry over HTTP: safe to repeat, and no message is sent twice."""

from pathlib import Path

import pytest

from tests.support.clock import ShiftClock
from tests.support.site import people, phones, site
from wacrmd.clock import HOUR, iso

pytestmark = pytest.mark.anyio


async def test_after_pause_and_resume_each_recipient_has_one_message(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=100) as here:
        broadcast_id = await here.send(people(30))
        one = f"/api/v1/broadcasts/{broadcast_id}"
        await here.until(broadcast_id, lambda shown: shown["sent_count"] >= 3)
        for _ in range(2):
            answer = await here.api.post(f"{one}/pause")
            assert answer.status_code == 200
            data = answer.json()["data"]
            assert data["status"] == "paused"
            assert data["hold"]["reason"] == "paused_by_api"
            assert "tests" in data["hold"]["detail"]  # the name of the key
        await here.until(broadcast_id, lambda shown: shown["sent_count"] == here.sim.ledger.counts()["total"])
        sent_before = here.sim.ledger.counts()["total"]
        assert sent_before < 30
        clock.go()
        for _ in range(2):
            answer = await here.api.post(f"{one}/resume")
            assert answer.status_code == 200
            assert answer.json()["data"]["status"] in ("sending", "sent")
        await here.until_status(broadcast_id, "sent")
        counts = here.sim.ledger.counts()
        assert counts["total"] == counts["distinct_to"] == 30
        for verb in ("pause", "resume", "cancel"):
            answer = await here.api.post(f"{one}/{verb}")
            assert answer.status_code == 409
            assert answer.json()["error"]["code"] == "conflict"
            assert "it is sent" in answer.json()["error"]["message"]


async def test_after_a_cancel_no_further_message_is_sent(tmp_path: Path) -> None:
    async with site(tmp_path, clock=ShiftClock(stopped=True), messages_per_second=20) as here:
        broadcast_id = await here.send(people(40))
        one = f"/api/v1/broadcasts/{broadcast_id}"
        await here.until(broadcast_id, lambda shown: shown["sent_count"] >= 2)
        for _ in range(2):
            answer = await here.api.post(f"{one}/cancel")
            assert answer.status_code == 200
            assert answer.json()["data"]["status"] == "cancelled"
        shown = await here.until(broadcast_id, lambda shown: shown["pending_count"] == 0)
        assert shown["cancelled_count"] > 0
        assert shown["sent_count"] == here.sim.ledger.counts()["total"]
        for verb, body in (("pause", None), ("resume", None), ("retry", {"statuses": ["failed"]})):
            answer = await here.api.post(f"{one}/{verb}", json=body)
            assert answer.status_code == 409
            assert "cancelled" in answer.json()["error"]["message"]


async def test_a_scheduled_broadcast_that_was_paused_is_scheduled_again_when_resumed(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(1), scheduled_at=iso(clock.now() + HOUR))
        one = f"/api/v1/broadcasts/{broadcast_id}"
        assert (await here.api.post(f"{one}/retry", json={"statuses": ["failed"]})).status_code == 409
        assert (await here.api.post(f"{one}/pause")).json()["data"]["status"] == "paused"
        assert (await here.api.post(f"{one}/resume")).json()["data"]["status"] == "scheduled"
        clock.advance(HOUR)
        await here.until_status(broadcast_id, "sent")


async def test_retry_sends_only_to_failed_recipients(tmp_path: Path) -> None:
    refused = phones(3)[1]
    async with site(tmp_path, refused_recipients=(f"{refused}=131026",)) as here:
        broadcast_id = await here.send(people(3))
        one = f"/api/v1/broadcasts/{broadcast_id}"
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["failed_count"]) == (2, 1)
        answer = await here.api.post(f"{one}/retry", json={"statuses": ["uncertain"]})
        assert answer.status_code == 202
        nobody = {"requeued": 0, "waiting": 0, "waiting_until": None, "left_out": 0, "moved": 0}
        assert answer.json()["data"] == {"broadcast_id": broadcast_id, **nobody}
        here.sim.change(refused_recipients=())
        answer = await here.api.post(f"{one}/retry", json={"statuses": ["failed", "uncertain"]})
        assert answer.status_code == 202
        assert answer.json()["data"]["requeued"] == 1
        shown = await here.until(broadcast_id, lambda shown: shown["sent_count"] == 3)
        assert shown["failed_count"] == 0
        assert sorted(e.send.input for e in here.sim.ledger.entries) == sorted(phones(3))
        rows = (await here.api.get(f"{one}/recipients")).json()["data"]
        assert [row["attempts"] for row in rows] == [1, 2, 1]
        history = (await here.api.get(f"{one}/recipients/{rows[1]['id']}")).json()["data"]["history"]
        assert [(event["attempt"], event["outcome"]) for event in history if event["event"] == "attempt"] == [
            (1, "failed"),
            (2, "sent"),
        ]


async def test_an_uncertain_recipient_gets_a_second_message_only_by_a_retry_of_uncertain(
    tmp_path: Path,
) -> None:
    """The connection closes after Meta accepted the message, and no webhook comes."""
    async with site(
        tmp_path, close_after_share=1.0, delivered_share=0.0, webhook_url="http://127.0.0.1:9/"
    ) as here:
        broadcast_id = await here.send(people(1))
        one = f"/api/v1/broadcasts/{broadcast_id}"
        shown = await here.until(broadcast_id, lambda shown: shown["uncertain_count"] == 1)
        assert shown["status"] == "sent"
        assert here.sim.ledger.counts()["total"] == 1
        here.sim.change(close_after_share=0.0)
        answer = await here.api.post(f"{one}/retry", json={"statuses": ["uncertain"]})
        assert answer.json()["data"]["requeued"] == 1
        await here.until(broadcast_id, lambda shown: shown["sent_count"] == 1)
        assert here.sim.ledger.counts()["total"] == 2


async def test_retry_without_a_status_is_rejected(tmp_path: Path) -> None:
    bodies: tuple[dict[str, object], ...] = (
        {},
        {"statuses": []},
        {"statuses": ["sent"]},
        {"statuses": "failed"},
        {"status": ["failed"]},
    )
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(1))
        for body in bodies:
            answer = await here.api.post(f"/api/v1/broadcasts/{broadcast_id}/retry", json=body)
            assert answer.status_code == 400
            assert "statuses" in answer.text


async def test_errors_of_a_wrong_retry_have_no_words_of_python(tmp_path: Path) -> None:
    """They say what was expected and what was found."""
    async with site(tmp_path) as here:
        url = f"/api/v1/broadcasts/{await here.send(people(1))}/retry"
        for statuses, message in (
            (["read"], "statuses[0]: expected 'failed', 'uncertain', 'sent' or 'pending'"),
            ([], "statuses: expected at least 1 item, found 0"),
        ):
            answer = await here.api.post(url, json={"statuses": statuses})
            assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)
