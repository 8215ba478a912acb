"""Where Node.js is there (`make clients`): linters do not complain, and a generated TypeScript client does the main job."""

import os
from pathlib import Path

import anyio
import pytest

from tests.clients.document import write_document
from tests.support.site import site

HERE = Path(__file__).parents[2] / "build" / "clients"
"""Where `make clients` has copied the folder `typescript`, and has installed what it needs."""
PROGRAMS = HERE / "node_modules" / ".bin"
REQUIRED = "WACRMD_NODE"
"""Set by `make clients`: then nothing is skipped."""

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not PROGRAMS.exists() and REQUIRED not in os.environ, reason="needs `make clients`"),
]


async def run(*command: str | Path) -> str:
    """The output of a program, which must succeed."""
    environment = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "HOME": str(HERE), "REDOCLY_TELEMETRY": "off"}
    done = await anyio.run_process([str(word) for word in command], check=False, cwd=HERE, env=environment)
    shown = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, shown
    return shown


async def test_redocly_has_no_complaint(tmp_path: Path) -> None:
    await run("redocly", "lint", write_document(tmp_path), "--config", HERE / "redocly.yaml")


async def test_spectral_has_no_complaint(tmp_path: Path) -> None:
    await run("spectral", "lint", write_document(tmp_path), "--fail-severity", "hint")


async def test_a_generated_typescript_client_does_the_main_job(tmp_path: Path) -> None:
    await run("openapi-typescript", write_document(tmp_path), "--output", HERE / "api.ts")
    await run("tsc")
    async with site(tmp_path) as here:
        assert await run("node", HERE / "main.js", f"http://{here.running.api_address}", here.key) == "done\n"
