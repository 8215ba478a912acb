"""Broadcasts as callers see them."""

from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.domain.broadcast import Broadcast, BroadcastCounts, BroadcastFacts, BroadcastStatus, Progress
from wacrmd.domain.hold import Hold
from wacrmd.errors import Problem
from wacrmd.fields import Doc, Time, json_name, shared
from wacrmd.views.numbers import AccountNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastView(BroadcastCounts, BroadcastFacts):
    """A broadcast with its counts."""

    hold: Annotated[Hold | None, Doc("what keeps it from moving")]

    @classmethod
    def of(cls, broadcast: Broadcast, progress: Progress, hold: Hold | None) -> "BroadcastView":
        """The view of a broadcast."""
        return BroadcastView(
            **shared(BroadcastFacts, broadcast), **shared(BroadcastCounts, progress), hold=hold
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureView:
    """One reason for which recipients failed."""

    code: Annotated[int | None, Doc("Meta's error code; null where the reason is wacrmd's own")]
    title: Annotated[str | None, Doc("the reason in Meta's words")]
    count: Annotated[int, Doc("how many recipients")]
    advice: Annotated[str | None, Doc("what a person can do")]


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastDetails(BroadcastView):
    """A broadcast with its counts and the reasons of its failures."""

    failures: Annotated[list[FailureView], Doc("why recipients failed, the most frequent reason first")]


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastProgress(BroadcastDetails):
    """A broadcast while somebody watches it."""

    rate: Annotated[float | None, Doc("recipients per second in the last seconds")]
    seconds_left: Annotated[float | None, Doc("how long it still takes at this rate")]
    finished: Annotated[bool, Doc("nothing is sent any more, and nothing was heard for a while")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionView:
    """A recipient that was dropped."""

    index: Annotated[int, Doc("its place in `recipients`, from 0")]
    to: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecipientSums:
    """What became of the recipients of a request; `accepted + rejected + duplicates + suppressed` is their number."""

    __slots__ = ()

    status: BroadcastStatus
    total_recipients: Annotated[int, Doc("how many are queued, the same as `accepted`")]
    accepted: Annotated[int, Doc("how many are queued")]
    rejected: Annotated[int, Doc("how many have no valid number")]
    duplicates: Annotated[int, Doc("how many are the same number again; the first one wins")]
    suppressed: Annotated[int, Doc("how many have opted out")]
    rejections: list[RejectionView]


@dataclass(frozen=True, kw_only=True)
class _BroadcastId:
    __slots__ = ()

    broadcast_id: Annotated[str, Doc("id of the broadcast")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedBroadcast(RecipientSums, _BroadcastId):
    """A broadcast that was accepted: it is on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedForAccount(CreatedBroadcast):
    """A broadcast that was accepted from an operator."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun(RecipientSums):
    """What would become of a broadcast."""

    number_id: Annotated[str, Doc("id of the number that would send")] = field(metadata=json_name("from"))
    problems: Annotated[list[Problem], Doc("what would be refused")]
    template_synced_at: Annotated[
        Time | None, Doc("null: the template is not known here, so it was not checked")
    ]
    expected_duration_s: Annotated[float, Doc("what already waits for the same number included")]
    dry_run: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunForAccount(DryRun):
    """What would become of a broadcast of an operator."""

    account: Annotated[str, Doc("name of the account")]
    number: Annotated[AccountNumber, Doc("the number that would send")]
    message: Annotated[str | None, Doc("the body as the first recipient would read it")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedBroadcast(_BroadcastId):
    """How many recipients are sent to again."""

    requeued: Annotated[int, Doc("how many recipients")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedDetails(RetriedBroadcast):
    """How many recipients are sent to again, and the broadcast after that."""

    broadcast: BroadcastView


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """How many uncertain recipients count as failed now, and the broadcast after that."""

    failed: Annotated[int, Doc("how many recipients")]
    broadcast: BroadcastView
