"""Broadcasts as callers see them."""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.domain.broadcast import Broadcast, BroadcastCounts, BroadcastFacts, BroadcastStatus, Progress
from wacrmd.domain.forecast import Forecast
from wacrmd.domain.hold import Hold
from wacrmd.domain.marketing_route import Route
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.domain.timeline import TimelinePoint
from wacrmd.errors import Problem
from wacrmd.fields import Doc, Time, Uuid, json_name, shared
from wacrmd.views.numbers import AccountNumber
from wacrmd.views.prices import CostView


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastView(BroadcastCounts, SendingPlan, BroadcastFacts):
    """A broadcast with its counts."""

    hold: Annotated[Hold | None, Doc("why it does not move; null if it does")]

    @classmethod
    def of(cls, broadcast: Broadcast, progress: Progress, hold: Hold | None) -> "BroadcastView":
        """The view of a broadcast."""
        return BroadcastView(
            **shared(BroadcastFacts, broadcast),
            **shared(SendingPlan, broadcast),
            **shared(BroadcastCounts, progress),
            hold=hold,
        )

    @property
    def version(self) -> str:
        """The same for equal views only: the revision, and a digest of a hold that no change of the broadcast made.

        A pause is a change of the broadcast. What else holds one is derived from its number, the daemon and the clock.
        """
        if self.hold is None or self.status is not BroadcastStatus.SENDING:
            return str(self.revision)
        digest = hashlib.sha256(repr(self.hold).encode()).hexdigest()[:12]
        return f"{self.revision}-{digest}"


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

    cost: Annotated[
        CostView | None, Doc("what it has cost so far by the price list; null: there is no price list")
    ]
    failures: Annotated[list[FailureView], Doc("why recipients failed, the most frequent reason first")]
    is_retry_planned: Annotated[
        bool, Doc("somebody waits for a retry; until it is sent its time can be changed")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineView:
    """How many people of a broadcast had which status by when."""

    points: Annotated[list[TimelinePoint], Doc("in the order of time; empty before the first status")]
    last_at: Annotated[Time | None, Doc("when the last status came, also after the last point")]
    is_estimate: Annotated[bool, Doc("the counts are those of a sample, scaled up")]


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastProgress(BroadcastDetails):
    """A broadcast while somebody watches it."""

    rate: Annotated[float | None, Doc("recipients per second, of late")]
    seconds_left: Annotated[float | None, Doc("how long it takes to send the rest at this rate")]
    finished: Annotated[bool, Doc("it is `sent` or `cancelled`, and no status came for a while")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionView:
    """A recipient that was dropped."""

    index: Annotated[int, Doc("its place in `recipients`, from 0")]
    to: Annotated[str | None, Doc("the address as it was given; null if it was no string")]
    reason: Annotated[str, Doc("why it was rejected")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningView:
    """A recipient whose number was written without `+`, so that its country is a guess."""

    index: Annotated[int, Doc("its place in `recipients`, from 0")]
    to: Annotated[str, Doc("the number as it was given")]
    sent_as: Annotated[str, Doc("the number to which the message goes")]
    message: Annotated[str, Doc("how it was read, and how else it could be")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutView:
    """A recipient with a valid number to whom nothing is sent."""

    index: Annotated[int, Doc("its place in `recipients`, from 0")]
    same_as: Annotated[
        int | None, Doc("the place of the earlier recipient who is the same person; null: opted out")
    ]


@dataclass(frozen=True, kw_only=True)
class RecipientSums:
    """The recipients of a request; `accepted + rejected + duplicates + suppressed` is their number."""

    __slots__ = ()

    total_recipients: Annotated[
        int, Doc("how many are queued, the same as `accepted`; of a draft: how many it has now")
    ]
    accepted: Annotated[int, Doc("how many are queued")]
    rejected: Annotated[int, Doc("how many have no valid number")]
    duplicates: Annotated[int, Doc("how many have the same number as an earlier one, which is kept")]
    suppressed: Annotated[int, Doc("how many have opted out")]
    rejections: Annotated[list[RejectionView], Doc("the recipients that were rejected, each with the reason")]
    warnings: Annotated[
        list[WarningView], Doc("the first 1,000 recipients whose number is a guess: written without `+`")
    ] = field(default_factory=list)
    template_warnings: Annotated[
        list[str],
        Doc("quick replies of the template that look like an opt-out but would not be taken as one"),
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _BroadcastId:
    __slots__ = ()

    broadcast_id: Annotated[Uuid, Doc("id of the broadcast")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedBroadcast(RecipientSums, _BroadcastId):
    """A broadcast that was accepted and is on disk; of a draft, the recipients that were just added."""

    status: Annotated[BroadcastStatus, Doc("`sending`, `scheduled` with `scheduled_at`, or `draft`")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedForAccount(CreatedBroadcast):
    """A broadcast by an operator that was accepted."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun(SendingPlan, RecipientSums):
    """What a broadcast would do."""

    status: Annotated[
        BroadcastStatus | None,
        Doc(
            "what it would be: `sending`, `scheduled` with `scheduled_at`, or `draft`; null: it would be refused, see"
            " `problems`"
        ),
    ]
    number_id: Annotated[Uuid, Doc("id of the number that would send")] = field(metadata=json_name("from"))
    sent_as: Annotated[
        list[str | None],
        Doc("the address to which each of `recipients` would be sent, in their order; null: rejected"),
    ]
    problems: Annotated[list[Problem], Doc("why the request would be refused; empty: it would be accepted")]
    template_synced_at: Annotated[
        Time | None, Doc("when the template was synced; null: it was never synced, so it was not checked")
    ]
    route: Annotated[Route, Doc("where the messages go, and why")]
    expected_duration_s: Annotated[
        float, Doc("seconds until all are sent at the rate of the number; what already waits is included")
    ]
    forecast: Annotated[
        Forecast, Doc("how it will go with its hours, its pace, its first few and Meta's limit")
    ]
    cost: Annotated[
        CostView | None,
        Doc("what it would cost by the price list that holds then; null: there is no price list"),
    ] = None
    dry_run: Annotated[bool, Doc("true: nothing was stored or sent")] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunForAccount(DryRun):
    """What a broadcast by an operator would do."""

    account: Annotated[str, Doc("name of the account")]
    number: Annotated[AccountNumber, Doc("the number that would send")]
    message: Annotated[str | None, Doc("the body as the first recipient would read it")]
    left_out: Annotated[list[LeftOutView], Doc("who is counted in `duplicates` and `suppressed`")]
    warnings_summary: Annotated[
        str | None, Doc("the `warnings` in one sentence: of which countries the numbers without `+` are")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedBroadcast(_BroadcastId):
    """A retry."""

    requeued: Annotated[int, Doc("how many recipients get another attempt")]
    moved: Annotated[
        int,
        Doc("how many others waited for such a retry already, and wait for the new time now"),
    ]
    waiting: Annotated[
        int,
        Doc(
            "how many wait longer than was asked, moved or not, because Meta allows no earlier message to them"
        ),
    ]
    waiting_until: Annotated[Time | None, Doc("until when the last of those waits; null: nobody does")]
    left_out: Annotated[
        int,
        Doc(
            "how many failed with a code of which Meta says that another attempt fails as well: they stay failed"
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedDetails(RetriedBroadcast):
    """A retry and the broadcast after it."""

    broadcast: Annotated[BroadcastView, Doc("the broadcast after this")]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Uncertain recipients that were given up."""

    failed: Annotated[int, Doc("how many recipients count as failed now")]
    broadcast: Annotated[BroadcastView, Doc("the broadcast after this")]
