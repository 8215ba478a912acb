"""Pause, resume, cancel and retry: atomic, safe to repeat, concurrent with each other and with a send."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.clock import ShiftClock
from tests.support.meta import status
from tests.support.patience import eventually
from tests.support.site import NOBODY, PHONE_NUMBER_ID, Site, people, phones, site
from wacrmd.clock import DAY, iso
from wacrmd.domain.actor import Actor
from wacrmd.domain.attempt import UncertainPolicy
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.retry import RetryRequest
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.services.broadcasts import lifecycle
from wacrmd.services.broadcasts.read import broadcast_of
from wacrmd.services.numbers import manage
from wacrmd.store import recipients
from wacrmd.views.broadcasts import BroadcastView

pytestmark = pytest.mark.anyio

S = RecipientStatus
ANNA = Actor.operator("anna")
BOTH = frozenset({S.FAILED, S.UNCERTAIN})


class Operator:
    """The use cases on one broadcast; each returns the new status, or the code and text of the error."""

    def __init__(self, here: Site, broadcast: Broadcast) -> None:
        self.ctx = here.running.ctx
        self.broadcast = broadcast

    async def pause(self) -> str:
        return await self._result_of(partial(lifecycle.pause, self.ctx, ANNA, self.broadcast))

    async def resume(self) -> str:
        return await self._result_of(partial(lifecycle.resume, self.ctx, self.broadcast))

    async def cancel(self) -> str:
        return await self._result_of(partial(lifecycle.cancel, self.ctx, self.broadcast))

    async def retry(self, statuses: frozenset[RecipientStatus] = BOTH) -> str:
        request = RetryRequest(statuses)
        return await self._result_of(partial(lifecycle.retry, self.ctx, self.broadcast, request))

    async def _result_of(self, call: Callable[[], Awaitable[Any]]) -> str:
        try:
            answer = await call()
        except Refusal as refusal:
            assert refusal.code is ErrorCode.CONFLICT
            return f"conflict: {refusal.message}"
        return str(answer.status) if isinstance(answer, BroadcastView) else f"requeued {len(answer.ids)}"


async def operator(here: Site, broadcast_id: str) -> Operator:
    return Operator(here, await broadcast_of(here.running.ctx, ANNA, broadcast_id))


async def requests_in_flight(here: Site, count: int) -> None:
    """Wait until that many requests are in flight."""
    await eventually(lambda: here.running.sender.in_flight == count)


async def concurrently(*calls: Callable[[], Awaitable[str]]) -> list[str]:
    """Their results, in the order of the calls."""
    answers = [""] * len(calls)

    async def one(place: int, call: Callable[[], Awaitable[str]]) -> None:
        answers[place] = await call()

    async with anyio.create_task_group() as tasks:
        for place, call in enumerate(calls):
            tasks.start_soon(one, place, call)
    return answers


@pytest.mark.exhaustive(only=True)
async def test_after_a_pause_returns_only_requests_in_flight_are_sent(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, latency_ms=300) as here:  # slow answers: more requests in flight
        broadcast_id = await here.send(people(500))
        by = await operator(here, broadcast_id)
        await here.until(broadcast_id, lambda b: b["sent_count"] == 50)  # the burst of the rate limiter
        here.sim.change(hold_answers=True)
        clock.advance(40)
        await requests_in_flight(here, 20)
        clock.go()
        assert await by.pause() == "paused"
        under_way = here.running.sender.in_flight
        requests = here.sim.ledger.requests
        assert under_way >= 20
        here.sim.change(hold_answers=False)
        await requests_in_flight(here, 0)
        shown = await here.show(broadcast_id)
        assert here.sim.ledger.requests <= requests + under_way
        assert shown["hold"]["reason"] == "paused_by_operator"
        assert "anna" in shown["hold"]["detail"]
        assert shown["sent_count"] == len(here.sim.ledger) < 500
        for _ in range(3):
            await here.running.scheduler.run_due()
        assert len(here.sim.ledger) == shown["sent_count"]
        assert await by.resume() == "sending"
        await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 500


@pytest.mark.exhaustive(only=True)
async def test_repeated_pause_and_resume_sends_each_message_once(tmp_path: Path) -> None:
    async with site(tmp_path, latency_ms=10) as here:
        broadcast_id = await here.send(people(400))
        by = await operator(here, broadcast_id)
        while (await here.show(broadcast_id))["status"] != "sent":
            await concurrently(by.pause, by.resume, by.pause, by.resume, by.resume)
            await by.resume()
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 400


async def test_repeating_a_verb_changes_nothing(tmp_path: Path) -> None:
    async with site(tmp_path, clock=ShiftClock(stopped=True)) as here:
        by = await operator(here, await here.send(people(100)))
        assert [await by.pause(), await by.pause()] == ["paused", "paused"]
        assert [await by.resume(), await by.resume()] == ["sending", "sending"]
        assert [await by.cancel(), await by.cancel()] == ["cancelled", "cancelled"]
        assert await by.pause() == "conflict: Cannot pause this broadcast: it is cancelled"
        assert await by.resume() == "conflict: Cannot resume this broadcast: it is cancelled"
        assert (await by.retry()).startswith("conflict: The broadcast is cancelled")


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize("round_", range(5))
async def test_two_concurrent_verbs_leave_a_consistent_state(tmp_path: Path, round_: int) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(60))
        by = await operator(here, broadcast_id)
        await by.pause()
        clock.go()
        first, second = ((by.resume, by.cancel), (by.cancel, by.resume))[round_ % 2]
        answers = await concurrently(first, second, by.pause, first)
        assert "cancelled" in answers
        shown = await here.until(broadcast_id, lambda b: b["pending_count"] == 0)
        assert shown["status"] == "cancelled"
        assert shown["sent_count"] == len(here.sim.ledger)
        assert shown["sent_count"] + shown["cancelled_count"] == 60


async def test_after_a_cancel_during_a_send_no_message_is_sent(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, latency_ms=300) as here:  # slow answers: more requests in flight
        broadcast_id = await here.send(people(500))
        by = await operator(here, broadcast_id)
        await here.until(broadcast_id, lambda b: b["sent_count"] == 50)
        here.sim.change(hold_answers=True)
        clock.advance(40)
        await requests_in_flight(here, 20)
        clock.go()
        assert await by.cancel() == "cancelled"
        here.sim.change(hold_answers=False)
        shown = await here.until(broadcast_id, lambda b: b["pending_count"] == 0)
        assert shown["cancelled_count"] > 0
        assert shown["sent_count"] == len(here.sim.ledger)
        await here.running.scheduler.run_due()
        assert len(here.sim.ledger) == shown["sent_count"]


async def test_a_waiting_retry_is_cancelled_with_its_broadcast(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131016) as here:
        broadcast_id = await here.send(people(5))
        by = await operator(here, broadcast_id)
        await here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "waiting_for_retry")
        assert await by.cancel() == "cancelled"
        here.sim.change(error_share=0)
        clock.advance(DAY)
        await here.running.scheduler.run_due()
        shown = await here.show(broadcast_id)
        assert (shown["cancelled_count"], len(here.sim.ledger)) == (5, 0)


async def test_two_concurrent_retries_requeue_each_recipient_once(tmp_path: Path) -> None:
    async with site(tmp_path, error_share=1.0, error_code=131026) as here:
        broadcast_id = await here.send(people(30))
        by = await operator(here, broadcast_id)
        await here.until_status(broadcast_id, "sent")
        here.sim.change(error_share=0)
        answers = await concurrently(by.retry, by.retry, by.retry)
        assert sorted(answers) == ["requeued 0", "requeued 0", "requeued 30"]
        await here.until_status(broadcast_id, "sent")
        shown = await here.show(broadcast_id)
        assert (shown["sent_count"], shown["failed_count"]) == (30, 0)
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 30


async def test_a_retry_of_uncertain_recipients_skips_those_with_a_status(
    tmp_path: Path,
) -> None:
    """Meta accepted all messages and closed the connections. Recipients with a status are not uncertain any more."""
    async with site(
        tmp_path, close_after_share=1.0, read_share=0, webhook_url=NOBODY, webhook_backoff_s=0.1
    ) as here:
        broadcast_id = await here.send(people(8))
        by = await operator(here, broadcast_id)
        await here.until(broadcast_id, lambda b: b["uncertain_count"] > 4)
        here.sim.change(webhook_url=here.webhook_url)
        await here.until(broadcast_id, lambda b: b["uncertain_count"] == 0 and b["delivered_count"] > 4)
        here.sim.change(close_after_share=0)
        assert await by.retry() == "requeued 0"
        here.running.ctx.throughput.reset(here.number["id"])
        await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts()["duplicate_to"] == 0


async def test_a_status_that_comes_before_the_response_completes_the_broadcast(tmp_path: Path) -> None:
    async with site(tmp_path, hold_answers=True, webhooks=False) as here:
        broadcast_id = await here.send(people(1))
        await requests_in_flight(here, 1)
        await eventually(lambda: len(here.sim.ledger) == 1)
        (entry,) = here.sim.ledger.entries
        token = json.loads(entry.body)["biz_opaque_callback_data"]
        await status(here, entry.wamid, "delivered", biz_opaque_callback_data=token)
        shown = await here.until_status(broadcast_id, "sent")
        assert shown["delivered_count"] == 1
        here.sim.change(hold_answers=False)
        await requests_in_flight(here, 0)


async def test_a_paused_broadcast_without_pending_recipients_is_completed(tmp_path: Path) -> None:
    async with site(tmp_path, hold_answers=True) as here:
        broadcast_id = await here.send(people(5))
        by = await operator(here, broadcast_id)
        await requests_in_flight(here, 5)
        assert await by.pause() == "paused"
        here.sim.change(hold_answers=False)
        await here.until_status(broadcast_id, "sent")
        assert await by.resume() == "conflict: Cannot resume this broadcast: it is sent"


@pytest.mark.exhaustive(only=True)
async def test_pausing_a_number_holds_all_its_broadcasts(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        first, second = await here.send(people(300)), await here.send(people(300, 300))
        await here.until(first, lambda b: b["sent_count"] > 0)
        ctx = here.running.ctx
        for _ in range(2):
            paused = await manage.pause(ctx, ANNA, PHONE_NUMBER_ID, "Paused by anna")
            assert paused.state == "paused"
        await requests_in_flight(here, 0)
        clock.go()
        sent = len(here.sim.ledger)
        await here.running.scheduler.run_due()
        assert len(here.sim.ledger) == sent < 600
        assert (await here.show(second))["hold"]["reason"] == "number_paused"
        for _ in range(2):
            assert (await manage.resume(ctx, ANNA, PHONE_NUMBER_ID)).state == "active"
        await here.until_status(first, "sent")
        await here.until_status(second, "sent")
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 600


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(("code", "reason"), [(190, "number_paused"), (132001, "template")])
async def test_a_pause_does_not_count_towards_the_maximum_age(tmp_path: Path, code: int, reason: str) -> None:
    """Recipients were tried once, then paused for days. A temporary fault afterwards does not fail them."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=code) as here:
        broadcast_id = await here.send(people(3))
        await here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == reason)
        await requests_in_flight(here, 0)
        clock.advance(5 * DAY)
        here.sim.change(error_code=131016)
        if reason == "template":
            await (await operator(here, broadcast_id)).resume()
        else:
            await manage.resume(here.running.ctx, ANNA, PHONE_NUMBER_ID)
        shown = await here.until(
            broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "waiting_for_retry"
        )
        assert shown["failed_count"] == 0


