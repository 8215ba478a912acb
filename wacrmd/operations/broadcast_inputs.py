"""What it takes to make a broadcast: the body of `POST /api/v1/broadcasts`, and what an operator gives besides."""

from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, StringConstraints

from wacrmd.domain.template import TemplateContent
from wacrmd.operations.inputs import DefaultAccount, Params, TimeInput
from wacrmd.operations.recipient_inputs import Content, RecipientList
from wacrmd.services.broadcasts.input import BroadcastInput

DEFAULT_LANGUAGE = "en_US"

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
TemplateName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
Language = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=20)]


class BroadcastParams(Content):
    """What a broadcast is, without its people; a draft takes the same."""

    name: Label | None = Field(
        None,
        description="a label; default `API broadcast (<template_name>)`, or `Draft (<template_name>)` if a person makes it",
    )
    template_name: TemplateName = Field(description="name of the approved template")
    template_language: Language | None = Field(DEFAULT_LANGUAGE, description="language code of the variant")
    number: Annotated[str, StringConstraints(max_length=64, to_lower=True)] | None = Field(
        None,
        alias="from",
        description="id or phone_number_id of the number that sends; default that of the account",
    )
    scheduled_at: TimeInput | None = Field(
        None, description="when to start, within a year; up to a minute ago: now"
    )

    def to_input(self) -> BroadcastInput:
        """As the service takes it."""
        return BroadcastInput(
            template_name=self.template_name,
            template_language=self.template_language or DEFAULT_LANGUAGE,
            name=self.name,
            number=self.number,
            scheduled_at=self.scheduled_at,
            content=TemplateContent(None, self.header, self.buttons, self.components),
        )


class NewBroadcast(RecipientList, BroadcastParams):
    """A template to a list of people."""

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

    def to_input(self) -> BroadcastInput:
        """As the service takes it."""
        return replace(super().to_input(), recipients=self.to_inputs())


class CreateQuery(Params):
    """Whether to do it."""

    dry_run: Annotated[bool, Field(description="check only; nothing is stored or sent")] = False


class OperatorBroadcast(NewBroadcast, DefaultAccount, extra="forbid"):
    """A broadcast that an operator makes."""

    elsewhere: ClassVar[dict[str, str]] = {}

    parameter_names: list[str] | None = Field(
        None, description="names for lists of params: used if the template is known to have named parameters"
    )
    dry_run: bool = Field(default=False, description="check only; nothing is stored or sent")
