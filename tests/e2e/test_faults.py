"""The effects of Meta's errors on recipients, broadcasts and numbers: over real sockets, with a test clock."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.store.rows import opt_out
from tests.support.clock import ShiftClock
from tests.support.patience import eventually
from tests.support.site import APP_SECRET, NOBODY, PHONE_NUMBER_ID, WABA_ID, Site, people, phones, site
from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.domain.actor import Actor
from wacrmd.domain.hold import HoldReason
from wacrmd.services.broadcasts import lifecycle, read
from wacrmd.services.numbers import manage
from wacrmd.simulator import Options, Simulator
from wacrmd.simulator.payloads import encoded, envelope, signature

ANNA = Actor.operator("anna")

pytestmark = pytest.mark.anyio


async def broadcast_of(here: Site, broadcast_id: str) -> Any:
    return await read.broadcast_of(here.running.ctx, Actor.operator("anna"), broadcast_id)


async def resume(here: Site, broadcast_id: str) -> None:
    await lifecycle.resume(here.running.ctx, await broadcast_of(here, broadcast_id))


async def post_change(here: Site, field: str, value: dict[str, Any]) -> None:
    """Post a webhook of Meta."""
    body = encoded(envelope(WABA_ID, field, value))
    headers = {"X-Hub-Signature-256": signature(APP_SECRET, body), "Content-Type": "application/json"}
    answer = await here.hook.post("/webhooks/meta", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def messages_of(here: Site, **value: Any) -> dict[str, Any]:
    """The value of a `messages` webhook of the site's number."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": PHONE_NUMBER_ID}
    return {"messaging_product": "whatsapp", "metadata": metadata, **value}


async def recipient(here: Site, to: str) -> dict[str, Any]:
    """One recipient's row by its number."""

    def read(tx: Any) -> dict[str, Any]:
        cursor = tx.execute('SELECT * FROM recipient WHERE "to" = ?', (to,))
        names = [column[0] for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))

    return await here.running.ctx.db.read(read)


async def attempts(here: Site) -> int:
    """The numbers of attempts of all recipients."""

    def read(tx: Any) -> int:
        (count,) = tx.execute("SELECT sum(attempt) FROM recipient").fetchone()
        return int(count)

    return await here.running.ctx.db.read(read)


async def held(here: Site) -> list[str]:
    """The reasons that `status` on the admin socket gives."""
    return [hold["reason"] for hold in (await here.admin("status"))["held"]]


async def test_throttling_lowers_the_rate_and_time_restores_it(tmp_path: Path) -> None:
    """No recipient fails, and no retry is used."""
    clock = ShiftClock(stopped=True)
    async with site(
        tmp_path, clock=clock, messages_per_second=200, error_share=1.0, error_code=130429
    ) as here:
        broadcast_id = await here.send(people(60))
        shown = await here.until(broadcast_id, lambda b: b["hold"] is not None)
        assert shown["hold"]["reason"] == "throttled"
        assert "130429" in shown["hold"]["detail"]
        assert "throttled" in await held(here)
        here.sim.change(error_share=0)
        slowed = here.running.sender.state(here.number["id"])
        assert slowed is not None
        assert (slowed.rate_now, slowed.rate_allowed) == (100, 200)
        clock.go()
        await here.until_status(broadcast_id, "sent")
        assert (await here.show(broadcast_id))["sent_count"] == 60
        clock.advance(10 * MINUTE)
        restored = here.running.sender.state(here.number["id"])
        assert restored is not None
        assert restored.rate_now == 200
        assert here.sim.ledger.counts()["duplicate_to"] == 0


async def test_the_pair_limit_delays_only_one_recipient(tmp_path: Path) -> None:
    one, *others = phones(20)
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, refused_recipients=(f"{one}=131056",)) as here:
        broadcast_id = await here.send(people(20))
        shown = await here.until(broadcast_id, lambda b: b["sent_count"] == 19)
        assert shown["pending_count"] == 1
        for tried in (2, 3):
            await here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "waiting_for_retry")
            clock.advance(6 * SECOND)
            while (await recipient(here, one))["attempt"] < tried:
                await here.running.scheduler.run_due()
        here.sim.change(refused_recipients=[])
        clock.advance(HOUR)
        await here.until_status(broadcast_id, "sent")
        assert (await recipient(here, one))["attempt"] > 1
        assert (await recipient(here, others[0]))["attempt"] == 1


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("code", [132001, 132015])
async def test_a_template_error_pauses_the_broadcast_and_resume_continues_it(
    tmp_path: Path, code: int
) -> None:
    async with site(tmp_path, error_share=1.0, error_code=code) as here:
        broadcast_id = await here.send(people(100))
        shown = await here.until_status(broadcast_id, "paused")
        assert shown["hold"]["reason"] == "template"
        assert str(code) in shown["hold"]["detail"]
        shown = await here.until(broadcast_id, lambda b: b["pending_count"] == 100)
        assert (shown["failed_count"], len(here.sim.ledger)) == (0, 0)
        here.sim.change(error_share=0)
        await resume(here, broadcast_id)
        await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts() == {
            "total": 100,
            "distinct_callback_data": 100,
            "duplicate_callback_data": 0,
            "distinct_to": 100,
            "duplicate_to": 0,
        }


