"""docs/webhooks.md is true: its code verifies our signatures, its times are those of the schedule, all events are there."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wacrmd.config import Config
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.outbound.schedule import RETRY_DELAYS
from wacrmd.outbound.signature import headers
from wacrmd.secrets import new_webhook_secret

TEXT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def documented() -> Callable[[str, str, bytes], bool]:
    """The function that the page tells its readers to use."""
    match = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert match is not None
    names: dict[str, Any] = {}
    exec(match[1], names)
    verify: Callable[[str, str, bytes], bool] = names["is_from_wacrmd"]
    return verify


def test_the_example_code_accepts_our_signature_and_no_other() -> None:
    verify, secret, body = documented(), new_webhook_secret(), '{"data": "Zoë"}'.encode()
    now = time.time_ns() // 1_000_000

    def signature(at: int) -> str:
        return headers(secret, event="e", event_id="i", endpoint_id="w", body=body, now=at)[
            "X-Wacrm-Signature"
        ]

    assert verify(secret, signature(now), body)
    assert not verify(secret, signature(now), body + b" ")
    assert not verify(new_webhook_secret(), signature(now), body)
    assert not verify(secret, signature(now - 3_600_000), body)


def test_every_event_and_header_is_documented() -> None:
    for event in WebhookEvent:
        assert f"`{event}`" in TEXT
    made = headers("whsec_x", event="e", event_id="i", endpoint_id="w", body=b"", now=0)
    for name in made:
        assert f"\n{name}: " in TEXT


def test_the_documented_delays_and_defaults_are_those_of_the_code() -> None:
    units = {"s": 1000, "min": 60_000, "h": 3_600_000}
    match = re.search(r"again after (.*?) and from then on every (\d+) h", TEXT, re.DOTALL)
    assert match is not None
    delays = [int(count) * units[unit] for count, unit in re.findall(r"(\d+)\s+(s|min|h)\b", match[1])]
    assert (*delays, int(match[2]) * units["h"]) == RETRY_DELAYS
    hooks = Config().outbound_webhooks
    assert f"`[outbound_webhooks] timeout_s` ({hooks.timeout_s:g} s)" in TEXT
    assert f"`[outbound_webhooks] max_age_hours`\n({hooks.max_age_hours:g})" in TEXT
    assert f"`[outbound_webhooks] workers` ({hooks.workers})" in TEXT
