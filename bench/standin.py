"""A lean stand-in for Meta in a process of its own: takes messages, answers after a while, posts statuses.

Prints its port as the first line. It is controlled over the same port: `GET /stats`, `GET /messages`,
`POST /reset`, `POST /hang/NUMBER`, `POST /release`. It shares no code with wacrmd, so that a change there cannot
make it slower or faster.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import orjson
import uvloop

from bench.client import Client, percentile, request

STATUSES = ("sent", "delivered", "read")
BATCH_WAIT_S = 0.1
"""How long a status waits for others, where several go in one webhook."""


class Meta:
    """The messages received, and the statuses to post."""

    def __init__(self, latency_s: float, webhook: str | None, app_secret: str, batch: int) -> None:
        self.latency_s = latency_s
        self._webhook = Client(webhook, 64) if webhook else None
        self._secret = app_secret.encode()
        self._batch = batch
        self._outgoing: list[dict[str, Any]] = []
        self._posting: set[asyncio.Task[None]] = set()
        self._prefix = secrets.token_hex(6)
        self._count = 0
        self.hanging: set[str] = set()
        """Numbers whose messages are taken and not answered."""
        self.hanging_share = 0.0
        """The share of all messages that are taken and not answered."""
        self.held: list[Callable[[], None]] = []
        """The answers to these messages."""
        self.reset()

    def reset(self) -> None:
        """Set all counts to zero."""
        self.arrived: list[float] = []
        self.messages: list[tuple[str, str, str, str]] = []
        self.tokens: set[str] = set()
        self.duplicates = 0
        self.webhook_ms: list[float] = []
        self.webhook_answers: Counter[int] = Counter()

    def take(self, number: str, body: bytes) -> bytes:
        """Accept one message; the JSON to answer with."""
        self.arrived.append(time.monotonic())
        message = orjson.loads(body)
        to, token = message["to"].lstrip("+"), message.get("biz_opaque_callback_data", "")
        self.duplicates += token in self.tokens
        self.tokens.add(token)
        self._count += 1
        wamid = f"wamid.{self._prefix}{self._count:08d}"
        self.messages.append((number, wamid, token, to))
        if self._webhook is not None:
            self._schedule_statuses(number, wamid, to, token)
        return orjson.dumps(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": message["to"], "wa_id": to}],
                "messages": [{"id": wamid, "message_status": "accepted"}],
            }
        )

    def _schedule_statuses(self, number: str, wamid: str, to: str, token: str) -> None:
        loop = asyncio.get_running_loop()
        for status, after in zip(STATUSES, (0.05, 0.4, 1.2), strict=True):
            one = {
                "id": wamid,
                "status": status,
                "timestamp": str(int(time.time())),
                "recipient_id": to,
                "biz_opaque_callback_data": token,
            }
            loop.call_later(self.latency_s + after, self._add_status, number, one)

    def _add_status(self, number: str, status: dict[str, Any]) -> None:
        self._outgoing.append(status)
        if len(self._outgoing) >= self._batch:
            self._flush(number)
        elif len(self._outgoing) == 1:
            asyncio.get_running_loop().call_later(BATCH_WAIT_S, self._flush, number)

    def _flush(self, number: str) -> None:
        statuses, self._outgoing = self._outgoing, []
        if not statuses:
            return
        task = asyncio.create_task(self._post(webhook_request(number, statuses, self._secret)))
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def _post(self, body: bytes) -> None:
        assert self._webhook is not None
        try:
            answer = await self._webhook.send(body, time.monotonic())
        except (OSError, RuntimeError):  # the daemon has stopped, or refuses
            self.webhook_answers[0] += 1
            return
        self.webhook_ms.append(answer.ms)
        self.webhook_answers[answer.status] += 1

    def hangs(self, number: str) -> bool:
        """Whether the message that was taken last gets no answer."""
        share = self.hanging_share
        return number in self.hanging or int(self._count * share) != int((self._count - 1) * share)

    def release(self) -> None:
        """Answer all again, also what was not answered."""
        self.hanging.clear()
        self.hanging_share = 0.0
        for answer in self.held:
            answer()
        self.held.clear()

    def stats(self) -> dict[str, Any]:
        """Counts and times so far."""
        return {
            "received": len(self.arrived),
            "duplicates": self.duplicates,
            "first": self.arrived[0] if self.arrived else None,
            "last": self.arrived[-1] if self.arrived else None,
            "seconds": [arrived - self.arrived[0] for arrived in self.arrived[::1000]],
            "webhook_answers": dict(self.webhook_answers),
            "webhook_p99_ms": percentile(self.webhook_ms, 0.99) if self.webhook_ms else None,
        }


def webhook_request(number: str, statuses: list[dict[str, Any]], secret: bytes) -> bytes:
    """A signed webhook of Meta as an HTTP request."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": number},
        "statuses": statuses,
    }
    changes = [{"field": "messages", "value": value}]
    body = orjson.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": changes}]}
    )
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return request("POST", "/webhooks/meta", body, {"X-Hub-Signature-256": f"sha256={signature}"})


class Connection(asyncio.Protocol):
    """One connection; it knows just enough of HTTP/1.1."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta
        self._buffer = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            length = 0
            if (at := head.lower().find(b"content-length:")) >= 0:
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._serve(head.split(b" ", 2)[1].decode(), body)

    def _serve(self, path: str, body: bytes) -> None:
        if path.endswith("/messages") and body:
            number = path.split("/")[-2]
            answer = self._meta.take(number, body)
            if self._meta.hangs(number):
                self._meta.held.append(partial(self._answer, answer))
                return
            asyncio.get_running_loop().call_later(self._meta.latency_s, self._answer, answer)
        elif path == "/messages":
            self._answer(orjson.dumps(self._meta.messages))
        elif path == "/reset":
            self._meta.reset()
            self._answer(b"{}")
        elif path.startswith("/hang/"):
            self._meta.hanging.add(path.rpartition("/")[2])
            self._answer(b"{}")
        elif path == "/release":
            self._meta.release()
            self._answer(b"{}")
        else:
            self._answer(json.dumps(self._meta.stats()).encode())

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )


async def serve(meta: Meta) -> None:
    """Listen on a free port, print it, and serve until stdin ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(meta), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Run as `python -m bench.standin`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency-ms", type=float, default=100)
    parser.add_argument("--webhook", help="HOST:PORT that gets three statuses of each message")
    parser.add_argument("--app-secret", default="")
    parser.add_argument("--batch", type=int, default=1, help="statuses per webhook")
    given = parser.parse_args()

    async def run() -> None:
        await serve(Meta(given.latency_ms / 1000, given.webhook, given.app_secret, given.batch))

    uvloop.run(run())


if __name__ == "__main__":
    main()
