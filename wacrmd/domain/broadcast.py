"""A broadcast: one template to many people, with its status and its counts.

`BroadcastFacts` and `BroadcastCounts` declare once what is stored (or counted) and shown to callers: the records here, the
columns that are read (`wacrmd/store/broadcasts.py`) and the views (`wacrmd/views/`) inherit their fields.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import Millis
from wacrmd.domain.billing import Billed
from wacrmd.domain.hold import Hold
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.fields import Doc, Time, Uuid, json_name, shared


class BroadcastStatus(StrEnum):
    """The status of a broadcast (docs/api.md)."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class BroadcastKind(StrEnum):
    """What somebody asked for: a list of people, or one message to one person (docs/adr/0029-single-messages.md)."""

    BROADCAST = "broadcast"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastFilter:
    """Which broadcasts are wanted; None: of all of them."""

    kind: BroadcastKind = BroadcastKind.BROADCAST
    account_id: str | None = None
    status: BroadcastStatus | None = None
    text: str = ""
    """In the name or in that of the template, in upper or lower case."""
    since: Millis | None = None
    """Created then or later."""
    until: Millis | None = None
    """Created before."""


@dataclass(frozen=True, kw_only=True)
class BroadcastFacts:
    """What is stored of a broadcast and shown to callers."""

    __slots__ = ()  # what inherits it has slots of its own

    uuid: Annotated[Uuid, Doc("its id")] = field(metadata=json_name("id"))
    kind: Annotated[BroadcastKind, Doc("`message` for one that `POST /api/v1/messages` made")]
    name: Annotated[str, Doc("its label")]
    template_name: Annotated[str, Doc("name of the template")]
    template_language: Annotated[str, Doc("language code of the template")]
    status: Annotated[BroadcastStatus, Doc("`sent` once no recipient is pending or in flight")]
    number_id: Annotated[Uuid, Doc("id of the number that sends")] = field(metadata=json_name("from"))
    created_at: Annotated[Time, Doc("when it was accepted")]
    updated_at: Annotated[Time, Doc("when it or one of its recipients changed last")]
    scheduled_at: Annotated[Time | None, Doc("when it is to start")]
    started_at: Annotated[Time | None, Doc("when it started")]
    completed_at: Annotated[Time | None, Doc("when nothing was left to send")]
    revision: Annotated[
        int, Doc("raised by each change of the broadcast, of its recipients and of their history")
    ]


@dataclass(frozen=True, kw_only=True)
class BroadcastCounts:
    """How many recipients of a broadcast are in which state; each delivery count includes the later stages."""

    __slots__ = ()

    total_recipients: Annotated[
        int, Doc("`sent + failed + pending + uncertain + cancelled`, at every moment")
    ]
    sent_count: Annotated[int, Doc("Meta accepted the message; includes the delivered ones")]
    delivered_count: Annotated[int, Doc("it is on the person's phone; includes the read ones")]
    read_count: Annotated[int, Doc("it was read; includes the replied ones")]
    replied_count: Annotated[int, Doc("the person answered")]
    failed_count: Annotated[int, Doc("Meta reported a failure, or wacrmd gave up")]
    pending_count: Annotated[int, Doc("still to be sent, or just being sent")]
    uncertain_count: Annotated[int, Doc("it is unknown whether Meta accepted the message")]
    cancelled_count: Annotated[
        int, Doc("not sent: the broadcast was cancelled, the person opted out, or their data were erased")
    ]
    held_count: Annotated[
        int, Doc("the part of `sent_count` that Meta holds back for quality, until the first status of each")
    ]
    billed: Annotated[
        list[Billed],
        Doc("what Meta counts the messages as, from their statuses; messages without one are left out"),
    ]
    replies_by_button: Annotated[
        dict[str, int],
        Doc(
            'how many people tapped which button, by its text: `{"Yes": 12, "No": 3}`; who tapped two counts for both'
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast(SendingPlan, BroadcastFacts):
    """A broadcast as stored; its counts are derived, see Progress."""

    id: int
    account_id: str
    hold: Hold | None
    kept_counts: str | None
    """JSON: what was counted of its rows (`Counted`), if that was at this revision."""

    @property
    def plan(self) -> SendingPlan:
        """The way in which it is sent."""
        return SendingPlan(**shared(SendingPlan, self))


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of the rows of a broadcast."""

    by_status: dict[str, int] = field(default_factory=dict)
    """How many recipients are in each stored status."""
    by_button: dict[str, int] = field(default_factory=dict)
    """How many recipients tapped each button."""
    held: list[tuple[str, int, Millis]] = field(default_factory=list)
    """How Meta holds messages back, how many, and since when."""
    billed: list[tuple[str | None, str | None, int]] = field(default_factory=list)
    """Category, type, and how many recipients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(BroadcastCounts):
    """The counts of a broadcast."""

    held: tuple[tuple[str, int, Millis], ...] = ()
    """How Meta holds messages back, how many, and since when."""

    @classmethod
    def of(cls, counted: Counted) -> "Progress":
        """Progress from what was counted."""
        by_status = counted.by_status
        count = defaultdict(int, by_status)
        replied = count[RecipientStatus.REPLIED]
        read = replied + count[RecipientStatus.READ]
        delivered = read + count[RecipientStatus.DELIVERED]
        return cls(
            total_recipients=sum(by_status.values()),
            sent_count=delivered + count[RecipientStatus.SENT],
            delivered_count=delivered,
            read_count=read,
            replied_count=replied,
            failed_count=count[RecipientStatus.FAILED],
            pending_count=count[RecipientStatus.PENDING] + count[RecipientStatus.SENDING],
            uncertain_count=count[RecipientStatus.UNCERTAIN],
            cancelled_count=count[RecipientStatus.CANCELLED],
            held_count=sum(number for _, number, _ in counted.held),
            billed=[Billed(*each) for each in counted.billed],
            replies_by_button=counted.by_button,
            held=tuple((how, number, since) for how, number, since in counted.held),
        )
