"""Webhooks that no app secret can have signed are refused before their body is read."""

import asyncio
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from tests.support.patience import PATIENCE_S
from tests.support.site import Site, site

pytestmark = pytest.mark.anyio

MAX_BYTES = 3 << 20
DIGEST = "0" * 64
MALFORMED = (
    "",
    "x-hub-signature-256: \r\n",
    f"x-hub-signature-256: {DIGEST}\r\n",
    f"x-hub-signature-256: sha256={DIGEST[1:]}\r\n",
    f"x-hub-signature-256: sha256={DIGEST[1:]}g\r\n",
    f"x-hub-signature-256: sha256={DIGEST}\r\nx-hub-signature-256: sha256={DIGEST}\r\n",
    f"x-hub-signature: sha1={DIGEST[:40]}\r\n",
)


class Client:
    """A connection to the webhook listener, by the byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def of(cls, here: Site) -> "Client":
        host, port = here.running.meta_webhooks_address.split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def answer(self) -> tuple[int, str]:
        """The status of the next answer, and its text."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].split("\r\n")[0])
            return int(head.split()[1]), (await self.reader.readexactly(length)).decode()


def head(extra: str, framing: str = f"content-length: {MAX_BYTES}") -> bytes:
    return f"POST /webhooks/meta HTTP/1.1\r\nhost: a\r\n{extra}{framing}\r\n\r\n".encode()


async def test_a_webhook_without_a_well_formed_signature_is_refused_before_its_body(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for extra in MALFORMED:
            client = await Client.of(here)
            client.writer.write(head(extra))
            status, text = await client.answer()  # of the body nothing was sent
            assert (status, "sha256= and 64 hexadecimal digits" in text) == (401, True), extra
            client.writer.close()
        await a_client_that_sends_first_sees_the_refusal(here)


async def a_client_that_sends_first_sees_the_refusal(here: Site) -> None:
    client = await Client.of(here)
    client.writer.write(head("") + b"x" * MAX_BYTES)
    await client.writer.drain()
    assert (await client.answer())[0] == 401
    client.writer.write(b"GET /webhooks/meta HTTP/1.1\r\nhost: a\r\n\r\n")  # the connection goes on
    assert (await client.answer())[0] == 403
    client.writer.close()


async def test_of_an_endless_body_only_so_much_is_received(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.http.request_tracker.LINGER_S", 3600)
    async with site(tmp_path) as here:
        client = await Client.of(here)
        client.writer.write(head("", "transfer-encoding: chunked"))
        assert (await client.answer())[0] == 401
        sent = 0
        with suppress(ConnectionError), anyio.fail_after(PATIENCE_S):
            while sent < 64 << 20:
                client.writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await client.writer.drain()
                sent += 0x10000
        assert sent < 32 << 20, "8 MiB, and what the buffers of both sides hold"
        client.writer.close()
