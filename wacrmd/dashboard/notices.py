"""What was done, said once on the page that follows. Kept in memory: after a restart nothing is said."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

MAX_NOTICES = 1000
"""Notices that wait for their page; the oldest go first."""


@dataclass(slots=True)
class Notices:
    """The texts by keys that only the visitor is told."""

    _texts: OrderedDict[str, str] = field(default_factory=OrderedDict)

    def add(self, text: str) -> str:
        """Keep a text; its key."""
        key = secrets.token_urlsafe(12)
        self._texts[key] = text
        if len(self._texts) > MAX_NOTICES:
            self._texts.popitem(last=False)
        return key

    def take(self, key: str | None) -> str | None:
        """The text of a key, once."""
        return self._texts.pop(key, None) if key else None