async def test_a_token_error_pauses_the_number_and_resume_continues_it(tmp_path: Path) -> None:
    async with site(tmp_path, error_share=1.0, error_code=190) as here:
        first, second = await here.send(people(40)), await here.send(people(10, 40))
        shown = await here.until(first, lambda b: (b["hold"] or {}).get("reason") == "number_paused")
        assert shown["status"] == "sending"
        assert "190" in shown["hold"]["detail"]
        assert (await here.show(second))["hold"]["reason"] == "number_paused"
        (number,) = await here.admin("number.list")
        assert (number["state"], number["hold"]["reason"]) == ("paused", "account")
        await eventually(
            lambda: here.running.sender.in_flight == 0
        )  # a refusal after the resume would pause it again
        here.sim.change(error_share=0)
        await manage.resume(here.running.ctx, ANNA, PHONE_NUMBER_ID)
        for broadcast_id in (first, second):
            await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 50


async def test_a_number_that_the_token_may_not_see_is_paused_and_nobody_fails(tmp_path: Path) -> None:
    async with site(tmp_path, phone_numbers=("1",)) as here:
        broadcast_id = await here.send(people(40))
        shown = await here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "number_paused")
        for text in ("100 (subcode 33)", "Check the phone number id", "token"):
            assert text in shown["hold"]["detail"]
        await eventually(lambda: here.running.sender.in_flight == 0)
        assert (await here.show(broadcast_id))["pending_count"] == 40
        first = (await recipient(here, phones(1)[0]))["id"]
        one = (await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients/{first}")).json()["data"]
        assert "refused: 100 (subcode 33) Unsupported post request" in one["history"][0]["note"]
        here.sim.change(phone_numbers=())
        await manage.resume(here.running.ctx, ANNA, PHONE_NUMBER_ID)
        assert (await here.until_status(broadcast_id, "sent"))["sent_count"] == 40


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("code", [132000, 999_999])
async def test_failures_in_a_row_at_the_start_pause_the_broadcast(tmp_path: Path, code: int) -> None:
    """The first ten get a code that may concern all recipients, or an unknown one. The rest stays pending."""
    async with site(tmp_path, error_share=1.0, error_code=code) as here:
        broadcast_id = await here.send(people(200))
        shown = await here.until_status(broadcast_id, "paused")
        assert shown["hold"]["reason"] == "many_failures"
        assert str(code) in shown["hold"]["detail"]
        assert (shown["failed_count"], shown["pending_count"]) == (10, 190)
        assert (await recipient(here, phones(1)[0]))["error_code"] == code
        here.sim.change(error_share=0)
        await resume(here, broadcast_id)
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["failed_count"]) == (190, 10)


@pytest.mark.exhaustive(only=True)
async def test_failures_in_a_row_later_pause_the_broadcast(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(1000))
        await here.until(broadcast_id, lambda b: b["sent_count"] == 50)  # the burst of the rate limiter
        here.sim.change(error_share=1.0, error_code=132012)
        clock.go()
        shown = await here.until_status(broadcast_id, "paused")
        assert shown["hold"]["reason"] == "many_failures"
        assert shown["pending_count"] > 0


@pytest.mark.exhaustive(only=True)
async def test_failures_in_a_row_told_by_webhook_pause_the_broadcast(tmp_path: Path) -> None:
    """Meta accepts each message and reports later that it could not load the header's media."""
    clock = ShiftClock(stopped=True)
    faults: dict[str, Any] = {"failed_share": 1.0, "failed_codes": (131053,), "failed_after_ms": 0}
    async with site(tmp_path, clock=clock, **faults) as here:
        broadcast_id = await here.send(people(200))
        await here.until_status(broadcast_id, "paused")
        failed = await attempts(here)  # all that was sent until then
        assert 10 <= failed <= 50  # at most the burst of the rate limiter
        shown = await here.until(broadcast_id, lambda b: b["failed_count"] == failed)
        assert shown["pending_count"] == 200 - failed
        assert shown["hold"]["reason"] == "many_failures"
        assert "10 recipients in a row failed; the last: 131053" in shown["hold"]["detail"]
        here.sim.change(failed_share=0)
        await resume(here, broadcast_id)
        clock.go()
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["failed_count"]) == (200 - failed, failed)


