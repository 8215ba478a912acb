"""What it takes to make a broadcast: the body of `POST /api/v1/broadcasts`, and what an operator gives besides."""

from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import PydanticKnownError

from wacrmd.domain.template import TemplateContent
from wacrmd.operations.body import Body
from wacrmd.operations.inputs import DefaultAccount, Params, TimeInput
from wacrmd.operations.plan_inputs import PlanParams
from wacrmd.operations.recipient_inputs import Content, RecipientList, Recipients
from wacrmd.services.broadcasts.input import BroadcastInput

DEFAULT_LANGUAGE = "en_US"

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
TemplateName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
Language = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=20)]


class BroadcastParams(PlanParams, Content):
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
            plan=self.to_plan(),
        )


class MaybeDraft(Body):
    """Whether it is sent at once."""

    draft: StrictBool | None = Field(
        default=False,
        description="true: nothing is sent before POST /api/v1/broadcasts/{id}/send, and people can be added until then",
    )


class NewBroadcast(RecipientList, MaybeDraft, BroadcastParams):
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

    recipients: Recipients = Field(
        None,
        validate_default=True,
        description="who gets it; at most 1000 (`[limits] max_recipients`). Required, except in a draft",
    )

    @field_validator("recipients", mode="wrap")
    @classmethod
    def _some_unless_draft(
        cls, value: object, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> object:
        may_be_empty = info.data.get("draft", True)
        if value is None:
            if not may_be_empty:
                raise PydanticKnownError("missing")
            value = []
        if value == [] and not may_be_empty:
            raise PydanticKnownError("too_short", {"field_type": "List", "min_length": 1, "actual_length": 0})
        return validate(value)

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

    def to_input(self) -> BroadcastInput:
        """As the service takes it."""
        return replace(super().to_input(), abbreviates=True)
