"""Files for headers, and a daemon that is killed at any moment."""

from pathlib import Path

import anyio
import httpx
import pytest

from tests.e2e.process import Daemon
from tests.e2e.test_promises import rows, running, until
from tests.media.files import PDF, PNG
from tests.support.patience import eventually
from tests.support.site import people

pytestmark = pytest.mark.anyio


async def upload(daemon: Daemon, content: bytes, name: str) -> str:
    """The id of a file that is stored."""
    async with daemon.client() as client:
        answer = await client.post("/api/v1/media", files={"file": (name, content)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])


async def send(daemon: Daemon, media_id: str, count: int) -> str:
    """A broadcast whose header is this file."""
    body = {"template_name": "hello", "recipients": people(count), "header": {"image": {"id": media_id}}}
    async with daemon.client() as client:
        answer = await client.post("/api/v1/broadcasts", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["data"]["broadcast_id"])


async def test_a_kill_between_an_upload_and_its_record_costs_a_second_upload_and_no_message(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, hold_answers=True) as (daemon, sim):
        media_id = await upload(daemon, PNG, "a.png")
        broadcast = await send(daemon, media_id, 20)
        await eventually(lambda: len(sim.media) == 1)
        await daemon.kill()
        sim.change(hold_answers=False)
        await daemon.restart()
        await until(daemon, broadcast, lambda shown: shown["status"] == "sent")
        assert len(sim.media) == 2
        assert sim.ledger.counts()["distinct_to"] == sim.ledger.counts()["total"] == 20
        used = {
            file.id for file in sim.media if any(file.id.encode() in each.body for each in sim.ledger.entries)
        }
        assert used == {sim.media[1].id}, "the first id was never recorded"


async def test_a_kill_while_a_file_comes_leaves_nothing_and_the_next_upload_is_whole(tmp_path: Path) -> None:
    async with running(tmp_path) as (daemon, sim):
        large = PDF + bytes(range(256)) * (40 << 10)

        async def until_killed() -> None:
            with pytest.raises(httpx.TransportError):
                await upload(daemon, large, "a.pdf")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until_killed)
            await eventually(lambda: rows(daemon, "SELECT count(*) FROM media_piece")[0][0] > 3)
            await daemon.kill()
        await daemon.restart()
        assert await daemon.admin("media.list") == []
        media_id = await upload(daemon, large, "a.pdf")
        await eventually(lambda: len(sim.media) == 1)
        (shown,) = await daemon.admin("media.list")
        assert (shown["id"], shown["sha256"]) == (media_id, sim.media[0].sha256)
