"""When clients of an HTTP listener had to go because it held too much, for operators; pure."""

from dataclasses import dataclass

from wacrmd.clock import HOUR, Millis, iso
from wacrmd.http.capacity import Shortage

LATELY: Millis = HOUR
"""So long operators are warned."""

_TEXTS = {
    Shortage.CONNECTIONS: "too many connections were open: {count} that waited for their clients were closed",
    Shortage.BODIES: "too many large requests came at once: {count} that were not complete were refused",
}


@dataclass(slots=True)
class _Episode:
    since: Millis
    last: Millis
    count: int = 0


class HttpShortages:
    """The newest shortages of the HTTP listeners; those with an hour between them are two."""

    def __init__(self) -> None:
        self._episodes: dict[tuple[str, Shortage], _Episode] = {}

    def add(self, listener: str, shortage: Shortage, now: Millis) -> None:
        """A client of the listener had to go."""
        episode = self._episodes.get((listener, shortage))
        if episode is None or abs(now - episode.last) >= LATELY:
            episode = self._episodes[listener, shortage] = _Episode(now, now)
        episode.last = now
        episode.count += 1

    def lately(self, now: Millis) -> list[str]:
        """A sentence for operators about each shortage of the last hour."""
        return [
            f"On the listener of [{listener}], {_TEXTS[shortage].format(count=each.count)},"
            f" between {iso(each.since)} and {iso(each.last)}"
            for (listener, shortage), each in self._episodes.items()
            if abs(now - each.last) < LATELY
        ]
