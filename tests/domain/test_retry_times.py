"""When another attempt is due: for a recipient, and for the delivery of an event."""

import pytest

from wacrmd.domain.recipient import Recipient, RecipientStatus
from wacrmd.domain.webhook_delivery import Delivery, DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent

NOW = 1_795_000_000_000


@pytest.mark.parametrize(
    ("status", "attempts", "due"),
    [
        (RecipientStatus.PENDING, 0, None),
        (RecipientStatus.PENDING, 1, NOW),
        (RecipientStatus.SENDING, 2, None),
        (RecipientStatus.FAILED, 1, None),
    ],
)
def test_a_pending_recipient_with_an_attempt_has_a_time_of_the_next_one(
    status: RecipientStatus, attempts: int, due: int | None
) -> None:
    recipient = Recipient(
        id=1,
        to="+14155550123",
        status=status,
        wamid=None,
        attempts=attempts,
        sent_at=None,
        delivered_at=None,
        read_at=None,
        replied_at=None,
        failed_at=None,
        held=None,
        broadcast_id=1,
        error_code=None,
        error_title=None,
        error_details=None,
        next_attempt_at=NOW,
    )
    assert recipient.retry_at == due


@pytest.mark.parametrize(
    ("status", "due"),
    [(DeliveryStatus.PENDING, NOW), (DeliveryStatus.DELIVERED, None), (DeliveryStatus.FAILED, None)],
)
def test_a_pending_delivery_has_a_time_of_the_next_attempt(status: DeliveryStatus, due: int | None) -> None:
    delivery = Delivery(
        uuid="6f1e2d3c-0000-4000-8000-000000000001",
        endpoint_id="e1",
        event=WebhookEvent.MESSAGE_RECEIVED,
        event_id="evt_1",
        status=status,
        created_at=NOW - 1,
        delivered_at=None,
        id=1,
        body="{}",
        next_attempt_at=NOW,
        tries=[],
    )
    assert delivery.due_at == due
