"""Numbers as callers see them."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.domain.hold import Hold
from wacrmd.domain.marketing_route import Route
from wacrmd.domain.number import NumberFacts
from wacrmd.fields import Doc, JsonObject, Time, Uuid
from wacrmd.views.checks import Check, CheckState


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberView(NumberFacts):
    """A number."""

    hold: Annotated[Hold | None, Doc("why it does not send; null if it does")]
    messages_per_second: Annotated[float, Doc("its rate limit")]
    rate_now: Annotated[float | None, Doc("the present rate; null until it has sent")]
    in_flight: Annotated[int, Doc("requests to Meta in flight")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNumber(NumberView):
    """A number with its account."""

    account: Annotated[str, Doc("name of the account")]
    removed_at: Annotated[Time | None, Doc("when it was removed; null while it is configured")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedNumber(AccountNumber):
    """A number that was configured just now."""

    check: Annotated[Check | None, Doc("what Meta says about it; null if it was not asked")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedNumber(AddedNumber):
    """A number that was changed just now."""

    changed: Annotated[list[str], Doc("what was changed, by name")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedNumber:
    """A number that was removed just now."""

    id: Annotated[Uuid, Doc("its id")]
    phone_number_id: Annotated[str, Doc("Meta's id of the number")]
    waba_id: Annotated[str, Doc("Meta's id of its WhatsApp business account")]
    label: Annotated[str | None, Doc("a name for people")]
    display_phone: Annotated[str | None, Doc("the number itself, in E.164 form")]
    account: Annotated[str, Doc("name of the account")]
    removed_at: Annotated[Time, Doc("when it was removed")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUseView:
    """How much of Meta's limit is used, by a number and by those that share it."""

    used: Annotated[int, Doc("to how many different people they have written first in the last 24 hours")]
    limit: Annotated[int | None, Doc("how many it may be; null: unlimited, or not known")]
    free: Annotated[int | None, Doc("to how many more they may write now; null: as `limit`")]
    is_known: Annotated[bool, Doc("whether Meta has told the limit, or one is configured")]
    next_at: Annotated[Time | None, Doc("when one more than now may be written to; null: nobody counts")]
    next_count: Annotated[int, Doc("how many more may be an hour after that")]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberDetails(AccountNumber):
    """A number with its health."""

    limit_use: Annotated[LimitUseView, Doc("how much of Meta's limit is used")]

    health: Annotated[JsonObject | None, Doc("Meta's health status of the number, unchanged")]
    old_app_secret_until: Annotated[Time | None, Doc("until when a replaced app secret is still valid")]
    marketing_onboarding: Annotated[
        str | None,
        Doc(
            "what Meta says about the business account and `/marketing_messages`, in its word; null: nothing"
        ),
    ]
    marketing_route: Annotated[Route, Doc("where marketing templates go from this number, and why")]
    silent_since: Annotated[Time | None, Doc("since when it has been sending without a status from Meta")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedNumber:
    """A number, and what Meta says about it."""

    number: Annotated[AccountNumber, Doc("the number")]
    state: Annotated[CheckState, Doc("the worst state among the checks")]
    checks: Annotated[list[Check], Doc("each finding")]
