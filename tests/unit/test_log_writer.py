"""The log on a thread of its own: nobody waits for its reader, and what is dropped is counted and told."""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.disk import fill
from tests.support.patience import PATIENCE_S
from wacrmd import log, log_writer
from wacrmd.log_writer import LogWriter

LINE = "x" * 999


class Pipe:
    """A pipe that holds 4 KiB, its writer, and what was dropped and told."""

    def __init__(self) -> None:
        self.ours, self.theirs = os.pipe()
        fcntl.fcntl(self.ours, fcntl.F_SETPIPE_SZ, 4096)
        self.dropped = 0
        self.told: list[int] = []
        self.writer = LogWriter(self.theirs, on_drop=self.drop, tell=self.told.append)

    def drop(self) -> None:
        self.dropped += 1

    def read_all(self) -> list[bytes]:
        """Everything up to the end of the writer."""
        found = bytearray()

        def read() -> None:
            while chunk := os.read(self.ours, 65536):
                found.extend(chunk)

        reader = threading.Thread(target=read)
        reader.start()
        self.writer.close(PATIENCE_S)
        os.close(self.theirs)
        reader.join()
        return bytes(found).split(b"\n")[:-1]


@contextmanager
def pipe(monkeypatch: pytest.MonkeyPatch, waiting_bytes: int = 20_000) -> Iterator[Pipe]:
    monkeypatch.setattr(log_writer, "MAX_WAITING_BYTES", waiting_bytes)
    made = Pipe()
    yield made
    os.close(made.ours)


def until(true: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_are_written_whole_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe(monkeypatch, waiting_bytes=1 << 20) as made:
        for number in range(300):
            made.writer.put(f"{number} ü \ud800 {LINE}")
        found = made.read_all()
    assert found == [f"{number} ü \\ud800 {LINE}".encode() for number in range(300)]
    assert (made.dropped, made.told) == (0, [])


def test_without_a_reader_nobody_waits_and_what_is_dropped_is_counted_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_writer, "UNREAD_S", 0.05)
    with pipe(monkeypatch) as made:
        began = time.monotonic()
        for number in range(1000):
            made.writer.put(f"{number:03} {LINE}")
        assert time.monotonic() - began < 5
        until(lambda: "nobody has read the log" in (made.writer.problem or ""))
        found = made.read_all()
        until(lambda: made.told)
    assert 15 <= len(found) <= 30
    assert [int(line[:3]) for line in found] == list(range(len(found)))
    assert made.dropped == 1000 - len(found)
    assert made.told == [made.dropped]
    assert made.writer.problem is None


def test_a_line_that_is_larger_than_all_that_may_wait_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe(monkeypatch, waiting_bytes=100) as made:
        made.writer.put(LINE)
        assert made.read_all() == [LINE.encode()]


def test_the_end_does_not_wait_for_a_reader_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe(monkeypatch) as made:
        for _ in range(10):
            made.writer.put(LINE)
        began = time.monotonic()
        made.writer.close(0.2)
        assert 0.1 < time.monotonic() - began < 5
        os.read(made.ours, 65536)
        made.read_all()


def test_a_closed_reader_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe(monkeypatch) as made:
        os.close(made.ours)
        made.ours = os.dup(made.theirs)
        for _ in range(100):
            made.writer.put(LINE)
        made.writer.close(PATIENCE_S)
        assert made.dropped == 100
        assert made.writer.problem == "the log cannot be written (Broken pipe): lines are dropped"
        assert not made.writer._thread.is_alive()
        os.close(made.theirs)


def test_a_pipe_that_does_not_block_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent process may have set it so, for itself."""
    with pipe(monkeypatch, waiting_bytes=1 << 20) as made:
        os.set_blocking(made.theirs, False)
        for number in range(300):
            made.writer.put(f"{number} {LINE}")
        found = made.read_all()
    assert found == [f"{number} {LINE}".encode() for number in range(300)]
    assert made.dropped == 0


def test_a_slow_reader_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write waits for some of its reads, not all lines together for all of them."""
    with pipe(monkeypatch, waiting_bytes=1 << 20) as made:
        for number in range(50):
            made.writer.put(f"{number} {LINE}")
        until(lambda: made.writer._writing_since is not None)
        before = made.writer._writing_since
        os.read(made.ours, 4096)
        until(lambda: made.writer._writing_since != before)
        assert made.writer._waiting_bytes > 40_000, "most of it waits"
        made.read_all()


def test_lines_that_cannot_be_written_are_counted_and_told_when_they_can_again(
    small_disk: Path,
) -> None:
    counted, told = list[None](), list[int]()
    file = os.open(small_disk / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    writer = LogWriter(file, on_drop=lambda: counted.append(None), tell=told.append)
    ballast = fill(small_disk)
    os.truncate(ballast, ballast.stat().st_size - 8192)  # a batch of lines does not fit, but some of them
    for number in range(100):
        writer.put(f"{number:03} {LINE}")
    until(lambda: "No space left on device" in (writer.problem or ""))
    until(lambda: counted and not writer._waiting_bytes)
    ballast.unlink()
    writer.put("again")
    until(lambda: told)
    assert writer.problem is None
    writer.close(PATIENCE_S)
    os.close(file)
    lines = (small_disk / "log").read_text().splitlines()
    whole = [line for line in lines if line.endswith(LINE)]
    assert told == [len(counted)] == [100 - len(whole)]
    assert lines[-1] == "again"


def test_dropped_lines_become_an_event_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "MAX_WAITING_BYTES", 2000)
    ours, theirs = os.pipe()
    fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, 4096)
    counted: list[None] = []
    with os.fdopen(ours, "rb") as reader, os.fdopen(theirs, "w") as stream:
        before = log._output.stream
        log.configure("info", "json", stream=stream, environ={})
        log.count_dropped(lambda: counted.append(None))
        try:
            with log.in_background():
                for number in range(100):
                    log.get_logger("x").info("happened", number=number, text=LINE)
                found = list[dict[str, Any]]()
                while sum(line.get("count", 0) for line in found) != len(counted) or not counted:
                    found.append(json.loads(reader.readline()))
        finally:
            log.count_dropped(lambda: None)
            log.configure("info", "json", stream=before)
    numbers = [line["number"] for line in found if line["event"] == "happened"]
    assert numbers == sorted(numbers)
    assert len(counted) == 100 - len(numbers) > 50
    assert {line["event"] for line in found} == {"happened", "log_lines_dropped"}
