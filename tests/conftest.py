"""What every test may ask for."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The daemon runs on asyncio alone."""
    return "asyncio"
