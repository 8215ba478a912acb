"""Every key of the configuration with its type, range, default and a description.

These models are the only list of keys. `config.example.toml`, the messages about wrong values and the set of
keys that a reload may change are derived from them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from wacrmd.config.opt_out_words import DEFAULT_STOP_KEYWORDS
from wacrmd.config.values import (
    Address,
    FilePath,
    GraphUrl,
    Groups,
    HeaderName,
    Hosts,
    Networks,
    OptionalAddress,
    OptionalUrl,
    Origins,
    Proxies,
    PublicUrl,
    Seconds,
    SocketPath,
    Words,
)
from wacrmd.domain.attempt import UncertainPolicy
from wacrmd.domain.log_level import LogLevel


def _key(default: Any, description: str, *, restart: bool = False, expected: str = "", **rules: Any) -> Any:
    """A key of the configuration; `restart` marks one that takes effect at the next start only.

    `expected` says in words which values a `pattern` among the `rules` takes.
    """
    extra: JsonDict = {"restart": restart, "expected": expected}
    return Field(default=default, description=description, json_schema_extra=extra, **rules)


class Section(BaseModel):
    """A section of the file; its docstring is the comment above the section in the example file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


class StorageConfig(Section):
    """Where data is kept."""

    path: FilePath = _key(
        "/var/lib/wacrmd/wacrmd.db", "The SQLite file with all data, the job queue included.", restart=True
    )
    key_file: str = _key(
        "",
        "The file with the key that encrypts access tokens and secrets in the database. "
        '"" means: the systemd credential wacrmd.key if there is one, else the database path with .key appended.',
        restart=True,
    )
    backup_before_migration: bool = _key(
        True, "Copy the database next to itself before a new version changes its schema.", restart=True
    )


class ApiConfig(Section):
    """The HTTP API for local apps."""

    bind: Address = _key("127.0.0.1:8080", "The address at which local apps reach the API.", restart=True)
    allowed_origins: Origins = _key(
        [],
        "Origins whose pages may call the API from a browser (CORS), with a key that they have; [] means none.",
    )
    max_body_bytes: int = _key(
        5_242_880,
        "The largest request body that is accepted; of gzip the decoded size counts.",
        restart=True,
        ge=1024,
        le=104_857_600,
    )
    body_timeout_s: Seconds = _key(
        30, "How long a request body may take to arrive, in seconds.", restart=True
    )
    message_wait_s: float = _key(
        10,
        "How long POST /api/v1/messages waits for Meta's answer, in seconds, before it answers 202; 0: it does not wait.",
        ge=0,
        le=60,
    )


class WebhooksConfig(Section):
    """The listener for Meta's webhooks: the only one that the reverse proxy should reach."""

    bind: Address = _key(
        "127.0.0.1:8081", "The address to which the reverse proxy forwards requests from Meta.", restart=True
    )
    path: str = _key(
        "/webhooks/meta",
        "The only path that this listener answers.",
        restart=True,
        expected="a path such as /webhooks/meta",
        pattern=r"^/[A-Za-z0-9._~/-]*$",
        max_length=200,
    )
    public_url: OptionalUrl = _key(
        "",
        "The URL at which Meta reaches this listener, such as https://hooks.example.com. "
        'wacrmd doctor calls it from outside; "" skips that check.',
        max_length=500,
    )
    max_body_bytes: int = _key(
        3_145_728,
        "The largest request body that is accepted; of gzip the decoded size counts. Meta sends up to 3 MiB.",
        restart=True,
        ge=1024,
        le=104_857_600,
    )
    body_timeout_s: Seconds = _key(
        30, "How long a request body may take to arrive, in seconds.", restart=True
    )


class DashboardConfig(Section):
    """The pages for people, in a browser."""

    bind: OptionalAddress = _key(
        "127.0.0.1:8082", 'The address of the pages; "" turns them off.', restart=True
    )
    public_url: PublicUrl = _key(
        "",
        "The URL by which browsers reach it, if that is another one, as behind a reverse proxy. Links have it; with https"
        " the cookies are for https alone.",
        max_length=500,
    )
    allowed_hosts: Hosts = _key(
        [], "Further host names by which browsers may call it. Its own name and IP addresses always may."
    )
    trusted_proxies: Proxies = _key(
        [],
        "Addresses of reverse proxies that are believed what X-Forwarded-For and user_header say;"
        ' "unix" for a Unix socket.',
    )
    user_header: HeaderName = _key(
        "",
        'The header in which such a proxy names a user who has logged in there, such as Remote-User; "" for none.',
    )


