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


@dataclass(frozen=True, slots=True)
class LineError:
    """A line of an import that was left out, and why."""

    line: Annotated[int, Doc("its number, from 1")]
    message: Annotated[str, Doc("why it was left out")]


@dataclass(slots=True)
class ImportResult:
    """What an import of opt-outs did; all rejected lines are counted, the first thousand are listed."""

    added: Annotated[int, Doc("how many opted out by it")] = 0
    known: Annotated[int, Doc("how many had opted out before")] = 0
    rejected: Annotated[int, Doc("how many lines could not be used")] = 0
    errors: Annotated[list[LineError], Doc("the rejected lines, each with the reason")] = field(
        default_factory=list
    )