@pytest.mark.exhaustive(only=True)
async def test_failures_told_before_and_after_a_restart_count_together(tmp_path: Path) -> None:
    async def fail(here: Site, wamids: list[str]) -> None:
        error = {"code": 131053, "title": "Media upload error"}
        statuses = [
            {"id": each, "status": "failed", "timestamp": "1795627253", "errors": [error]} for each in wamids
        ]
        await post_change(here, "messages", messages_of(here, statuses=statuses))

    async with site(tmp_path, clock=ShiftClock(stopped=True), webhook_url=NOBODY) as here:
        broadcast_id = await here.send(people(1000))
        await here.until(broadcast_id, lambda b: b["sent_count"] == 50)
        wamids = [entry.wamid for entry in here.sim.ledger.entries]
        await fail(here, wamids[:9])
        assert (await here.show(broadcast_id))["status"] == "sending"
    async with site(tmp_path, clock=ShiftClock(stopped=True), webhook_url=NOBODY) as here:
        await fail(here, wamids[:9])
        assert (await here.show(broadcast_id))["status"] == "sending"
        await fail(here, wamids[9:10])
        assert (await here.show(broadcast_id))["status"] == "paused"


async def test_while_meta_is_unreachable_no_recipient_fails_and_sending_continues_afterwards(
    tmp_path: Path,
) -> None:
    clock = ShiftClock()
    async with Simulator.running(Options()) as gone:
        port = gone.port
    extra = f'[meta]\ngraph_url = "http://127.0.0.1:{port}"'
    async with site(tmp_path, clock=clock, extra=extra) as here:
        broadcast_id = await here.send(people(30))
        shown = await here.until(
            broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "meta_unreachable"
        )
        assert (shown["pending_count"], shown["failed_count"], shown["uncertain_count"]) == (30, 0, 0)
        assert "meta_unreachable" in await held(here)
        for _ in range(2):
            before = await attempts(here)
            clock.advance(2 * MINUTE)
            while await attempts(here) == before:
                await here.running.scheduler.run_due()
        used = await here.running.ctx.db.read(
            lambda tx: tx.execute("SELECT sum(retries) FROM recipient").fetchone()
        )
        assert used == (0,)
        async with Simulator.running(here.sim.options, port=port) as back:
            clock.advance(2 * MINUTE)
            await here.until_status(broadcast_id, "sent")
            assert back.ledger.counts()["distinct_to"] == len(back.ledger) == 30


async def test_a_temporary_error_is_retried_with_delays_up_to_the_limit(tmp_path: Path) -> None:
    clock = ShiftClock()
    extra = "[sender]\nmax_retries = 2"
    async with site(tmp_path, clock=clock, extra=extra, error_share=1.0, error_code=131016) as here:
        broadcast_id = await here.send(people(3))
        for _ in range(2):
            await here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "waiting_for_retry")
            clock.advance(20 * MINUTE)
        shown = await here.until_status(broadcast_id, "sent")
        assert shown["failed_count"] == 3
        row = await recipient(here, phones(1)[0])
        assert (row["attempt"], row["error_code"]) == (3, 131016)


async def test_failed_statuses_store_their_error_and_add_opt_outs(tmp_path: Path) -> None:
    gone, stopped, _ = phones(3)
    fates = (f"{gone}=131026", f"{stopped}=131050")
    async with site(tmp_path, failed_recipients=fates) as here:
        broadcast_id = await here.send(people(3))
        await here.until(broadcast_id, lambda b: b["failed_count"] == 2)
        row = await recipient(here, gone)
        assert (row["error_code"], row["error_title"]) == (131026, "Message undeliverable")
        again = await here.post(people(3))
        assert (again.json()["data"]["suppressed"], again.json()["data"]["accepted"]) == (1, 2)


async def test_a_delivered_status_after_a_failed_one_counts(tmp_path: Path) -> None:
    (one,) = phones(1)
    async with site(tmp_path, failed_recipients=(f"{one}=131026",)) as here:
        broadcast_id = await here.send(people(1))
        await here.until(broadcast_id, lambda b: b["failed_count"] == 1)
        wamid = here.sim.ledger.entries[0].wamid
        status = {"id": wamid, "status": "delivered", "timestamp": "1795000000", "recipient_id": one[1:]}
        await post_change(here, "messages", messages_of(here, statuses=[status]))
        shown = await here.show(broadcast_id)
        assert (shown["failed_count"], shown["delivered_count"]) == (0, 1)
        assert (await recipient(here, one))["error_code"] is None


