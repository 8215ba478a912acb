"""What a user would write instead of running wacrmd: a loop around pywa, the Python library for Meta's Cloud API.

`python -m bench.peer ADDRESS COUNT sync|async` sends COUNT messages to the stand-in at ADDRESS and prints {"rate"} as
JSON. `sync` sends one message at a time. `async` keeps `IN_FLIGHT` of them in flight with pywa's async client; starting
all at once is slower, because of httpx's connection pool. Neither stores anything: a crash loses what was not sent,
and a new run begins at the first recipient again.
"""

import asyncio
import json
import sys
import time
from typing import Any

import httpx
from pywa.client import WhatsApp
from pywa.types.templates import BaseParams, TemplateLanguage
from pywa_async.client import WhatsApp as AsyncWhatsApp

PHONE_NUMBER_ID = "106540352242920"
TIMEOUT_S = 60
IN_FLIGHT = 100
"""As many connections as httpx opens by default. 20, 32 and 50 were slower."""


def _at(address: str, request: httpx.Request) -> httpx.Request:
    """The request, to the stand-in: pywa has a fixed address of Meta."""
    host, _, port = address.rpartition(":")
    request.url = request.url.copy_with(scheme="http", host=host, port=int(port))
    return request


class _Local(httpx.HTTPTransport):
    def __init__(self, address: str) -> None:
        super().__init__(retries=0, trust_env=False)
        self._address = address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return super().handle_request(_at(self._address, request))


class _AsyncLocal(httpx.AsyncHTTPTransport):
    def __init__(self, address: str) -> None:
        super().__init__(retries=0, trust_env=False)
        self._address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await super().handle_async_request(_at(self._address, request))


def send(address: str, count: int) -> float:
    """Send `count` messages one after the other; messages per second."""
    session = httpx.Client(transport=_Local(address), timeout=TIMEOUT_S)
    client = WhatsApp(phone_id=PHONE_NUMBER_ID, token="EAAbench", session=session)
    began = time.monotonic()
    for index in range(count):
        client.send_template(
            to=_phone(index), name="hello", language=TemplateLanguage.ENGLISH_US, params=_params(index)
        )
    return count / (time.monotonic() - began)


async def send_async(address: str, count: int) -> float:
    """Send `count` messages, `IN_FLIGHT` of them at a time; messages per second."""
    session = httpx.AsyncClient(transport=_AsyncLocal(address), timeout=TIMEOUT_S)
    client = AsyncWhatsApp(phone_id=PHONE_NUMBER_ID, token="EAAbench", session=session)
    indexes = iter(range(count))

    async def sender() -> None:
        for index in indexes:
            await client.send_template(
                to=_phone(index), name="hello", language=TemplateLanguage.ENGLISH_US, params=_params(index)
            )

    began = time.monotonic()
    await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
    return count / (time.monotonic() - began)


def _phone(index: int) -> str:
    return f"1415{2_000_000 + index:07d}"


def _params(index: int) -> list[BaseParams | dict[str, Any]]:
    return [{"type": "body", "parameters": [{"type": "text", "text": f"Person {index}"}]}]


def main() -> None:
    """Send as the arguments say."""
    address, count, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    rate = send(address, count) if way == "sync" else asyncio.run(send_async(address, count))
    print(json.dumps({"rate": rate}))


if __name__ == "__main__":
    main()
