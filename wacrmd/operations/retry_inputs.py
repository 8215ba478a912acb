"""To whom a broadcast is sent again, as callers give it: at once or at a time, and by itself by rules."""

from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WrapValidator,
    model_validator,
)

from wacrmd.clock import HOUR
from wacrmd.domain.recipient import NO_CODE, RecipientStatus
from wacrmd.domain.retry import (
    MAX_AFTER_HOURS,
    MAX_CODES,
    MAX_NOT_DELIVERED_HOURS,
    MAX_RULES,
    MAX_TIMES,
    RetryRequest,
    RetryRule,
    RetryRules,
)
from wacrmd.operations.body import Body
from wacrmd.operations.inputs import Id, TimeInput, only_number, or_none
from wacrmd.services.failures import meaning_of, why_final

_S = RecipientStatus
_Status = Literal[_S.FAILED, _S.UNCERTAIN, _S.SENT, _S.PENDING]


def _code(code: int) -> int:
    reason = why_final(code)
    if reason is not None:
        raise ValueError(f"another attempt after {code} fails as well: {reason}")
    return code


MetaCode = Annotated[int, Field(ge=-1000, le=9_999_999), BeforeValidator(only_number), AfterValidator(_code)]
"""One of Meta's error codes after which another attempt makes sense."""


def _plausible(code: int) -> int:
    if code == NO_CODE:
        raise ValueError(
            "0 stands for reasons of wacrmd's own, after which nothing is sent again by itself: expected a code of"
            " Meta's such as 131049"
        )
    if abs(code) < _NEW_CODES and meaning_of(code) is None:
        raise ValueError(f"{code} is none of Meta's codes: expected one such as 131049")
    return code


_NEW_CODES = 1000
"""From here on there may be codes that wacrmd does not know yet: those of messages have five digits and more."""
RuleCode = Annotated[MetaCode, AfterValidator(_plausible)]
"""A code that a message may fail with in future; a retry may name any that one has failed with."""


class RetryRuleParams(Body, extra="forbid"):
    """When a broadcast is sent again by itself to those whose message failed."""

    codes: list[RuleCode] = Field(
        min_length=1, max_length=MAX_CODES, description="those whose message failed with one of these codes"
    )
    after_hours: Annotated[int, Field(ge=1, le=MAX_AFTER_HOURS), BeforeValidator(only_number)] | None = Field(
        24,
        description="how long after the failure; later if Meta asks for more",
    )
    times: Annotated[int, Field(ge=1, le=MAX_TIMES), BeforeValidator(only_number)] | None = Field(
        1, description="how often at most, for one person; all rules count together"
    )

    def to_rule(self) -> RetryRule:
        """As the service takes it."""
        return RetryRule(tuple(dict.fromkeys(self.codes)), self.after_hours or 24, self.times or 1)


def _each_code_once(rules: list[RetryRuleParams]) -> list[RetryRuleParams]:
    seen = set[int]()
    for rule in rules:
        twice = seen.intersection(rule.codes)
        if twice:
            raise ValueError(f"expected each code in one rule, found {min(twice)} in two")
        seen.update(rule.codes)
    return rules


RuleList = Annotated[list[RetryRuleParams], Field(max_length=MAX_RULES), AfterValidator(_each_code_once)]


RulesOrNone = Annotated[RuleList | None, WrapValidator(or_none)]
"""Rules, or the word `none`: a change that leaves a parameter out leaves it as it is."""


def to_rules(rules: list[RetryRuleParams] | None) -> RetryRules | None:
    """As the service takes them."""
    return None if rules is None else tuple(each.to_rule() for each in rules)


class RetryParts(Body):
    """What narrows a retry down, and when it is sent."""

    codes: list[MetaCode] | None = Field(
        None,
        min_length=1,
        max_length=MAX_CODES,
        description="of those who failed, only who did with these codes of Meta's; 0: the reason is wacrmd's own",
    )
    not_delivered_after_hours: (
        Annotated[float, Field(ge=1, le=MAX_NOT_DELIVERED_HOURS), BeforeValidator(only_number)] | None
    ) = Field(
        None,
        allow_inf_nan=False,
        description="of those who are `sent`, whose message Meta took so many hours ago and has not delivered; **if it is"
        " delivered later, they have it twice**",
    )
    at: TimeInput | None = Field(
        None,
        description="not before this time, within a year; nobody is sent to before Meta allows it. Who waits for such a"
        " retry already waits for this time",
    )


class Retry(RetryParts):
    """Which recipients to send to again, and when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"statuses": ["failed"]}, {"codes": [131049], "at": "2026-12-01T09:00:00Z"}]
        }
    )
    in_path: ClassVar[frozenset[str]] = frozenset({"id"})

    id: Id = Field(description="id of the broadcast; operators may give an unambiguous beginning of it")
    statuses: list[_Status] | None = Field(
        None,
        min_length=1,
        max_length=10,
        description="those who are uncertain may have the message already and get it twice; `sent` needs"
        " `not_delivered_after_hours`; `pending`: nobody new, but all who wait for a retry wait for `at`, or no more."
        " Default: `failed` with `codes`, `sent` with `not_delivered_after_hours`",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Retry":
        statuses = self.chosen()
        if not statuses:
            raise ValueError("expected statuses, codes or not_delivered_after_hours")
        if self.codes is not None and not statuses & {_S.FAILED, _S.PENDING}:
            raise ValueError("expected `failed` or `pending` in statuses together with codes, or no statuses")
        if (_S.SENT in statuses) != (self.not_delivered_after_hours is not None):
            raise ValueError(
                "expected `sent` in statuses together with not_delivered_after_hours: say after how many hours"
            )
        return self

    def chosen(self) -> frozenset[RecipientStatus]:
        """The statuses that are meant."""
        if self.statuses is not None:
            return frozenset(self.statuses)
        failed = {_S.FAILED} if self.codes is not None else set[RecipientStatus]()
        sent = {_S.SENT} if self.not_delivered_after_hours is not None else set[RecipientStatus]()
        return frozenset(failed | sent)

    def to_request(self) -> RetryRequest:
        """As the service takes it."""
        hours = self.not_delivered_after_hours
        return RetryRequest(
            self.chosen(),
            None if self.codes is None else frozenset(self.codes),
            None if hours is None else round(hours * HOUR),
            self.at,
        )


class OperatorRetry(RetryParts, extra="forbid"):
    """Which recipients to send to again, and when."""

    id: Id = Field(description="id of the broadcast, or an unambiguous beginning of it")
    failed: bool = Field(default=False, description="those that failed; the default if no other is named")
    uncertain: bool = Field(
        default=False, description="those whose outcome is unknown: they may get the message twice"
    )
    waiting: bool = Field(
        default=False, description="nobody new, but all who wait for a retry wait for `at`, or no more"
    )

    def as_statuses(self) -> Retry:
        """The same with the statuses; none named: those that failed."""
        late = self.not_delivered_after_hours is not None
        is_failed = self.failed or not (self.uncertain or late or self.waiting)
        is_failed = is_failed or (self.codes is not None and not self.waiting)
        named: tuple[tuple[bool, _Status], ...] = (
            (is_failed, _S.FAILED),
            (self.uncertain, _S.UNCERTAIN),
            (late, _S.SENT),
            (self.waiting, _S.PENDING),
        )
        return Retry.model_construct(
            _fields_set=None,
            id=self.id,
            statuses=[status for is_named, status in named if is_named],
            codes=self.codes,
            not_delivered_after_hours=self.not_delivered_after_hours,
            at=self.at,
        )
