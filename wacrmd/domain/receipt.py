"""What Meta says about one of our messages."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.recipient import RecipientStatus


@dataclass(frozen=True, slots=True)
class Receipt:
    """One thing that Meta tells of a message of ours: a rung of the ladder, or that it failed."""

    number_id: str
    wamid: str
    status: RecipientStatus
    at: Millis
    callback: str | None = None
    wa_id: str | None = None
    user_id: str | None = None
    error: MetaError | None = None
