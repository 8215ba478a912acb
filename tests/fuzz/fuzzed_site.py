"""A whole site that fuzz tests call from outside, with plain sockets; it runs in a thread of its own."""

import hmac
import itertools
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import anyio.from_thread
import httpx

from tests.support.patience import PATIENCE_S
from tests.support.site import APP_SECRET, Site, people, site

_HOOK_PATH = "/webhooks/meta"


@dataclass
class FuzzedSite:
    """The addresses of a running site, and what stands in it."""

    api_address: str
    hook_address: str
    admin_socket: Path
    key: str
    broadcast_id: str
    draft_id: str
    webhook_id: str
    _unused: Iterator[int] = field(default_factory=lambda: itertools.count(2_000_000))

    def phone(self) -> str:
        """A number that nothing else uses."""
        return f"+1415{next(self._unused)}"

    @property
    def api(self) -> httpx.Client:
        """A client of the API, to be closed."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=f"http://{self.api_address}", headers=headers, timeout=PATIENCE_S)

    @property
    def hook(self) -> httpx.Client:
        """A client of the listener for Meta's webhooks, to be closed."""
        return httpx.Client(base_url=f"http://{self.hook_address}", timeout=PATIENCE_S)


def signed(body: bytes) -> dict[str, Any]:
    """What httpx posts as Meta would."""
    digest = hmac.digest(APP_SECRET.encode(), body, "sha256").hex()
    return {"url": _HOOK_PATH, "content": body, "headers": {"X-Hub-Signature-256": f"sha256={digest}"}}


@contextmanager
def running(folder: Path) -> Iterator[FuzzedSite]:
    """A site with a broadcast that was sent, a webhook and an opt-out."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(site(folder, extra=_CONFIGURATION)) as here,
    ):
        broadcast_id, draft_id, webhook_id = portal.call(_fill, here)
        yield FuzzedSite(
            str(here.running.api_address),
            str(here.running.meta_webhooks_address),
            here.socket,
            here.key,
            broadcast_id,
            draft_id,
            webhook_id,
        )


_CONFIGURATION = '[outbound_webhooks]\nallow_private = ["127.0.0.1/32"]\n'


async def _fill(here: Site) -> tuple[str, str, str]:
    broadcast_id = await here.send(people(3))
    await here.until_status(broadcast_id, "sent")
    opted_out = await here.api.post("/api/v1/optouts", json={"phone": "+14155550199"})
    assert opted_out.status_code == 201, opted_out.text
    new = {"url": "http://127.0.0.1:9/hook", "events": ["broadcast.sent"]}
    added = await here.api.post("/api/v1/webhooks", json=new)
    assert added.status_code == 201, added.text
    draft_id = await here.send(people(2), draft=True)
    return broadcast_id, draft_id, added.json()["data"]["id"]


class AdminSocket:
    """A client of the admin socket that sends any bytes and reads the lines that come back."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))
        self._lines = self.socket.makefile("rb")
        assert json.loads(self._lines.readline())["protocol"] == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self.socket.close()

    def send(self, data: bytes, *, and_close: bool = False) -> None:
        """Send bytes; the server may have closed before it has read them all."""
        try:
            self.socket.sendall(data)
            if and_close:
                self.socket.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def lines(self) -> Iterator[dict[str, Any]]:
        """All lines until the server closes."""
        try:
            for line in self._lines:
                yield json.loads(line)
        except ConnectionResetError:
            return

    def read(self) -> dict[str, Any]:
        """The next line."""
        found: dict[str, Any] = json.loads(self._lines.readline())
        return found
