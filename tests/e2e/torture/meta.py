"""How the simulated Meta behaves in a run, and what goes wrong there."""

from typing import Any

from tests.e2e.torture import singles
from tests.e2e.torture.again import CODES
from tests.e2e.torture.files import TEMPLATE
from tests.support.site import ACCESS_TOKEN, APP_SECRET
from wacrmd.simulator import Options

LONG = 50
"""From so many kills on, there is time for refusals that are tried again after half a minute."""
SLOW_CODE = 131000

NO_FAULTS: dict[str, Any] = {
    "error_share": 0.0,
    "close_before_share": 0.0,
    "close_after_share": 0.0,
    "half_answer_share": 0.0,
    "hang_share": 0.0,
    "bad_gateway_share": 0.0,
    "throttle_per_second": 0,
    "media_close_share": 0.0,
    "latency_ms": 5,
    "latency_jitter_ms": 20,
}

FAULTS: tuple[dict[str, Any], ...] = (
    {"close_after_share": 0.03, "half_answer_share": 0.02, "close_before_share": 0.02},
    {"bad_gateway_share": 0.03, "bad_gateway_taken": True, "hang_share": 0.01},
    {"bad_gateway_share": 0.03, "bad_gateway_taken": False, "hang_share": 0.01},
    {"error_share": 0.1, "error_code": 131056},
    {"error_share": 0.05, "error_code": 131026},
    {"error_share": 0.02, "error_code": SLOW_CODE},
    {"throttle_per_second": 60},
    {"media_close_share": 0.5},
    {"latency_ms": 200, "latency_jitter_ms": 300},
    {},
)
"""What goes wrong at Meta for a while; the rest is as in NO_FAULTS."""

OPTIONS = Options(
    app_secret=APP_SECRET,
    access_token=ACCESS_TOKEN,
    keep_bodies=False,
    templates=(
        {
            "name": "hello",
            "language": "en_US",
            "category": "MARKETING",
            "components": [{"type": "BODY", "text": "Hello {{1}}"}],
        },
        TEMPLATE,
        singles.TEMPLATE,
    ),
    check_media=True,
    marketing_onboarding="ONBOARDED",
    failed_share=0.15,
    failed_codes=CODES,
    delivered_share=0.9,
    read_share=0.6,
    replied_share=0.3,
    stop_share=0.1,
    early_share=0.3,
    twice_share=0.3,
    shuffle=True,
    batch=20,
    batch_wait_ms=30,
    late_ms=300,
    webhook_backoff_s=0.3,
    webhook_timeout_s=5,
)
"""How the simulated Meta behaves, beside its faults."""
