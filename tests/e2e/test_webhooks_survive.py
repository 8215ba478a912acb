"""A daemon that is killed during a delivery: the next one repeats it with the same id."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
import httpx
import pytest

from tests.support.patience import PATIENCE_S
from tests.support.receiver import receiver
from wacrmd.admin.client import AdminClient

pytestmark = pytest.mark.anyio

CONFIG = """
[storage]
path = "{folder}/wacrmd.db"
[api]
bind = "unix:{folder}/api.sock"
[webhooks]
bind = "unix:{folder}/webhooks.sock"
[dashboard]
bind = ""
[admin]
socket = "{folder}/admin.sock"
[templates]
sync_interval_minutes = 0
[outbound_webhooks]
allow_private = ["127.0.0.0/8"]
"""


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[None]:
    """The real daemon in its own process; killed at the end."""
    config = folder / "config.toml"
    config.write_text(CONFIG.format(folder=folder))
    command = [
        sys.executable,
        "-c",
        "from wacrmd.cli.main import main; main()",
        "serve",
        "--config",
        str(config),
    ]
    async with await anyio.open_process(command, stdout=None, stderr=PIPE) as process:
        assert process.stderr is not None
        output = b""
        try:
            with anyio.fail_after(PATIENCE_S):
                while b'"daemon_ready"' not in output:
                    output += await process.stderr.receive()
            yield
        except anyio.EndOfStream as error:
            raise AssertionError(output.decode()) from error
        finally:
            process.kill()


def admin(folder: Path, method: str, **params: Any) -> Any:
    with AdminClient(folder / "admin.sock") as client:
        return client.call(method, params)


@pytest.mark.exhaustive(only=True)
async def test_a_delivery_in_flight_at_kill_9_is_repeated(tmp_path: Path) -> None:
    async with receiver() as app:
        app.answers["/hook"] = None
        async with serving(tmp_path):
            await anyio.to_thread.run_sync(lambda: admin(tmp_path, "account.add", name="shop"))
            scopes = ["webhooks:manage", "optouts:manage"]
            key = await anyio.to_thread.run_sync(
                lambda: admin(tmp_path, "key.create", account="shop", name="k", scopes=scopes)
            )
            async with httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(uds=str(tmp_path / "api.sock")),
                base_url="http://wacrmd",
                headers={"Authorization": f"Bearer {key['key']}"},
            ) as api:
                webhook = {"url": f"{app.url}/hook", "events": ["contact.opted_out"]}
                assert (await api.post("/api/v1/webhooks", json=webhook)).status_code == 201
                assert (await api.post("/api/v1/optouts", json={"phone": "+14155550100"})).status_code == 201
            await app.until(lambda: len(app.requests) == 1)
        app.answers["/hook"] = 200
        async with serving(tmp_path):
            await app.until(lambda: len(app.requests) == 2)
        first, second = app.requests
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
