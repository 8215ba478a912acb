"""Creating broadcasts over HTTP: queued and rejected recipients, and rejected requests that store nothing."""

import statistics
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.clock import ShiftClock
from tests.support.site import Site, people, phones, site
from wacrmd.clock import DAY, HOUR, SECOND, iso

pytestmark = pytest.mark.anyio

GUESS = "no + or 00: read as a number of GB"
BODY: dict[str, Any] = {"template_name": "hello", "recipients": [{"to": "+14155550123"}]}


async def stored(here: Site) -> int:
    """The number of stored broadcasts."""
    count: int = await here.running.ctx.db.read(
        lambda tx: tx.execute("SELECT count(*) FROM broadcast").fetchone()[0]
    )
    return count


async def test_a_client_written_for_wacrm_works_unchanged(tmp_path: Path) -> None:
    """The requests and response fields of a program written for wacrm, with its extra fields."""
    async with site(tmp_path) as here:
        answer = await here.api.post(
            "/api/v1/broadcasts",
            json={
                "template_name": "order_update",
                "recipients": [
                    {"to": "+1 (415) 555-2671", "params": ["Jane"], "contact_id": "c-1"},
                    {"to": "4420 7946 0958"},
                ],
                "source": "crm",
                "metadata": {"campaign": 7},
                "recipients_count": 2,
            },
        )
        assert answer.status_code == 202
        data = answer.json()["data"]
        assert data == {
            "broadcast_id": data["broadcast_id"],
            "status": "sending",
            "total_recipients": 2,
            "accepted": 2,
            "rejected": 0,
            "duplicates": 0,
            "suppressed": 0,
            "rejections": [],
            "warnings": [{"index": 1, "to": "4420 7946 0958", "sent_as": "+442079460958", "message": GUESS}],
            "template_warnings": [],
        }
        shown = await here.until_status(data["broadcast_id"], "sent")
        assert shown["name"] == "API broadcast (order_update)"
        assert shown["template_language"] == "en_US"
        assert {e.send.input for e in here.sim.ledger.entries} == {"+14155552671", "+442079460958"}


async def test_the_counts_and_errors_of_a_request_cover_every_recipient(tmp_path: Path) -> None:
    first, second, gone = phones(3)
    async with site(tmp_path) as here:
        answer = await here.api.post("/api/v1/optouts", json={"phone": gone})
        assert answer.status_code == 201
        given: list[Any] = [
            {"to": first},
            {"to": f" {first[:5]}-{first[5:]} "},  # the same again
            {"to": "12"},
            {"to": second[1:]},
            {},
            {"to": None},
            {"to": 14155550123},
            {"to": {"phone": first}},
            {"to": gone},
            {"to": "US.13491208655302741918"},
            {"to": "x" * 200},
        ]
        answer = await here.api.post(
            "/api/v1/broadcasts", json={"template_name": "hello", "recipients": given}
        )
        data = answer.json()["data"]
        assert (data["accepted"], data["rejected"], data["duplicates"], data["suppressed"]) == (3, 6, 1, 1)
        assert data["total_recipients"] == 3
        assert [r["index"] for r in data["rejections"]] == [2, 4, 5, 6, 7, 10]
        reason = "not a valid phone number: has no +, and with one it is too short for a number of US (+1)"
        assert data["rejections"][0] == {"index": 2, "to": "12", "reason": reason}
        assert all(r["reason"] for r in data["rejections"])
        await here.until_status(data["broadcast_id"], "sent")
        sent = [orjson.loads(e.body or b"") for e in here.sim.ledger.entries]
        assert {m.get("to") or m.get("recipient") for m in sent} == {first, second, "US.13491208655302741918"}
        (by_user,) = (m for m in sent if "recipient" in m)
        assert "to" not in by_user


