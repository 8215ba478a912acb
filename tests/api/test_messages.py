"""Single messages: a client of wacrm gets Meta's answer within a bound, and what it does not get it can ask for."""

import functools
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from tests.support.clock import ShiftClock
from tests.support.patience import eventually
from tests.support.receiver import receiver
from tests.support.site import Site, people, phones, site
from wacrmd.clock import SECOND
from wacrmd.services.messages import send as sending

pytestmark = pytest.mark.anyio

PATH = "/api/v1/messages"
ALLOW = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n'
AT_ONCE = "[api]\nmessage_wait_s = 0\n"
LONG = "[api]\nmessage_wait_s = 60\n"
TEMPLATE = {
    "id": "1",
    "name": "order_update",
    "language": "en_US",
    "status": "APPROVED",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hello {{1}}", "example": {"body_text": [["Jane"]]}}],
}


def body(to: str = "+14155550123", **template: Any) -> dict[str, Any]:
    return {
        "to": to,
        "type": "template",
        "template": {"name": "order_update", "language": "en_US", "params": ["Jane"], **template},
    }


async def post(here: Site, given: dict[str, Any] | None = None, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await here.api.post(PATH, json=body() if given is None else given, headers=headers)


async def data(here: Site, path: str) -> Any:
    answer = await here.api.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_a_client_of_wacrm_gets_metas_id_of_its_order_update(tmp_path: Path) -> None:
    """One story: the answer, its replay, the message apart from broadcasts, and the events for local apps."""
    async with receiver() as app, site(tmp_path, extra=ALLOW) as here:
        hook = {"url": f"{app.url}/hook", "events": ["broadcast.sent", "message.status_updated"]}
        assert (await here.api.post("/api/v1/webhooks", json=hook)).status_code == 201
        given = body("+1 (415) 555-0123") | {"name": "Jane Doe", "reply_to_message_id": None}
        answer = await post(here, given, "order-17")
        assert answer.status_code == 201, answer.text
        (taken,) = here.sim.ledger.entries
        made = answer.json()["data"]
        assert made["whatsapp_message_id"] == taken.wamid
        assert (taken.send.input, taken.send.template) == ("+14155550123", "order_update")
        message = f"{PATH}/{made['message_id']}"
        await eventually(lambda: len(app.events("message.status_updated")) >= 2)
        again = await post(here, given, "order-17")
        assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
        assert again.json()["data"]["message_id"] == made["message_id"]
        other = await post(here, body("+14155550199"), "order-17")
        assert other.status_code == 422
        assert len(here.sim.ledger) == 1

        assert await data(here, "/api/v1/broadcasts") == []
        assert await here.admin("broadcast.list") == []
        assert [each["message_id"] for each in await data(here, PATH)] == [made["message_id"]]
        shown = await data(here, message)
        assert (shown["to"], shown["template_name"], shown["error"]) == ("+14155550123", "order_update", None)
        as_broadcast = await here.show(made["message_id"])
        assert (as_broadcast["kind"], as_broadcast["total_recipients"]) == ("message", 1)
        assert as_broadcast["name"] == "Message (order_update)"
        broadcast = await here.send(people(1))
        assert (await here.api.get(f"{PATH}/{broadcast}")).status_code == 404
        await eventually(lambda: bool(app.events("broadcast.sent")))
        ended = [each["data"]["broadcast_id"] for each in app.events("broadcast.sent")]
        assert ended == [broadcast], "message.status_updated told it of the message"
        told = app.events("message.status_updated")[0]["data"]
        assert (told["broadcast_id"], told["whatsapp_message_id"]) == (made["message_id"], taken.wamid)


async def test_what_cannot_be_sent_is_refused_with_its_place_and_stores_nothing(tmp_path: Path) -> None:
    async with site(tmp_path, templates=(TEMPLATE,)) as here:
        await here.api.post("/api/v1/templates/sync")
        await here.api.post("/api/v1/optouts", json={"phone": "+14155550188"})
        others = ("text", "image", "interactive", 7)
        cases: list[tuple[dict[str, Any], str, str]] = [
            *((body() | {"type": other}, "type", "templates only") for other in others),
            ({name: part for name, part in body().items() if name != "type"}, "type", "required"),
            (body("12"), "to", "not a valid phone number"),
            (body() | {"to": 14155550123}, "to", "string"),
            (body(params=[]), "template.params", "parameter"),
            (body(params=["a", 1.5]), "template.params[1]", "string"),
            (body(name="no_such"), "template.name", "no template"),
            (body(header={"image": 7}), "template.header.image", ""),
            (body() | {"from": "1"}, "from", "no number"),
            (body(variables=["Jane"]), "template", "params"),
            (body() | {"scheduled_at": "2999-01-01T00:00:00Z"}, "", "at once"),
            (body() | {"sendAt": "2999-01-01T00:00:00Z", "draft": True}, "", "at once"),
            (body() | {"messagesPerSecond": 1}, "", "messagesPerSecond does not belong in the body"),
        ]
        for given, path, words in cases:
            answer = await post(here, given)
            assert answer.status_code == 400, (given, answer.text)
            (problem, *_) = answer.json()["error"]["details"]
            assert problem["path"] == path
            assert words in problem["message"]
        refused = await post(here, body("+14155550188"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
        assert "opted out" in refused.json()["error"]["message"]
        large = body(components=[{"type": "body", "parameters": [{"type": "text", "text": "x" * 70_000}]}])
        assert (await post(here, large)).status_code == 413
        assert await data(here, PATH) == []
        made = await here.admin("key.create", account="shop", name="reader", scopes=["broadcasts:send"])
        here.api.headers["Authorization"] = f"Bearer {made['key']}"
        denied = await post(here)
        assert (denied.status_code, "messages:send" in denied.text) == (403, True)
        assert await data(here, PATH) == []


async def test_what_meta_refuses_is_a_502_with_its_code(tmp_path: Path) -> None:
    """Whoever asks again with the same key gets the same; a temporary error is tried again, and is no refusal."""
    async with site(
        tmp_path, extra=AT_ONCE.replace("0", "5"), refused_recipients=("+14155550123=131026",)
    ) as here:
        for is_replay in (False, True):
            answer = await post(here, key="k")
            assert answer.status_code == 502, answer.text
            assert ("idempotent-replayed" in answer.headers) is is_replay
            error = answer.json()["error"]
            assert (error["code"], error["meta"]["code"]) == ("meta_error", 131026)
            assert error["meta"]["title"] in error["message"]
        shown = await data(here, f"{PATH}/{error['meta']['message_id']}")
        assert (shown["status"], shown["error"]["code"]) == ("failed", 131026)
        assert here.sim.ledger.error_codes[131026] == 1
        here.sim.change(error_share=1.0, error_code=131000)
        waiting = await post(here, body("+14155550124"))
        assert waiting.status_code == 202
        made = waiting.json()["data"]
        assert (made["status"], made["whatsapp_message_id"]) == ("pending", None)
        here.sim.change(error_share=0.0)
        here.clock.advance(60 * SECOND)
        await here.until_status(made["message_id"], "sent")
        assert len(here.sim.ledger) == 1


async def test_without_an_answer_in_time_it_is_a_202_and_the_key_tells_later_what_became_of_it(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, extra=AT_ONCE, hold_answers=True) as here:
        first = await post(here, key="k")
        assert first.status_code == 202
        await eventually(lambda: len(here.sim.ledger) == 1)
        here.sim.change(hold_answers=False)
        made = first.json()["data"]
        await here.until_status(made["message_id"], "sent")
        later = await post(here, key="k")
        assert (later.status_code, later.json()["data"]["message_id"]) == (201, made["message_id"])
        assert len(here.sim.ledger) == 1


async def test_nothing_waits_for_what_cannot_be_sent_now(tmp_path: Path) -> None:
    """A paused number, a message that is cancelled, a drain: each is answered, though the wait is a minute."""
    async with site(tmp_path, extra=LONG) as here:
        await here.admin("number.pause", id=here.number["id"])
        with anyio.fail_after(30):
            answer = await post(here)
        assert (answer.status_code, answer.json()["data"]["hold"]["reason"]) == (202, "number_paused")
        paused = answer.json()["data"]["message_id"]
        await here.admin("broadcast.pause", id=paused)
        (listed,) = await here.admin("message.list", paused=True)
        assert listed["message_id"] == paused
        status = await here.admin("status")
        assert status["broadcasts"] == []
        assert any("1 single message is paused" in each for each in status["warnings"])
        await here.admin("number.resume", id=here.number["id"])
        await here.admin("broadcast.resume", id=paused)
        await here.until_status(paused, "sent")
        await here.admin("number.pause", id=here.number["id"])
        await post(here, key="gone")
        await here.api.post("/api/v1/optouts", json={"phone": body()["to"]})
        await here.admin("number.resume", id=here.number["id"])
        await eventually(lambda: not here.running.ctx.message_waits)
        gone = (await data(here, PATH))[0]["message_id"]
        await here.until(gone, lambda shown: shown["cancelled_count"] == 1)
        dropped = await post(here, key="gone")
        assert (dropped.status_code, dropped.headers["idempotent-replayed"]) == (409, "true")
        assert "Opted out" in dropped.json()["error"]["message"]
        nowhere = await here.api.get(f"{PATH}/{here.number['id']}")
        assert (nowhere.status_code, nowhere.json()["error"]["message"]) == (404, "Message not found")
        here.sim.change(hold_answers=True)
        answers: list[httpx.Response] = []

        async def send(to: str) -> None:
            answers.append(await post(here, body(to)))

        here.clock.stop()
        with anyio.fail_after(50):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send, "+14155550144")
                await eventually(lambda: bool(here.running.ctx.message_waits))
                await here.admin("drain", wait_s=0)
        assert [each.status_code for each in answers] == [202]
        assert not here.running.ctx.message_waits
        assert (await post(here)).status_code == 503
        here.sim.change(hold_answers=False)


async def test_where_metas_limit_is_used_up_only_who_does_not_count_yet_is_not_waited_for(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, extra=LONG) as here:
        await here.admin("number.set", id=here.number["id"], daily_limit=1)
        for to, status, reason in (
            ("+14155550123", 201, None),
            ("+14155550123", 201, None),
            ("+14155550124", 202, "limit"),
        ):
            with anyio.fail_after(30):
                answer = await post(here, body(to))
            hold = answer.json()["data"]["hold"]
            assert (answer.status_code, hold and hold["reason"]) == (status, reason)


async def test_of_very_many_who_wait_the_next_one_is_answered_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MAX_WAITING_OF_ACCOUNT", 2)
    async with site(tmp_path, extra=LONG, hold_answers=True) as here:
        answers: list[int] = []

        async def send(to: str) -> None:
            answers.append((await post(here, body(to))).status_code)

        async with anyio.create_task_group() as tasks:
            for to in phones(2):
                tasks.start_soon(send, to)
            await eventually(lambda: here.running.ctx.message_waits.total() == 2)
            with anyio.fail_after(30):
                await send("+14155550144")
            assert answers == [202]
            here.sim.change(hold_answers=False)
        assert answers == [202, 201, 201]


async def test_a_message_does_not_wait_for_a_large_broadcast_of_the_same_number(tmp_path: Path) -> None:
    """The clock stands still: the number sends what its rate allows, and the message is among the next few."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, messages_per_second=50, extra=AT_ONCE) as here:
        clock.stop()
        large = await here.send(people(400))
        burst = (await here.until(large, lambda shown: shown["sent_count"] > 0))["sent_count"]
        await here.sim.idle()
        message = (await post(here)).json()["data"]["message_id"]
        ticks = 0
        while (await here.show(message))["status"] != "sent":
            ticks += 1
            clock.advance(SECOND // 10)
            await anyio.sleep(0.02)
        place = [entry.send.template for entry in here.sim.ledger.entries].index("order_update")
        assert place <= burst + 15, "it went out with one of the next turns"
        assert (await here.show(large))["pending_count"] > 200
        await here.admin("broadcast.cancel", id=large)


async def test_an_operator_sends_a_message_and_is_told_the_refusal(tmp_path: Path) -> None:
    async with site(tmp_path, refused_recipients=("+14155550199=131026",)) as here:
        made = await here.admin("message.send", **body(), account="shop")
        assert made["whatsapp_message_id"]
        shown = await here.admin("message.show", id=made["message_id"][:8])
        assert shown["message_id"] == made["message_id"]
        call = functools.partial(here.admin, "message.send", account="shop")
        with pytest.raises(Exception, match="131026") as refused:
            await call(**body("+14155550199"))
        assert getattr(refused.value, "reason", "") == "meta_error"


async def test_a_dry_run_says_all_that_would_be_wrong_and_sends_nothing(tmp_path: Path) -> None:
    async with site(tmp_path, templates=(TEMPLATE,)) as here:
        await here.admin("template.sync")

        async def tried(given: dict[str, Any], **headers: str) -> httpx.Response:
            return await here.api.post(f"{PATH}?dry_run=true", json=given, headers=headers)

        answer = await tried(body(), **{"Idempotency-Key": "k"})
        assert answer.status_code == 200, answer.text
        found = answer.json()["data"]
        assert (found["dry_run"], found["problems"], found["accepted"]) == (True, [], 1)
        assert (found["sent_as"], found["route"]["endpoint"]) == (["+14155550123"], "messages")
        assert "cost" in found
        assert "idempotent-replayed" not in (await post(here, key="k")).headers, "the dry run has used no key"
        wrong = (await tried(body(params=["Jane", "x"]) | {"to": "+1 415"})).json()["data"]["problems"]
        assert [each["path"] for each in wrong] == ["to"]
        wrong = (await tried(body(params=["Jane", "x"]))).json()["data"]["problems"]
        assert [each["path"] for each in wrong] == ["template.params"]
        assert (await tried(body(name="nowhere"))).json()["data"]["problems"][0]["path"] == "template.name"
        await here.api.post("/api/v1/optouts", json={"phone": "+14155550123"})
        refused_one = (await tried(body())).json()["data"]
        (out,) = refused_one["problems"]
        assert (found["status"], refused_one["status"]) == ("sending", None)
        assert (out["path"], "has opted out" in out["message"]) == ("to", True)
        refused = await tried(body() | {"from": "99"})
        assert (refused.status_code, refused.json()["error"]["details"][0]["path"]) == (400, "from")
        in_body = await post(here, body() | {"dry_run": True})
        assert "ask for POST /api/v1/messages?dry_run=true" in in_body.text
        assert len(here.sim.ledger) == 1
        assert len(await data(here, PATH)) == 1
