"""The suppression list: over HTTP, by keywords and buttons, by WhatsApp's preference, and its effect on sends."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import ShiftClock
from tests.support.meta import inbound_message, preference_change, seconds_now, status
from tests.support.receiver import receiver
from tests.support.site import Site, people, site
from wacrmd.simulator.people import user_id_of

pytestmark = pytest.mark.anyio

JANE = "+14155550100"
JANE_ID = "US.13491208655302741918"
BRAZIL, BRAZIL_WA_ID = "+5541987654321", "554187654321"
MEXICO, MEXICO_WA_ID = "+525512345678", "5215512345678"
START = '[optout]\nstart_keywords = ["START", "UNSTOP"]'


async def listed(here: Site) -> list[dict[str, Any]]:
    answer = await here.api.get("/api/v1/optouts", params={"limit": 100})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def sources(here: Site) -> list[tuple[str | None, str | None, str]]:
    return [(each["phone"], each["user_id"], each["source"]) for each in await listed(here)]


async def suppressed(here: Site, to: str) -> bool:
    """Whether this address is suppressed in a new broadcast (with another recipient who is not)."""
    (other,) = people(1, start=900_000)
    answer = await here.post([{"to": to, "params": ["x"]}, other])
    assert answer.status_code == 202, answer.text
    count: int = answer.json()["data"]["suppressed"]
    return count == 1


async def test_opt_outs_are_added_shown_and_removed_by_any_form_of_the_number(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        answer = await here.api.post(
            "/api/v1/optouts", json={"phone": "1 (415) 555-0100", "detail": "by mail"}
        )
        assert answer.status_code == 201
        first = answer.json()["data"]
        assert (first["phone"], first["source"], first["detail"]) == (JANE, "api", "by mail")
        again = await here.api.post("/api/v1/optouts", json={"phone": JANE, "detail": "another"})
        assert "read as a number of US" in first.pop("warning")
        assert (again.status_code, again.json()["data"]) == (201, first | {"warning": None})
        await here.api.post("/api/v1/optouts", json={"phone": JANE_ID})
        assert await sources(here) == [(None, JANE_ID, "api"), (JANE, None, "api")]
        assert await suppressed(here, JANE)
        removed = await here.api.delete("/api/v1/optouts/1-415-555-0100")
        assert (removed.status_code, removed.json()["data"]) == (200, first)
        assert not await suppressed(here, JANE)
        assert (await here.api.delete(f"/api/v1/optouts/{JANE}")).status_code == 404
        assert (await here.api.delete("/api/v1/optouts/nobody")).status_code == 404
        assert (await here.api.delete(f"/api/v1/optouts/{JANE_ID}")).status_code == 200
        assert await listed(here) == []
        back = await here.api.post("/api/v1/optouts", json={"phone": JANE})
        assert back.status_code == 201
        assert await suppressed(here, JANE)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    "body", [{}, {"phone": "12"}, {"phone": ""}, {"phone": 14155550100}, {"phone": None}]
)
async def test_a_text_that_is_not_a_phone_number_is_a_400(tmp_path: Path, body: dict[str, Any]) -> None:
    async with site(tmp_path) as here:
        answer = await here.api.post("/api/v1/optouts", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("phone")
        assert await listed(here) == []


async def test_pages_are_newest_first_and_stable_while_others_opt_out(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for person in people(5):
            await here.api.post("/api/v1/optouts", json={"phone": person["to"]})
        cursor, found = None, []
        for turn in range(3):
            page = (
                await here.api.get(
                    "/api/v1/optouts", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
                )
            ).json()
            found += [each["phone"] for each in page["data"]]
            cursor = page["meta"]["next_cursor"]
            await here.api.post("/api/v1/optouts", json={"phone": people(1, start=50 + turn)[0]["to"]})
        assert found == [person["to"] for person in reversed(people(5))]
        assert cursor is None
        assert (await here.api.get("/api/v1/optouts?cursor=x")).status_code == 400


async def test_the_scope_is_required_and_another_account_sees_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.api.post("/api/v1/optouts", json={"phone": JANE})
        await here.admin("account.add", name="other")
        key = await here.admin("key.create", account="other", name="k", scopes=["optouts:manage"])
        theirs = {"Authorization": f"Bearer {key['key']}"}
        assert (await here.api.get("/api/v1/optouts", headers=theirs)).json()["data"] == []
        assert (await here.api.delete(f"/api/v1/optouts/{JANE}", headers=theirs)).status_code == 404
        key = await here.admin("key.create", account="shop", name="k", scopes=["broadcasts:send"])
        without = {"Authorization": f"Bearer {key['key']}"}
        for method in ("GET", "POST"):
            answer = await here.api.request(method, "/api/v1/optouts", headers=without)
            assert answer.status_code == 403


async def test_a_person_who_opted_out_before_the_request_is_counted_and_not_queued(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        everybody = people(4)
        await here.api.post("/api/v1/optouts", json={"phone": everybody[1]["to"]})
        answer = (await here.post([*everybody, {"to": "x"}, everybody[0]])).json()["data"]
        counts = {name: answer[name] for name in ("accepted", "rejected", "duplicates", "suppressed")}
        assert counts == {"accepted": 3, "rejected": 1, "duplicates": 1, "suppressed": 1}
        await here.until_status(answer["broadcast_id"], "sent")
        assert everybody[1]["to"] not in {entry.send.input for entry in here.sim.ledger.entries}


async def test_a_person_who_opts_out_before_the_send_gets_no_message(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=1) as here:
        broadcast_id = await here.send(people(3))
        await here.admin("broadcast.pause", id=broadcast_id)
        taken = {entry.send.input for entry in here.sim.ledger.entries}
        left = [person["to"] for person in people(3) if person["to"] not in taken]
        assert left
        for phone in left:
            await here.api.post("/api/v1/optouts", json={"phone": phone})
        await here.admin("broadcast.resume", id=broadcast_id)
        clock.go()
        shown = await here.until_status(broadcast_id, "sent")
        assert shown["cancelled_count"] == len(left)
        assert not {entry.send.input for entry in here.sim.ledger.entries} & set(left)


@pytest.mark.exhaustive(enough=3)
@pytest.mark.parametrize(
    "said",
    [
        {"text": "STOP"},
        {"text": " stop. "},
        {"text": "Opt\n Out!"},
        {"text": "¡Baja!"},
        {"text": "ARRÊT"},
        {"text": "stop 🙏"},
        {"text": "Unsubscribe me"},
        {"text": "\u200bopt\u2011out\u200f"},
        {"button": {"payload": "anything", "text": "Stop"}},
        {"button": {"payload": "Stop promotions", "text": "Stop promotions"}},
        {"button": {"payload": "Parar promoções", "text": "Parar promoções"}},
        {"button": {"payload": "UNSUBSCRIBE", "text": "Keine Werbung mehr"}},
        {"button": {"payload": "STOP:bc_17", "text": "Genug"}},
    ],
)
async def test_a_stop_keyword_opts_out_as_text_and_as_button(tmp_path: Path, said: dict[str, Any]) -> None:
    async with site(tmp_path) as here:
        await inbound_message(here, **said, wa_id="14155550100")
        ((phone, user_id, source),) = await sources(here)
        assert (phone, user_id, source) == (JANE, None, "button" if "button" in said else "keyword")
        assert await suppressed(here, JANE)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("text", ["please don't stop", "stopp it", "no", "cancelar", "", "!!!"])
async def test_a_stop_keyword_within_a_sentence_does_not_opt_out(tmp_path: Path, text: str) -> None:
    async with site(tmp_path) as here:
        await inbound_message(here, text, wa_id="14155550100")
        assert await listed(here) == []


async def test_a_start_keyword_opts_in_and_sends_an_event(tmp_path: Path) -> None:
    hooks = '\n[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]'
    async with site(tmp_path, extra=START + hooks) as here, receiver() as app:
        body = {"url": app.url, "events": ["contact.opted_in", "contact.opted_out"]}
        assert (await here.api.post("/api/v1/webhooks", json=body)).status_code == 201
        await inbound_message(here, "start", wa_id="14155550100")
        await inbound_message(here, "STOP", wa_id="14155550100")
        await inbound_message(here, "Start!", wa_id="14155550100")
        assert await listed(here) == []
        assert not await suppressed(here, JANE)
        await app.until(lambda: len(app.requests) == 2)
        received = [(each["event"], each["data"]["phone"], each["data"]["source"]) for each in app.events()]
        assert sorted(received) == [
            ("contact.opted_in", JANE, "keyword"),
            ("contact.opted_out", JANE, "keyword"),
        ]


async def test_a_message_that_comes_twice_opts_out_once_even_after_opting_in(tmp_path: Path) -> None:
    async with site(tmp_path, extra=START) as here:
        await inbound_message(here, "STOP", wa_id="14155550100", message_id="wamid.same")
        await inbound_message(here, "START", wa_id="14155550100")
        await inbound_message(here, "STOP", wa_id="14155550100", message_id="wamid.same")
        assert await listed(here) == []


async def test_preferences_are_applied_by_their_time_in_any_order(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        now = seconds_now()
        await preference_change(here, "stop", wa_id="14155550100", user_id=JANE_ID, at=now - 100)
        assert await sources(here) == [(JANE, JANE_ID, "preference")]
        assert await suppressed(here, JANE)
        assert await suppressed(here, JANE_ID)
        await preference_change(here, "resume", wa_id="14155550100", user_id=JANE_ID, at=now - 50)
        assert await listed(here) == []
        await preference_change(here, "stop", wa_id="14155550100", user_id=JANE_ID, at=now - 100)
        assert await listed(here) == [], "an old stop that comes again changes nothing"
        await preference_change(here, "stop", wa_id="14155550100", at=now - 10)
        await preference_change(here, "resume", wa_id="14155550100", at=now - 50)
        assert len(await listed(here)) == 1, "an old resume that comes again changes nothing"


async def test_a_person_with_a_hidden_number_opts_out_by_user_id(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await preference_change(here, "stop", user_id=JANE_ID)
        await inbound_message(here, "stop", user_id="US.2")
        assert await sources(here) == [(None, "US.2", "keyword"), (None, JANE_ID, "preference")]
        assert await suppressed(here, JANE_ID)
        await preference_change(here, "resume", user_id=JANE_ID)
        assert not await suppressed(here, JANE_ID)


async def test_an_opt_out_suppresses_both_addresses_of_a_person(tmp_path: Path) -> None:
    """Whether the addresses are linked by a status before the opt-out or after it."""
    async with site(tmp_path, webhooks=False, user_ids=False) as here:
        await here.until_status(await here.send([{"to": JANE}]), "sent")
        (entry,) = here.sim.ledger.entries
        await status(here, entry.wamid, "delivered", recipient_id="14155550100", recipient_user_id=JANE_ID)
        await inbound_message(here, "STOP", user_id=JANE_ID)
        assert await sources(here) == [(JANE, JANE_ID, "keyword")]
        assert await suppressed(here, JANE)

        await inbound_message(here, "STOP", user_id="US.7")
        await here.until_status(await here.send([{"to": "+14155550107"}]), "sent")
        (entry,) = (each for each in here.sim.ledger.entries if each.send.input == "+14155550107")
        assert not await suppressed(here, "+14155550107")
        await status(here, entry.wamid, "read", recipient_id="14155550107", recipient_user_id="US.7")
        assert await suppressed(here, "+14155550107")

        await here.until_status(await here.send([{"to": "+14155550106"}]), "sent")
        (entry,) = (each for each in here.sim.ledger.entries if each.send.input == "+14155550106")
        await status(here, entry.wamid, "read", recipient_id="14155550106", recipient_user_id="US.6")
        await here.api.post("/api/v1/optouts", json={"phone": "US.6"})
        assert await suppressed(here, "+14155550106")
        await here.api.delete("/api/v1/optouts/+14155550106")
        assert not await suppressed(here, "US.6")
        await here.api.post("/api/v1/optouts", json={"phone": "+14155550106"})
        assert await suppressed(here, "US.6")

        await here.api.post("/api/v1/optouts", json={"phone": "+14155550108"})
        await inbound_message(here, "hello", wa_id="14155550108", user_id="US.8")
        assert await suppressed(here, "US.8")


@pytest.mark.parametrize(("to", "wa_id"), [(BRAZIL, BRAZIL_WA_ID), (MEXICO, MEXICO_WA_ID)])
async def test_a_number_is_suppressed_in_the_callers_form_if_metas_wa_id_differs(
    tmp_path: Path, to: str, wa_id: str
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await here.until_status(await here.send([{"to": to}]), "sent")
        (entry,) = here.sim.ledger.entries
        assert entry.send.wa_id == wa_id
        await inbound_message(here, "SAIR", wa_id=wa_id)
        assert await sources(here) == [(to, entry.send.user_id, "keyword")]
        assert await suppressed(here, to)
        assert (await here.api.delete(f"/api/v1/optouts/+{wa_id}")).status_code == 200


async def test_code_131050_opts_out_from_a_webhook_and_from_a_response(tmp_path: Path) -> None:
    first, second = people(2)
    async with site(
        tmp_path,
        failed_recipients=(f"{first['to']}=131050",),
        refused_recipients=(f"{second['to']}=131050",),
    ) as here:
        broadcast_id = await here.send([first, second])
        await here.until(broadcast_id, lambda shown: shown["failed_count"] == 2)
        assert sorted(await sources(here)) == sorted(
            (person["to"], user_id, "meta_131050")
            for person, user_id in ((first, user_id_of(first["to"][1:])), (second, None))
        )
        assert await suppressed(here, first["to"])
