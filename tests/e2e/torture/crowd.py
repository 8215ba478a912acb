"""The people of a run: each is written to by one broadcast, and lives in one of a few countries."""

import random
from dataclasses import dataclass
from typing import Any

BEGINNINGS = {"+1415": "US", "+1416": "CA", "+4915": "DE", "+4474": "GB", "+7701": "KZ"}
"""With what their numbers begin, and the country by which Meta bills them; two share +1."""
_ROOM = {"+1415": 7, "+1416": 7, "+4915": 9, "+4474": 8, "+7701": 7}
"""Digits after that."""
_FIRST = 2_000_000


@dataclass
class Crowd:
    """Gives people whom nobody else has; `count` is how many it has given."""

    random: random.Random
    count: int = 0

    def new(self, count: int) -> list[dict[str, Any]]:
        """So many recipients of a broadcast, with one parameter each."""
        first, self.count = self.count, self.count + count
        return [{"to": self._phone(first + each), "params": ["Jo"]} for each in range(count)]

    def _phone(self, number: int) -> str:
        beginning = self.random.choice(tuple(BEGINNINGS))
        return f"{beginning}{_FIRST + number:0{_ROOM[beginning]}d}".replace("+491500", "+491511")


def country_of(phone: str) -> str:
    """Where somebody of the crowd lives."""
    return BEGINNINGS[phone[:5]]