async def test_a_scheduled_broadcast_keeps_its_time_through_a_pause(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(3), scheduled_at=iso(clock.now() + DAY))
        by = await operator(here, broadcast_id)
        assert (by.broadcast.status, await by.pause()) == (BroadcastStatus.SCHEDULED, "paused")
        assert await by.resume() == "scheduled"
        assert await by.cancel() == "cancelled"
        assert (await here.show(broadcast_id))["cancelled_count"] == 3


@pytest.mark.exhaustive(only=True)
async def test_broadcasts_of_a_slow_number_do_not_use_all_workers(tmp_path: Path) -> None:
    """Four broadcasts at two messages a second would take minutes. The broadcast of another number is sent meanwhile."""
    async with site(tmp_path, messages_per_second=2) as here:
        for start in range(4):
            await here.send(people(100, 100 * start))
        other = await here.admin(
            "number.add",
            account="shop",
            phone_number_id="200",
            waba_id="300",
            access_token="EAAtestaccesstoken",
            app_secret="an app secret for tests",
            verify_token="another",
            messages_per_second=500,
            check=False,
        )
        quick = await here.send(people(50, 1000), **{"from": other["id"]})
        shown = await here.until_status(quick, "sent")
        assert shown["sent_count"] == 50


async def test_a_broadcast_of_a_removed_number_is_held_with_that_reason(tmp_path: Path) -> None:
    """Such a number cannot be removed. If it is removed by hand, the hold says so and a retry is rejected."""
    async with site(tmp_path, messages_per_second=1) as here:
        broadcast_id = await here.send(people(50))
        by = await operator(here, broadcast_id)
        with pytest.raises(Refusal, match="unfinished"):
            await manage.remove(here.running.ctx, ANNA, PHONE_NUMBER_ID)
        await here.running.ctx.db.write(
            lambda tx: tx.execute("UPDATE number SET access_token = x'', removed_at = 1").rowcount
        )
        shown = await here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "number_removed")
        assert shown["pending_count"] > 0
        assert (await by.retry()).startswith("conflict: The number of this broadcast was removed")
        assert await by.cancel() == "cancelled"


