"""The parts of a message from a person, as the event `message.received` carries them (docs/webhooks.md)."""

from dataclasses import dataclass
from typing import Annotated, Any

from wacrmd.fields import Doc, JsonObject
from wacrmd.views.recipients import MetaErrorView


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTo:
    """The number of the account that a person wrote to."""

    id: Annotated[str, Doc("id of the number")]
    phone_number_id: Annotated[str, Doc("Meta's id of the number")]
    display_phone: Annotated[str | None, Doc("the number that the person sees")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A reaction to a message."""

    message_id: Annotated[str | None, Doc("Meta's id of the message")]
    emoji: Annotated[str | None, Doc("null: a reaction was taken back")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture, video, audio, document or sticker; Meta's media API gives the file."""

    id: Annotated[str | None, Doc("Meta's id of the file")]
    mime_type: Annotated[str | None, Doc("its type")]
    sha256: Annotated[str | None, Doc("its hash")]
    filename: Annotated[str | None, Doc("its name, of a document")]
    voice: Annotated[bool | None, Doc("whether an audio was recorded in the chat")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place on the map."""

    latitude: Annotated[float | None, Doc("degrees")]
    longitude: Annotated[float | None, Doc("degrees")]
    name: Annotated[str | None, Doc("its name")]
    address: Annotated[str | None, Doc("its address")]
    url: Annotated[str | None, Doc("a link to it")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowAnswer:
    """The answers in a flow (a form)."""

    name: Annotated[str | None, Doc("Meta's word for it, `flow`")]
    response: Annotated[Any, Doc("the answers: Meta's `response_json`, decoded; as text if it is no JSON")]


@dataclass(frozen=True, kw_only=True)
class MessageContent:
    """What a person wrote, beside the text."""

    __slots__ = ()

    description: Annotated[str | None, Doc("the description of a chosen list entry")]
    original_message_id: Annotated[
        str | None, Doc("Meta's id of the message that was edited (`edit`) or taken back (`revoke`)")
    ]
    reaction: Annotated[Reaction | None, Doc("a reaction")]
    media: Annotated[Media | None, Doc("a file; its caption is in `text`")]
    location: Annotated[Location | None, Doc("a place")]
    contacts: Annotated[list[JsonObject], Doc("the contacts that were shared, as Meta writes them")]
    order: Annotated[JsonObject | None, Doc("an order from a catalog, as Meta writes it")]
    flow: Annotated[FlowAnswer | None, Doc("the answers in a flow")]
    referral: Annotated[
        JsonObject | None, Doc("the advertisement that led the person here, as Meta writes it")
    ]
    errors: Annotated[
        list[MetaErrorView], Doc("why Meta could not pass the message on, of type `unsupported`")
    ]
    message: Annotated[
        JsonObject | None, Doc("Meta's own object of the message; null if it is larger than 64 KiB")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedContent(MessageContent):
    """The content of one message."""
