"""The ledger: every accepted message in order, and counts of everything that happened."""

from collections import Counter
from dataclasses import dataclass
from typing import IO, Any

import orjson

from wacrmd.simulator.sends import Send


@dataclass(slots=True)
class Entry:
    """An accepted message; `body` is the request as received (empty if not kept), `at_ms` is since the epoch."""

    n: int
    at_ms: int
    phone_number_id: str
    send: Send
    wamid: str
    body: bytes
    statuses: tuple[str, ...] = ()
    endpoint: str = "messages"
    """The last part of the path to which it was posted."""

    def as_json(self) -> dict[str, Any]:
        """The entry in `GET /_simulator/messages`."""
        send = self.send
        return {
            "n": self.n,
            "at_ms": self.at_ms,
            "phone_number_id": self.phone_number_id,
            "endpoint": self.endpoint,
            "to": None if send.is_to_user_id else send.input,
            "recipient": send.input if send.is_to_user_id else None,
            "wa_id": send.wa_id,
            "wamid": self.wamid,
            "callback_data": send.callback_data,
            "template": send.template,
            "language": send.language,
            "body": orjson.Fragment(self.body) if self.body else None,
            "statuses": self.statuses,
        }


class Ledger:
    """Accepted messages and counts. `n` counts from 1, also across `clear`."""

    def __init__(self, file: IO[bytes] | None = None, *, keep_bodies: bool = True) -> None:
        self.entries: list[Entry] = []
        self.outcomes: Counter[str] = Counter()
        self.error_codes: Counter[int] = Counter()
        self.issued: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.requests = 0
        self.keep_bodies = keep_bodies
        self._file = file
        self._n = 0

    def __len__(self) -> int:
        """How many messages were accepted since the start or the last `clear`."""
        return len(self.entries)

    def take(
        self,
        phone_number_id: str,
        send: Send,
        wamid: str,
        body: bytes,
        at_ms: int,
        *,
        endpoint: str = "messages",
    ) -> Entry:
        """Add a message; if there is a file, the message is in it before this returns."""
        self._n += 1
        entry = Entry(self._n, at_ms, phone_number_id, send, wamid, body, endpoint=endpoint)
        if self._file is not None:
            # In JSON a line feed can only be between tokens, so it can be a space.
            self._file.write(orjson.dumps(entry.as_json()).replace(b"\n", b" ") + b"\n")
            self._file.flush()
        if not self.keep_bodies:
            entry.body = b""
        self.entries.append(entry)
        return entry

    def page(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` entries with `n` above `after`."""
        if not self.entries:
            return []
        start = max(0, after - self.entries[0].n + 1)
        return self.entries[start : start + limit]

    def find(self, wamid: str) -> Entry | None:
        """The message with that id."""
        return next((e for e in reversed(self.entries) if e.wamid == wamid), None)

    def last_to(self, number: str) -> Entry | None:
        """The latest message to the digits or the user id `number`."""
        for entry in reversed(self.entries):
            if number in (entry.send.wa_id, entry.send.user_id, entry.send.input.lstrip("+")):
                return entry
        return None

    def counts(self) -> dict[str, int]:
        """How many messages there are, and how many distinct and duplicate ones by callback data and by recipient."""
        callbacks = Counter(e.send.callback_data for e in self.entries if e.send.callback_data is not None)
        recipients = Counter(e.send.wa_id or e.send.input for e in self.entries)
        return {
            "total": len(self.entries),
            "distinct_callback_data": len(callbacks),
            "duplicate_callback_data": callbacks.total() - len(callbacks),
            "distinct_to": len(recipients),
            "duplicate_to": recipients.total() - len(recipients),
        }

    def summary(self) -> dict[str, Any]:
        """Totals of requests, messages, outcomes and webhooks."""
        return {
            "requests": self.requests,
            "messages": self.counts(),
            "outcomes": dict(self.outcomes),
            "error_codes": {str(code): n for code, n in self.error_codes.items()},
            "webhooks": {"issued": dict(self.issued), "delivered": dict(self.delivered)},
        }

    def clear(self) -> None:
        """Delete messages and counts."""
        self.entries.clear()
        for counter in (self.outcomes, self.issued, self.delivered):
            counter.clear()
        self.error_codes.clear()
        self.requests = 0
