"""Webhooks over real sockets: their format, signature and order."""

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.patience import PATIENCE_S, eventually
from wacrmd.simulator import Options, Simulator
from wacrmd.simulator.payloads import encoded, signature
from wacrmd.simulator.webhooks import Delivery, backoff_s

pytestmark = pytest.mark.anyio

PHONE = "106540352242922"
SECRET = "test_app_secret"
BodyOf = Callable[..., dict[str, Any]]


def quick(receiver: Any, **chosen: Any) -> Options:
    """Statuses a few milliseconds apart."""
    times = {"sent_after_ms": 0, "delivered_after_ms": 4, "read_after_ms": 8, "replied_after_ms": 12}
    times |= {"failed_after_ms": 0, "batch_wait_ms": 20}
    return Options(
        **({"webhook_url": receiver.url, "app_secret": SECRET, "read_share": 1.0} | times | chosen)
    )


@pytest.mark.parametrize(
    ("secret", "body", "hexdigest"),
    [
        (
            "test_app_secret",
            b'{"object":"whatsapp_business_account","entry":[]}',
            "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756",
        ),
        (
            "otro_secreto",
            b'{"object":"whatsapp_business_account","entry":[]}',
            "769b03d8c2ae6498f2d1e1f7299c0ba55448c69d741e7b0bb243d852d8a8d8c7",
        ),
    ],
)
def test_signatures_match_the_known_vectors(secret: str, body: bytes, hexdigest: str) -> None:
    assert signature(secret, body) == f"sha256={hexdigest}"


def test_bodies_are_escaped_as_meta_escapes_them() -> None:
    assert encoded({"a": "äö/é"}) == rb'{"a":"\u00e4\u00f6\/\u00e9"}'


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0), (2, 0.1), (3, 0.2), (5, 0.8), (40, 5), (9999, 5)])
def test_a_rejected_webhook_is_repeated_with_growing_delays(attempt: int, seconds: float) -> None:
    assert backoff_s(attempt, 5.0) == pytest.approx(seconds)


async def test_all_statuses_of_a_message_are_posted(client: Any, receiver: Any, body_of: BodyOf) -> None:
    async with Simulator.running(quick(receiver)) as meta:
        _, answer = await client.send(meta.url, body_of(to="+525512345678"))
        await meta.idle()
        assert sorted(s["status"] for s in receiver.statuses) == ["delivered", "read", "sent"]
        for status in receiver.statuses:
            assert status["id"] == answer["messages"][0]["id"]
            assert status["recipient_id"] == "5215512345678"
            assert status["biz_opaque_callback_data"] == "bc_1:r_1"
            assert status["timestamp"].isdecimal()
            assert ("pricing" in status) == (status["status"] != "read")
        webhook = receiver.webhooks[0]
        assert webhook["object"] == "whatsapp_business_account"
        assert webhook["entry"][0]["id"] == meta.options.waba_id
        assert "time" not in webhook["entry"][0]
        assert webhook["entry"][0]["changes"][0]["field"] == "messages"
        assert receiver.values[0]["metadata"]["phone_number_id"] == PHONE
        assert receiver.values[0]["contacts"][0]["wa_id"] == "5215512345678"
        for body, signed in zip(receiver.bodies, receiver.signatures, strict=True):
            assert signed == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert sorted(meta.ledger.entries[0].statuses) == ["delivered", "read", "sent"]
        assert meta.summary()["webhooks"] == {
            "issued": {"sent": 1, "delivered": 1, "read": 1},
            "delivered": {"sent": 1, "delivered": 1, "read": 1},
            "pending": 0,
            "given_up": 0,
        }


@pytest.mark.parametrize("callback", [True, False])
async def test_a_failed_status_has_its_error(client: Any, receiver: Any, callback: bool) -> None:
    options = quick(
        receiver,
        failed_share=1.0,
        failed_codes=(131049,),
        callback_in_failed=callback,
        contacts_in_failed=callback,
    )
    async with Simulator.running(options) as meta:
        assert (await client.send(meta.url))[0] == 200
        await meta.idle()
        (status,) = receiver.statuses
        assert status["status"] == "failed"
        error = status["errors"][0]
        assert error["code"] == 131049
        assert error["title"] == error["message"]
        assert error["error_data"]["details"]
        assert ("biz_opaque_callback_data" in status) is callback
        assert ("contacts" in receiver.values[0]) is callback


async def test_a_reply_quotes_the_message(client: Any, receiver: Any) -> None:
    async with Simulator.running(quick(receiver, replied_share=1.0, reply_texts=("Merci/é",))) as meta:
        _, answer = await client.send(meta.url)
        await meta.idle()
        (message,) = [m for v in receiver.values for m in v.get("messages", [])]
        assert message["context"]["id"] == answer["messages"][0]["id"]
        assert (message["type"], message["text"], message["from"]) == (
            "text",
            {"body": "Merci/é"},
            "15551230001",
        )


