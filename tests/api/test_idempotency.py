"""Requests with the same Idempotency-Key never create a second broadcast, at any timing."""

import logging
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest

from tests.support.clock import ShiftClock
from tests.support.site import people, phones, site
from wacrmd.clock import DAY, HOUR, MINUTE, iso
from wacrmd.services.broadcasts.create import Idempotency

pytestmark = pytest.mark.anyio

PATH = "/api/v1/broadcasts"
PAIRS = 300
BODY = {"template_name": "hello", "recipients": people(2)}


async def test_the_same_key_and_body_get_the_first_response_again(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        key = {"Idempotency-Key": "spring-sale"}
        first = await here.api.post(PATH, json=BODY, headers=key)
        assert "idempotent-replayed" not in first.headers
        await here.until_status(first.json()["data"]["broadcast_id"], "sent")
        await here.api.post("/api/v1/optouts", json={"phone": phones(1)[0]})  # would change the counts
        shuffled = b'{"recipients": [{"params": ["Person 0000"], "to": "+14152000000"},'
        shuffled += b'{"to":"+14152000001","params":["Person 0001"]}],   "template_name": "hello"}'
        for again in (
            await here.api.post(PATH, json=BODY, headers=key),
            await here.api.post(PATH, content=shuffled, headers=key),
        ):
            assert again.status_code == 202
            assert again.json() == first.json()
            assert again.headers["idempotent-replayed"] == "true"
        other = await here.api.post(PATH, json=BODY | {"name": "x"}, headers=key)
        assert other.status_code == 422
        assert other.json()["error"]["code"] == "idempotency_mismatch"
        assert here.sim.ledger.counts()["total"] == 2
        clock.advance(DAY - 10 * MINUTE)
        again = await here.api.post(PATH, json=BODY, headers=key)
        assert again.headers["idempotent-replayed"] == "true"
        clock.advance(11 * MINUTE)
        new = await here.api.post(PATH, json=BODY, headers=key)
        assert new.status_code == 202
        assert "idempotent-replayed" not in new.headers
        assert new.json()["data"]["broadcast_id"] != first.json()["data"]["broadcast_id"]


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("for_good", [False, True])
async def test_a_key_that_was_answered_gets_its_answer_while_the_daemon_drains(
    tmp_path: Path, for_good: bool
) -> None:
    """Nothing new begins, and the client that lost the answer learns that its request was taken."""
    message = {"to": phones(1)[0], "type": "template", "template": {"name": "hello", "params": ["Jane"]}}
    async with site(tmp_path) as here:
        draft = await here.send([], draft=True)
        requests: dict[str, tuple[str, dict[str, Any]]] = {
            "broadcast": (PATH, BODY),
            "draft": (PATH, BODY | {"draft": True}),
            "recipients": (f"{PATH}/{draft}/recipients", {"recipients": people(2)}),
            "message": ("/api/v1/messages", message),
            "another message": ("/api/v1/messages", message | {"to": phones(2)[1]}),
        }

        async def post(name: str, key: str) -> tuple[int, str | None, str | None]:
            """The status, the id, and whether it is told to be a repetition."""
            path, body = requests[name]
            answer = await here.api.post(path, json=body, headers={"Idempotency-Key": key})
            data = answer.json().get("data", {})
            made = data.get("broadcast_id", data.get("message_id"))
            return answer.status_code, made, answer.headers.get("idempotent-replayed")

        first = {name: await post(name, name) for name in requests}
        assert [status for status, _, _ in first.values()] == [202, 202, 202, 201, 201]
        await here.admin("drain", for_good=for_good)
        for name in requests:
            status, made, _ = first[name]
            assert await post(name, name) == (status, made, "true"), name
            assert await post(name, "a new key") == (503, None, None), name
        for one, two in (("broadcast", "draft"), ("message", "another message")):
            assert await post(one, two) == (422, None, None)


async def test_an_error_is_not_stored_for_an_idempotency_key(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        key = {"Idempotency-Key": "k"}
        answer = await here.api.post(PATH, json=BODY | {"recipients": [{"to": "x"}]}, headers=key)
        assert answer.status_code == 400
        assert (await here.api.post(PATH, json=BODY, headers=key)).status_code == 202


async def test_idempotency_keys_are_separate_for_each_account(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.admin("account.add", name="rival")
        number = here.number["phone_number_id"]
        await here.admin(
            "number.add",
            account="rival",
            phone_number_id=f"{number}9",
            waba_id="9",
            access_token="EAAtestaccesstoken",
            app_secret="x",
            verify_token="y",
        )
        made = await here.admin("key.create", account="rival", name="r", scopes=["broadcasts:send"])
        mine = await here.api.post(PATH, json=BODY, headers={"Idempotency-Key": "k"})
        theirs = await here.api.post(
            PATH, json=BODY, headers={"Idempotency-Key": "k", "Authorization": made["key"]}
        )
        assert theirs.status_code == 202
        assert theirs.json()["data"]["broadcast_id"] != mine.json()["data"]["broadcast_id"]


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_has_1_to_255_characters(tmp_path: Path, key: str) -> None:
    async with site(tmp_path) as here:
        answer = await here.api.post(PATH, json=BODY, headers={"Idempotency-Key": key})
        assert answer.status_code == 400
        assert "Idempotency-Key" in answer.text
        answer = await here.api.post(PATH, json=BODY, headers={"Idempotency-Key": "x" * 255})
        assert answer.status_code == 202


HUGE = 12345678901234567890123


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"a": [HUGE, 1], "b": 2}, {"b": 2, "a": [HUGE, 1]}, True),
        ({"a": [{"x": HUGE, "y": 1}]}, {"a": [{"y": 1, "x": HUGE}]}, True),
        ({"a": [HUGE, 1]}, {"a": [HUGE * 10 + 1]}, False),
        ({"a": [HUGE, 1]}, {"a": [1, HUGE]}, False),
        ({"a": [HUGE]}, {"a": HUGE}, False),
        ({"a": [HUGE], "b": 1}, {"a": [HUGE, ["b", 1]]}, False),
        ({"a": [HUGE], "b": [1]}, {"a": [HUGE, ["b", 1], 1]}, False),
        ({"a": HUGE, "b": 1}, {"a": HUGE}, False),
    ],
)
def test_bodies_with_long_integers_are_compared_by_all_that_they_have(
    one: dict[str, Any], other: dict[str, Any], is_same: bool
) -> None:
    assert (Idempotency.of("k", one) == Idempotency.of("k", other)) is is_same


