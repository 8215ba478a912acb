"""The parameters of operations: their base, their common types, and how an operator limits an operation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from annotated_types import MaxLen
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from wacrmd.clock import Millis, parse_iso
from wacrmd.domain.actor import Actor
from wacrmd.domain.address import UnplacedNumber, read_address
from wacrmd.domain.marketing_route import MarketingRoute, ProductPolicy
from wacrmd.domain.page import PageRequest
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_plan import COUNTRIES
from wacrmd.domain.phone_text import Unreadable
from wacrmd.errors import counted, json_kind, not_found
from wacrmd.fields import JsonObject
from wacrmd.services.access.accounts import account_named, account_or_only
from wacrmd.services.context import Context

MAX_LIST = 1000
"""Items of a list that an operator gets at most."""

MAX_ITEMS = 1000
"""Items of an array, and fields of an object, that a parameter may have where nothing else is said."""

_TIME_EXPECTED = "expected an ISO-8601 time with an offset, such as 2026-11-23T12:00:00Z"


def _time(value: object) -> Millis:
    if not isinstance(value, str):
        raise ValueError(_TIME_EXPECTED)
    try:
        return parse_iso(value)
    except ValueError as error:
        raise ValueError(f"{_TIME_EXPECTED}: {error}") from error


TimeInput = Annotated[int, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time as callers write it."""


def _country(value: object) -> object:
    if not isinstance(value, str):
        return value
    code = value.strip().upper()
    if code not in COUNTRIES:
        hint = "; did you mean GB?" if code == "UK" else ""
        raise ValueError(f"expected the ISO 3166 code of a country, such as DE, found {value[:20]!r}{hint}")
    return code


Country = Annotated[
    str, BeforeValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2}$"})
]
"""A country whose numbering plan is known."""