async def test_a_button_tap_has_the_payload_of_the_button(
    client: Any, receiver: Any, body_of: BodyOf
) -> None:
    button = {"type": "button", "sub_type": "quick_reply", "index": "0"}
    body = body_of(components=[button | {"parameters": [{"type": "payload", "payload": "STOP:bc_1"}]}])
    async with Simulator.running(
        quick(receiver, replied_share=1.0, stop_share=1.0, button_share=1.0)
    ) as meta:
        await client.send(meta.url, body)
        await meta.idle()
        (message,) = [m for v in receiver.values for m in v.get("messages", [])]
        assert (message["type"], message["button"]) == ("button", {"payload": "STOP:bc_1", "text": "STOP"})


async def test_an_early_status_is_posted_before_the_send_is_answered(client: Any, receiver: Any) -> None:
    receiver.release.clear()
    async with Simulator.running(quick(receiver, early_share=1.0, delivered_share=0.0)) as meta:
        sending = asyncio.create_task(client.send(meta.url))
        await asyncio.wait_for(receiver.arrived.wait(), PATIENCE_S)
        assert not sending.done()
        receiver.release.set()
        status, _ = await sending
        assert status == 200
        await meta.idle()
        assert [s["status"] for s in receiver.statuses] == ["sent"]


async def test_late_statuses_are_posted_later(client: Any, receiver: Any) -> None:
    async with Simulator.running(quick(receiver, late_ms=3_600_000)) as meta:
        await client.send(meta.url)
        with pytest.raises(TimeoutError):
            await meta.idle(timeout_s=0.05)
        assert receiver.bodies == []
        assert meta.poster.pending == 3
        await client.call("DELETE", f"{meta.url}/_simulator/messages")
        await meta.idle(timeout_s=1)


async def test_a_rejected_batch_that_waits_can_be_deleted(client: Any, receiver: Any) -> None:
    receiver.answer = lambda _: 503
    async with Simulator.running(quick(receiver, batch=3, batch_wait_ms=5000)) as meta:
        await client.send(meta.url)
        async with asyncio.timeout(PATIENCE_S):
            while not any(  # noqa: ASYNC110 - the heap announces nothing
                isinstance(item, Delivery) for _, _, item in meta.poster._heap
            ):
                await asyncio.sleep(0)
        meta.poster.clear()
        assert meta.poster.pending == 0


async def test_statuses_can_be_posted_twice(client: Any, receiver: Any) -> None:
    async with Simulator.running(quick(receiver, twice_share=1.0)) as meta:
        await client.send(meta.url)
        await meta.idle()
        assert Counter(s["status"] for s in receiver.statuses) == {"sent": 2, "delivered": 2, "read": 2}


async def test_statuses_can_be_posted_out_of_order(client: Any, receiver: Any) -> None:
    options = quick(receiver, shuffle=True, webhook_connections=1)
    async with Simulator.running(options) as meta:
        await client.send(meta.url)
        await meta.idle()
        order = [s["status"] for s in receiver.statuses]
        assert sorted(order) == ["delivered", "read", "sent"]
        assert order != ["sent", "delivered", "read"]


async def test_statuses_can_be_out_of_order_within_one_batch(client: Any, receiver: Any) -> None:
    options = quick(receiver, shuffle=True, batch=3, batch_wait_ms=5000)
    async with Simulator.running(options) as meta:
        await client.send(meta.url)
        await meta.idle()
        (value,) = receiver.values
        assert [s["status"] for s in value["statuses"]] != ["sent", "delivered", "read"]


async def test_in_order_statuses_stay_in_order(client: Any, receiver: Any) -> None:
    async with Simulator.running(quick(receiver, webhook_connections=1)) as meta:
        await client.send(meta.url)
        await meta.idle()
        assert [s["status"] for s in receiver.statuses] == ["sent", "delivered", "read"]


async def test_a_batch_holds_no_more_than_its_size(client: Any, receiver: Any, body_of: BodyOf) -> None:
    options = quick(receiver, batch=4, delivered_share=0.0, hold_answers=True)
    async with Simulator.running(options) as meta:
        sends = [asyncio.create_task(client.send(meta.url, body_of(to=f"+1555123000{n}"))) for n in range(10)]
        await eventually(lambda: len(meta.ledger) == 10)
        meta.change(hold_answers=False)  # all statuses are due in the same moment
        await asyncio.gather(*sends)
        await meta.idle()
        sizes = [len(value["statuses"]) for value in receiver.values]
        assert sorted(sizes) == [2, 4, 4]


async def test_a_batch_is_of_one_number_only(client: Any, receiver: Any, body_of: BodyOf) -> None:
    options = quick(receiver, batch=1000, delivered_share=0.0, phone_numbers=("1=10", "2=20"))
    async with Simulator.running(options) as meta:
        for number in ("1", "2", "1"):
            await client.call("POST", f"{meta.url}/v25.0/{number}/messages", body=body_of())
        await meta.idle()
        counts = Counter({(w["entry"][0]["id"]): 0 for w in receiver.webhooks})
        for webhook in receiver.webhooks:
            counts[webhook["entry"][0]["id"]] += len(webhook["entry"][0]["changes"][0]["value"]["statuses"])
        assert counts == {"10": 2, "20": 1}


