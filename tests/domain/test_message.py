"""What the sender of a single message is told, by its status and its hold."""

import pytest

from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.message import Fate, fate_of, in_message, is_worth_waiting, refused_sentence
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.errors import Problem


def test_each_status_has_one_fate() -> None:
    fates = {
        "pending": Fate.OPEN,
        "sending": Fate.OPEN,
        "sent": Fate.TAKEN,
        "delivered": Fate.TAKEN,
        "read": Fate.TAKEN,
        "replied": Fate.TAKEN,
        "failed": Fate.REFUSED,
        "uncertain": Fate.UNKNOWN,
        "cancelled": Fate.DROPPED,
    }
    assert {each.value: fate_of(each) for each in RecipientStatus} == fates


def test_only_a_hold_that_may_end_in_seconds_is_waited_for() -> None:
    short = {"throttled", "meta_unreachable", "no_answer", "no_free_connection", "waiting_for_retry", "media"}
    found = {each.value for each in HoldReason if is_worth_waiting(Fate.OPEN, Hold(each, "why", 0))}
    assert found == short
    assert is_worth_waiting(Fate.OPEN, None)
    assert not any(is_worth_waiting(each, None) for each in Fate if each is not Fate.OPEN)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("recipients[0].to", "to"),
        ("recipients[0].params[1]", "template.params[1]"),
        ("recipients[0].header.image", "template.header.image"),
        ("template_name", "template.name"),
        ("template_language", "template.language"),
        ("header.text", "template.header.text"),
        ("from", "from"),
    ],
)
def test_a_problem_is_named_by_its_place_in_the_message(path: str, expected: str) -> None:
    assert in_message(Problem(path, "why")) == Problem(expected, "why")


def test_a_refusal_says_whose_it_is() -> None:
    assert refused_sentence(131026, "Undeliverable", "no account") == (
        "Meta refused the message with 131026: Undeliverable: no account"
    )
    assert refused_sentence(131049, "It is not delivered.", "In this case.") == (
        "Meta refused the message with 131049: It is not delivered: In this case."
    )
    assert refused_sentence(131026, None, None) == "Meta refused the message with 131026"
    assert refused_sentence(None, "It is too old", None) == "The message was not sent: It is too old"
    assert refused_sentence(None, None, None) == "The message was not sent: wacrmd gave it up"
