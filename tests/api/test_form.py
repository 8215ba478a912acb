"""The form of requests: values in the path."""

import pytest

from wacrmd.api.app import ENDPOINTS
from wacrmd.api.form import validated
from wacrmd.errors import ErrorCode, Refusal

ID = "x" * 37  # longer than any id


@pytest.mark.parametrize(
    ("operation", "path", "message"),
    [
        ("broadcast.pause", {"id": ID}, "Broadcast not found"),
        ("broadcast.recipient", {"id": ID, "rid": "1"}, "Broadcast not found"),
        ("broadcast.recipient", {"id": "1", "rid": "x"}, "Recipient not found"),
        ("optout.remove", {"phone": "1" * 201}, "Opt-out not found"),
        ("webhook.show", {"id": ID}, "Webhook not found"),
        ("webhook.resend", {"id": ID, "delivery_id": "1"}, "Webhook not found"),
        ("webhook.resend", {"id": "1", "delivery_id": ID}, "Delivery not found"),
    ],
)
def test_a_value_in_the_path_that_can_name_nothing_is_not_found(
    operation: str, path: dict[str, str], message: str
) -> None:
    (row,) = (each for each, _ in ENDPOINTS if each.name == operation)
    with pytest.raises(Refusal) as refused:
        validated(row, row.params, {}, path)
    assert (refused.value.code, refused.value.message) == (ErrorCode.NOT_FOUND, message)
