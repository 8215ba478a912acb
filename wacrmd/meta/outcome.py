"""The outcome of one request to Meta: what `sender.decision` decides on."""

from dataclasses import dataclass

from wacrmd.domain.attempt import MetaError
from wacrmd.http_client.failure import Phase

__all__ = ["Accepted", "MetaError", "NotSent", "Outcome", "Phase", "Refused", "Unknown"]


HELD = frozenset({"held_for_quality_assessment", "paused"})
"""Values of `message_status`: Meta has the message and holds it back, until it knows how people react to others."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Meta accepted the message and gave it an id; `wa_id` may differ from the number sent to."""

    wamid: str
    wa_id: str | None = None
    user_id: str | None = None
    message_status: str = "accepted"
    parent_user_id: str | None = None

    @property
    def held(self) -> str | None:
        """How Meta holds the message back; None if it does not."""
        return self.message_status if self.message_status in HELD else None


@dataclass(frozen=True, slots=True)
class Refused:
    """Meta answered with an error: it did not accept the message."""

    error: MetaError
    http_status: int
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request failed before its first byte was sent; sending it again is safe."""

    phase: Phase
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request failed after its first byte may have been sent: Meta may or may not have the message."""

    phase: Phase
    detail: str
    http_status: int | None = None


Outcome = Accepted | Refused | NotSent | Unknown
