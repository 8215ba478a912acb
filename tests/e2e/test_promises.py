"""Tests for each promise of docs/delivery-guarantees.md, named after its number; the daemon gets SIGKILL."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from structlog.testing import capture_logs

from tests.e2e.process import Daemon
from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, WABA_ID, people, phones, site
from wacrmd.admin.client import AdminClient
from wacrmd.domain.actor import Actor
from wacrmd.domain.marketing_route import Endpoint
from wacrmd.services.broadcasts import lifecycle
from wacrmd.services.broadcasts.read import broadcast_of
from wacrmd.services.numbers.read import list_numbers
from wacrmd.simulator import Options, Simulator
from wacrmd.simulator.payloads import encoded, envelope, signature

HELLO: dict[str, Any] = {
    "name": "hello",
    "language": "en_US",
    "category": "MARKETING",
    "components": [{"type": "BODY", "text": "Hello {{1}}"}],
}
ANNA = Actor.operator("anna")
pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(
    folder: Path, *, sender: str = "", read_timeout_s: float = 30, **options: Any
) -> AsyncIterator[tuple[Daemon, Simulator]]:
    """A daemon on a new database, and the simulated Meta."""
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN, **options)) as sim:
        daemon = Daemon(folder, sim, sender=sender, read_timeout_s=read_timeout_s)
        await daemon.set_up()
        try:
            yield daemon, sim
        finally:
            await daemon.kill()


async def post(client: httpx.AsyncClient, recipients: list[dict[str, Any]], key: str | None = None) -> str:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"template_name": "hello", "recipients": recipients}
    answer = await client.post("/api/v1/broadcasts", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    broadcast_id: str = answer.json()["data"]["broadcast_id"]
    return broadcast_id


async def show(daemon: Daemon, broadcast_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await daemon.admin("broadcast.show", id=broadcast_id)
    return found


async def until(
    daemon: Daemon, broadcast_id: str, true: Callable[[dict[str, Any]], bool], timeout_s: float = PATIENCE_S
) -> dict[str, Any]:
    """The broadcast once `true` returns True for it."""
    shown: dict[str, Any] = {}
    with anyio.move_on_after(timeout_s):
        while True:
            shown = await show(daemon, broadcast_id)
            if true(shown):
                return shown
            await anyio.sleep(0.02)
    raise AssertionError(f"still not so after {timeout_s} s: {shown}")


def rows(daemon: Daemon, sql: str) -> list[Any]:
    """Rows of the file, with or without a running daemon."""
    with closing(sqlite3.connect(daemon.folder / "wacrmd.db")) as db:
        return db.execute(sql).fetchall()


async def taken(sim: Simulator, count: int) -> None:
    """Wait until Meta has accepted that many messages."""
    await eventually(lambda: len(sim.ledger) >= count)


async def test_promise_1_accepted_is_on_disk(tmp_path: Path) -> None:
    """kill -9 as soon as the 202 has come. Broadcast, recipients and job are stored, and it is sent."""
    async with running(tmp_path) as (daemon, sim):
        async with daemon.client() as client:
            broadcast_id = await post(client, people(500), key="once")
            await daemon.kill()
        assert rows(daemon, "SELECT count(*) FROM recipient") == [(500,)]
        assert rows(daemon, "SELECT uuid FROM broadcast") == [(broadcast_id,)]
        assert rows(daemon, "PRAGMA journal_mode") == [("wal",)]
        await daemon.restart()
        async with daemon.client() as client:
            assert await post(client, people(500), key="once") == broadcast_id, "the key outlives the crash"
        shown = await until(daemon, broadcast_id, lambda b: b["status"] == "sent")
        assert shown["sent_count"] + shown["uncertain_count"] == 500
        assert sim.ledger.counts()["duplicate_to"] == 0


async def test_promise_1_the_writer_waits_for_the_disk(tmp_path: Path) -> None:
    """A test cannot cut the power. It checks the settings that protect against it: WAL and synchronous=FULL."""
    async with site(tmp_path) as here:
        mode = await here.running.ctx.db.outside_transaction(
            lambda tx: (
                tx.execute("PRAGMA journal_mode").fetchone(),
                tx.execute("PRAGMA synchronous").fetchone(),
            )
        )
        assert mode == (("wal",), (2,))


@pytest.mark.parametrize("endpoint", Endpoint)
async def test_promise_2_no_recipient_gets_a_second_message(tmp_path: Path, endpoint: Endpoint) -> None:
    """The daemon is killed with requests in flight. Each attempt is on disk, is not repeated, and is listed."""
    async with running(tmp_path, webhooks=False, templates=(HELLO,), marketing_onboarding="ONBOARDED") as (
        daemon,
        sim,
    ):
        await daemon.admin("account.set", name="shop", marketing_route=endpoint.value)
        await daemon.admin("template.sync")
        async with daemon.client() as client:
            broadcast_id = await post(client, people(300))
            for kill in range(3):
                await taken(sim, 30 * (kill + 1))
                sim.change(hold_answers=True)
                await taken(sim, len(sim.ledger) + 1)
                await daemon.kill()
                sim.change(hold_answers=False)
                noted = rows(daemon, "SELECT count(*) FROM recipient WHERE attempt > 0")[0][0]
                assert noted >= len(sim.ledger), "on disk before the first byte left"
                await daemon.restart()
        shown = await until(daemon, broadcast_id, lambda b: b["status"] == "sent")
        assert shown["uncertain_count"] > 0
        assert shown["sent_count"] + shown["uncertain_count"] == 300
        assert sim.ledger.counts()["duplicate_to"] == sim.ledger.counts()["duplicate_callback_data"] == 0
        assert {entry.endpoint for entry in sim.ledger.entries} == {endpoint.value}
        titles = rows(daemon, "SELECT DISTINCT error_title FROM recipient WHERE status = 'uncertain'")
        assert all("Meta may or may not have the message" in title for (title,) in titles)


@pytest.mark.parametrize(("policy", "left"), [("hold", "uncertain"), ("fail", "failed")])
async def test_promise_2_an_uncertain_recipient_gets_its_status_from_a_webhook_or_stays_listed(
    tmp_path: Path, policy: str, left: str
) -> None:
    sender = f'on_uncertain = "{policy}"'
    async with running(tmp_path, hold_answers=True, webhooks=False, sender=sender) as (daemon, sim):
        async with daemon.client() as client:
            broadcast_id = await post(client, people(8))
        await taken(sim, 8)
        await daemon.kill()
        await daemon.restart()
        shown = await until(daemon, broadcast_id, lambda b: b["status"] == "sent")
        assert shown[f"{left}_count"] == 8
        entries = sim.ledger.entries
        await post_statuses(
            daemon, [(entry.wamid, "sent", entry.send.callback_data) for entry in entries[:4]]
        )
        shown = await show(daemon, broadcast_id)
        assert (shown["sent_count"], shown[f"{left}_count"]) == (4, 4)


async def test_promise_2_policy_resend_sends_again(tmp_path: Path) -> None:
    sender = 'on_uncertain = "resend"'
    async with running(tmp_path, hold_answers=True, webhooks=False, sender=sender) as (daemon, sim):
        async with daemon.client() as client:
            broadcast_id = await post(client, people(8))
        await taken(sim, 8)
        await daemon.kill()
        sim.change(hold_answers=False)
        await daemon.restart()
        shown = await until(daemon, broadcast_id, lambda b: b["status"] == "sent")
        assert (shown["sent_count"], len(sim.ledger)) == (8, 16)


async def test_promise_3_each_recipient_is_final_or_listed_with_its_reason(tmp_path: Path) -> None:
    """Faults of every kind and three kills. Each recipient ends in a final state or is listed with its reason."""
    shares: dict[str, Any] = {
        "close_after_share": 0.05,
        "close_before_share": 0.05,
        "bad_gateway_share": 0.05,
        "half_answer_share": 0.05,
        "hang_share": 0.02,
        "error_share": 0.2,
        "error_code": 131056,
    }
    async with running(tmp_path, latency_ms=30, read_timeout_s=1.5, **shares) as (daemon, sim):
        async with daemon.client() as client:
            broadcast_id = await post(client, people(200))
        for kill in range(3):
            # What is in flight at a kill may reach nobody, and on a slow machine that is much: not all can be taken.
            await taken(sim, 20 * (kill + 1))
            await daemon.kill()
            await daemon.restart()
        sim.change(**dict.fromkeys([name for name in shares if name.endswith("share")], 0.0))
        await until(daemon, broadcast_id, lambda b: b["status"] == "sent")
        await sim.idle()
        have = {entry.send.input for entry in sim.ledger.entries}
        for to, status, title in rows(daemon, 'SELECT "to", status, error_title FROM recipient'):
            assert (to in have) == (status in ("sent", "delivered", "read")), (to, status)
            assert to in have or (status == "uncertain" and title)
        assert len(have) == len(sim.ledger)


async def post_statuses(daemon: Daemon, statuses: list[tuple[str, str, str | None]]) -> int:
    """Post statuses of Meta (message id, status, callback data); returns the HTTP status."""
    listed = [
        {"id": wamid, "status": status, "timestamp": "1795000000", "recipient_id": "1"}
        | ({"biz_opaque_callback_data": callback} if callback else {})
        for wamid, status, callback in statuses
    ]
    metadata = {"display_phone_number": "15550783881", "phone_number_id": PHONE_NUMBER_ID}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": listed}
    body = encoded(envelope(WABA_ID, "messages", value))
    headers = {"X-Hub-Signature-256": signature(APP_SECRET, body), "Content-Type": "application/json"}
    async with httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{daemon.webhook_port}/webhooks/meta"
        answer = await client.post(url, content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.status_code


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize("when", ["before the crash", "after the start"])
@pytest.mark.parametrize("token", [True, False])
async def test_promise_4_a_webhook_answered_200_is_stored(tmp_path: Path, when: str, token: bool) -> None:
    """Statuses of messages whose response was lost, before or after the crash, with our token or without.

    Without a token they are unmatched and the recipient stays uncertain. Once a status with the token names the
    message, all of them count.
    """
    async with running(tmp_path, hold_answers=True, webhooks=False) as (daemon, sim):
        async with daemon.client() as client:
            broadcast_id = await post(client, people(5))
        await taken(sim, 5)
        statuses = [
            (e.wamid, status, e.send.callback_data if token else None)
            for e in sim.ledger.entries
            for status in ("read", "delivered")
        ]
        if when == "before the crash":
            await post_statuses(daemon, statuses)
            await daemon.kill()
            await daemon.restart()
        else:
            await daemon.kill()
            await daemon.restart()
            await post_statuses(daemon, statuses)
        shown = await until(daemon, broadcast_id, lambda b: b["status"] == "sent")
        if not token:
            assert shown["uncertain_count"] == 5
            assert rows(daemon, "SELECT count(*) FROM unmatched_status") == [(10,)]
            await post_statuses(daemon, [(e.wamid, "sent", e.send.callback_data) for e in sim.ledger.entries])
            shown = await show(daemon, broadcast_id)
        assert (shown["read_count"], shown["uncertain_count"]) == (5, 0)
        await post_statuses(daemon, statuses * 3)
        assert (await show(daemon, broadcast_id))["read_count"] == 5


async def test_promise_4_a_status_during_a_restart_is_repeated_by_meta_and_counts(tmp_path: Path) -> None:
    """While the daemon is down, Meta gets no response. It repeats the webhook, which then counts."""
    async with running(
        tmp_path, latency_ms=20, sent_after_ms=10, delivered_after_ms=50, read_share=0, webhook_backoff_s=0.3
    ) as (daemon, sim):
        async with daemon.client() as client:
            broadcast_id = await post(client, people(50))
        await taken(sim, 50)
        await daemon.kill()
        await eventually(lambda: sim.summary()["webhooks"]["issued"].get("delivered") == 50)
        await daemon.restart()
        await sim.idle()
        shown = await until(daemon, broadcast_id, lambda b: b["status"] == "sent")
        assert (shown["delivered_count"], shown["uncertain_count"]) == (50, 0)


@pytest.mark.exhaustive(enough=4)
@pytest.mark.parametrize(
    ("why", "log_event"),
    [
        ("paused_by_operator", None),
        ("number_paused", "number_paused:account"),
        ("throttled", "number_blocked:throttled"),
        ("meta_unreachable", "number_blocked:meta_unreachable"),
        ("maintenance", "number_blocked:maintenance"),
        ("waiting_for_retry", "attempt_failed"),
        ("template", "broadcast_paused:template"),
        ("many_failures", "broadcast_paused:many_failures"),
    ],
)
async def test_promise_5_a_hold_has_its_reason_in_the_api_the_status_and_the_log(
    tmp_path: Path, why: str, log_event: str | None
) -> None:
    """`hold` in the API, the same in `status`, and a log event (the pause of an operator is in the audit log)."""
    codes = {
        "number_paused": 190,
        "throttled": 80007,
        "maintenance": 131057,
        "waiting_for_retry": 131016,
        "template": 132001,
        "many_failures": 132000,
    }
    options: dict[str, Any] = {"error_share": 1.0, "error_code": codes[why]} if why in codes else {}
    extra = '[meta]\ngraph_url = "http://127.0.0.1:9"' if why == "meta_unreachable" else ""
    with capture_logs() as events:
        await stall(tmp_path, why, extra, options)
    seen = {event["event"] + (f":{event['reason']}" if event.get("reason") else "") for event in events}
    assert log_event is None or log_event in seen


async def stall(folder: Path, why: str, extra: str, options: dict[str, Any]) -> None:
    async with site(
        folder, clock=ShiftClock(stopped=True), extra=extra, messages_per_second=500, **options
    ) as here:
        broadcast_id = await here.send(people(40))
        if why == "paused_by_operator":
            ctx = here.running.ctx
            await lifecycle.pause(ctx, ANNA, await broadcast_of(ctx, ANNA, broadcast_id))
        shown = await here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == why)
        assert shown["pending_count"] > 0
        assert shown["hold"]["detail"]
        assert shown["hold"]["since"].endswith("Z")
        status = await here.admin("status")
        assert why in {held["reason"] for held in status["held"] if held["id"] == broadcast_id}


async def test_promise_6_counts_are_read_from_the_rows(tmp_path: Path) -> None:
    """Nothing adds them up: a row changed by hand is in the next response, if the broadcast's revision is raised."""
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(10))
        await here.until(broadcast_id, lambda b: b["status"] == "sent" and b["delivered_count"] == 10)
        before = await here.show(broadcast_id)
        first = phones(1)[0]
        await here.running.ctx.db.write(
            lambda tx: (
                tx.execute(
                    "UPDATE recipient SET status = 'replied', read_at = 1, replied_at = 1 WHERE \"to\" = ?",
                    (first,),
                ),
                tx.execute("UPDATE broadcast SET revision = revision + 1"),
            )
        )
        after = await here.show(broadcast_id)
        assert after["replied_count"] == before["replied_count"] + 1
        assert after["sent_count"] == 10
        columns = await here.running.ctx.db.read(
            lambda tx: [row[1] for row in tx.execute("PRAGMA table_info(broadcast)")]
        )
        assert not [name for name in columns if name.endswith("_count")]
        assert (await list_numbers(here.running.ctx))[0].in_flight == 0