@pytest.mark.exhaustive(only=True)
async def test_hundreds_of_pairs_of_concurrent_requests_make_one_broadcast_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)  # log lines of libraries would take half of the time
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        body = {"template_name": "hello", "recipients": people(1), "scheduled_at": iso(clock.now() + HOUR)}
        found: dict[int, list[tuple[int, str, str]]] = {}
        turn = anyio.CapacityLimiter(16)

        async def post(session: aiohttp.ClientSession, pair: int) -> None:
            async with session.post(PATH, json=body, headers={"Idempotency-Key": f"pair {pair}"}) as answer:
                replayed = answer.headers.get("Idempotent-Replayed", "")
                found.setdefault(pair, []).append((answer.status, replayed, await answer.text()))

        async def both(session: aiohttp.ClientSession, pair: int) -> None:
            async with turn, anyio.create_task_group() as two:
                two.start_soon(post, session, pair)
                two.start_soon(post, session, pair)

        async with (
            aiohttp.ClientSession(str(here.api.base_url), headers={"Authorization": here.key}) as session,
            anyio.create_task_group() as pairs,
        ):
            for pair in range(PAIRS):
                pairs.start_soon(both, session, pair)
        assert len(found) == PAIRS
        for answers in found.values():
            assert sorted(answer[:2] for answer in answers) == [(202, ""), (202, "true")]
            assert answers[0][2] == answers[1][2]
        count = await here.running.ctx.db.read(
            lambda tx: tx.execute("SELECT count(*) FROM broadcast").fetchone()[0]
        )
        assert count == PAIRS