async def test_a_removed_number_is_not_shown_as_one_that_sends(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        removed = await here.admin("number.remove", id=PHONE_NUMBER_ID)
        assert removed == {
            "id": here.number["id"],
            "phone_number_id": PHONE_NUMBER_ID,
            "waba_id": here.number["waba_id"],
            "label": None,
            "display_phone": here.number["display_phone"],
            "account": "shop",
            "removed_at": removed["removed_at"],
        }
        assert removed["removed_at"] >= here.number["created_at"]
        assert await here.admin("number.list") == []


async def test_a_token_that_cannot_be_decrypted_pauses_the_number_with_a_reason(tmp_path: Path) -> None:
    async with site(tmp_path, messages_per_second=1) as here:
        broadcast_id = await here.send(people(20))
        await here.running.ctx.db.write(
            lambda tx: tx.execute("UPDATE number SET access_token = x'00112233'").rowcount
        )
        shown = await here.until(broadcast_id, lambda b: (b["hold"] or {}).get("reason") == "number_paused")
        assert "access token cannot be read" in shown["hold"]["detail"]


async def test_expiring_leases_while_running_leaves_requests_in_flight_alone(tmp_path: Path) -> None:
    """The clock jumps a day ahead while requests are in flight: no recipient becomes uncertain or gets a second message."""
    clock = ShiftClock()
    extra = '[sender]\non_uncertain = "resend"'
    async with site(tmp_path, clock=clock, extra=extra, hold_answers=True) as here:
        broadcast_id = await here.send(people(10))
        await requests_in_flight(here, 10)
        clock.advance(DAY)
        assert await here.running.sender.expire_old_leases() == {}
        here.sim.change(hold_answers=False)
        await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 10


async def test_an_attempt_without_a_request_expires_while_the_daemon_runs(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, messages_per_second=1) as here:
        broadcast_id = await here.send(people(30))
        last = phones(30)[-1]
        now = clock.now()
        await here.running.ctx.db.write(
            lambda tx: (
                tx.execute(
                    "UPDATE recipient SET status = 'sending', attempt = 1, claimed_at = ? WHERE \"to\" = ?",
                    (now, last),
                ).rowcount
            )
        )
        assert await here.running.sender.expire_old_leases() == {}
        clock.advance(DAY)
        assert sum((await here.running.sender.expire_old_leases()).values()) == 1
        page = await here.running.ctx.db.read(
            partial(recipients.page, broadcast_id=1, status=S.UNCERTAIN, before=None, limit=10)
        )
        assert [recipient.to for recipient in page] == [last]
        assert UncertainPolicy(here.running.ctx.config.sender.on_uncertain) is UncertainPolicy.HOLD
        assert (await here.show(broadcast_id))["uncertain_count"] == 1