async def test_a_broadcast_without_valid_recipients_is_rejected_and_not_stored(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        answer = await here.post([{"to": "nobody"}, {"to": 7}, {}])
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "bad_request"
        assert answer.json()["error"]["message"] == "No recipients had a valid E.164 phone number"
        await here.api.post("/api/v1/optouts", json={"phone": phones(1)[0]})
        answer = await here.post(people(1))
        assert answer.status_code == 400
        assert "opted out" in answer.text
        assert await stored(here) == 0


def wrong(**fields: Any) -> dict[str, Any]:
    """A valid body with these fields changed; None removes a field."""
    return {name: value for name, value in (BODY | fields).items() if value is not None}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (wrong(template_name=None), "template_name", "required"),
    (wrong(template_name="  "), "template_name", "at least 1"),
    (wrong(template_name=7), "template_name", "string"),
    (wrong(recipients=None), "recipients", "required"),
    (wrong(recipients=[]), "recipients", "at least 1"),
    (wrong(recipients={}), "recipients", "an array"),
    (wrong(recipients=["+14155550123"]), "recipients[0]", "expected an object"),
    (
        wrong(recipients=[{"to": phone} for phone in phones(1001)]),
        "",
        "at most 1000 recipients, found 1001",
    ),
    (
        wrong(recipients=[*people(3), {"to": "+14155550123", "params": ["a", True]}]),
        "recipients[3].params[1]",
        "",
    ),
    (
        wrong(recipients=[{"to": "+14155550123", "params": ["a", 1.5]}]),
        "recipients[0].params[1]",
        "a number",
    ),
    (wrong(recipients=[{"to": "+14155550123", "params": [None]}]), "recipients[0].params[0]", "null"),
    (
        wrong(recipients=[{"to": "+14155550123", "params": {"n": []}}]),
        "recipients[0].params.n",
        "an array",
    ),
    (
        wrong(recipients=[{"to": "+14155550123", "params": ["x"] * 101}]),
        "recipients[0].params",
        "at most 100",
    ),
    (wrong(recipients=[{"to": "+14155550123", "params": "Jane"}]), "recipients[0].params", "an array"),
    (
        wrong(recipients=[{"to": "+14155550123", "parms": ["x"]}]),
        "recipients[0]",
        "did you mean 'params'?",
    ),
    (wrong(scheduledAt="2027-01-01T00:00:00Z"), "", "did you mean 'scheduled_at'?"),
    (wrong(schedule_at="2027-01-01T00:00:00Z"), "", "did you mean 'scheduled_at'?"),
    (wrong(send_at="2027-01-01T00:00:00Z"), "", "did you mean 'scheduled_at'?"),
    (wrong(template_langauge="de"), "", "did you mean 'template_language'?"),
    (wrong(phone_number_id="1"), "", "did you mean 'from'?"),
    (wrong(scheduled_at="tomorrow"), "scheduled_at", "ISO-8601"),
    (wrong(scheduled_at="2027-01-01T00:00:00"), "scheduled_at", "offset"),
    (wrong(scheduled_at=1795000000), "scheduled_at", "ISO-8601"),
    (wrong(scheduled_at="2099-01-01T00:00:00Z"), "scheduled_at", "within a year"),
    (wrong(scheduled_at="9999-12-31T23:59:59Z"), "scheduled_at", "within a year"),
    (wrong(scheduled_at="9999-12-31T23:59:59-12:00"), "scheduled_at", "years 1 to 9999"),
    (wrong(scheduled_at="0001-01-01T00:00:00+14:00"), "scheduled_at", "years 1 to 9999"),
    (wrong(scheduled_at="0001-01-01T00:00:00Z"), "scheduled_at", "did you mean another year?"),
    (wrong(scheduled_at="2020-02-29T12:00:00+02:00"), "scheduled_at", "in the past"),
    (wrong(language="de"), "", "did you mean 'template_language'?"),
    (wrong(dry_run=True), "", "?dry_run=true"),
    (wrong(idempotency_key="k"), "", "header Idempotency-Key"),
    (wrong(**{"from": "nobody"}), "from", "has no number 'nobody'"),
    (wrong(header={"picture": {}}), "header", '"image"'),
    (wrong(header={"image": {}}), "header.image", '"id"'),
    (wrong(buttons=[{"index": 0, "type": "url"}]), "buttons[0].text", "not empty"),
    (wrong(components=[{}]), "components[0].type", "component type"),
    (
        wrong(recipients=[{"to": "+14155550123", "params": ["a"], "components": [{"type": "body"}]}]),
        "recipients[0].components",
        "leave out params",
    ),
    (wrong(name="x" * 201), "name", "at most 200"),
]


