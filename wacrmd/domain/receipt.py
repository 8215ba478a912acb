"""What Meta reports about one of our messages."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.billing import Billing
from wacrmd.domain.number import NumberIds
from wacrmd.domain.recipient import RecipientStatus


@dataclass(frozen=True, slots=True)
class Receipt:
    """One status of one of our messages: sent, delivered, read, replied or failed.

    `callback` is our callback token, if Meta sent it back. `button` is what a reply tapped.
    """

    number: NumberIds
    wamid: str
    status: RecipientStatus
    at: Millis
    callback: str | None = None
    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    error: MetaError | None = None
    button: str | None = None
    billing: Billing | None = None
