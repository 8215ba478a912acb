"""A dry run shows the result that a broadcast would have, and stores nothing."""

from pathlib import Path

import pytest

from tests.support.clock import ShiftClock
from tests.support.site import people, phones, site
from wacrmd.clock import HOUR, iso

pytestmark = pytest.mark.anyio

PATH = "/api/v1/broadcasts?dry_run=true"


async def test_a_dry_run_has_the_counts_of_the_real_request_and_stores_nothing(tmp_path: Path) -> None:
    async with site(tmp_path, messages_per_second=10) as here:
        await here.api.post("/api/v1/optouts", json={"phone": phones(1)[0]})
        body = {
            "template_name": "hello",
            "recipients": [*people(40), *people(3, start=1), {"to": "nobody"}, {"to": 5}],
        }
        answer = await here.api.post(PATH, json=body, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 200
        previewed = answer.json()["data"]
        assert (await here.api.get("/api/v1/broadcasts")).json()["data"] == []
        await here.admin("number.pause", id=here.number["id"], reason="test")
        real = (
            await here.api.post("/api/v1/broadcasts", json=body, headers={"Idempotency-Key": "k"})
        ).json()["data"]
        del real["broadcast_id"]
        assert {name: previewed[name] for name in real} == real
        assert (previewed["accepted"], previewed["suppressed"]) == (39, 1)
        assert previewed["dry_run"] is True
        assert previewed["problems"] == []
        assert previewed["from"] == here.number["id"]
        assert previewed["expected_duration_s"] == 3.9
        again = (await here.api.post(PATH, json=body)).json()["data"]
        assert again["expected_duration_s"] == 7.8  # recipients that already wait are sent first


async def test_a_dry_run_lists_the_lack_of_valid_recipients_as_a_problem(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for recipients, message in (
            ([{"to": "nobody"}], "No recipients had a valid E.164 phone number"),
            (people(1), "all valid recipients have opted out"),
        ):
            await here.api.post("/api/v1/optouts", json={"phone": phones(1)[0]})
            body = {"template_name": "hello", "recipients": recipients}
            data = (await here.api.post(PATH, json=body)).json()["data"]
            assert data["accepted"] == 0
            assert data["problems"] == [{"path": "recipients", "message": message}]
            assert data["status"] is None, "it would be refused"


async def test_a_dry_run_rejects_a_malformed_request(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        body = {"template_name": "hello", "recipients": people(1)}
        answer = await here.api.post(PATH, json=body | {"recipients": []})
        assert answer.status_code == 400
        answer = await here.api.post("/api/v1/broadcasts?dry_run=perhaps", json=body)
        assert answer.status_code == 400
        # a misspelt parameter must not send
        answer = await here.api.post("/api/v1/broadcasts?dryrun=true", json=body)
        assert answer.status_code == 400
        answer = await here.api.post(PATH, json=body | {"scheduled_at": iso(clock.now() + HOUR)})
        assert answer.json()["data"]["status"] == "scheduled"
        assert here.sim.ledger.counts()["total"] == 0
