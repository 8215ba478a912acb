"""Every key of the configuration with its type, range, default and one sentence.

These models are the only list of keys: `config.example.toml`, the messages about wrong values and the set of
keys that a reload may change are all derived from them.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from wacrmd.config.bind import EXPECTED as BIND_FORMS
from wacrmd.config.bind import Bind, fits_sun_path


@dataclass(frozen=True, slots=True)
class Expected:
    """What a key takes, in words, for messages and the example; stands in the annotation."""

    text: str


def _read(parse: Callable[[str], Any], expected: str) -> tuple[BeforeValidator, Expected]:
    """Reads a text with `parse`; a value that is already read passes, anything else is refused."""

    def validate(value: object) -> object:
        return parse(value) if isinstance(value, str) else value

    return BeforeValidator(validate), Expected(expected)


def _read_list(parse: Callable[[str], str], expected: str) -> tuple[BeforeValidator, Expected]:
    """Reads a list of texts, each with `parse`, into a tuple."""

    def validate(value: object) -> object:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError
        return tuple(parse(item) for item in value)

    return BeforeValidator(validate), Expected(expected)


def _path(text: str) -> Path:
    if not text or "\0" in text or text.endswith("/") or text == ":memory:":
        raise ValueError
    return Path(text)


def _socket(text: str) -> Path:
    if not text or not fits_sun_path(text):
        raise ValueError
    return Path(text)


def _url(text: str) -> str:
    url = urlsplit(text)
    if (
        url.scheme not in ("http", "https")
        or not url.hostname
        or url.query
        or url.fragment
        or "@" in url.netloc
    ):
        raise ValueError
    _ = url.port  # raises ValueError where it is none
    return text.rstrip("/")


def _optional_url(text: str) -> str:
    return _url(text) if text else ""


def _network(text: str) -> str:
    if re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", text):
        return text.lower()
    return str(ipaddress.ip_network(text))


def _word(text: str) -> str:
    if not text.strip():
        raise ValueError
    return " ".join(text.split())


def _group(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?", text):
        raise ValueError
    return text


FilePath = Annotated[Path, *_read(_path, "the path of a file")]
SocketPath = Annotated[Path, *_read(_socket, "a path of at most 107 bytes")]
Address = Annotated[Bind, *_read(Bind.parse, BIND_FORMS)]
Url = Annotated[str, *_read(_url, "a URL such as https://host, without user, query or fragment")]
OptionalUrl = Annotated[str, *_read(_optional_url, 'a URL such as https://host, or "" for none')]
Groups = Annotated[tuple[str, ...], *_read_list(_group, 'a list of group names such as ["wacrmd"]')]
Words = Annotated[tuple[str, ...], *_read_list(_word, 'a list of words such as ["STOP"]')]
Networks = Annotated[
    tuple[str, ...],
    *_read_list(_network, 'a list of host names and networks such as ["crm.lan", "10.0.0.0/8"]'),
]
Seconds = Annotated[float, Field(gt=0, le=3600)]


def _key(default: Any, description: str, *, restart: bool = False, expected: str = "", **rules: Any) -> Any:
    """A key of the configuration; `restart` marks one that a reload leaves alone.

    `expected` says in words what a `pattern` among the `rules` takes.
    """
    extra: JsonDict = {"restart": restart, "expected": expected}
    return Field(default=default, description=description, json_schema_extra=extra, **rules)


class Section(BaseModel):
    """A table of the file; its docstring heads the table in the example."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


class StorageConfig(Section):
    """Where everything is kept."""

    path: FilePath = _key(
        "/var/lib/wacrmd/wacrmd.db",
        "The single SQLite file: all state, the task queue included.",
        restart=True,
    )
    key_file: str = _key(
        "",
        'The file of the key that seals tokens and secrets; "" means the systemd credential wacrmd.key where '
        "there is one, else the database's path with .key added.",
        restart=True,
    )
    backup_before_migration: bool = _key(
        True, "Copy the database beside itself before a new version changes its schema.", restart=True
    )


class ApiConfig(Section):
    """The listener for local apps."""

    bind: Address = _key("127.0.0.1:8080", "Where local apps reach the API.", restart=True)
    max_body_bytes: int = _key(
        5_242_880, "The largest body of a request.", restart=True, ge=1024, le=104_857_600
    )
    body_timeout_s: Seconds = _key(30, "How long a request's body may take to arrive.", restart=True)


class WebhooksConfig(Section):
    """The listener for Meta, the only one that the reverse proxy may reach."""

    bind: Address = _key("127.0.0.1:8081", "Where the reverse proxy reaches it.", restart=True)
    path: str = _key(
        "/webhooks/meta",
        "The one path that it knows.",
        restart=True,
        expected="a path such as /webhooks/meta",
        pattern=r"^/[A-Za-z0-9._~/-]*$",
        max_length=200,
    )
    public_url: OptionalUrl = _key(
        "", "Its address as Meta sees it, for the hints of wacrmd doctor and number check.", max_length=500
    )
    max_body_bytes: int = _key(
        3_145_728, "The largest body; Meta sends up to 3 MiB.", restart=True, ge=1024, le=104_857_600
    )
    body_timeout_s: Seconds = _key(30, "How long a request's body may take to arrive.", restart=True)


