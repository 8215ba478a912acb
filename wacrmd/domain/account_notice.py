"""What Meta has told about a business account or one of its numbers, and still holds: restrictions, bans, violations."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from wacrmd.clock import DAY, Millis
from wacrmd.fields import Doc, Time

SHOWN_FOR: Millis = 14 * DAY
"""How long a notice without an end is shown: Meta does not tell the end of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNotice:
    """A notice of Meta's about the number or its business account."""

    kind: Annotated[str, Doc("what it is about, in Meta's words")]
    detail: Annotated[str, Doc("a sentence for people")]
    stops_sending: Annotated[bool, Doc("whether no template can be sent; then the number is paused")]
    since: Annotated[Time, Doc("when it came")]
    until: Annotated[Time | None, Doc("when it ends by itself; null if Meta gives no time")]

    def holds(self, now: Millis) -> bool:
        """Whether it is still to be shown."""
        return now < (self.until if self.until is not None else self.since + SHOWN_FOR)

    def text(self) -> str:
        """The kind and the sentence."""
        return f"{self.kind}: {self.detail}"


def holding(notices: Iterable[AccountNotice], now: Millis) -> list[AccountNotice]:
    """Those that are still to be shown."""
    return [notice for notice in notices if notice.holds(now)]