async def test_a_rate_error_of_the_number_lowers_its_rate(tmp_path: Path) -> None:
    async with site(tmp_path, clock=ShiftClock(stopped=True), messages_per_second=100) as here:
        await here.until_status(await here.send(people(5)), "sent")
        error = {"code": 130429, "title": "Rate limit hit", "message": "Rate limit hit"}
        await post_change(here, "messages", messages_of(here, errors=[error]))
        flow = here.running.sender.state(here.number["id"])
        assert flow is not None
        assert flow.rate_now == 50
        assert flow.hold is not None
        assert flow.hold.reason is HoldReason.THROTTLED


async def test_a_template_paused_by_meta_pauses_its_broadcasts_until_it_is_approved(tmp_path: Path) -> None:
    event = {
        "event": "PAUSED",
        "message_template_id": 1,
        "message_template_name": "hello",
        "message_template_language": "en-US",
        "reason": "NONE",
        "other_info": {"title": "FIRST_PAUSE", "description": "Low quality"},
    }
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=200) as here:
        broadcast_id = await here.send(people(60))
        await post_change(here, "message_template_status_update", event)
        shown = await here.show(broadcast_id)
        assert (shown["status"], shown["hold"]["reason"]) == ("paused", "template")
        assert "Low quality" in shown["hold"]["detail"]
        clock.go()
        await post_change(here, "message_template_status_update", event | {"event": "APPROVED"})
        await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 60


async def test_an_account_that_meta_disables_pauses_its_numbers_until_it_is_reinstated(
    tmp_path: Path,
) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=200) as here:
        broadcast_id = await here.send(people(60))
        ban = {
            "event": "DISABLED_UPDATE",
            "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "today"},
        }
        await post_change(here, "account_update", ban)
        assert (await here.show(broadcast_id))["hold"]["reason"] == "number_paused"
        clock.go()
        await post_change(here, "account_update", ban | {"ban_info": {"waba_ban_state": "REINSTATE"}})
        await here.until_status(broadcast_id, "sent")
        await post_change(here, "phone_number_quality_update", {"event": "THROUGHPUT_UPGRADE"})
        noted = await here.running.ctx.db.read(
            lambda tx: [field for (field,) in tx.execute("SELECT field FROM account_event ORDER BY id")]
        )
        assert noted == ["account_update", "account_update", "phone_number_quality_update"]


async def test_an_unmatched_failed_status_pauses_the_broadcast_once_it_matches(tmp_path: Path) -> None:
    """Without our token it is unmatched until the response names the message id."""
    (one,) = phones(1)
    async with site(
        tmp_path,
        clock=ShiftClock(stopped=True),
        messages_per_second=10,  # one message; others are pending when the broadcast is paused
        failed_recipients=(f"{one}=132015",),
        early_share=1.0,
        callback_in_failed=False,
    ) as here:
        broadcast_id = await here.send(people(1) + [{"to": phone} for phone in phones(30, 100)])
        shown = await here.until_status(broadcast_id, "paused")
        assert shown["hold"]["reason"] == "template"
        assert shown["failed_count"] == 1


async def test_a_recipient_whose_message_cannot_be_built_fails_alone(tmp_path: Path) -> None:
    """A row from which no message can be built, through a bug or a manual change, fails alone, with its reason."""
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=100) as here:
        broadcast_id = await here.send(people(30))
        last = phones(30)[-1]
        await here.running.ctx.db.write(
            lambda tx: tx.execute("UPDATE recipient SET content = '[1]' WHERE \"to\" = ?", (last,)).rowcount
        )
        clock.go()
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["failed_count"]) == (29, 1)
        assert "could not be built" in (await recipient(here, last))["error_title"]


async def test_a_broadcast_completes_when_its_last_recipients_opted_out(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.admin("number.pause", id=PHONE_NUMBER_ID)
        broadcast_id = await here.send(people(2))
        account_id = here.account["id"]
        for phone in phones(2):
            await here.running.ctx.db.write(partial(opt_out, account_id=account_id, phone=phone))
        await here.admin("number.resume", id=PHONE_NUMBER_ID)
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["cancelled_count"], len(here.sim.ledger)) == (0, 2, 0)


async def test_a_changed_limit_of_the_business_is_shown_with_its_numbers(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await post_change(here, "business_capability_update", {"max_daily_conversations_per_business": 2000})
        (number,) = await here.admin("number.list")
        assert number["limit_tier"] == "2000"
