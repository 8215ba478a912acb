"""The state of the simulated Meta: its options, its ledger, and which numbers belong to which WABA."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wacrmd.simulator.ledger import Ledger
from wacrmd.simulator.media import Media
from wacrmd.simulator.options import Options
from wacrmd.simulator.people_limit import PeopleLimit


@dataclass(slots=True)
class State:
    """The state that all handlers share; a change replaces `options` as a whole."""

    options: Options
    ledger: Ledger
    subscribed: set[str] = field(default_factory=set)
    media: Media = field(default_factory=Media)
    people: PeopleLimit = field(default_factory=PeopleLimit)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set and replaced at each change of the options."""

    def now_ms(self) -> int:
        """The time of the simulated Meta."""
        return time.time_ns() // 1_000_000 + round(self.options.date_ahead_s * 1000)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change options by name; raises OptionError and changes nothing if one is wrong."""
        self.options = self.options.changed(changes)
        self.ledger.keep_bodies = self.options.keep_bodies
        self.changed.set()
        self.changed = asyncio.Event()

    def waba_of(self, phone_number_id: str) -> str | None:
        """The WABA of a number, or None if there is no such number."""
        for known in self.options.phone_numbers:
            number, _, waba = known.partition("=")
            if number == phone_number_id:
                return waba or self.options.waba_id
        if self.options.phone_numbers or not phone_number_id.isdecimal():
            return None
        return self.options.waba_id

    def numbers_of(self, waba_id: str) -> list[str]:
        """The numbers of a WABA that the options name."""
        numbers = [known.partition("=")[0] for known in self.options.phone_numbers]
        return [number for number in numbers if self.waba_of(number) == waba_id]

    def is_waba(self, object_id: str) -> bool:
        """Whether there is such a WABA; if the options name no numbers, every id of digits is one."""
        if not self.options.phone_numbers:
            return object_id.isdecimal()
        return object_id == self.options.waba_id or bool(self.numbers_of(object_id))
