"""A full run at debug level: no secret is in the log, in an answer or in the database file."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from tests.support.fork_server import WACRMD, Forked, fork_server
from tests.support.patience import PATIENCE_S
from tests.support.site import ALL_SCOPES, PHONE_NUMBER_ID, WABA_ID, people, phones
from wacrmd.admin.client import AdminClient
from wacrmd.admin.protocol import RpcError
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio

SECRETS = {
    "access token": "EAAveryowntokenofthistest0123456789",
    "new access token": "EAAtheothertokenofthistest987654321",
    "app secret": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "new app secret": "a5a5a5a55a5a5a5aa5a5a5a55a5a5a5a",
    "verify token": "verify-word-of-this-test-7c2f",
    "misspelt secret": "EAAgivenunderawrongname00112233445",
}
CONFIG = """
[storage]
path = "{folder}/wacrmd.db"
[api]
bind = "127.0.0.1:0"
[webhooks]
bind = "127.0.0.1:0"
[dashboard]
bind = ""
[admin]
socket = "{folder}/admin.sock"
[meta]
graph_url = "{graph_url}"
connect_timeout_s = 1
read_timeout_s = 1
[outbound_webhooks]
allow_private = ["127.0.0.0/8"]
[log]
level = "debug"
format = "json"
"""


class Run:
    """The daemon as a process, its output so far, and all its answers."""

    def __init__(self, folder: Path, process: Forked) -> None:
        self.folder = folder
        self.process = process
        self.answers: list[str] = []

    def said(self) -> str:
        """Standard output and error."""
        return (self.folder / "out.log").read_text()

    async def event(self, name: str) -> dict[str, Any]:
        """Wait for the first line of this event."""
        with anyio.fail_after(PATIENCE_S):
            while True:
                for line in self.said().splitlines():
                    if line.startswith("{") and (found := json.loads(line))["event"] == name:
                        return dict(found)
                await anyio.sleep(0.05)

    async def admin(self, method: str, **params: Any) -> Any:
        """Call a method and keep its result or error for the search."""

        def call() -> Any:
            with AdminClient(self.folder / "admin.sock") as client:
                return client.call(method, params)

        try:
            answer = await anyio.to_thread.run_sync(call)
        except RpcError as error:
            self.answers.append(f"{method} {error} {error.data}")
            return None
        # the results of these contain a secret on purpose
        if method not in ("key.create", "key.rotate", "webhook.add"):
            self.answers.append(f"{method} {json.dumps(answer)}")
        return answer


def start(folder: Path, graph_url: str) -> Forked:
    """The daemon's process, at debug level."""
    (folder / "config.toml").write_text(CONFIG.format(folder=folder, graph_url=graph_url))
    with (folder / "out.log").open("wb") as out:
        config = folder / "config.toml"
        return fork_server().start(
            WACRMD, "serve", "--config", config, stdout=out.fileno(), stderr=out.fileno()
        )


@asynccontextmanager
async def running(folder: Path, graph_url: str) -> AsyncIterator[Run]:
    """The daemon, with all its output in one file."""
    run = Run(folder, start(folder, graph_url))
    try:
        await run.event("daemon_ready")
        yield run
    finally:
        run.process.terminate()
        code = await anyio.to_thread.run_sync(run.process.wait)
    assert code == 0


