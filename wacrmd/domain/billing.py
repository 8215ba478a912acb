"""What Meta says a message costs: the pricing and the conversation of a status."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.clock import Millis
from wacrmd.domain.recipient import STAGE, RecipientStatus
from wacrmd.fields import Doc, Time


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a message counts as; the words are Meta's, and may be new ones."""

    category: Annotated[str | None, Doc("`marketing`, `utility` …")]
    type: Annotated[str | None, Doc("`regular`, `free_customer_service` …")]
    model: Annotated[str | None, Doc("`PMP`: each message has a price; `CBP`: each conversation")]
    billable: Annotated[bool | None, Doc("whether it costs something")]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation that a message belongs to; newer versions of the Graph API tell it only sometimes."""

    id: Annotated[str, Doc("Meta's id of it")]
    origin: Annotated[str | None, Doc("what opened it")]
    expires_at: Annotated[Time | None, Doc("when it ends")]


@dataclass(frozen=True, slots=True)
class Billing:
    """What a status says about the price of its message."""

    pricing: Pricing | None
    conversation: Conversation | None


@dataclass(frozen=True, slots=True)
class Billed:
    """The messages of a broadcast that Meta counts in one way."""

    category: Annotated[str | None, Doc("Meta's category, such as `marketing`")]
    type: Annotated[str | None, Doc("Meta's type, such as `regular`")]
    count: Annotated[int, Doc("how many messages")]


def told_at(status: RecipientStatus, at: Millis) -> int:
    """The place of a status among those of its message: the pricing of the last one counts, in whatever order they come.

    Statuses of the same second are in the order of their stages. The schema takes the time from it, as an eighth.
    """
    return at * 8 + STAGE.get(status, 0)
