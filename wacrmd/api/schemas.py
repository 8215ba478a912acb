"""The bodies of requests and answers: checked here at the edge, described in OpenAPI from the same models."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from wacrmd.clock import Millis, parse_iso
from wacrmd.meta.payloads import content_problems
from wacrmd.model import BroadcastStatus, Scope, TemplateContent
from wacrmd.services.accept import Person, Submission


def _param(value: object) -> str:
    """A parameter as text: dropping one that is no string would shift the others, so it is refused instead."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"expected a string or an integer, found {kind_of(value)}")


def kind_of(value: object) -> str:
    """What a JSON value is, in JSON's words."""
    names = {
        bool: "a boolean",
        float: "a number",
        int: "an integer",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null")


def _params_kind(value: object) -> str:
    return "named" if isinstance(value, dict) else "positional"


def _time(value: object) -> Millis:
    if not isinstance(value, str):
        raise ValueError("expected an ISO-8601 time with an offset, such as 2026-11-23T12:00:00Z")
    try:
        return parse_iso(value)
    except ValueError as error:
        raise ValueError(
            f"expected an ISO-8601 time with an offset, such as 2026-11-23T12:00:00Z: {error}"
        ) from error


Param = Annotated[str, BeforeValidator(_param), WithJsonSchema({"type": ["string", "integer"]})]
Params = Annotated[
    Annotated[list[Param], Tag("positional")] | Annotated[dict[str, Param], Tag("named")],
    Discriminator(_params_kind),
]
Time = Annotated[int, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
TemplateName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
Language = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=20)]
Object = dict[str, Any]


class Strict(BaseModel):
    """A request's object: unknown fields are named, not ignored, so that a misspelt one is found."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Content(Strict):
    """What fills the template beyond the body (contract 4)."""

    header: Object | None = Field(None, description="text, image, video, document or location of the header")
    buttons: list[Object] | None = Field(
        None, description="values of URL, quick-reply, copy-code and flow buttons"
    )
    components: list[Object] | None = Field(
        None, description="Meta's own component objects, passed on as they are"
    )

    def given(self) -> dict[str, Any]:
        """The parts that were given."""
        parts = {"header": self.header, "buttons": self.buttons, "components": self.components}
        return {name: part for name, part in parts.items() if part is not None}


class RecipientIn(Content):
    """One recipient; a `to` that is missing or no string rejects the recipient, not the request."""

    to: Annotated[Any, WithJsonSchema({"type": "string"})] = Field(
        None, description="E.164 number such as +14155550123, or a business-scoped user id"
    )
    params: Params | None = Field(None, description="values of {{1}}, {{2}} … in order, or by name")


class BroadcastIn(Content):
    """The body of POST /api/v1/broadcasts."""

    name: Label | None = Field(None, description="label; default: API broadcast (<template_name>)")
    template_name: TemplateName = Field(description="name of the approved template")
    template_language: Language = Field("en_US", description="language code of the variant")
    recipients: list[RecipientIn] = Field(min_length=1, description="whom to send to")
    sender: str | None = Field(
        None, alias="from", max_length=64, description="id or phone_number_id of the number that sends"
    )
    scheduled_at: Time | None = Field(None, description="start then")

    def submission(self) -> Submission:
        """As the service takes it."""
        return Submission(
            template_name=self.template_name,
            template_language=self.template_language,
            people=[
                Person(
                    person.to,
                    TemplateContent(person.params, person.header, person.buttons, person.components),
                )
                for person in self.recipients
            ],
            name=self.name,
            sender=self.sender,
            scheduled_at=self.scheduled_at,
            content=TemplateContent(None, self.header, self.buttons, self.components),
        )

    def problems(self) -> list[Any]:
        """What is wrong with headers, buttons and components, with paths."""
        found = content_problems(self.given()) if self.given() else []
        for index, person in enumerate(self.recipients):
            given = person.given()
            if given:
                if person.params is not None:
                    given["params"] = person.params
                found += content_problems(given, f"recipients[{index}]")
        return found


class HoldOut(BaseModel):
    """Why something does not move."""

    reason: str
    detail: str
    since: str


class AccountOut(BaseModel):
    """The account of a key."""

    id: str
    name: str


class KeyOut(BaseModel):
    """The key in use."""

    id: str
    scopes: list[Scope]


class MeOut(BaseModel):
    """Answer of GET /api/v1/me."""

    account: AccountOut
    key: KeyOut


class RejectionOut(BaseModel):
    """A recipient that was dropped."""

    index: int
    to: str | None
    reason: str


class AcceptedOut(BaseModel):
    """Answer of POST /api/v1/broadcasts."""

    broadcast_id: str
    status: BroadcastStatus
    total_recipients: int
    accepted: int
    rejected: int
    duplicates: int
    suppressed: int
    rejections: list[RejectionOut]


class BroadcastOut(BaseModel):
    """A broadcast with its counts."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    name: str
    template_name: str
    template_language: str
    status: BroadcastStatus
    sender: str = Field(alias="from")
    total_recipients: int
    sent_count: int
    delivered_count: int
    read_count: int
    replied_count: int
    failed_count: int
    pending_count: int
    uncertain_count: int
    cancelled_count: int
    hold: HoldOut | None
    created_at: str
    updated_at: str
    scheduled_at: str | None
    started_at: str | None
    completed_at: str | None
