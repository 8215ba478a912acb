"""What can be done with a broadcast, and when its buttons have numbers: one that is drawn anew each second loses clicks."""

from typing import Any

import pytest

from wacrmd.dashboard.buttons import QUIET_MS, VERBS, again_buttons, buttons
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.views.broadcasts import BroadcastView

S = BroadcastStatus
ALL = frozenset(VERBS)


def view(status: BroadcastStatus, **counts: int) -> BroadcastView:
    """A broadcast that changed last at time 0."""
    given: dict[str, Any] = dict.fromkeys(BroadcastView.__dataclass_fields__)
    given |= {name: 0 for name in given if name.endswith("_count")}
    return BroadcastView(**(given | {"status": status, "updated_at": 0} | counts))


@pytest.mark.parametrize("status", [S.SENDING, S.PAUSED, S.SENT])
def test_while_it_is_sent_no_button_has_a_number(status: BroadcastStatus) -> None:
    one, other = (
        [each.label for each in buttons(view(status, pending_count=pending, failed_count=failed), ALL)]
        for pending, failed in ((10, 2), (9, 3))
    )
    assert any("who failed" in label for label in one)
    assert (one == other) is (status is S.SENDING)


def test_who_can_get_it_again_is_counted_once_nothing_moves() -> None:
    shown = view(
        S.SENT, sent_count=227, delivered_count=219, read_count=128, replied_count=20, failed_count=13
    )
    labels = [each.label for each in again_buttons(shown, QUIET_MS)]
    assert labels == [
        "To 13 people who failed",
        "To 21 people it did not reach",
        "To 91 people who have not read it",
        "To 199 people who have not replied",
        "Duplicate for the same people",
        "Duplicate for other people",
    ]
    assert [each.label for each in again_buttons(shown, QUIET_MS - 1)][:2] == [
        "To those who failed",
        "To those it did not reach",
    ]
