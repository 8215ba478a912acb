"""Open files that come with a call: only administrators can send them, and the daemon keeps none."""

import os
import socket
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.admin.harness import Start
from tests.support.patience import eventually
from wacrmd.admin.client import AdminClient
from wacrmd.admin.protocol import MAX_DESCRIPTORS, RpcError
from wacrmd.domain.actor import Level

pytestmark = pytest.mark.anyio


def open_files(folder: Path) -> int:
    """How many descriptors of this process, which is that of the daemon too, are of files in the folder."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the directory itself
            found += each.readlink().is_relative_to(folder)
    return found


async def send(path: Path, method: str, params: dict[str, Any], files: list[int]) -> Any:
    """One call with open files, on a connection of its own."""

    def call() -> Any:
        with AdminClient(path) as client:
            return client.call(method, params, files)

    return await anyio.to_thread.run_sync(call)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[int]]:
    made = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("a", "b", "c", "d", "e")]
    yield made
    for each in made:
        os.close(each)


async def test_an_administrator_sends_open_files_and_a_reader_cannot(
    start: Start, tmp_path: Path, files: list[int]
) -> None:
    for level, count in ((Level.ADMIN, 2), (Level.OPERATE, 0), (Level.READ, 0)):
        async with start(level=level) as daemon:
            assert await send(daemon.path, "file.write", {"text": level.word}, files[:2]) == count
    for name in ("a", "b"):
        assert (tmp_path / name).read_text() == "admin"


async def test_none_stays_open_whatever_becomes_of_the_call(
    start: Start, tmp_path: Path, files: list[int]
) -> None:
    async with start(level=Level.ADMIN) as daemon:
        assert (
            await send(daemon.path, "file.write", {"text": "x"}, files[:MAX_DESCRIPTORS]) == MAX_DESCRIPTORS
        )
        assert await send(daemon.path, "file.write", {"text": "x"}, files) <= MAX_DESCRIPTORS
        for method, params in (
            ("echo", {"to": 1}),  # takes none
            ("file.write", {"text": 7}),  # is refused
            ("no.such", {}),
        ):
            with pytest.raises(RpcError) if method != "echo" else nullcontext():
                await send(daemon.path, method, params, files[:3])
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(daemon.path))
            for line in (b"no json\n", b"half a line"):
                socket.send_fds(raw, [line], files[:3])
            await anyio.sleep(0.1)
        await eventually(lambda: open_files(tmp_path) == len(files))


async def test_json_cannot_name_an_open_file(start: Start) -> None:
    """A number could be that of the database."""
    async with start(level=Level.ADMIN) as daemon:
        for name in ("descriptors", "_descriptors"):
            with pytest.raises(RpcError, match="there is no such parameter"):
                await send(daemon.path, "file.write", {"text": "x", name: [0]}, [])
