"""Since when a number has been sending without receiving a status."""

from wacrmd.clock import MINUTE, SECOND
from wacrmd.services.meta_webhook_liveness import MAX_SILENCE, MetaWebhookLiveness

NOW = 1_795_000_000_000


def test_a_number_is_silent_from_its_first_unanswered_message_on() -> None:
    liveness = MetaWebhookLiveness()
    assert liveness.silent_since("n") is None
    liveness.message_sent("n", NOW)
    liveness.message_sent("n", NOW + MINUTE)
    assert liveness.silent_since("n") == NOW
    liveness.status_received(["n"], NOW + 2 * MINUTE)
    assert liveness.silent_since("n") is None
    liveness.message_sent("n", NOW + 2 * MINUTE + SECOND)
    assert liveness.silent_since("n") is None, "its status may have come before the answer to the send"
    liveness.message_sent("n", NOW + 4 * MINUTE)
    assert liveness.silent_since("n") == NOW + 4 * MINUTE
    assert liveness.silent_since("other") is None


def test_a_silence_is_worth_a_warning_after_ten_minutes() -> None:
    liveness = MetaWebhookLiveness()
    assert liveness.silence("n", NOW) is None
    liveness.message_sent("n", NOW)
    assert liveness.silence("n", NOW + MAX_SILENCE - 1) is None
    assert liveness.silence("n", NOW + MAX_SILENCE) == MAX_SILENCE == 10 * MINUTE
