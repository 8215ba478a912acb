"""What every test may ask for."""

from collections.abc import Iterator

import pytest

from wacrmd import log


@pytest.fixture
def anyio_backend() -> str:
    """The daemon runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Every test begins with the least level, whatever the one before it has set."""
    before = log.level()
    log.set_level("debug")
    yield
    log.set_level(before)