class AdminConfig(Section):
    """The Unix socket for the wacrmd commands."""

    socket: SocketPath = _key("/run/wacrmd/admin.sock", "The path of the socket.", restart=True)
    socket_mode: str = _key(
        "0660",
        "The file mode of the socket, in octal. It decides who can connect.",
        restart=True,
        expected='an octal mode such as "0660"',
        pattern=r"^0?[0-7]{3}$",
    )
    operator_groups: Groups = _key(
        [], "Unix groups whose members may manage broadcasts, opt-outs and templates, and pause numbers."
    )
    admin_groups: Groups = _key(
        [], "Unix groups whose members may do everything, like root and the daemon's own user."
    )


class MetaConfig(Section):
    """The connection to Meta's Graph API."""

    graph_url: GraphUrl = _key(
        "https://graph.facebook.com",
        "The base URL of the Graph API; its version has a key of its own.",
        restart=True,
        max_length=500,
    )
    api_version: str = _key(
        "v25.0",
        "The version of the Graph API.",
        restart=True,
        expected='a version such as "v25.0"',
        pattern=r"^v[1-9][0-9]{0,2}\.[0-9]{1,2}$",
    )
    connect_timeout_s: Seconds = _key(
        5,
        "How long to wait for a connection, in seconds. After that, the message was certainly not sent and is "
        "tried again.",
        restart=True,
    )
    read_timeout_s: Seconds = _key(
        60,
        "How long to wait for an answer, in seconds. After that, nobody knows whether the message was sent: the "
        "recipient becomes uncertain.",
        restart=True,
    )
    check_interval_minutes: int = _key(
        60,
        "How often the quality, limits and health of each number are read from Meta; 0 turns it off.",
        ge=0,
        le=10_080,
    )


class SenderConfig(Section):
    """Sending: how fast, how often it is tried, and when it pauses."""

    workers: int = _key(
        4,
        "Sender workers: how many broadcasts are claimed from at the same time; all of them send.",
        restart=True,
        ge=1,
        le=64,
    )
    max_in_flight: int = _key(
        256,
        "How many requests to Meta may be under way at the same time, for all numbers together; for moments up to a "
        "fifth more. Those that Meta leaves without an answer for 2 s and longer are not counted.",
        restart=True,
        ge=1,
        le=4096,
    )
    messages_per_second: float = _key(
        80,
        "The rate of each number that has no rate of its own. Meta allows 80, or 1000 after an upgrade.",
        gt=0,
        le=1000,
    )
    on_uncertain: Annotated[UncertainPolicy, Field(strict=False)] = _key(
        UncertainPolicy.HOLD,
        'What to do when it stays unknown whether a message was sent: "hold" waits for an operator, "resend" '
        'sends it again (the person may get it twice), "fail" counts it as failed.',
    )
    max_retries: int = _key(
        6, "How often a message is sent again after a temporary error from Meta.", ge=0, le=50
    )
    max_age_hours: float = _key(
        24,
        "How long after its first attempt a message may still be sent again, in hours in which the daemon runs.",
        gt=0,
        le=720,
    )
    pause_after_failures: int = _key(
        10,
        "How many failures in a row, told by answers or by webhooks, pause a broadcast, when they may concern all of its"
        " recipients.",
        ge=1,
        le=10_000,
    )


class LimitsConfig(Section):
    """Limits for local apps."""

    requests_per_minute: int = _key(120, "Requests a minute for each API key.", ge=1, le=1_000_000)
    max_recipients: int = _key(1000, "Recipients in one broadcast.", ge=1, le=100_000)
    max_upload_recipients: int = _key(
        100_000,
        "Recipients in one broadcast from a file: in the dashboard, and by wacrmd broadcast create --csv.",
        ge=1,
        le=1_000_000,
    )
    max_media_bytes: int = _key(
        104_857_600,
        "The largest file for the header of messages. Meta takes images of 5 MB, videos of 16 MB and documents of 100 MB.",
        ge=1024,
        le=104_857_600,
    )
    max_media_bytes_per_account: int = _key(
        1_073_741_824,
        "The files of one account together. They are in the database, and so in each backup.",
        ge=1024,
        le=1_099_511_627_776,
    )
    max_webhooks: int = _key(
        20, "Webhooks of one account. Each event is stored for each of them.", ge=1, le=1000
    )


class RepliesConfig(Section):
    """How a message from a person is matched to a broadcast."""

    reply_window_hours: float = _key(
        72,
        "A message that quotes no other counts as a reply to the newest broadcast message that the person was "
        "sent within this time, in hours.",
        ge=0,
        le=8760,
    )


