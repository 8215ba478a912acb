"""Whether Meta's webhooks arrive: a number whose messages get no status back has a broken webhook."""

from collections.abc import Iterable

from wacrmd.clock import MINUTE, Millis

MAX_SILENCE: Millis = 10 * MINUTE
"""How long a number may send without receiving a status before there is a warning."""


class MetaWebhookLiveness:
    """For each number, the first message since the last status that came for it, by the monotonic clock."""

    def __init__(self) -> None:
        self._unanswered: dict[str, Millis] = {}
        self._last_status_at: dict[str, Millis] = {}
        self.last_status_at: Millis | None = None

    def message_sent(self, number_id: str, now: Millis) -> None:
        """Meta accepted a message of this number. Its status may have come already, before the answer."""
        if now - self._last_status_at.get(number_id, -MINUTE - 1) > MINUTE:
            self._unanswered.setdefault(number_id, now)

    def status_received(self, number_ids: Iterable[str], now: Millis) -> None:
        """Statuses of messages of these numbers have come."""
        self.last_status_at = now
        for number_id in number_ids:
            self._last_status_at[number_id] = now
            self._unanswered.pop(number_id, None)

    def silent_since(self, number_id: str) -> Millis | None:
        """Since when the number has been sending without receiving a status; None if statuses come."""
        return self._unanswered.get(number_id)

    def silence(self, number_id: str, now: Millis) -> Millis | None:
        """How long the number has been sending without receiving a status; None for less than `MAX_SILENCE`."""
        since = self.silent_since(number_id)
        return None if since is None or now - since < MAX_SILENCE else now - since
