"""Sending again: rules of broadcasts, persons who retry, and people who opt out meanwhile."""

import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anyio

from tests.e2e.torture.machine import FAKETIME, Machine
from tests.e2e.torture.report import Posted, Report
from wacrmd.errors import WacrmdError

CODES = (131026, 131049)
"""With these codes messages fail after Meta has taken them. After the second one it wants to be left alone for a day."""

RULES: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"codes": [131026], "after_hours": 1, "times": 1},),
    ({"codes": [131049], "after_hours": 24, "times": 2},),
    ({"codes": [131049], "after_hours": 1, "times": 1}, {"codes": [131026], "after_hours": 20, "times": 2}),
)
MAX_OPTED_OUT = 40
"""People who are put on the list in a run."""


def rules(random: Random) -> dict[str, Any]:
    """The rules of one broadcast; none where no day can pass, and for every other one."""
    if FAKETIME is None or random.random() < 0.5:
        return {}
    return {"retry_rules": list(random.choice(RULES))}


@dataclass
class Again:
    """A person who retries broadcasts, and puts some of those who failed on the list of opt-outs."""

    machine: Machine
    random: Random
    posted: list[Posted]
    report: Report
    opted_out: dict[str, int] = field(default_factory=dict)
    """Who has opted out, and when the daemon had answered that, in milliseconds since the epoch."""

    async def keep_asking(self) -> None:
        """Retry, and put people on the list, whether the daemon is there or not."""
        while True:
            await anyio.sleep(self.random.uniform(0.2, 1.0))
            with self.report.may_fail(WacrmdError, OSError):
                await self.random.choice((self.retry_one, self.opt_somebody_out))()

    async def retry_one(self) -> None:
        """Send to those again to whom one of the newest broadcasts failed, or to some of them."""
        accepted = [each.broadcast_id for each in self.posted[-60:] if each.broadcast_id]
        if accepted:
            codes = self.random.choice(([], [], [131026], [131049]))
            wanted = {"codes": codes} if codes else {"failed": True}
            await self._retry(self.random.choice(accepted), **wanted)

    async def retry_uncertain(self) -> int:
        """Send to everybody whose outcome is unknown: all webhooks have come, so Meta has none of these messages."""
        before = self.report.requeued
        while found := (await self.machine.admin("status"))["uncertain"]["broadcasts"]:
            for each in found:
                await self._retry(each["id"], uncertain=True)
        return self.report.requeued - before

    async def opt_somebody_out(self) -> None:
        """Somebody to whom a message failed, also one who waits for the next one, wants no more."""
        accepted = [each.broadcast_id for each in self.posted if each.broadcast_id and len(each.to) > 1]
        if not accepted or len(self.opted_out) >= MAX_OPTED_OUT:
            return
        uuid, status = self.random.choice(accepted), self.random.choice(("failed", "pending"))
        found = await self.machine.admin("broadcast.recipients", id=uuid, status=status, limit=20)
        for each in [each for each in found if each["attempts"]][:2]:
            await self.machine.admin("optout.add", account="shop", phone=each["to"])
            self.opted_out.setdefault(each["to"], round((time.time() + self.machine.ahead_s) * 1000))

    async def _retry(self, uuid: str, **wanted: Any) -> None:
        try:
            answer = await self.machine.admin("broadcast.retry", id=uuid, **wanted)
        except WacrmdError as refusal:
            if "it is a draft" not in str(refusal) and "is a draft:" not in str(refusal):
                raise
            return
        self.report.requeued += answer["requeued"]
