"""The daemon itself as operators see it: status, checks, configuration, audit, backups, a person's data."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from wacrmd.domain.drain import Drain
from wacrmd.domain.hold import Hold
from wacrmd.fields import Doc, JsonObject, Time, json_name
from wacrmd.views.broadcasts import BroadcastView
from wacrmd.views.checks import Check, CheckState
from wacrmd.views.numbers import AccountNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A broadcast or a number that does not move, or the clock."""

    what: Annotated[str, Doc("`broadcast`, `number`, or `clock`: that of the machine is not trusted")]
    id: Annotated[str, Doc("id of the broadcast, Meta's id of the number, or `machine`")]
    name: Annotated[str | None, Doc("its name or label")]
    display_phone: Annotated[str | None, Doc("the number itself, of a number")]
    reason: Annotated[str, Doc("the reason, for programs")]
    detail: Annotated[str, Doc("a sentence for people")]
    since: Annotated[Time, Doc("since when")]

    @classmethod
    def of(
        cls, what: str, reference: str, name: str | None, hold: Hold, display_phone: str | None = None
    ) -> "Held":
        """The hold of a thing."""
        return cls(
            what=what,
            id=reference,
            name=name,
            display_phone=display_phone,
            reason=hold.reason,
            detail=hold.detail,
            since=hold.since,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What is still to be sent."""

    recipients: Annotated[int, Doc("pending recipients, also those that wait for a retry")]
    oldest_due_since: Annotated[Time | None, Doc("since when the oldest of them has been due")]
    in_flight: Annotated[int, Doc("requests to Meta in flight")]


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertainBroadcast:
    """A broadcast with uncertain recipients."""

    id: Annotated[str, Doc("id of the broadcast")]
    name: Annotated[str, Doc("its name")]
    count: Annotated[int, Doc("how many recipients are uncertain")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Recipients whose outcome is unknown."""

    recipients: Annotated[int, Doc("how many there are")]
    broadcasts: Annotated[list[UncertainBroadcast], Doc("the newest broadcasts with some")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStatus:
    """Meta's webhooks, and those to local apps."""

    last_status_at: Annotated[Time | None, Doc("when Meta last sent a status, since the start")]
    waiting: Annotated[int, Doc("webhooks from Meta that wait to be stored")]
    refused: Annotated[int, Doc("webhooks from Meta that were refused in the newest overload")]
    refused_at: Annotated[Time | None, Doc("when the last one was refused, since the start")]
    unmatched_statuses: Annotated[
        int, Doc("statuses of messages that are not known yet, counted up to 10,000")
    ]
    deliveries_pending: Annotated[int, Doc("pending deliveries to local apps")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """The sender workers."""

    total: Annotated[int, Doc("how many are configured")]
    alive: Annotated[int, Doc("how many run")]
    busy: Annotated[int, Doc("how many have a job")]
    jobs_waiting: Annotated[int, Doc("jobs that wait for a worker")]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageView:
    """Why the database cannot be used."""

    detail: Annotated[str, Doc("what to do")]
    since: Annotated[Time, Doc("since when")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCheckView:
    """The last full check of the database for damage, which is made once a day."""

    at: Annotated[Time, Doc("when it ended")]
    duration_ms: Annotated[int, Doc("how long it took")]
    problems: Annotated[list[str], Doc("what was found; empty for an undamaged file")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """The database file."""

    path: Annotated[str, Doc("its path")]
    bytes: Annotated[int, Doc("its size")]
    wal_bytes: Annotated[int, Doc("size of the write-ahead log")]
    disk_free_bytes: Annotated[int | None, Doc("free space of its file system; null if it cannot be read")]
    outage: Annotated[OutageView | None, Doc("why it cannot be used")]
    last_check: Annotated[LastCheckView | None, Doc("the last full check for damage")]
    last_backup_at: Annotated[Time | None, Doc("when the last daily backup was made")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLevelView:
    """How much is logged."""

    level: Annotated[str, Doc("the present level")]
    until: Annotated[Time | None, Doc("until when; null: until a restart, or it is the configured level")]
    configured: Annotated[str, Doc("the configured level")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of the daemon."""

    healthy: Annotated[bool, Doc("whether no person is needed")]
    summary: Annotated[str, Doc("a sentence for people")]
    warnings: Annotated[list[str], Doc("what a person should know, a sentence each")]
    held: Annotated[
        list[Held], Doc("broadcasts and numbers that do not move, and a clock that is not trusted")
    ]
    version: Annotated[str, Doc("version of wacrmd")]
    started_at: Annotated[Time, Doc("when the daemon started")]
    uptime_s: Annotated[int, Doc("for how many seconds it has run")]
    draining: Annotated[bool, Doc("whether it accepts no new work")]
    drain: Annotated[Drain | None, Doc("why it accepts none")]
    pending: Annotated[Pending, Doc("what is still to be sent")]
    uncertain: Annotated[Uncertain, Doc("recipients whose outcome is unknown")]
    webhooks: Annotated[WebhookStatus, Doc("Meta's webhooks, and those to local apps")]
    workers: Annotated[Workers, Doc("the sender workers")]
    database: Annotated[DatabaseStatus, Doc("the database file")]
    log: Annotated[LogLevelView, Doc("how much is logged")]
    broadcasts: Annotated[list[BroadcastView], Doc("those that are not finished")]
    numbers: Annotated[list[AccountNumber], Doc("all numbers")]


@dataclass(frozen=True, slots=True)
class CheckAbout(Check):
    """One finding of the doctor, and what it is about."""

    about: Annotated[str, Doc("the part of the daemon, or the number")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """All findings of the doctor."""

    state: Annotated[CheckState, Doc("the worst state among the checks")]
    checks: Annotated[list[CheckAbout], Doc("each finding")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """A key of the configuration with its old and its new value."""

    key: Annotated[str, Doc("`section.key`")]
    old: Annotated[Any, Doc("the old value")] = field(metadata=json_name("from"))
    new: Annotated[Any, Doc("the new value")] = field(metadata=json_name("to"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadReport:
    """The result of reading the configuration again."""

    applied: Annotated[list[ConfigChange], Doc("what took effect")]
    needs_restart: Annotated[list[ConfigChange], Doc("what needs a restart")]
    warnings: Annotated[list[str], Doc("what is allowed and probably wrong")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainView:
    """Whether the daemon drains."""

    draining: Annotated[bool, Doc("whether it drains")]
    since: Annotated[Time | None, Doc("since when")]
    for_good: Annotated[bool, Doc("whether it goes on after a restart")]
    in_flight: Annotated[int, Doc("requests to Meta that are still under way")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """The machine's clock, and the time by which the daemon goes."""

    is_trusted: Annotated[bool, Doc("whether the daemon goes by the machine's clock without doubt")] = field(
        metadata=json_name("trusted")
    )
    now: Annotated[Time, Doc("the time by which the daemon goes")]
    machine: Annotated[Time, Doc("the machine's clock")]
    meta: Annotated[Time | None, Doc("Meta's clock; null if Meta has not answered since the start")]
    hold: Annotated[Hold | None, Doc("why it is not trusted, and since when")]
    accepted_s: Annotated[
        int,
        Doc(
            "by how many seconds the machine's clock may be ahead of Meta's, because an operator accepted that"
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """One change, or one that was denied."""

    id: Annotated[int, Doc("its id")]
    at: Annotated[Time, Doc("when")]
    via: Annotated[str, Doc("`command` or `dashboard`")]
    user: Annotated[str | None, Doc("name of the user; null if it has none")]
    uid: Annotated[int | None, Doc("id of the user on this machine; null for a user of the dashboard")]
    pid: Annotated[int | None, Doc("id of the process; null if it is not known")]
    method: Annotated[str, Doc("the method that was called")]
    params: Annotated[JsonObject, Doc("the parameters without secrets")]
    result: Annotated[str, Doc("`ok`, `denied`, `interrupted`, or the error's code")]
    calls: Annotated[
        int,
        Doc(
            "how many calls it stands for: a user's denied calls of one minute are summed up, without parameters;"
            " of failed logins the first addresses are kept"
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupView:
    """A backup that was made."""

    file: Annotated[str, Doc("its path")]
    bytes: Annotated[int, Doc("its size")]
    schema: Annotated[int, Doc("version of the database schema")]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityView:
    """The result of checking the database."""

    file: Annotated[str, Doc("path of the database")]
    ok: Annotated[bool, Doc("whether nothing is damaged")]
    schema: Annotated[int, Doc("version of the database schema")]
    bytes: Annotated[int, Doc("its size")]
    problems: Annotated[list[str], Doc("what is damaged")]
    advice: Annotated[str | None, Doc("what to do about it; null if nothing can be mended")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedView:
    """What was erased of a person."""

    erased: Annotated[dict[str, int], Doc("how many rows, by table")]
    optout_kept: Annotated[bool, Doc("whether an opt-out of the person was kept")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonExport:
    """Everything that is known of one person, row by row as stored; times are ISO-8601."""

    phone: Annotated[str, Doc("the number that was asked for")]
    exported_at: Annotated[Time, Doc("when this was written")]
    addresses: Annotated[list[JsonObject], Doc("the phones and user ids by which the person is known")]
    changes: Annotated[
        list[JsonObject], Doc("how that was learnt: addresses that were joined, changed or lost")
    ]
    messages: Annotated[list[JsonObject], Doc("messages to the person, each with its history")]
    replies: Annotated[list[JsonObject], Doc("messages from the person")]
    optouts: Annotated[list[JsonObject], Doc("the person's opt-outs")]
    webhooks: Annotated[list[JsonObject], Doc("deliveries to local apps about the person")]
    audit: Annotated[list[JsonObject], Doc("changes by operators that name the person")]
    drafts: Annotated[list[JsonObject], Doc("lines of the files of drafts that name the person")]
