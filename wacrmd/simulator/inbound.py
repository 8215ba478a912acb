"""Messages of people and system messages, as Meta writes them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wacrmd.simulator.options import Options
from wacrmd.simulator.people import user_id_of

KINDS = ("text", "button", "edit", "revoke", "reaction")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes; `wa_id` is None for a user id that belongs to no known number."""

    wa_id: str | None
    user_id: str


def message_of(
    options: Options,
    sender: Sender,
    message_id: str,
    at_ms: int,
    asked: Mapping[str, Any],
    context: str | None,
) -> dict[str, Any]:
    """The message that `asked` describes; `context` is the id of the message that it answers.

    Keys of `asked`: `kind` (one of `KINDS`), `text`, `button_payload`, `emoji`, `original_message_id`, `group_id`.
    Raises ValueError for another kind.
    """
    kind = asked.get("kind") or ("button" if asked.get("button_payload") is not None else "text")
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, found {kind!r}")
    text = str(asked.get("text", ""))
    quoted = {"context": {"from": options.display_phone_number, "id": context}} if context else {}
    original = str(asked.get("original_message_id") or f"{message_id}.original")
    message = named(options, sender, message_id, at_ms)
    if group_id := asked.get("group_id"):
        message["group_id"] = str(group_id)
    match kind:
        case "button":
            return (
                message
                | quoted
                | {"type": kind, "button": {"payload": asked["button_payload"], "text": text}}
            )
        case "edit":
            edited = quoted | {"type": "text", "text": {"body": text}}
            return message | {"type": kind, "edit": {"original_message_id": original, "message": edited}}
        case "revoke":
            return message | {"type": kind, "revoke": {"original_message_id": original}}
        case "reaction":
            emoji = str(asked.get("emoji", "👍"))
            reaction = {"message_id": context or original} | ({"emoji": emoji} if emoji else {})
            return message | {"type": kind, "reaction": reaction}
        case _:
            return message | quoted | {"type": "text", "text": {"body": text}}


def named(options: Options, sender: Sender, message_id: str, at_ms: int) -> dict[str, Any]:
    """The fields of every inbound message: sender, id and time."""
    message: dict[str, Any] = {}
    if sender.wa_id is not None and not options.hide_phones:
        message["from"] = sender.wa_id
    if options.user_ids or "from" not in message:
        message["from_user_id"] = sender.user_id
    return message | {"id": message_id, "timestamp": str(at_ms // 1000)}


def contact(options: Options, sender: Sender) -> dict[str, Any]:
    """One object of `contacts[]`."""
    found: dict[str, Any] = {"profile": {"name": "Simulated Person"}}
    if sender.wa_id is not None and not options.hide_phones:
        found["wa_id"] = sender.wa_id
    if options.user_ids or "wa_id" not in found:
        found["user_id"] = sender.user_id
    return found


def changed_number(before: str, after: str, message_id: str, at_ms: int) -> dict[str, Any]:
    """The system message that says that the number `before` is `after` now; both are digits. Without `contacts`."""
    system = {
        "body": f"User changed from {before} to {after}",
        "type": "user_changed_number",
        "wa_id": after,
        "user_id": user_id_of(after),
        "previous_user_id": user_id_of(before),
    }
    return _system(message_id, at_ms, system) | {"from": before}


def changed_user_id(before: str, after: str, message_id: str, at_ms: int) -> dict[str, Any]:
    """The system message that says that a user id has changed. Without `contacts` and without a number."""
    system = {
        "body": f"User changed from {before} to {after}",
        "type": "user_changed_user_id",
        "user_id": after,
        "previous_user_id": before,
    }
    return _system(message_id, at_ms, system)


def _system(message_id: str, at_ms: int, system: dict[str, Any]) -> dict[str, Any]:
    return {"id": message_id, "timestamp": str(at_ms // 1000), "type": "system", "system": system}