class AdminConfig(Section):
    """The unix socket that the commands talk to."""

    socket: SocketPath = _key("/run/wacrmd/admin.sock", "Where it stands.", restart=True)
    socket_mode: str = _key(
        "0660",
        "Its mode, in octal: who may connect at all.",
        restart=True,
        expected='an octal mode such as "0660"',
        pattern=r"^0?[0-7]{3}$",
    )
    operator_groups: Groups = _key([], "Members may operate: broadcasts, opt-outs, templates, pausing.")
    admin_groups: Groups = _key([], "Members may do everything, as root and the daemon's own user may.")


class MetaConfig(Section):
    """How Meta's Graph API is reached."""

    graph_url: Url = _key("https://graph.facebook.com", "Its address.", restart=True, max_length=500)
    api_version: str = _key(
        "v25.0",
        "Its version.",
        restart=True,
        expected='a version such as "v25.0"',
        pattern=r"^v[1-9][0-9]{0,2}\.[0-9]{1,2}$",
    )
    connect_timeout_s: Seconds = _key(
        5, "How long a connection may take; not sent for sure, tried again.", restart=True
    )
    read_timeout_s: Seconds = _key(
        60, "How long an answer may take; after that the outcome is uncertain.", restart=True
    )
    check_interval_minutes: int = _key(
        60, "How often the numbers' quality, limits and health are read; 0 is never.", ge=0, le=10_080
    )


class SenderConfig(Section):
    """How fast, how often and for how long it is tried."""

    workers: int = _key(
        4, "Huey sender workers: broadcasts that are worked on at one time.", restart=True, ge=1, le=64
    )
    max_in_flight: int = _key(
        256, "Requests to Meta at one time, over all numbers.", restart=True, ge=1, le=4096
    )
    messages_per_second: float = _key(
        80,
        "Per number, where the number sets none; Meta's own limit is 80, or 1000 where upgraded.",
        gt=0,
        le=1000,
    )
    on_uncertain: Literal["hold", "resend", "fail"] = _key(
        "hold",
        "When a message's outcome stays unknown: wait for a person, send again (perhaps twice), or fail it.",
    )
    max_retries: int = _key(6, "How often a passing refusal of one message is tried again.", ge=0, le=50)
    max_age_hours: float = _key(
        24, "How long after its first try a message may still be tried again.", gt=0, le=720
    )
    pause_after_failures: int = _key(
        10, "Pause a broadcast after this many failures in a row that may concern all of it.", ge=1, le=10_000
    )


class LimitsConfig(Section):
    """What a local app may ask for."""

    requests_per_minute: int = _key(120, "Requests per API key.", ge=1, le=1_000_000)
    max_recipients: int = _key(1000, "Recipients in one broadcast.", ge=1, le=100_000)


class RepliesConfig(Section):
    """How a message from a person is matched to a broadcast."""

    reply_window_hours: float = _key(
        72,
        "A message without context replies to the newest broadcast to that person within this time.",
        ge=0,
        le=8760,
    )


class OptoutConfig(Section):
    """How people leave."""

    stop_keywords: Words = _key(
        [
            "STOP",
            "STOPALL",
            "UNSUBSCRIBE",
            "OPT OUT",
            "OPTOUT",
            "SAIR",
            "PARAR",
            "BAJA",
            "ALTO",
            "ARRET",
            "STOPP",
        ],
        "A text or quick reply that is one of these words, in any case, opts the person out; [] is none.",
    )
    start_keywords: Words = _key(
        [], "A text or quick reply that is one of these words opts the person in again."
    )


class TemplatesConfig(Section):
    """Meta's templates as known here."""

    sync_interval_minutes: int = _key(60, "How often they are read from Meta; 0 is never.", ge=0, le=10_080)


class OutboundWebhooksConfig(Section):
    """Outbound webhooks to local apps."""

    allow_private: Networks = _key(
        [], "Hosts and networks in loopback, private and link-local ranges that may be called all the same."
    )
    timeout_s: Seconds = _key(10, "How long an endpoint may take to answer.")
    max_age_hours: float = _key(72, "How long a delivery is tried again.", gt=0, le=720)
    workers: int = _key(4, "Deliveries at one time.", restart=True, ge=1, le=64)


class RetentionConfig(Section):
    """How long things are kept; 0 is for ever."""

    recipients_days: int = _key(365, "Finished broadcasts with their recipients.", ge=0, le=36_500)
    history_days: int = _key(90, "Every attempt and status of a recipient.", ge=0, le=36_500)
    webhook_deliveries_days: int = _key(30, "Deliveries of outbound webhooks.", ge=0, le=36_500)
    audit_days: int = _key(730, "The audit log.", ge=0, le=36_500)
    unmatched_statuses_days: int = _key(7, "Statuses for messages that are not known (yet).", ge=1, le=365)


class BackupConfig(Section):
    """A daily copy of the database."""

    directory: str = _key("", 'Where the copies go; "" makes none.')
    keep: int = _key(7, "How many are kept.", ge=1, le=1000)
    at: str = _key(
        "03:30",
        "When, in UTC.",
        expected='a time of day such as "03:30"',
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
    )


class LogConfig(Section):
    """What is told on standard error."""

    level: Literal["debug", "info", "warning", "error"] = _key("info", "The least level that is told.")
    format: Literal["auto", "console", "json"] = _key(
        "auto", "Console on a terminal and JSON otherwise, or always one of them.", restart=True
    )
    mask_phone_numbers: bool = _key(True, "Hide the middle of people's phone numbers.")


class MetricsConfig(Section):
    """Prometheus metrics."""

    enabled: bool = _key(True, "Serve /metrics on the API's listener.", restart=True)


class Config(Section):
    """The whole file; each section and each key may be left out."""

    storage: StorageConfig = StorageConfig()
    api: ApiConfig = ApiConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
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
