"""The headers that prove to a local app that a webhook comes from this wacrmd; pure."""

import base64
import binascii
import hmac

from wacrmd.clock import SECOND, Millis
from wacrmd.secrets import WEBHOOK_SECRET_PREFIX


def headers(
    secret: str, *, event: str, event_id: str, endpoint_id: str, body: bytes, now: Millis
) -> dict[str, str]:
    """The event's headers and two signatures over the body, with the time `now` of this attempt.

    The key of `X-Wacrm-Signature` is the whole secret, `whsec_` included (docs/webhooks.md, Check the signature). That of
    Standard Webhooks is the rest, decoded from base64; it signs `id.timestamp.body` (its spec, "Signature scheme").
    """
    timestamp = str(now // SECOND)
    signed = timestamp.encode() + b"." + body
    own = hmac.digest(secret.encode(), signed, "sha256").hex()
    standard = base64.b64encode(
        hmac.digest(_key(secret), event_id.encode() + b"." + signed, "sha256")
    ).decode()
    return {
        "X-Wacrm-Event": event,
        "X-Wacrm-Webhook-Id": endpoint_id,
        "X-Wacrm-Signature": f"t={timestamp},v1={own}",
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{standard}",
    }


def _key(secret: str) -> bytes:
    """The key of Standard Webhooks: the part after the prefix, decoded from base64 if it is base64."""
    text = secret.removeprefix(WEBHOOK_SECRET_PREFIX)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode()