async def test_a_refused_webhook_is_posted_until_it_is_accepted(client: Any, receiver: Any) -> None:
    receiver.answer = lambda n: 503 if n < 3 else 200
    async with Simulator.running(quick(receiver, delivered_share=0.0)) as meta:
        await client.send(meta.url)
        await meta.idle()
        assert len(receiver.bodies) == 4
        assert len(set(receiver.bodies)) == 1
        assert meta.summary()["webhooks"]["delivered"] == {"sent": 1}


async def test_a_webhook_is_given_up_after_the_last_retry(client: Any, receiver: Any) -> None:
    receiver.answer = lambda _: 500
    async with Simulator.running(quick(receiver, delivered_share=0.0, webhook_retry_s=0.05)) as meta:
        await client.send(meta.url)
        await meta.idle()
        assert meta.summary()["webhooks"]["given_up"] == 1
        assert meta.summary()["webhooks"]["delivered"] == {}


async def test_a_slow_callback_is_cut_off_and_tried_again(client: Any, receiver: Any) -> None:
    receiver.release.clear()
    async with Simulator.running(quick(receiver, delivered_share=0.0, webhook_timeout_s=0.05)) as meta:
        await client.send(meta.url)
        while len(receiver.bodies) < 2:
            receiver.arrived.clear()
            await asyncio.wait_for(receiver.arrived.wait(), PATIENCE_S)
        receiver.release.set()
        await meta.idle()


async def test_webhooks_can_be_off(client: Any, receiver: Any) -> None:
    async with Simulator.running(quick(receiver, webhooks=False)) as meta:
        await client.send(meta.url)
        await meta.idle()
        assert meta.summary()["webhooks"]["issued"] == {}
        assert receiver.bodies == []


async def test_a_message_whose_answer_was_lost_has_webhooks(client: Any, receiver: Any) -> None:
    async with Simulator.running(
        quick(receiver, bad_gateway_share=1.0, bad_gateway_taken=True, delivered_share=0.0)
    ) as meta:
        assert (await client.send(meta.url))[0] == 502
        await meta.idle()
        assert receiver.statuses[0]["biz_opaque_callback_data"] == "bc_1:r_1"


async def test_any_webhook_can_be_posted_signed(client: Any, receiver: Any) -> None:
    async with Simulator.running(quick(receiver)) as meta:
        value = {"event": "PAUSED", "message_template_id": 1, "message_template_name": "a"}
        body = {"field": "message_template_status_update", "value": value, "waba_id": "77", "time": 5}
        status, answer, _ = await client.call("POST", f"{meta.url}/_simulator/webhooks", body=body)
        assert (status, answer["status"]) == (200, 200)
        whole = {
            "object": "whatsapp_business_account",
            "entry": [{"id": "77", "time": 5, "changes": [{"value": value, "field": body["field"]}]}],
        }
        assert receiver.webhooks == [whole]
        assert receiver.signatures == [signature(SECRET, receiver.bodies[0])]
        await client.call("POST", f"{meta.url}/_simulator/webhooks", body={"webhook": {"object": "page"}})
        assert receiver.webhooks[1] == {"object": "page"}


async def test_a_reply_can_be_by_wamid_by_number_or_to_no_message(client: Any, receiver: Any) -> None:
    async with Simulator.running(quick(receiver, delivered_share=0.0)) as meta:
        url = f"{meta.url}/_simulator/reply"
        _, answer = await client.send(meta.url)
        await meta.idle()
        receiver.bodies.clear()
        wamid = answer["messages"][0]["id"]
        await client.call("POST", url, body={"wamid": wamid, "text": "STOP"})
        await client.call("POST", url, body={"to": "+15551230001", "text": "x", "button_payload": "STOP:1"})
        await client.call("POST", url, body={"to": "+49151", "text": "hi", "phone_number_id": PHONE})
        stop, tap, blue = (value["messages"][0] for value in receiver.values)
        assert (stop["text"], stop["context"]["id"]) == ({"body": "STOP"}, wamid)
        assert (tap["button"], tap["context"]["id"]) == ({"payload": "STOP:1", "text": "x"}, wamid)
        assert blue["from"] == "49151"
        assert "context" not in blue
        assert len({stop["id"], tap["id"], blue["id"]}) == 3


async def test_the_callback_url_is_verified_as_meta_does(client: Any, receiver: Any) -> None:
    async with Simulator.running(quick(receiver)) as meta:
        url = f"{meta.url}/_simulator/verify"
        _, answer, _ = await client.call("POST", url, body={"verify_token": "v"})
        assert answer == {"verified": True}
        assert receiver.queries[0]["hub.mode"] == "subscribe"
        assert receiver.queries[0]["hub.verify_token"] == "v"
        meta.change(webhook_url="http://127.0.0.1:1/nobody")
        _, answer, _ = await client.call("POST", url, body={"verify_token": "v"})
        assert answer == {"verified": False}
