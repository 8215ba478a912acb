"""A program that fills drafts call by call, and sends or deletes them, each request until it is answered."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import anyio
import httpx

from tests.e2e.torture.machine import Machine
from tests.e2e.torture.report import Posted, Report

SIZES = (1, 250, 900)
PART = 200
TWICE = 20
"""People of the part before that each part repeats."""
DELETED_SHARE = 0.15


@dataclass
class Programs:
    """Fills one draft after the other; `posted` gets each that is sent, `new_people` are numbers of nobody else."""

    daemon: Machine
    random: random.Random
    posted: list[Posted]
    new_people: Callable[[int], list[dict[str, Any]]]
    report: Report

    async def keep_filling(self) -> None:
        """One draft after the other."""
        async with self.daemon.client() as client:
            while True:
                await self._fill(client, self.new_people(self.random.choice(SIZES)))
                await anyio.sleep(self.random.random())

    async def settled(self) -> bool:
        """Whether no draft is open any more: one that the end has found half full is deleted."""
        for each in await self.daemon.admin("draft.list", limit=1000):
            if each["state"] == "collecting":
                await self.daemon.admin("draft.discard", id=each["id"])
        file = (self.daemon.folder / "wacrmd.db").absolute().as_uri()
        with closing(sqlite3.connect(f"{file}?mode=ro", uri=True)) as db:
            found = db.execute(
                "SELECT count(*) FROM draft WHERE state IN ('collecting', 'discarded')"
            ).fetchone()
        return bool(found == (0,))

    async def _fill(self, client: httpx.AsyncClient, people: list[dict[str, Any]]) -> None:
        key = str(uuid4())
        new = {"template_name": "hello", "draft": True}
        made = await self._answered(client, "POST", "", {202}, key, new)
        draft = made.json()["data"]["broadcast_id"]
        for at in range(0, len(people), PART):
            part = {"recipients": people[max(0, at - TWICE) : at + PART]}
            answer = await self._answered(client, "POST", f"/{draft}/recipients", {202}, f"{key} {at}", part)
            if answer.status_code == 202 and (total := answer.json()["data"]["total_recipients"]) != min(
                at + PART, len(people)
            ):
                self.report.problems.append(f"draft {draft} has {total} people after {at + PART}")
        if self.random.random() < DELETED_SHARE:
            await self._answered(client, "DELETE", f"/{draft}", {204, 404})
            return
        posted = Posted(key, [each["to"] for each in people], tries=1)
        self.posted.append(posted)
        await self._answered(client, "POST", f"/{draft}/send", {202, 409})  # 409: an answer was lost
        posted.broadcast_id = draft

    async def _answered(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        expected: set[int],
        key: str = "",
        body: dict[str, Any] | None = None,
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        while True:
            with self.report.may_fail(httpx.HTTPError) as call:
                answer = await client.request(method, f"/api/v1/broadcasts{path}", json=body, headers=headers)
            if call.error is not None:
                await anyio.sleep(0.05)
                continue
            if answer.status_code in expected:
                return answer
            if answer.status_code != 503:  # as while the file is away
                self.report.problems.append(
                    f"{method} {path} was answered {answer.status_code}: {answer.text[:200]}"
                )
                await anyio.sleep_forever()
            await anyio.sleep(0.2)
