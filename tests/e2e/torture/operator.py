"""Somebody who pauses and resumes broadcasts and the number, raises its limit, and changes how marketing is sent."""

from dataclasses import dataclass, field
from random import Random

import anyio

from tests.e2e.torture.machine import Machine
from tests.e2e.torture.plans import Plans
from tests.e2e.torture.report import Posted, Report
from tests.support.site import PHONE_NUMBER_ID
from wacrmd.errors import WacrmdError

ROUTES = ("auto", "messages", "marketing_messages")
"""Where marketing templates go; Meta takes them on both ways."""


@dataclass
class Operator:
    """Operates the daemon; `posted` are the broadcasts."""

    daemon: Machine
    random: Random
    posted: list[Posted]
    plans: Plans
    report: Report
    paused: set[str] = field(default_factory=set)

    async def keep_operating(self) -> None:
        """One thing after the other, whether the daemon is there or not."""
        while True:
            await anyio.sleep(self.random.uniform(0.2, 1.5))
            with self.report.may_fail(WacrmdError, OSError):
                await self.operate()

    async def operate(self) -> None:
        """Some of what an operator does."""
        accepted = [posted.broadcast_id for posted in self.posted[-30:] if posted.broadcast_id]
        if accepted and self.random.random() < 0.5:
            chosen = self.random.choice(accepted)
            self.paused.add(chosen)
            await self.daemon.admin("broadcast.pause", id=chosen)
        if self.random.random() < 0.4:
            route = self.random.choice(ROUTES)
            await self.daemon.admin("account.set", name="shop", marketing_route=route)
        if self.random.random() < 0.5:
            await self.plans.raise_limit()
        if self.random.random() < 0.5:
            await self.plans.let_pass()
        if self.random.random() < 0.2:
            await self.daemon.admin("number.pause", id=PHONE_NUMBER_ID)
        for broadcast_id in list(self.paused)[:2]:
            if self.random.random() < 0.5:
                await self.resume(broadcast_id)
        if self.random.random() < 0.7:
            await self.daemon.admin("number.resume", id=PHONE_NUMBER_ID)

    async def resume(self, broadcast_id: str) -> None:
        """Resume; one that is `sent` meanwhile, or a draft that is still prepared, gives a conflict, which is right."""
        try:
            await self.daemon.admin("broadcast.resume", id=broadcast_id)
        except WacrmdError as refusal:
            if not any(words in str(refusal) for words in ("it is sent", "it is a draft")):
                raise
        self.paused.discard(broadcast_id)

    async def resume_all(self) -> None:
        """Whatever is paused is sent."""
        for broadcast_id in list(self.paused):
            await self.resume(broadcast_id)
        await self.daemon.admin("number.resume", id=PHONE_NUMBER_ID)
