"""Opt-outs as callers see them."""

from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.domain.optout import OptOutFacts
from wacrmd.fields import Doc


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutView(OptOutFacts):
    """A person who gets no broadcasts of the account: by phone, business-scoped user id, or both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOptOut(OptOutView):
    """An opt-out, and from whose broadcasts."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedOptOutView(OptOutView):
    """An opt-out that was added, or was there already."""

    warning: Annotated[
        str | None, Doc("why the country of the number is a guess, if it was written without `+`")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedOptOut(AddedOptOutView):
    """An opt-out that was added, and from whose broadcasts."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True)
class LineError:
    """A line of an import that was left out, and why."""

    line: Annotated[int, Doc("its number, from 1")]
    message: Annotated[str, Doc("why it was left out")]


@dataclass(frozen=True, slots=True)
class LineWarning:
    """A line of an import whose number was written without `+`, so that its country is a guess."""

    line: Annotated[int, Doc("its number, from 1")]
    read_as: Annotated[str, Doc("the number as it was read, in E.164 form")]
    message: Annotated[str, Doc("why it is a guess")]


@dataclass(slots=True)
class ImportResult:
    """What an import of opt-outs did; all lines are counted, the first 10,000 rejected and guessed ones are listed."""

    added: Annotated[int, Doc("how many opted out by it")] = 0
    known: Annotated[int, Doc("how many had opted out before")] = 0
    rejected: Annotated[int, Doc("how many lines could not be used")] = 0
    guessed: Annotated[int, Doc("how many numbers had no `+`, so that their country is a guess")] = 0
    errors: Annotated[list[LineError], Doc("the rejected lines, each with the reason")] = field(
        default_factory=list
    )
    warnings: Annotated[list[LineWarning], Doc("the guessed numbers, each as it was read")] = field(
        default_factory=list
    )
