"""What Meta's management calls return: numbers, health, apps and templates, as types; pure.

The shapes are in docs/meta.md, Management calls. A value of another type counts as absent.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.template import Template
from wacrmd.fields import JsonObject
from wacrmd.meta.untrusted import as_object, as_objects, as_text

MAX_TEXT = 200
"""Characters kept of each text about a number."""

MAX_TTL_S = 2_592_000
"""The longest time to live of a message, 30 days."""


@dataclass(frozen=True, slots=True)
class NumberInfo:
    """What Meta says about a phone number; statuses, ratings and levels are Meta's own words."""

    display_phone_number: str | None
    verified_name: str | None
    status: str | None
    quality_rating: str | None
    messaging_limit: str | None
    throughput_level: str | None
    is_on_business_app: bool

    @classmethod
    def of(cls, node: JsonObject) -> "NumberInfo":
        """The number that Meta's JSON object describes."""
        return cls(
            display_phone_number=as_text(node.get("display_phone_number"), MAX_TEXT),
            verified_name=as_text(node.get("verified_name"), MAX_TEXT),
            status=as_text(node.get("status"), MAX_TEXT),
            quality_rating=as_text(node.get("quality_rating"), MAX_TEXT),
            messaging_limit=as_text(node.get("whatsapp_business_manager_messaging_limit"), MAX_TEXT),
            throughput_level=as_text(as_object(node.get("throughput")).get("level"), MAX_TEXT),
            is_on_business_app=node.get("is_on_biz_app") is True,
        )


@dataclass(frozen=True, slots=True)
class HealthError:
    """Why messages cannot be sent: the entity concerned (such as `WABA`), the reason, and what Meta suggests."""

    entity: str | None
    reason: str
    solution: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether messages can be sent (`AVAILABLE`, `LIMITED`, `BLOCKED`), why not, and Meta's object as it came."""

    can_send_message: str | None
    errors: tuple[HealthError, ...]
    raw: JsonObject

    @classmethod
    def of(cls, health_status: JsonObject) -> "Health":
        """The health that Meta's `health_status` describes."""
        errors = tuple(
            HealthError(
                as_text(entity.get("entity_type")),
                as_text(error.get("error_description")) or f"error {error.get('error_code')}",
                as_text(error.get("possible_solution")),
            )
            for entity in as_objects(health_status.get("entities"))
            for error in as_objects(entity.get("errors"))
        )
        return cls(as_text(health_status.get("can_send_message")), errors, health_status)


def _seconds(value: object) -> int | None:
    """A time in seconds; None for anything else: Meta writes -1 for the longest time, which is the default."""
    return (
        value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_TTL_S else None
    )


def app_names(subscriptions: Iterable[JsonObject]) -> list[str]:
    """The names of the apps that receive a business account's webhooks, or their ids if they have no name."""
    apps = (as_object(item.get("whatsapp_business_api_data", item)) for item in subscriptions)
    return [str(app.get("name") or app.get("id")) for app in apps if app]


def templates_of(waba_id: str, items: Iterable[JsonObject], now: Millis) -> list[Template]:
    """The templates of a business account, each name and language once; items without both are left out."""
    found: dict[tuple[str, str], Template] = {}
    for item in items:
        name, language = as_text(item.get("name")), as_text(item.get("language"))
        if name is None or language is None:
            continue
        quality = item.get("quality_score")
        reason = as_text(item.get("rejected_reason"))
        found[name, language] = Template(
            waba_id=waba_id,
            meta_id=str(item.get("id", "")),
            name=name,
            language=language,
            status=as_text(item.get("status")) or "UNKNOWN",
            category=as_text(item.get("category")),
            parameter_format=as_text(item.get("parameter_format")) or "POSITIONAL",
            components=as_objects(item.get("components")),
            quality=as_text(quality.get("score") if isinstance(quality, dict) else quality),
            reason=None if reason == "NONE" else reason,
            time_to_live_s=_seconds(item.get("message_send_ttl_seconds")),
            synced_at=now,
        )
    return list(found.values())
