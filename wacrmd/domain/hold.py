"""Why a broadcast or a number does not move."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from wacrmd.fields import Doc, Time


class HoldReason(StrEnum):
    """Why something does not move; `hold.reason` in the API, a label in the metrics."""

    PAUSED_BY_OPERATOR = "paused_by_operator"
    PAUSED_BY_API = "paused_by_api"
    TEMPLATE = "template"
    MANY_FAILURES = "many_failures"
    ACCOUNT = "account"
    NUMBER_PAUSED = "number_paused"
    NUMBER_REMOVED = "number_removed"
    THROTTLED = "throttled"
    META_UNREACHABLE = "meta_unreachable"
    NO_ANSWER = "no_answer"
    NO_FREE_CONNECTION = "no_free_connection"
    MAINTENANCE = "maintenance"
    WAITING_FOR_RETRY = "waiting_for_retry"
    DRAINING = "draining"
    HANDED_OVER = "handed_over"
    STORAGE = "storage"
    HELD_BY_META = "held_by_meta"
    CLOCK = "clock"
    MEDIA = "media"
    MEDIA_REFUSED = "media_refused"
    HOURS = "hours"
    LIMIT = "limit"
    CANARY = "canary"
    PACE = "pace"


NEEDS_NOBODY = frozenset(
    {
        HoldReason.PAUSED_BY_OPERATOR,
        HoldReason.PAUSED_BY_API,
        HoldReason.NUMBER_PAUSED,  # the number's own hold says whether a person is needed
        HoldReason.THROTTLED,
        HoldReason.MAINTENANCE,
        HoldReason.WAITING_FOR_RETRY,
        HoldReason.DRAINING,
        HoldReason.HELD_BY_META,
        HoldReason.MEDIA,
        HoldReason.HOURS,
        HoldReason.LIMIT,
        HoldReason.PACE,
    }
)
"""Holds that need no action: somebody asked for them, or they end by themselves."""

AS_PLANNED = frozenset(
    {
        HoldReason.WAITING_FOR_RETRY,  # the first people of a canary; those after them are due all the while
        HoldReason.HOURS,
        HoldReason.LIMIT,
        HoldReason.CANARY,
        HoldReason.PACE,
    }
)
"""Why a broadcast that is sending waits though people are due: it goes on at its time."""

PAUSED_BY_PERSON = frozenset({HoldReason.PAUSED_BY_OPERATOR, HoldReason.PAUSED_BY_API})
"""Pauses that last until a person resumes, whatever Meta reports."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why something does not move."""

    reason: Annotated[HoldReason, Doc("the reason, for programs")]
    detail: Annotated[str, Doc("a sentence for people")]
    since: Annotated[Time, Doc("since when")]
