"""What became of one request to Meta, in the terms that the sending policy decides on."""

from dataclasses import dataclass
from enum import StrEnum

from wacrmd.domain.attempt import MetaError

__all__ = ["Accepted", "MetaError", "NotSent", "Outcome", "Phase", "Refused", "Unknown"]


class Phase(StrEnum):
    """How far a request got before it failed; everything before WRITE is surely not sent."""

    POOL = "pool"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    WRITE = "write"
    READ = "read"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Meta took the message: HTTP 200 with its id; `wa_id` may differ from the number sent to."""

    wamid: str
    wa_id: str | None = None
    user_id: str | None = None
    message_status: str = "accepted"


@dataclass(frozen=True, slots=True)
class Refused:
    """Meta answered with its JSON error: its own word that the message was not taken."""

    error: MetaError
    http_status: int
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request failed before its first byte left; sending it again is safe."""

    phase: Phase
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request failed after its first byte may have left: Meta may or may not have the message."""

    phase: Phase
    detail: str
    http_status: int | None = None


Outcome = Accepted | Refused | NotSent | Unknown
