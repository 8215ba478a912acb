"""The signatures, against values computed by other programs."""

import base64
import hashlib
import hmac

import pytest

from wacrmd.outbound.signature import headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_standard_signature_is_that_of_the_published_example() -> None:
    """The example of the Standard Webhooks libraries (message id, time, body and secret)."""
    made = headers(
        SECRET,
        event="broadcast.sent",
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        endpoint_id="e",
        body=b'{"test": 2432232314}',
        now=1614265330_999,
    )
    assert made["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert made["webhook-timestamp"] == "1614265330"
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_our_own_signature_takes_the_whole_secret_and_time_and_raw_body() -> None:
    body = '{"name": "Zoë"}'.encode()
    made = headers(
        SECRET, event="contact.opted_in", event_id="evt_1", endpoint_id="ep", body=body, now=1_700_000_000_000
    )
    expected = hmac.new(SECRET.encode(), b"1700000000." + body, hashlib.sha256).hexdigest()
    assert made["X-Wacrm-Signature"] == f"t=1700000000,v1={expected}"
    assert made["X-Wacrm-Event"] == "contact.opted_in"
    assert made["X-Wacrm-Webhook-Id"] == "ep"


@pytest.mark.parametrize("secret", ["not base64", "abcd efgh"])
def test_a_secret_that_is_not_base64_signs_with_its_bytes(secret: str) -> None:
    made = headers(f"whsec_{secret}", event="e", event_id="i", endpoint_id="ep", body=b"{}", now=1000)
    mac = hmac.new(secret.encode(), b"i.1.{}", hashlib.sha256).digest()
    assert made["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
