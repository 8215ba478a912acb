"""No exception object is kept for the life of the process: raised again, it would keep every caller's frames alive."""

import gc
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType

import httpx
import pytest

import wacrmd
from tests.support.site import people, site


def modules() -> Iterator[ModuleType]:
    yield wacrmd
    for found in pkgutil.walk_packages(wacrmd.__path__, "wacrmd."):
        yield importlib.import_module(found.name)


def kept(module: ModuleType) -> Iterator[str]:
    """The names under which a module, or a class of it, holds an exception instance, also within a collection."""
    holders: list[tuple[str, object]] = [(module.__name__, module)]
    holders += [
        (f"{module.__name__}.{name}", value)
        for name, value in vars(module).items()
        if isinstance(value, type)
    ]
    for where, holder in holders:
        for name, value in vars(holder).items():
            if any(isinstance(each, BaseException) for each in within(value)):
                yield f"{where}.{name}"


def within(value: object) -> Iterator[object]:
    yield value
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value


def test_no_module_or_class_holds_an_exception() -> None:
    assert [name for module in modules() for name in kept(module)] == []


def frames_held() -> int:
    """How many frames the tracebacks of live exceptions keep alive."""
    gc.collect()
    return sum(isinstance(each, FrameType) for each in gc.get_objects())


@pytest.mark.anyio
async def test_refusing_while_draining_keeps_nothing_of_the_requests(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.admin("drain", wait_s=0)

        async def refused(count: int) -> None:
            for _ in range(count):
                answer: httpx.Response = await here.post(people(1))
                assert answer.status_code == 503, answer.text

        await refused(3)
        before = frames_held()
        await refused(30)
        assert frames_held() - before < 10
