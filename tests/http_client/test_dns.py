"""Look-ups of names that strangers choose: bounded threads, also when the system's resolver hangs."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from tests.support.patience import PATIENCE_S, eventually
from wacrmd.http_client.dns import Lookups

pytestmark = pytest.mark.anyio


class Resolver:
    """The system's: it hangs for `.slow` names until `released`, and notes what it was asked for."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        if host.endswith(".slow"):
            self.released.wait(PATIENCE_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.released.set()


async def give_up(lookups: Lookups, host: str) -> None:
    with anyio.move_on_after(0.05):
        await lookups.resolve(host, 80)


async def test_a_name_is_looked_up_once_at_a_time_for_all_who_ask(system: Resolver) -> None:
    lookups = Lookups(2)
    found: list[Any] = []

    async def ask() -> None:
        found.append(await lookups.resolve("app.slow", 80))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask)
        await give_up(lookups, "app.slow")
        system.released.set()
    assert found == [[(socket.AF_INET, "192.0.2.1")]] * 5
    assert system.asked == ["app.slow"]
    await lookups.resolve("app.slow", 80)
    assert system.asked == ["app.slow", "app.slow"]


async def test_a_look_up_that_nobody_waits_for_keeps_its_place_until_it_ends(system: Resolver) -> None:
    lookups = Lookups(2)
    for number in range(6):
        await give_up(lookups, f"app{number}.slow")
    await eventually(lambda: len(system.asked) == 2)
    system.released.set()
    with anyio.fail_after(PATIENCE_S):
        assert await lookups.resolve("app.quick", 80) == [(socket.AF_INET, "192.0.2.1")]
    assert sorted(system.asked) == ["app.quick", "app0.slow", "app1.slow"]


async def test_a_failed_look_up_is_told_to_all_and_forgotten(
    system: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> list[Any]:
        system.released.wait(PATIENCE_S)
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    lookups = Lookups(1)
    with monkeypatch.context() as failing:
        failing.setattr(socket, "getaddrinfo", fail)
        await give_up(lookups, "none.slow")
        system.released.set()
        with pytest.raises(socket.gaierror):
            await lookups.resolve("none.slow", 80)
    await eventually(lambda: not lookups._running)
    assert await lookups.resolve("none.slow", 80)


async def test_an_address_takes_no_thread(system: Resolver) -> None:
    lookups = Lookups(1)
    await give_up(lookups, "app.slow")
    assert await lookups.resolve("192.0.2.1", 80) == [(socket.AF_INET, "192.0.2.1")]
