"""Numbers as callers see them."""

from dataclasses import dataclass
from typing import Annotated, Any

from wacrmd.domain.hold import Hold
from wacrmd.domain.number import NumberFacts
from wacrmd.fields import Doc, Time
from wacrmd.views.checks import Check, CheckState


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberView(NumberFacts):
    """A number: what it is, whether it sends and why not, how fast."""

    hold: Annotated[Hold | None, Doc("why it does not send")]
    messages_per_second: Annotated[float, Doc("how many messages it may send in a second")]
    rate_now: Annotated[float | None, Doc("the rate in force; null until it has sent")]
    in_flight: Annotated[int, Doc("requests that are under way")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNumber(NumberView):
    """A number, and whose it is."""

    account: Annotated[str, Doc("name of the account")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedNumber(AccountNumber):
    """A number that was configured just now."""

    check: Annotated[Check | None, Doc("what Meta says of it; null where it was not asked")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedNumber(AddedNumber):
    """A number that was changed just now."""

    changed: Annotated[list[str], Doc("what was changed, by name")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberDetails(AccountNumber):
    """A number with what Meta told last of its health."""

    health: Annotated[dict[str, Any] | None, Doc("Meta's health status of the number, as it came")]
    old_app_secret_until: Annotated[Time | None, Doc("until when a replaced app secret is still valid")]
    silent_since: Annotated[Time | None, Doc("since when it has been sending without a status from Meta")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedNumber:
    """A number, and what Meta says of it."""

    number: AccountNumber
    state: Annotated[CheckState, Doc("the worst state among the checks")]
    checks: list[Check]
