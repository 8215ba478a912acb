"""pywa, a Python library for Meta's Cloud API, reads every webhook that the simulated Meta sends.

But one: pywa 4.5 expects a number in a message about a changed user id, which has none at Meta.
"""

import logging
from typing import Any

import pytest

from tests.simulator.conftest import PHONE, Receiver
from wacrmd.simulator import Simulator
from wacrmd.simulator.options import Options

pytestmark = pytest.mark.anyio

REPLIES: list[dict[str, Any]] = [
    {"text": "Hello"},
    {"text": "Stop promotions", "button_payload": "Stop promotions"},
    {"kind": "edit", "text": "STOP"},
    {"kind": "revoke"},
    {"kind": "reaction"},
    {"kind": "reaction", "emoji": ""},
    {"text": "hello all", "group_id": "Y2FwaV9ncm91cDox"},
    {"text": "Hello", "context": False},
]


def read_by_pywa(bodies: list[bytes], caplog: pytest.LogCaptureFixture) -> list[str]:
    """What pywa says about webhooks that it cannot read."""
    from pywa.client import WhatsApp  # noqa: PLC0415 - it takes half a second in each worker that collects the tests

    client = WhatsApp(token="EAAx", phone_id=PHONE, filter_updates=False, app_secret="x")
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="pywa"):
        for body in bodies:
            assert client.webhook_update_handler(body) == ("ok", 200)
    return [record.getMessage() for record in caplog.records if record.name.startswith("pywa")]


@pytest.mark.parametrize("hide_phones", [False, True])
async def test_pywa_reads_every_webhook(
    receiver: Receiver, client: Any, body_of: Any, caplog: pytest.LogCaptureFixture, *, hide_phones: bool
) -> None:
    options = Options(
        webhook_url=receiver.url,
        hide_phones=hide_phones,
        read_share=1.0,
        replied_share=1.0,
        failed_recipients=("+15551230002=131026",),
        sent_after_ms=0,
        delivered_after_ms=0,
        read_after_ms=0,
        failed_after_ms=0,
        replied_after_ms=0,
    )
    async with Simulator.running(options) as meta:
        for to in ("+15551230001", "+15551230002", "+5215512345678"):
            await client.send(meta.url, body_of(to=to))
        await meta.idle()
        control = f"{meta.url}/_simulator"
        for asked in REPLIES:
            status, answer, _ = await client.call(
                "POST", f"{control}/reply", body={"to": "+15551230001"} | asked
            )
            assert status == 200, answer
        changed = {"phone_number_id": PHONE, "number": "+15551230001", "new_number": "+15551230009"}
        await client.call("POST", f"{control}/people", body=changed)
        restricted = {"types": ["RESTRICTED_BIZ_INITIATED_MESSAGING"], "hours": 24}
        await client.call("POST", f"{control}/restrictions", body=restricted)
    kinds = {message["type"] for value in receiver.values for message in value.get("messages", [])}
    assert kinds == {"text", "button", "edit", "revoke", "reaction", "system"}
    assert {status["status"] for status in receiver.statuses} == {"sent", "delivered", "read", "failed"}
    named = [m for value in receiver.values for m in value.get("messages", []) if m["type"] != "system"]
    assert all(("from" in message) != hide_phones and "from_user_id" in message for message in named)
    assert read_by_pywa(receiver.bodies, caplog) == []


def test_a_webhook_that_pywa_cannot_read_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    change = b'{"field":"messages","value":{"messages":[{}]}}'
    broken = b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[' + change + b"]}]}"
    assert read_by_pywa([broken], caplog)
