"""The Graph API and its faults, over real sockets."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.patience import PATIENCE_S, eventually
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio

PHONE = "106540352242922"
WABA = "102290129340398"
BodyOf = Callable[..., dict[str, Any]]


async def test_a_message_is_accepted_answered_and_in_the_ledger(client: Any, body_of: BodyOf) -> None:
    async with Simulator.running() as meta:
        status, answer = await client.send(meta.url, body_of(to="+52 55 1234 5678"))
        assert status == 200
        wamid = answer["messages"][0]["id"]
        assert wamid.startswith("wamid.")
        assert answer == {
            "messaging_product": "whatsapp",
            "contacts": [
                {"input": "+52 55 1234 5678", "wa_id": "5215512345678", "user_id": "MX.775215512345678"}
            ],
            "messages": [{"id": wamid, "message_status": "accepted"}],
        }
        _, ledger, _ = await client.call("GET", f"{meta.url}/_simulator/messages")
        entry = ledger["messages"][0]
        assert ledger["total"] == 1
        assert (entry["n"], entry["wamid"], entry["callback_data"]) == (1, wamid, "bc_1:r_1")
        assert (entry["to"], entry["template"], entry["language"]) == (
            "+52 55 1234 5678",
            "order_update",
            "en_US",
        )
        assert entry["phone_number_id"] == PHONE
        assert entry["body"] == body_of(to="+52 55 1234 5678")
        assert abs(entry["at_ms"] / 1000 - time.time()) < 60


async def test_marketing_messages_exists_once_the_waba_is_onboarded(client: Any, body_of: BodyOf) -> None:
    async with Simulator.running(Options(marketing_onboarding="ELIGIBLE")) as meta:
        path = f"{meta.url}/v25.0/{PHONE}/marketing_messages"
        asked = f"{meta.url}/v25.0/{WABA}?fields=marketing_messages_onboarding_status"
        status, answer, _ = await client.call("POST", path, body=body_of())
        assert (status, answer["error"]["code"], answer["error"]["error_subcode"]) == (400, 100, 33)
        _, said, _ = await client.call("GET", asked)
        assert said == {"id": WABA, "marketing_messages_onboarding_status": "ELIGIBLE"}
        meta.change(marketing_onboarding="ONBOARDED")
        status, _, _ = await client.call("POST", path, body=body_of())
        _, ledger, _ = await client.call("GET", f"{meta.url}/_simulator/messages")
        assert (status, [each["endpoint"] for each in ledger["messages"]]) == (200, ["marketing_messages"])


async def test_a_user_id_is_answered_with_a_user_id(client: Any, body_of: BodyOf) -> None:
    body = body_of()
    del body["to"]
    async with Simulator.running() as meta:
        _, answer = await client.send(meta.url, body | {"recipient": "US.123"})
        assert answer["contacts"] == [{"input": "US.123", "user_id": "US.123"}]


@pytest.mark.parametrize(
    ("token", "status", "code"), [("right", 200, None), ("wrong", 401, 190), (None, 401, 104)]
)
async def test_the_token_is_checked(client: Any, token: str | None, status: int, code: int | None) -> None:
    async with Simulator.running(Options(access_token="right")) as meta:
        found, answer = await client.send(meta.url, token=token)
        assert found == status
        assert answer.get("error", {}).get("code") == code
        assert len(meta.ledger) == (1 if code is None else 0)


async def test_only_configured_numbers_exist(client: Any) -> None:
    async with Simulator.running(Options(phone_numbers=("111=222", "333"))) as meta:
        status, answer = await client.send(meta.url)
        assert (status, answer["error"]["code"]) == (400, 100)
        status, _, _ = await client.call("GET", f"{meta.url}/v25.0/111")
        assert status == 200
        _, numbers, _ = await client.call("GET", f"{meta.url}/v25.0/222/phone_numbers")
        assert [n["id"] for n in numbers["data"]] == ["111"]
        status, _, _ = await client.call("GET", f"{meta.url}/v25.0/999/message_templates")
        assert status == 400


async def test_an_unknown_path_is_refused_as_meta_does(client: Any) -> None:
    async with Simulator.running() as meta:
        status, answer, _ = await client.call("GET", f"{meta.url}/v25.0/1/nonsense")
        assert (status, answer["error"]["code"]) == (400, 2500)


async def test_number_fields_follow_the_options(client: Any) -> None:
    options = Options(quality_rating="RED", messaging_limit="TIER_2K", can_send_message="BLOCKED")
    async with Simulator.running(options) as meta:
        fields = "quality_rating,throughput,whatsapp_business_manager_messaging_limit,status,health_status"
        _, number, _ = await client.call("GET", f"{meta.url}/v25.0/{PHONE}?fields={fields}")
        health = number.pop("health_status")
        assert number == {
            "id": PHONE,
            "quality_rating": "RED",
            "throughput": {"level": "STANDARD"},
            "whatsapp_business_manager_messaging_limit": "TIER_2K",
            "status": "CONNECTED",
        }
        assert health["can_send_message"] == "BLOCKED"
        assert health["entities"][0]["entity_type"] == "PHONE_NUMBER"
        assert health["entities"][0]["errors"][0]["error_code"] == 141006
        _, waba, _ = await client.call("GET", f"{meta.url}/v25.0/{options.waba_id}?fields=health_status")
        assert waba["health_status"]["entities"][0]["entity_type"] == "WABA"


async def test_templates_are_listed_along_next(client: Any) -> None:
    templates = tuple({"name": f"t{n}", "language": "en"} for n in range(5))
    async with Simulator.running(Options(templates=templates)) as meta:
        url, seen = f"{meta.url}/v25.0/{meta.options.waba_id}/message_templates?limit=2", []
        while url:
            _, page, _ = await client.call("GET", url)
            seen += [t["name"] for t in page["data"]]
            url = page["paging"].get("next")
        assert seen == ["t0", "t1", "t2", "t3", "t4"]


async def test_apps_subscribe_and_unsubscribe(client: Any) -> None:
    async with Simulator.running() as meta:
        url = f"{meta.url}/v25.0/{meta.options.waba_id}/subscribed_apps"
        listed = []
        for method in ("GET", "POST", "GET", "DELETE", "GET"):
            status, answer, _ = await client.call(method, url)
            assert status == 200
            listed += [len(answer["data"])] if method == "GET" else [answer["success"]]
        assert listed == [0, True, 1, True, 0]


@pytest.mark.parametrize(("forced", "status"), [(0, 500), (418, 418)])
async def test_a_random_error_accepts_nothing(client: Any, forced: int, status: int) -> None:
    async with Simulator.running(Options(error_share=1.0, error_code=131016, error_status=forced)) as meta:
        found, answer = await client.send(meta.url)
        assert (found, answer["error"]["code"]) == (status, 131016)
        assert len(meta.ledger) == 0
        assert meta.summary()["error_codes"] == {"131016": 1}


async def test_a_recipient_can_be_refused_while_others_are_accepted(client: Any, body_of: BodyOf) -> None:
    async with Simulator.running(Options(refused_recipients=("+15551230001=131026",))) as meta:
        status, answer = await client.send(meta.url)
        assert (status, answer["error"]["code"]) == (400, 131026)
        assert (await client.send(meta.url, body_of(to="+15551230002")))[0] == 200


async def test_sends_above_the_throughput_are_refused(client: Any) -> None:
    async with Simulator.running(Options(throttle_per_second=1, regain_minutes=3)) as meta:
        answers = [
            await client.call(
                "POST", f"{meta.url}/v25.0/{PHONE}/messages", body=json.loads(json.dumps(_BODY))
            )
            for _ in range(12)
        ]
        refused = [a for a in answers if a[0] != 200]
        assert refused
        assert {a[1]["error"]["code"] for a in refused} == {130429}
        assert {a[0] for a in refused} == {429}
        usage = json.loads(refused[0][2]["X-Business-Use-Case-Usage"])
        assert usage[meta.options.waba_id][0]["estimated_time_to_regain_access"] == 3
        assert len(meta.ledger) == 12 - len(refused) >= 1
        assert meta.summary()["outcomes"]["throttled"] == len(refused)
        # Another number has a throughput of its own.
        assert (await client.call("POST", f"{meta.url}/v25.0/999/messages", body=_BODY))[0] == 200


_BODY = {
    "messaging_product": "whatsapp",
    "to": "+15551230001",
    "type": "template",
    "template": {"name": "a", "language": {"code": "en"}},
}


@pytest.mark.parametrize(
    ("options", "taken", "outcome"),
    [
        (Options(close_before_share=1.0), 0, "close_before"),
        (Options(close_after_share=1.0), 1, "close_after"),
        (Options(half_answer_share=1.0), 1, "half_answer"),
        (Options(hang_share=1.0, hang_seconds=0.01, hang_taken=False), 0, "hang_not_taken"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_lost_connection_leaves_the_client_without_an_answer(
    client: Any, options: Options, taken: int, outcome: str
) -> None:
    async with Simulator.running(options) as meta:
        with pytest.raises(aiohttp.ClientError):
            await client.send(meta.url)
        assert len(meta.ledger) == taken
        assert meta.summary()["outcomes"] == {outcome: 1}


async def test_a_truncated_answer_is_truncated_on_the_connection() -> None:
    async with Simulator.running(Options(half_answer_share=1.0)) as meta:
        reader, writer = await asyncio.open_connection("127.0.0.1", meta.port)
        body = json.dumps(_BODY).encode()
        head = f"POST /v25.0/{PHONE}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head_bytes, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        declared = int(head_bytes.rsplit(b"Content-Length: ", 1)[1])
        assert head_bytes.startswith(b"HTTP/1.1 200 OK")
        assert 0 < len(rest) < declared


async def test_a_hang_answers_late_and_the_message_is_accepted_before(client: Any, receiver: Any) -> None:
    options = Options(hang_share=1.0, hang_seconds=30.0, webhook_url=receiver.url, sent_after_ms=0)
    async with Simulator.running(options) as meta:
        hanging = asyncio.create_task(client.send(meta.url))
        await asyncio.wait_for(receiver.arrived.wait(), PATIENCE_S)
        assert len(meta.ledger) == 1
        assert not hanging.done()
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        meta.change(hang_seconds=0.01)
        assert (await client.send(meta.url))[0] == 200


@pytest.mark.parametrize("taken", [True, False])
async def test_a_bad_gateway_answers_with_html(client: Any, taken: bool) -> None:
    async with Simulator.running(Options(bad_gateway_share=1.0, bad_gateway_taken=taken)) as meta:
        status, answer = await client.send(meta.url)
        assert status == 502
        assert answer.startswith("<html>")
        assert len(meta.ledger) == int(taken)


async def test_idle_connections_are_closed() -> None:
    async with Simulator.running(Options(keepalive_s=0.01)) as meta:
        reader, writer = await asyncio.open_connection("127.0.0.1", meta.port)
        writer.write(b"GET /_simulator/summary HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        writer.close()
        await writer.wait_closed()


async def test_the_configured_latency_is_kept(client: Any) -> None:
    async with Simulator.running(Options(latency_ms=60, latency_jitter_ms=1)) as meta:
        began = time.monotonic()
        assert (await client.send(meta.url))[0] == 200
        assert time.monotonic() - began >= 0.06


async def test_held_answers_are_sent_when_the_option_is_switched_off(client: Any, receiver: Any) -> None:
    """The messages are accepted; their statuses also wait."""
    options = Options(hold_answers=True, webhook_url=receiver.url, sent_after_ms=0, delivered_share=0.0)
    async with Simulator.running(options) as meta:
        sends = [asyncio.create_task(client.send(meta.url)) for _ in range(3)]
        await eventually(lambda: len(meta.ledger) == 3)
        meta.change(latency_ms=1)  # another change releases nothing
        assert not any(send.done() for send in sends)
        assert receiver.bodies == []
        meta.change(hold_answers=False)
        assert [status for status, _ in await asyncio.gather(*sends)] == [200] * 3
        await meta.idle(PATIENCE_S)
        assert len(receiver.statuses) == 3


async def test_held_messages_are_marked_in_the_ledger(client: Any) -> None:
    async with Simulator.running(Options(held_share=1.0)) as meta:
        _, answer = await client.send(meta.url)
        assert answer["messages"][0]["message_status"] == "held_for_quality_assessment"


async def test_the_ledger_has_pages_and_counts_and_can_be_deleted(client: Any, body_of: BodyOf) -> None:
    async with Simulator.running() as meta:
        for n in (1, 2, 3, 1):
            await client.send(meta.url, body_of(to=f"+1555123000{n}", callback=f"r{n}"))
        url = f"{meta.url}/_simulator/messages"
        _, counts, _ = await client.call("GET", f"{url}?count_only=1")
        assert counts == {
            "total": 4,
            "distinct_callback_data": 3,
            "duplicate_callback_data": 1,
            "distinct_to": 3,
            "duplicate_to": 1,
        }
        _, page, _ = await client.call("GET", f"{url}?after=1&limit=2")
        assert [e["n"] for e in page["messages"]] == [2, 3]
        assert page["next_after"] == 3
        _, page, _ = await client.call("GET", f"{url}?after=3")
        assert [e["n"] for e in page["messages"]] == [4]
        assert page["next_after"] is None
        await client.call("DELETE", url)
        assert meta.summary()["requests"] == 0
        await client.send(meta.url)
        _, page, _ = await client.call("GET", f"{url}?after=4")
        assert [e["n"] for e in page["messages"]] == [5]


async def test_a_ledger_file_holds_a_line_for_each_message_even_unanswered(
    client: Any, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    options = Options(close_after_share=1.0, ledger_file=str(path), keep_bodies=False)
    async with Simulator.running(options) as meta:
        with pytest.raises(aiohttp.ClientError):
            await client.send(meta.url)
        line = json.loads(path.read_text())
        assert line["wamid"] == meta.ledger.entries[0].wamid
        assert line["body"]["to"] == "+15551230001"
        assert meta.ledger.entries[0].body == b""


async def test_options_change_while_it_runs(client: Any) -> None:
    async with Simulator.running(Options(access_token="t")) as meta:
        url = f"{meta.url}/_simulator/options"
        _, before, _ = await client.call("GET", url)
        assert (before["error_share"], before["access_token"]) == (0.0, "set")
        status, after, _ = await client.call("PATCH", url, body={"error_share": 1, "error_code": 131042})
        assert (status, after["error_share"]) == (200, 1.0)
        assert (await client.send(meta.url))[1]["error"]["code"] == 131042
        status, answer, _ = await client.call("PATCH", url, body={"error_share": 9, "batch": 7})
        assert status == 400
        assert answer["problems"] == ["error_share: expected a number from 0 to 1, found 9.0"]
        assert (meta.options.error_share, meta.options.batch) == (1.0, 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("GET", "messages?after=x", None, "after: expected a whole number, found 'x'"),
        ("PATCH", "options", [1], "expected a JSON object as the body"),
        ("POST", "webhooks", {"field": "x"}, "expected {"),
        ("POST", "webhooks", {"field": "x", "value": {}}, "webhooks are off"),
        ("POST", "reply", {"text": "x"}, "expected {"),
        ("POST", "reply", {"wamid": "x", "text": "x"}, "no message x was accepted"),
        ("POST", "reply", {"to": "1", "text": "x"}, "phone_number_id: expected"),
        ("POST", "verify", {}, "expected {"),
    ],
)
async def test_the_error_of_a_failed_control_request_says_why(
    client: Any, method: str, path: str, body: Any, sentence: str
) -> None:
    async with Simulator.running() as meta:
        status, answer, _ = await client.call(method, f"{meta.url}/_simulator/{path}", body=body)
        assert status == 400
        assert sentence in answer["error"]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("reply", {"to": "+15551230001", "kind": "poll"}, "kind: expected one of text"),
        ("people", {"number": "+15551230001"}, '"new_number"'),
        ("restrictions", {"types": []}, '"types"'),
        ("restrictions", {"types": ["R"], "hours": "soon"}, "hours: expected a number"),
    ],
)
async def test_a_request_for_a_webhook_that_cannot_be_made_is_refused(
    client: Any, path: str, body: dict[str, Any], expected: str
) -> None:
    options = Options(webhook_url="http://127.0.0.1:9/")
    async with Simulator.running(options) as meta:
        known = {"phone_number_id": PHONE} if path == "reply" else {}
        status, answer, _ = await client.call("POST", f"{meta.url}/_simulator/{path}", body=known | body)
        assert status == 400
        assert expected in answer["error"]


async def test_an_object_that_does_not_exist_is_refused_with_a_subcode(client: Any) -> None:
    async with Simulator.running(Options(phone_numbers=("1:2",))) as meta:
        status, answer = await client.send(meta.url)
        error = answer["error"]
        assert (status, error["code"], error["error_subcode"]) == (400, 100, 33)
