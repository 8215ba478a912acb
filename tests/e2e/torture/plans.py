"""How the broadcasts of a run are to be sent: at once, or with hours, a pace, a few first; and all within a limit."""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.torture.again import rules
from tests.e2e.torture.machine import Machine
from tests.support.site import PHONE_NUMBER_ID
from wacrmd.errors import WacrmdError
from wacrmd.simulator import Simulator

SOON_S = 20
"""In so many seconds hours begin, at the latest a minute later."""


@dataclass
class Plans:
    """The plans, and the limit of the number: Meta refuses whoever is beyond it, and that must never happen."""

    daemon: Machine
    sim: Simulator
    random: random.Random
    limit: int = 100

    def some(self) -> dict[str, Any]:
        """The fields of one broadcast."""
        plans: tuple[dict[str, Any], ...] = (
            {},
            {},
            {"canary": {"count": 3, "wait_minutes": 0, "min_delivered": 0, "max_failed": 1}},
            {"canary": {"count": 2, "wait_minutes": 0, "min_delivered": 1, "max_failed": 0}},
            {"messages_per_second": 40},
            {"send_between": {"from": "00:00", "to": "24:00"}},
            {"send_between": {"from": self._soon(), "to": "24:00", "zone": "Etc/UTC"}},
        )
        return self.random.choice(plans) | rules(self.random)

    async def raise_limit(self) -> None:
        """Meta allows more people, and then an operator says so."""
        self.limit += self.random.randint(20, 400)
        self.sim.change(people_limit=self.limit)
        await self.daemon.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=self.limit)

    async def lift_limit(self) -> None:
        """At the end everybody may be written to."""
        self.sim.change(people_limit=0)
        await self.daemon.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=0)

    async def let_pass(self) -> None:
        """Resume what the first few people have not let pass."""
        status = await self.daemon.admin("status")
        for each in status["broadcasts"]:
            if each["status"] == "paused" and (each["hold"] or {}).get("reason") == "canary":
                try:
                    await self.daemon.admin("broadcast.resume", id=each["id"])
                except WacrmdError as refusal:
                    if "it is sent" not in str(refusal):
                        raise

    def _soon(self) -> str:
        now = datetime.fromtimestamp(time.time() + self.daemon.ahead_s, UTC)
        at = now + timedelta(seconds=SOON_S)
        return "00:00" if at.date() != now.date() else f"{at:%H:%M}"
