"""A business phone number that sends."""

from dataclasses import dataclass, field
from enum import StrEnum

from wacrmd.clock import Millis
from wacrmd.domain.hold import Hold


class NumberState(StrEnum):
    """Whether a number sends; why it is paused stands beside it."""

    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Number:
    """A business phone number that sends; its token and secrets stay encrypted in the database."""

    id: str
    account_id: str
    account: str
    phone_number_id: str
    waba_id: str
    label: str | None
    display_phone: str | None
    messages_per_second: float | None
    is_default: bool
    state: NumberState
    hold: Hold | None
    quality: str | None
    limit_tier: str | None
    verified_name: str | None
    checked_at: Millis | None
    created_at: Millis
    access_token: bytes = field(repr=False)