def _country_or_none(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() == "none" else _country(value)


CountryOrNone = Annotated[
    str | None,
    BeforeValidator(_country_or_none),
    WithJsonSchema({"type": "string", "pattern": "^([A-Za-z]{2}|none)$"}),
]
"""A country, or the word `none`: a change that leaves a parameter out leaves it as it is."""


def only_number(value: object) -> object:
    """Lets numbers pass: true counts as 1 in Python, and the text "1" is none. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, found {json_kind(value)}")
    return value


def or_none(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    """None for the word `none`, and what `validate` makes of anything else."""
    is_none = isinstance(value, str) and value.strip().lower() == "none"
    return None if is_none else validate(value)


def _none(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


def _words(*words: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": [*words, "none"]})


MarketingRouteOrNone = Annotated[MarketingRoute | None, BeforeValidator(_none), _words(*MarketingRoute)]
ProductPolicyOrNone = Annotated[ProductPolicy | None, BeforeValidator(_none), _words(*ProductPolicy)]
SwitchOrNone = Annotated[bool | None, BeforeValidator(_none), _words("on", "off")]
"""On, off, or the word `none`, as in `CountryOrNone`."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
ID_LENGTH = 36
Id = Annotated[str, StringConstraints(min_length=1, max_length=ID_LENGTH, to_lower=True)]
"""An id, in upper or lower case."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What the audit keeps of a parameter in place of its text: `Annotated[str, Audited(as_size)]`."""

    form: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Names:
    """What a parameter of a path names, for "… not found"; without it, what the operation is about."""

    noun: str


def _as_address(text: str) -> str:
    found = read_address(text)
    if isinstance(found, Reading) and found.digits is None:
        return found.phone
    return UnplacedNumber(text) if isinstance(found, Reading | Unreadable) else found


def _as_size(text: str) -> str:
    return f"[{len(text)} characters]"


Address = Annotated[str, StringConstraints(min_length=1, max_length=200), Audited(_as_address)]
"""A person, as a phone number or a user id. The audit keeps the normal form, by which an erasure finds it."""

File = Annotated[str, StringConstraints(min_length=1), Audited(_as_size)]
"""The text of a file, which may name many people: the audit keeps its size."""


class Params(BaseModel):
    """Base of all parameters: an unknown name is refused, and values do not change afterwards.

    A secret is a `pydantic.SecretStr`: that keeps it out of the audit and of every log.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _few_items_and_no_null(cls, given: object, info: ValidationInfo) -> object:
        """Items are counted before they are validated: each that is wrong costs some 10 µs and 1 kB.

        An optional field that is null gets its default; one that is required is refused as before.
        """
        if not isinstance(given, dict):
            return given
        cls._check_counts(given, info.context if isinstance(info.context, Context) else None)
        if None not in given.values():
            return given
        optional = cls.optional_names()
        return {name: value for name, value in given.items() if value is not None or name not in optional}

    @classmethod
    def _check_counts(cls, given: JsonObject, ctx: Context | None) -> None:
        if len(given) > MAX_ITEMS and cls.model_config.get("extra") == "forbid":
            raise ValueError(f"expected at most {MAX_ITEMS} parameters, found {len(given)}")
        problems = [
            InitErrorDetails(
                type=PydanticCustomError("too_many", cls.too_many(name, most, len(value))),
                loc=(name,),
                input=None,
            )
            for name, most in cls.max_items(ctx).items()
            if isinstance(value := given.get(name), list | dict) and len(value) > most
        ]
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)

    @classmethod
    def max_items(cls, _ctx: Context | None) -> Mapping[str, int]:
        """How many items a parameter may have, by its name in JSON; without a context as declared."""
        return cls._declared_items()

    @classmethod
    @cache
    def _declared_items(cls) -> Mapping[str, int]:
        return {
            field.alias or name: next(
                (mark.max_length for mark in field.metadata if isinstance(mark, MaxLen)), MAX_ITEMS
            )
            for name, field in cls.model_fields.items()
        }

    @classmethod
    def too_many(cls, _name: str, most: int, count: int) -> str:
        """What is wrong with a parameter that has too many items."""
        return f"expected at most {counted(most, 'item')}, found {count}"

    @classmethod
    @cache
    def optional_names(cls) -> frozenset[str]:
        """The names, in JSON and in Python, of the fields that may be left out."""
        optional = {name: field for name, field in cls.model_fields.items() if not field.is_required()}
        return frozenset(optional) | {field.alias for field in optional.values() if field.alias}


class OpenFiles(Params):
    """Base of parameters beside which an operator may send open files (SCM_RIGHTS, unix(7)).

    They are closed once the call is answered. JSON cannot name any: a number could be that of a file of the daemon.
    """

    _descriptors: tuple[int, ...] = PrivateAttr(default=())

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The open files, in the order in which they were sent."""
        return self._descriptors

    def attach(self, descriptors: tuple[int, ...]) -> None:
        """Add the open files that came with the call."""
        self._descriptors = descriptors


class NoParams(Params):
    """The parameters of an operation that takes none."""


class AccountParams(Params):
    """Base of parameters with which an operator limits an operation to one account; an API key is limited already."""

    account: str | None

    async def actor_for(self, ctx: Context, actor: Actor) -> Actor:
        """The operator, limited to the account that is named. Refuses an unknown one, and one that it may not see."""
        if actor.account_id is None:
            return await self._limited(ctx, actor)
        if self.account and (await account_named(ctx, self.account)).id != actor.account_id:
            raise not_found(f"Account {self.account!r}")
        return actor

    async def _limited(self, ctx: Context, actor: Actor) -> Actor:
        raise NotImplementedError


class OptionalAccount(AccountParams):
    """Of one account or of all."""

    account: Name | None = Field(None, description="only this account")

    async def _limited(self, ctx: Context, actor: Actor) -> Actor:
        return actor.within((await account_named(ctx, self.account)).id) if self.account else actor


class DefaultAccount(AccountParams):
    """Of one account, which need not be named where there is no other."""

    account: Name | None = Field(None, description="name of the account; optional if there is only one")

    async def _limited(self, ctx: Context, actor: Actor) -> Actor:
        return actor.within((await account_or_only(ctx, self.account)).id)


class RequiredAccount(AccountParams):
    """Of the account that is named."""

    account: Name = Field(description="name of the account")

    async def _limited(self, ctx: Context, actor: Actor) -> Actor:
        return actor.within((await account_named(ctx, self.account)).id)


class Limited(Params):
    """How many items of a list an operator wants."""

    limit: int = Field(50, ge=1, le=MAX_LIST, description="at most this many, the newest first")

    def page(self) -> PageRequest:
        """The page that is wanted."""
        return PageRequest(self.limit)
