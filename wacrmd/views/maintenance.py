"""The daemon itself as operators see it: status, checks, configuration, audit, backups, a person's data."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from wacrmd.domain.hold import Hold
from wacrmd.fields import Doc, Time, json_name
from wacrmd.views.broadcasts import BroadcastView
from wacrmd.views.checks import Check, CheckState
from wacrmd.views.numbers import AccountNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Something that does not move, and why."""

    what: Annotated[str, Doc("`broadcast` or `number`")]
    id: Annotated[str, Doc("id of the broadcast, or Meta's id of the number")]
    name: str | None
    reason: str
    detail: Annotated[str, Doc("a sentence for people")]
    since: Time

    @classmethod
    def of(cls, what: str, reference: str, name: str | None, hold: Hold) -> "Held":
        """The hold of a thing."""
        return cls(
            what=what, id=reference, name=name, reason=hold.reason, detail=hold.detail, since=hold.since
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What is still to be sent."""

    recipients: Annotated[int, Doc("pending recipients, also those that wait for a retry")]
    oldest_due_since: Annotated[Time | None, Doc("since when the oldest of them has been due")]
    in_flight: Annotated[int, Doc("requests to Meta in flight")]


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertainIn:
    """A broadcast with uncertain recipients."""

    id: str
    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Recipients whose outcome is unknown."""

    recipients: int
    broadcasts: Annotated[list[UncertainIn], Doc("the newest broadcasts with some")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStatus:
    """Meta's webhooks, and those to local apps."""

    last_status_at: Annotated[Time | None, Doc("when Meta last sent a status, since the start")]
    unmatched_statuses: Annotated[
        int, Doc("statuses of messages that are not known yet, counted up to 10,000")
    ]
    deliveries_pending: Annotated[int, Doc("pending deliveries to local apps")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """The sender workers."""

    total: Annotated[int, Doc("how many are configured")]
    alive: int
    busy: int
    jobs_waiting: Annotated[int, Doc("jobs that wait for a worker")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Why the database cannot be written."""

    detail: Annotated[str, Doc("what to do")]
    since: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """The database file."""

    path: str
    bytes: int
    wal_bytes: Annotated[int, Doc("size of the write-ahead log")]
    disk_free_bytes: int | None
    outage: Annotated[Outage | None, Doc("why it cannot be written")]
    last_backup_at: Annotated[Time | None, Doc("when the last daily backup was made")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLevelView:
    """How much is logged."""

    level: Annotated[str, Doc("the level in force")]
    until: Annotated[Time | None, Doc("until when; null: until a restart, or it is the configured one")]
    configured: Annotated[str, Doc("the configured level")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of the daemon."""

    healthy: Annotated[bool, Doc("whether nobody is needed")]
    summary: Annotated[str, Doc("what it does, in one line")]
    warnings: list[str]
    held: Annotated[list[Held], Doc("what does not move")]
    version: str
    started_at: Time
    uptime_s: int
    draining: bool
    pending: Pending
    uncertain: Uncertain
    webhooks: WebhookStatus
    workers: Workers
    database: DatabaseStatus
    log: LogLevelView
    broadcasts: Annotated[list[BroadcastView], Doc("those that are not finished")]
    numbers: list[AccountNumber]


@dataclass(frozen=True, slots=True)
class CheckAbout(Check):
    """One finding of the doctor, and what it is about."""

    about: Annotated[str, Doc("the part of the daemon, or the number")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """All findings of the doctor."""

    state: Annotated[CheckState, Doc("the worst state among the checks")]
    checks: list[CheckAbout]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """A key of the configuration with its old and its new value."""

    key: Annotated[str, Doc("`section.key`")]
    old: Any = field(metadata=json_name("from"))
    new: Any = field(metadata=json_name("to"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadReport:
    """What reading the configuration again did."""

    applied: Annotated[list[ConfigChange], Doc("what is in force now")]
    needs_restart: Annotated[list[ConfigChange], Doc("what takes effect at the next restart")]
    warnings: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainView:
    """Whether the daemon drains."""

    draining: bool
    since: Time | None
    in_flight: Annotated[int, Doc("requests to Meta that are still under way")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """One change, or one that was denied."""

    at: Time
    user: str | None
    uid: int
    pid: int | None
    method: str
    params: Annotated[dict[str, Any], Doc("the parameters without secrets")]
    result: Annotated[str, Doc("`ok`, `denied`, `interrupted`, or the error's code")]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupView:
    """A backup that was made."""

    file: str
    bytes: int
    schema: Annotated[int, Doc("version of the database schema")]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityView:
    """What looking for damage found."""

    file: str
    ok: bool
    schema: Annotated[int, Doc("version of the database schema")]
    bytes: int
    problems: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedView:
    """What was erased of a person."""

    erased: Annotated[dict[str, int], Doc("how many rows, by table")]
    optout_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonExport:
    """Everything that is known of one person, row by row as stored; times are ISO-8601."""

    phone: str
    exported_at: Time
    messages: Annotated[list[dict[str, Any]], Doc("messages to the person, each with its history")]
    replies: list[dict[str, Any]]
    optouts: list[dict[str, Any]]
    webhooks: Annotated[list[dict[str, Any]], Doc("deliveries to local apps that tell of the person")]
    audit: Annotated[list[dict[str, Any]], Doc("changes by operators that name the person")]
