"""The event loops on which wacrmd runs."""

import pytest

both_event_loops = pytest.mark.parametrize(
    "anyio_backend",
    [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)
"""Runs a test on asyncio's own loop and on uvloop: they differ in how they read, time out and cancel."""
