"""When results of attempts are written: at once, or together with others that come shortly after."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.store.rows import N1
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import people, site
from wacrmd.domain.attempt import AttemptResult
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.sender.decision import Decision
from wacrmd.sender.recorder import Recorder

pytestmark = pytest.mark.anyio

FOR_EVER_S = 3600.0


class Results:
    """A recorder on a real database, the requests that are in flight for it, and how many results it wrote together."""

    def __init__(self) -> None:
        self.recorder: Recorder
        self.in_flight = 0
        self.batches: list[int] = []

    def finished(self, results: list[AttemptResult], _: list[int]) -> None:
        self.in_flight -= len(results)
        self.batches.append(len(results))

    async def end(
        self, recipient_id: int, status: RecipientStatus = RecipientStatus.SENT, *, at_once: bool = False
    ) -> None:
        """A request has ended; the recorder's task has run since then."""
        result = AttemptResult(recipient_id, 1, 1, status, 0, 0, "note")
        self.recorder.add(Decision(result), N1, at_once=at_once)
        await anyio.lowlevel.checkpoint()

    async def written(self, *batches: int) -> None:
        """Return when so many results were written in each transaction."""
        await eventually(lambda: sum(self.batches) >= sum(batches))
        assert self.batches == list(batches)


@asynccontextmanager
async def results(tmp_path: Path, *, in_flight: int, linger_s: float = FOR_EVER_S) -> AsyncIterator[Results]:
    """A recorder whose last transaction has just begun: one result of `in_flight` requests was written."""
    async with site(tmp_path, webhooks=False) as here:
        await here.admin("number.pause", id=here.number["id"])
        await here.send(people(in_flight))
        made = Results()
        made.in_flight = in_flight
        made.recorder = Recorder(here.running.ctx, made.finished, lambda: made.in_flight, linger_s)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.recorder.run)
            with anyio.fail_after(PATIENCE_S):
                await made.end(1)
                await made.written(1)
                yield made
            tasks.cancel_scope.cancel()


async def test_accepted_messages_are_recorded_together_when_the_last_request_has_ended(
    tmp_path: Path,
) -> None:
    async with results(tmp_path, in_flight=5) as made:
        for recipient_id in (2, 3, 4, 5):
            await made.end(recipient_id)
        await made.written(1, 4)


async def test_what_is_no_accepted_message_is_recorded_at_once_with_all_that_waits(tmp_path: Path) -> None:
    async with results(tmp_path, in_flight=9) as made:
        await made.end(2)
        await made.end(3, RecipientStatus.FAILED)
        await made.written(1, 2)


async def test_a_result_for_which_its_broadcast_waits_is_recorded_at_once(tmp_path: Path) -> None:
    async with results(tmp_path, in_flight=9) as made:
        await made.end(2)
        await made.end(3, at_once=True)
        await made.written(1, 2)


async def test_a_result_waits_no_longer_than_the_linger_for_requests_that_hang(tmp_path: Path) -> None:
    async with results(tmp_path, in_flight=9, linger_s=1.0) as made:  # longer than the first write took
        await made.end(2)
        await made.written(1, 1)


async def test_what_waits_is_recorded_at_the_stop(tmp_path: Path) -> None:
    async with results(tmp_path, in_flight=9) as made:
        await made.end(2)
        await made.end(3)
        assert await made.recorder.flush()
        await made.written(1, 2)
