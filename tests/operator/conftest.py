"""The command line and raw lines against a whole site."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread
import pytest

from wacrmd.cli.main import main

Wacrmd = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def wacrmd(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Wacrmd:
    """Run one command line against the site in `tmp_path`: exit code, stdout, stderr."""

    async def run(*arguments: str | Path) -> tuple[int, str, str]:
        capfd.readouterr()
        line = ["--socket", str(tmp_path / "admin.sock"), *(str(one) for one in arguments)]
        code = await anyio.to_thread.run_sync(main, line)
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return run
