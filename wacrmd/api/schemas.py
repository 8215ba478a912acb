"""The bodies of requests: checked here at the edge, described in OpenAPI from the same models."""

from functools import cache, lru_cache
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)

from wacrmd.clock import Millis, parse_iso
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.template import TemplateContent
from wacrmd.meta.payloads import content_problems
from wacrmd.services.broadcasts.create import BroadcastInput, RecipientInput
from wacrmd.suggest import nearest


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
MOST_PARAMS = 100
"""A body of 1,024 characters has no room for more, and a wrong list must not take seconds to be refused."""

Params = Annotated[
    Annotated[list[Param], Field(max_length=MOST_PARAMS, fail_fast=True), Tag("positional")]
    | Annotated[dict[str, Param], Field(max_length=MOST_PARAMS), Tag("named")],
    Discriminator(_params_kind),
]
Time = Annotated[int, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
TemplateName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
Language = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=20)]
Object = dict[str, Any]
"""A time in an answer: ISO-8601 UTC with milliseconds and Z."""


CLOSE = 0.75
"""How alike two names must be (see wacrmd/suggest.py) for one to be taken for a misspelling of the other."""

MOST_UNKNOWN = 20
"""How many unknown fields of an object are looked at; each costs some 40 µs."""

LONGER = 4
"""By how many characters they may differ in length."""

OTHER_WORDS = {
    "send_at": "scheduled_at",
    "start_at": "scheduled_at",
    "language": "template_language",
    "lang": "template_language",
    "locale": "template_language",
    "phone_number_id": "from",
    "from_number": "from",
    "sender": "from",
    "phone": "to",
    "variables": "params",
    "parameters": "params",
}
"""Words of other programs for fields that must not be ignored: the message would be another one, or too early."""


class RequestModel(BaseModel):
    """A request's object. What is close to a known field is refused, other unknown fields are ignored.

    A misspelt `scheduled_at` must not send at once; what another program adds for itself must not stop it.
    """

    model_config = ConfigDict(extra="ignore")

    elsewhere: ClassVar[dict[str, str]] = {}
    """What stands in another place of the request, and where."""

    @model_validator(mode="before")
    @classmethod
    def _no_misspelt_field(cls, given: object) -> object:
        if isinstance(given, dict) and not given.keys() <= cls.field_names():
            for name in islice((name for name in given if name not in cls.field_names()), MOST_UNKNOWN):
                if name in cls.elsewhere:
                    raise ValueError(f"{name} does not stand in the body: {cls.elsewhere[name]}")
                if (meant := _meant(name, cls.field_names())) is not None:
                    raise ValueError(f"unknown field {name[:64]!r}: did you mean {meant!r}?")
        return given

    @classmethod
    @cache
    def field_names(cls) -> frozenset[str]:
        """The names of its fields in JSON."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())


@lru_cache(maxsize=1024)
def _meant(name: str, known: frozenset[str]) -> str | None:
    """The known field that a name was probably meant for."""
    if name in OTHER_WORDS and OTHER_WORDS[name] in known:
        return OTHER_WORDS[name]
    bare = {_bare(field): field for field in sorted(known)}
    given = _bare(name[:64])
    similar = [field for field in bare if abs(len(field) - len(given)) <= LONGER]
    close = nearest(given, similar, min_similarity=CLOSE)
    return bare[close] if close is not None else None


def _bare(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


class Content(RequestModel):
    """What fills the template beyond the body (docs/api.md, Templates with more than text)."""

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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Spring sale",
                    "template_name": "order_update",
                    "template_language": "en_US",
                    "recipients": [
                        {"to": "+14155550123", "params": ["Jane", "A-17"]},
                        {"to": "+442079460123", "params": ["John", "A-18"]},
                    ],
                }
            ]
        }
    )

    elsewhere: ClassVar[dict[str, str]] = {
        "dry_run": "ask for POST /api/v1/broadcasts?dry_run=true",
        "idempotency_key": "give it as the header Idempotency-Key",
    }

    name: Label | None = Field(None, description="label; default: API broadcast (<template_name>)")
    template_name: TemplateName = Field(description="name of the approved template")
    template_language: Language = Field("en_US", description="language code of the variant")
    recipients: list[RecipientIn] = Field(min_length=1, description="whom to send to")
    sender: str | None = Field(
        None, alias="from", max_length=64, description="id or phone_number_id of the number that sends"
    )
    scheduled_at: Time | None = Field(None, description="start then")

    def submission(self) -> BroadcastInput:
        """As the service takes it."""
        return BroadcastInput(
            template_name=self.template_name,
            template_language=self.template_language,
            people=[
                RecipientInput(
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


class RetryIn(RequestModel):
    """The body of POST /api/v1/broadcasts/{id}/retry."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"statuses": ["failed"]}]})

    statuses: list[Literal[RecipientStatus.FAILED, RecipientStatus.UNCERTAIN]] = Field(
        min_length=1,
        max_length=10,
        description="whom to send to again; who is uncertain may have the message already and get it twice",
    )