@pytest.mark.exhaustive(only=True)
async def test_no_secret_is_in_any_output_of_a_full_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = Options(
        access_token=SECRETS["access token"],
        app_secret=SECRETS["app secret"],
        error_share=0.2,
        close_after_share=0.1,
        replied_share=1.0,
        failed_share=0.1,
    )
    keys: dict[str, str] = {}
    async with Simulator.running(options) as sim, running(tmp_path, sim.url) as run:
        ready = await run.event("daemon_ready")
        hook_url = f"http://{ready['webhooks']}"
        sim.change(webhook_url=hook_url)
        await run.admin("account.add", name="shop")
        await run.admin(
            "number.add",
            account="shop",
            phone_number_id=PHONE_NUMBER_ID,
            waba_id=WABA_ID,
            access_token=SECRETS["access token"],
            app_secret=SECRETS["app secret"],
            verify_token=SECRETS["verify token"],
            check=True,
        )
        await run.admin("number.set", id=PHONE_NUMBER_ID, acces_token=SECRETS["misspelt secret"])
        await run.admin(
            "number.add", account="shop", phone_number_id="x", access_token=SECRETS["misspelt secret"]
        )
        made = await run.admin("key.create", account="shop", name="crm", scopes=list(ALL_SCOPES))
        keys["API key"] = made["key"]
        hook = await run.admin("webhook.add", account="shop", url=f"{sim.url}/no/such/path")
        keys["webhook secret"] = hook["secret"]
        async with httpx.AsyncClient(base_url=f"http://{ready['api']}", timeout=PATIENCE_S) as api:
            await use_api(run, api, made["key"])
            await use_webhooks(hook_url)
            await run.admin(
                "number.set",
                id=PHONE_NUMBER_ID,
                access_token=SECRETS["new access token"],
                app_secret=SECRETS["new app secret"],
                check=True,
            )
            await sim.idle()
            run.answers.append((await api.get("/metrics")).text)
        for method in await run.admin("rpc.describe"):
            if method["level"] == "read" and not method["stream"] and not method["params"].get("required"):
                await run.admin(method["name"])
        for name in ("audit", "doctor", "number.check", "number.show", "export-person", "webhook.deliveries"):
            await run.admin(name, **({"id": PHONE_NUMBER_ID} if name.startswith("number") else {}))
        await run.admin("webhook.deliveries", id=hook["id"])
        await run.admin("export-person", phone=phones(1)[0])
        await run.admin("backup", file=str(tmp_path / "backup.db"))
        ended = await run.event("attempt_failed")
        assert ended["request_id"] == "the-request-of-this-test"
    said = run.said()
    assert len(said.splitlines()) > 30
    assert "[log] level: " in said, "the daemon warns about the debug level"
    printed = "".join(capfd.readouterr())
    for name, secret in (SECRETS | keys).items():
        assert secret not in said, name
        assert secret not in printed, name
        assert not [answer[:300] for answer in run.answers if secret in answer], name
        for file in ("wacrmd.db", "wacrmd.db-wal", "backup.db"):
            if (tmp_path / file).exists():
                assert secret.encode() not in (tmp_path / file).read_bytes(), f"{name} in {file}"
    assert not [phone for phone in phones(30) if phone in said], "phone numbers are masked"


async def use_api(run: Run, api: httpx.AsyncClient, key: str) -> None:
    """Valid and invalid requests of apps; each contains the key."""
    right = {"Authorization": f"Bearer {key}", "X-Request-Id": "the-request-of-this-test"}
    body = {"template_name": "hello", "recipients": people(30)}
    answer = await api.post("/api/v1/broadcasts", json=body, headers=right)
    assert answer.status_code == 202, answer.text
    broadcast = f"/api/v1/broadcasts/{answer.json()['data']['broadcast_id']}"
    with anyio.fail_after(PATIENCE_S):
        while True:
            shown = (await api.get(broadcast, headers=right)).json()["data"]
            if shown["pending_count"] <= 6:
                break
            await anyio.sleep(0.05)
    for path in (
        broadcast,
        "/api/v1/me",
        "/api/v1/numbers",
        "/api/v1/webhooks",
        "/api/v1/templates",
        "/readyz",
    ):
        run.answers.append((await api.get(path, headers=right)).text)
    for headers in (
        {"Authorization": f"Bearer {key}x"},
        {"Authorization": f"Basic {key}"},
        {"X-Api-Key": key},
    ):
        run.answers.append((await api.get("/api/v1/me", headers=headers)).text)
    run.answers.append((await api.get(f"/api/v1/nothing?key={key}", headers=right)).text)
    run.answers.append((await api.post("/api/v1/broadcasts", content=key.encode(), headers=right)).text)


async def use_webhooks(url: str) -> None:
    """Meta's challenge with the verify token, and a wrong signature."""
    async with httpx.AsyncClient() as meta:
        token = SECRETS["verify token"]
        for given in (token, f"{token}x"):
            query = {"hub.mode": "subscribe", "hub.verify_token": given, "hub.challenge": "1"}
            await meta.get(url, params=query)
        signature = {"X-Hub-Signature-256": f"sha256={SECRETS['app secret']}"}
        await meta.post(url, content=b"{}", headers=signature)
