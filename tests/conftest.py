"""Fixtures and settings for all tests."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from wacrmd import log

# The time of an example depends more on the load of the machine than on the code.
settings.register_profile("wacrmd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wacrmd")


@pytest.fixture
def anyio_backend() -> str:
    """The daemon runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Every test begins with the lowest level."""
    before = log.level()
    log.set_level("debug")
    yield
    log.set_level(before)


@pytest.fixture(autouse=True, scope="module")
def leaks() -> Iterator[None]:
    """What a module leaves open is reported in that module, and not wherever the garbage is collected next."""
    yield
    gc.collect()
