"""The bare loop that wacrmd is measured against: the same HTTP transport, without a database.

`python -m bench.bare ADDRESS COUNT CONCURRENCY` prints {"rate", "cpu_ms"} as JSON. With a concurrency of 1
it sends one message at a time.
"""

import asyncio
import json
import sys
import time

import uvloop

from wacrmd.http_client.client import Timeouts
from wacrmd.meta.transport import Transport, request_head

BODY = {
    "messaging_product": "whatsapp",
    "recipient_type": "individual",
    "to": "+14152000000",
    "type": "template",
    "template": {
        "name": "hello",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Person 1"}]}],
    },
}


async def send(address: str, count: int, concurrency: int) -> dict[str, float]:
    """Send `count` messages, `concurrency` at a time."""
    transport = Transport(max_connections=concurrency)
    url = f"http://{address}/v23.0/106540352242920/messages"
    headers = {"Authorization": "Bearer EAAbench", "Content-Type": "application/json"}
    head = request_head("POST", url, headers)
    timeouts = Timeouts(30, 30, 30)
    left = iter(range(count))

    async def loop() -> None:
        for index in left:
            body = json.dumps(BODY | {"biz_opaque_callback_data": f"bare:{index}"}).encode()
            answer = await transport.exchange(head, body, timeouts)
            if not json.loads(answer.content)["messages"][0]["id"]:
                raise AssertionError(answer.content)

    began, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(loop() for _ in range(concurrency)))
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    await transport.aclose()
    return {"rate": count / seconds, "cpu_ms": used / count * 1000}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(send(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