async def test_promise_7_a_draft_is_sent_once_and_whole(tmp_path: Path) -> None:
    """kill -9 as soon as somebody has asked to send it; they ask again, and it is sent once to everybody."""
    async with running(tmp_path, webhooks=False) as (daemon, sim):
        file = tmp_path / "people.csv"
        file.write_text("\n".join(["phone,name", *(f"{phone},Jo" for phone in phones(1500)), ""]))
        draft = (await daemon.admin("draft.create", account="shop", template_name="hello"))["id"]

        def upload() -> None:
            with AdminClient(tmp_path / "admin.sock") as client, file.open("rb") as opened:
                client.call("draft.upload", {"id": draft, "name": "people.csv"}, [opened.fileno()])

        await anyio.to_thread.run_sync(upload)
        await daemon.admin("draft.check", id=draft)
        with anyio.fail_after(PATIENCE_S):
            while (await daemon.admin("draft.show", id=draft))["state"] != "checked":  # noqa: ASYNC110 - no event of another process
                await anyio.sleep(0.02)
        first = await daemon.admin("draft.send", id=draft)
        await daemon.kill()
        await daemon.restart()
        again = await daemon.admin("draft.send", id=draft)
        assert (first["broadcast_id"], first["total_recipients"]) == (
            again["broadcast_id"],
            again["total_recipients"],
        )
        shown = await until(daemon, draft, lambda b: b["status"] == "sent")
        assert shown["total_recipients"] == 1500
        assert shown["sent_count"] + shown["uncertain_count"] == 1500
        assert sim.ledger.counts()["duplicate_to"] == 0


async def test_promise_1_a_single_message_that_was_answered_202_is_sent_once(tmp_path: Path) -> None:
    """kill -9 while the request waits for Meta, and before it was sent; the key tells what became of it."""
    body = {"to": "+14155550123", "type": "template", "template": {"name": "hello"}}
    async with running(tmp_path) as (daemon, sim):
        await daemon.admin("number.pause", id=PHONE_NUMBER_ID)
        async with daemon.client() as client:
            first = await client.post("/api/v1/messages", json=body, headers={"Idempotency-Key": "k"})
            assert first.status_code == 202, first.text
        await daemon.kill()
        await daemon.restart()
        message_id = first.json()["data"]["message_id"]
        await daemon.admin("number.resume", id=PHONE_NUMBER_ID)
        await until(daemon, message_id, lambda b: b["status"] == "sent")
        async with daemon.client() as client:
            again = await client.post("/api/v1/messages", json=body, headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.json()["data"]["message_id"]) == (201, message_id)
        assert len(sim.ledger) == 1