class OptoutConfig(Section):
    """Opt-out by message."""

    stop_keywords: Words = _key(
        DEFAULT_STOP_KEYWORDS,
        "A text or quick reply that consists of one of these opts the person out, in upper or lower case, with or "
        "without accents, hyphens and spaces; [] turns it off. docs/optouts.md has the reasons for the default words.",
    )
    start_keywords: Words = _key(
        [], "A text or quick reply that consists of one of these words opts the person in again."
    )


class TemplatesConfig(Section):
    """The synced copy of Meta's message templates."""

    sync_interval_minutes: int = _key(
        60, "How often the templates are read from Meta; 0 turns it off.", ge=0, le=10_080
    )
    clicks_interval_minutes: int = _key(
        360,
        "How often clicks on links are read from Meta's template analytics, of business accounts that have them switched on;"
        " the others are asked once a day whether they have. 0 turns it off.",
        ge=0,
        le=10_080,
    )


class OutboundWebhooksConfig(Section):
    """Webhooks that wacrmd sends to local apps."""

    allow_private: Networks = _key(
        [], "Host names and networks that may be called although their addresses are private or loopback."
    )
    timeout_s: Seconds = _key(10, "How long an endpoint may take to answer, in seconds.")
    max_age_hours: float = _key(
        72, "How long a failed delivery is tried again, in hours in which the daemon runs.", gt=0, le=720
    )
    workers: int = _key(
        4,
        "How many deliveries to one webhook run at the same time. Each webhook has its own workers; one that is slow, fails"
        " or is new has one.",
        ge=1,
        le=64,
    )


class RetentionConfig(Section):
    """How many days data is kept. 0 keeps it for ever."""

    recipients_days: int = _key(365, "Finished broadcasts with their recipients.", ge=0, le=36_500)
    history_days: int = _key(90, "The attempts and statuses of each recipient.", ge=0, le=36_500)
    webhook_deliveries_days: int = _key(30, "Deliveries of outbound webhooks.", ge=0, le=36_500)
    audit_days: int = _key(730, "The audit log.", ge=0, le=36_500)
    drafts_days: int = _key(90, "Drafts of broadcasts that nobody has changed since.", ge=0, le=36_500)
    media_days: int = _key(
        30,
        "Files for the header of messages, since their last use. One that an unfinished broadcast or a draft needs is kept.",
        ge=0,
        le=36_500,
    )
    unmatched_statuses_days: int = _key(
        7, "Statuses from Meta for messages that are not known here (yet).", ge=1, le=365
    )


class BackupConfig(Section):
    """A daily copy of the database."""

    directory: str = _key("", 'The directory for the copies; "" makes none.')
    keep: int = _key(7, "How many copies are kept. Older ones are deleted.", ge=1, le=1000)
    at: str = _key(
        "03:30",
        "The time of day, in UTC.",
        expected='a time of day such as "03:30"',
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
    )


class LogConfig(Section):
    """The log on standard error."""

    level: Annotated[LogLevel, Field(strict=False)] = _key(LogLevel.INFO, "The lowest level that is written.")
    format: Literal["auto", "console", "json"] = _key(
        "auto",
        '"console" is for people, "json" for programs; "auto" is console on a terminal, else json.',
        restart=True,
    )
    mask_phone_numbers: bool = _key(True, "Hide the middle digits of phone numbers.")


class MetricsConfig(Section):
    """Prometheus metrics."""

    enabled: bool = _key(True, "Serve /metrics at the address of the API.", restart=True)


class Config(Section):
    """The whole file. Each section and each key may be left out."""

    storage: StorageConfig = StorageConfig()
    api: ApiConfig = ApiConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    dashboard: DashboardConfig = DashboardConfig()
    admin: AdminConfig = AdminConfig()
    meta: MetaConfig = MetaConfig()
    sender: SenderConfig = SenderConfig()
    limits: LimitsConfig = LimitsConfig()
    replies: RepliesConfig = RepliesConfig()
    optout: OptoutConfig = OptoutConfig()
    templates: TemplatesConfig = TemplatesConfig()
    outbound_webhooks: OutboundWebhooksConfig = OutboundWebhooksConfig()
    retention: RetentionConfig = RetentionConfig()
    backup: BackupConfig = BackupConfig()
    log: LogConfig = LogConfig()
    metrics: MetricsConfig = MetricsConfig()


SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}


def _reloadable(section: type[Section], key: str) -> bool:
    extra = section.model_fields[key].json_schema_extra
    return isinstance(extra, dict) and not extra["restart"]


RELOADABLE: frozenset[str] = frozenset(
    f"{name}.{key}"
    for name, section in SECTIONS.items()
    for key in section.model_fields
    if _reloadable(section, key)
)
"""The keys, as `section.key`, that a reload may change while the daemon runs."""