async def test_errors_of_a_body_name_the_path_of_the_field(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for body, path, message in WRONG:
            answer = await here.api.post("/api/v1/broadcasts", json=body)
            assert answer.status_code == 400, (body, answer.text)
            error = answer.json()["error"]
            assert error["code"] == "bad_request"
            if path:
                assert error["details"][0]["path"] == path, error
                assert error["message"].startswith(f"{path}: ")
            assert message in error["message"], body
        assert await stored(here) == 0


async def test_integer_parameters_are_sent_as_their_digits(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.send([{"to": phones(1)[0], "params": [7, "x", -12345678901234567]}])
        broadcast = (await here.api.get("/api/v1/broadcasts")).json()["data"][0]
        await here.until_status(broadcast["id"], "sent")
        (entry,) = here.sim.ledger.entries
        (component,) = orjson.loads(entry.body or b"")["template"]["components"]
        assert [parameter["text"] for parameter in component["parameters"]] == [
            "7",
            "x",
            "-12345678901234567",
        ]


async def test_from_selects_the_number_by_either_of_its_ids(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        other = await here.admin(
            "number.add",
            account="shop",
            phone_number_id="200",
            waba_id="300",
            access_token="EAAtestaccesstoken",
            app_secret="x",
            verify_token="y",
        )
        for reference in ("200", other["id"]):
            broadcast_id = await here.send(people(1), **{"from": reference})
            shown = await here.until_status(broadcast_id, "sent")
            assert shown["from"] == other["id"]
        assert {entry.phone_number_id for entry in here.sim.ledger.entries} == {"200"}
        numbers = (await here.api.get("/api/v1/numbers")).json()
        assert numbers["meta"] == {"next_cursor": None}
        assert [number["phone_number_id"] for number in numbers["data"]] == [
            "200",
            here.number["phone_number_id"],
        ]
        query: dict[str, str] = {"limit": "1"}
        for number in numbers["data"]:
            page = (await here.api.get("/api/v1/numbers", params=query)).json()
            assert [each["id"] for each in page["data"]] == [number["id"]]
            query["cursor"] = page["meta"]["next_cursor"]
        assert query["cursor"] is None
        assert numbers["data"][0]["state"] == "active"
        assert "access_token" not in numbers["data"][0]
        await here.admin("number.pause", id="200", reason="too many complaints")
        number = (await here.api.get("/api/v1/numbers")).json()["data"][0]
        assert number["state"] == "paused"
        assert "too many complaints" in number["hold"]["detail"]
        broadcast_id = await here.send(people(1), **{"from": "200"})
        shown = await here.show(broadcast_id)
        assert shown["hold"]["reason"] == "number_paused"


async def test_a_scheduled_broadcast_is_sent_at_its_time(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        at = clock.now() + HOUR
        answer = await here.post(people(2), scheduled_at=iso(at))
        data = answer.json()["data"]
        assert data["status"] == "scheduled"
        shown = await here.show(data["broadcast_id"])
        assert (shown["status"], shown["scheduled_at"], shown["started_at"]) == ("scheduled", iso(at), None)
        assert here.sim.ledger.counts()["total"] == 0
        clock.advance(HOUR)
        shown = await here.until_status(data["broadcast_id"], "sent")
        assert shown["started_at"] >= iso(at)
        just_now = await here.post(people(1), scheduled_at=iso(clock.now() - 59 * SECOND))
        assert just_now.json()["data"]["status"] == "sending"


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
async def test_a_start_in_the_past_is_refused_with_a_question(tmp_path: Path, query: str) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        for ago in (61 * SECOND, 20 * HOUR):
            at = clock.now() - ago
            answer = await here.api.post(
                f"/api/v1/broadcasts{query}",
                json={"template_name": "hello", "recipients": people(1), "scheduled_at": iso(at)},
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
            (detail,) = answer.json()["error"]["details"]
            assert detail["path"] == "scheduled_at"
            assert f"did you mean {iso(at + DAY)}?" in detail["message"]
        assert await here.admin("broadcast.list") == []


async def test_a_repeated_request_gets_its_answer_after_its_start_too(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        body = {"template_name": "hello", "recipients": people(1), "scheduled_at": iso(clock.now() + HOUR)}
        first = await here.api.post("/api/v1/broadcasts", json=body, headers={"Idempotency-Key": "a"})
        clock.advance(2 * HOUR)
        again = await here.api.post("/api/v1/broadcasts", json=body, headers={"Idempotency-Key": "a"})
        assert (again.status_code, again.json()) == (202, first.json())


async def test_a_broadcast_scheduled_for_a_downtime_is_sent_after_the_start(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(2), scheduled_at=iso(clock.now() + HOUR))
    clock.advance(DAY)
    async with site(tmp_path, clock=clock) as here:
        await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts()["total"] == 2


async def test_lists_are_newest_first_and_stable_while_broadcasts_are_added(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        later = iso(here.clock.now() + HOUR)
        made = [await here.send(people(1), scheduled_at=later) for _ in range(7)]
        seen: list[str] = []
        cursor = None
        while True:
            answer = await here.api.get(
                "/api/v1/broadcasts", params={"limit": 3} | ({"cursor": cursor} if cursor else {})
            )
            body = answer.json()
            seen += [row["id"] for row in body["data"]]
            cursor = body["meta"]["next_cursor"]
            if cursor is None:
                break
            await here.send(people(1))  # must not repeat or drop an item of the next page
        assert seen == made[::-1]
        sent = await here.api.get("/api/v1/broadcasts", params={"status": "cancelled"})
        assert sent.json() == {"data": [], "meta": {"next_cursor": None}}


async def test_a_wrong_query_is_a_bad_request(tmp_path: Path) -> None:
    wrong_ones = (
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=!",
        "cursor=AAAA",
        "cursor=",
        "status=lost",
        "unknown=1",
    )
    async with site(tmp_path) as here:
        for query in wrong_ones:
            answer = await here.api.get(f"/api/v1/broadcasts?{query}")
            assert answer.status_code == 400, query
            assert query.partition("=")[0] in answer.json()["error"]["message"]


async def test_a_broadcast_of_a_thousand_is_accepted_within_its_processor_time(tmp_path: Path) -> None:
    """Processor time, which other programs do not change. The target in bench/RESULTS.md is 50 ms of elapsed time."""
    async with site(tmp_path, messages_per_second=1) as here:
        await here.admin("number.pause", id=here.number["id"], reason="test")
        took = []
        for round_ in range(9):
            body = orjson.dumps({"template_name": "hello", "recipients": people(1000, start=1000 * round_)})
            began = time.process_time()
            answer = await here.api.post("/api/v1/broadcasts", content=body)
            took.append(time.process_time() - began)
            assert answer.status_code == 202
        assert statistics.median(took) < 0.15, took
