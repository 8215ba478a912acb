"""A program that sends one message at a time, and asks with the same key again until it is answered, and later once more."""

import random
import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import anyio
import httpx

from tests.e2e.torture.crowd import Crowd
from tests.e2e.torture.machine import Machine
from tests.e2e.torture.report import Posted, Report

TEMPLATE = {
    "name": "order_update",
    "language": "en_US",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Your order {{1}} is on its way"}],
}
"""What it sends."""

ASKED_AGAIN_SHARE = 0.3


@dataclass
class Singles:
    """Sends single messages; `posted` gets each, `crowd` the people."""

    machine: Machine
    random: random.Random
    posted: list[Posted]
    crowd: Crowd
    report: Report

    async def keep_sending(self) -> None:
        """Several senders at the same time, each with one message after the other."""
        async with self.machine.client() as client, anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(self._one_sender, client)

    async def _one_sender(self, client: httpx.AsyncClient) -> None:
        done: list[tuple[Posted, dict[str, Any]]] = []
        while True:
            (person,) = self.crowd.new(1)
            template = self.random.choice(("order_update", "hello"))
            body = {
                "to": person["to"],
                "type": "template",
                "template": {"name": template, "params": person["params"]},
            }
            posted = Posted(str(uuid4()), [person["to"]])
            self.posted.append(posted)
            await self._until_answered(client, posted, body)
            done.append((posted, body))
            if self.random.random() < ASKED_AGAIN_SHARE:
                await self._until_answered(client, *self.random.choice(done[-20:]))
            await anyio.sleep(self.random.random() * 0.5)

    async def _until_answered(self, client: httpx.AsyncClient, posted: Posted, body: dict[str, Any]) -> None:
        headers = {"Idempotency-Key": posted.key or ""}
        while True:
            with self.report.may_fail(httpx.HTTPError) as call:
                answer = await client.post("/api/v1/messages", json=body, headers=headers)
            if call.error is not None:
                # After any error but a refused connection it may have been taken.
                posted.tries += not isinstance(call.error, httpx.ConnectError)
                await anyio.sleep(0.05)
                continue
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # as while the file is away
                await anyio.sleep(0.2)
                continue
            break
        posted.tries += 1
        self.report.singles[answer.status_code] += 1
        if (message_id := _message_id(answer)) is None:
            posted.refused = answer.status_code
            self.report.problems.append(f"a message was answered {answer.status_code}: {answer.text[:200]}")
        elif posted.broadcast_id not in (None, message_id):
            self.report.problems.append(
                f"the key {posted.key} has the messages {posted.broadcast_id} and {message_id}"
            )
        else:
            posted.broadcast_id = message_id


def _message_id(answer: httpx.Response) -> str | None:
    """The message that an answer is about; None if it names none."""
    match answer.status_code:
        case httpx.codes.CREATED | httpx.codes.ACCEPTED:
            return str(answer.json()["data"]["message_id"])
        case httpx.codes.BAD_GATEWAY:
            return str(answer.json()["error"]["meta"]["message_id"])
        case httpx.codes.CONFLICT:  # somebody has opted out after it failed, and is not sent to again
            found = re.search(r"The message ([0-9a-f-]{36}) was cancelled", answer.text)
            return found[1] if found else None
    return None
