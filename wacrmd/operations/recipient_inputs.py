"""The recipients of a request: what each of them gives, and how many there may be."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticOmit

from wacrmd.domain.template import TemplateContent
from wacrmd.errors import MAX_PROBLEMS, json_kind
from wacrmd.fields import JsonObject
from wacrmd.operations.body import Body
from wacrmd.services.broadcasts.input import RecipientInput, too_many_recipients
from wacrmd.services.context import Context

VALUES_A_RECIPIENT = 1000
"""JSON values for each recipient, as `http/json_outline.py` counts them; a carousel of ten cards has some 800."""

MAX_PARAMS = 100
"""A body of 1,024 characters has no room for more, and a wrong list must not take seconds to be refused."""


def _param(value: object) -> str:
    """A parameter as text: dropping one that is no string would shift the others, so it is refused instead."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"expected a string or an integer, found {json_kind(value)}")


def _own_object(value: object) -> object:
    """A header or a button without its empty fields, and with the digits of integers where a text belongs.

    What goes to a flow, and what stands in `components`, is Meta's and stays as it is.
    """
    if not isinstance(value, dict):
        return value
    parts = {name: part if name in _NOT_OURS else _fields(part) for name, part in value.items()}
    return _fields(parts)


def _fields(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {
        name: str(part) if type(part) is int and name not in _NUMBERS else part
        for name, part in value.items()
        if part is not None
    }


_NOT_OURS = frozenset({"flow_action_data"})
_NUMBERS = frozenset({"index", "latitude", "longitude"})


def _params_kind(value: object) -> str:
    return "named" if isinstance(value, dict) else "positional"


Param = Annotated[str, BeforeValidator(_param), WithJsonSchema({"type": ["string", "integer"]})]
TemplateParams = Annotated[
    Annotated[list[Param], Field(max_length=MAX_PARAMS, fail_fast=True), Tag("positional")]
    | Annotated[dict[str, Param], Field(max_length=MAX_PARAMS), Tag("named")],
    Discriminator(_params_kind),
]


class Content(Body):
    """What fills the template beyond the body (docs/api.md, Templates with more than text)."""

    header: Annotated[JsonObject, BeforeValidator(_own_object)] | None = Field(
        None, description="text, image, video, document or location of the header"
    )
    buttons: list[Annotated[JsonObject, BeforeValidator(_own_object)]] | None = Field(
        None, description="values of URL, quick-reply, copy-code and flow buttons"
    )
    components: list[JsonObject] | None = Field(
        None, description="Meta's own component objects, sent unchanged"
    )


class NewRecipient(Content):
    """One recipient; a `to` that is missing or no string rejects the recipient, not the request."""

    to: Annotated[Any, WithJsonSchema({"type": "string"})] = Field(
        None, description="E.164 number such as +14155550123, or a business-scoped user id"
    )
    params: TemplateParams | None = Field(
        None, description="values of `{{1}}`, `{{2}}` … in order, or by name"
    )

    def to_input(self) -> RecipientInput:
        """As the service takes it."""
        content = TemplateContent(self.params, self.header, self.buttons, self.components)
        return RecipientInput(self.to, content)


_problems_left: ContextVar[list[int]] = ContextVar("problems_left")
"""How many problems the recipients of a body may still have, as the only item: it changes."""


def _until_enough_is_wrong(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    """The recipients; after so many problems as an answer lists, the others are not looked at."""
    token = _problems_left.set([MAX_PROBLEMS])
    try:
        return validate(value)
    finally:
        _problems_left.reset(token)


def _unless_enough_is_wrong(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    left = _problems_left.get()
    if left[0] <= 0:
        raise PydanticOmit
    try:
        return validate(value)
    except ValidationError as error:
        left[0] -= error.error_count()
        raise


Recipients = Annotated[
    list[Annotated[NewRecipient, WrapValidator(_unless_enough_is_wrong)]],
    WrapValidator(_until_enough_is_wrong),
]


class RecipientList(Body):
    """People who get a message."""

    recipients: Recipients = Field(
        min_length=1, description="who gets it; at most 1000 (`[limits] max_recipients`)"
    )

    @classmethod
    def max_items(cls, ctx: Context | None) -> Mapping[str, int]:
        """How many items a parameter may have: as many recipients as the configuration says."""
        declared = super().max_items(ctx)
        return {**declared, "recipients": ctx.config.limits.max_recipients} if ctx is not None else declared

    @classmethod
    def too_many(cls, name: str, most: int, count: int) -> str:
        """What is wrong with a parameter that has too many items."""
        return (
            too_many_recipients(most, count) if name == "recipients" else super().too_many(name, most, count)
        )

    @classmethod
    def max_values(cls, ctx: Context) -> int:
        """How many JSON values a body may hold."""
        return super().max_values(ctx) + VALUES_A_RECIPIENT * ctx.config.limits.max_recipients

    def to_inputs(self) -> list[RecipientInput]:
        """As the service takes them."""
        return [recipient.to_input() for recipient in self.recipients]
