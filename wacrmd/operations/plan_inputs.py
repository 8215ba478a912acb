"""How a broadcast is to be sent, as callers give it: hours, pace, to whom first, and to whom again."""

import re
from dataclasses import fields
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from wacrmd.domain.canary import MAX_COUNT, Canary
from wacrmd.domain.send_between import ALL_DAYS, RECIPIENT_ZONE, Day, SendBetween
from wacrmd.domain.sending_plan import MAX_MINUTES, MAX_RATE, MIN_RATE, SendingPlan
from wacrmd.domain.time_zones import EXAMPLE, MAX_SHOWN, zone_guess, zone_name
from wacrmd.operations.body import Body
from wacrmd.operations.inputs import only_number, or_none
from wacrmd.operations.retry_inputs import RuleList, to_rules

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)


def _clock(value: object) -> str:
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a time such as 09:00, found {str(value)[:20]!r}")
    return "24:00" if found[1] is None else f"{int(found[1]):02}:{found[2]}"


def _day(value: object) -> Day:
    name = value.strip().lower() if isinstance(value, str) else ""
    if name not in ALL_DAYS:
        raise ValueError(f"expected one of {', '.join(ALL_DAYS)}, found {str(value)[:20]!r}")
    return Day(name)


def _zone(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    known = name if name == RECIPIENT_ZONE else zone_name(name)
    if known is not None:
        return known
    raise ValueError(
        f"expected {RECIPIENT_ZONE} or a zone such as {EXAMPLE}, found {name[:MAX_SHOWN]!r}{zone_guess(name)}"
    )


ClockTime = Annotated[
    str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"})
]
Weekday = Annotated[Day, BeforeValidator(_day)]
Zone = Annotated[str, BeforeValidator(_zone), WithJsonSchema({"type": "string"})]
Count = Annotated[int, Field(ge=1, le=MAX_COUNT), BeforeValidator(only_number)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), BeforeValidator(only_number)]


class SendBetweenParams(Body, extra="forbid"):
    """The hours in which messages are sent."""

    begin: ClockTime = Field(alias="from", description="when it opens, such as `09:00`")
    end: ClockTime = Field(alias="to", description="when it closes, such as `20:00`; `24:00` is midnight")
    days: list[Weekday] | None = Field(
        None, min_length=1, max_length=len(ALL_DAYS), description="on which days; default all"
    )
    zone: Zone | None = Field(
        RECIPIENT_ZONE,
        description="by which clock: `recipient`, that of each person's place, or a zone such as `Europe/Berlin`",
    )

    @model_validator(mode="after")
    def _in_order(self) -> "SendBetweenParams":
        if self.begin >= self.end:
            raise ValueError(f"expected a `to` that is later than `from`, found {self.begin} to {self.end}")
        return self

    def to_hours(self) -> SendBetween:
        """As the service takes it."""
        days = ALL_DAYS if self.days is None else tuple(each for each in ALL_DAYS if each in self.days)
        return SendBetween(self.begin, self.end, days, self.zone or RECIPIENT_ZONE)


HoursOrNone = Annotated[SendBetweenParams | None, WrapValidator(or_none)]
"""Hours, or the word `none`: a change that leaves a parameter out leaves it as it is."""


class CanaryParams(Body, extra="forbid"):
    """To a few people first, then to all."""

    count: Count = Field(description="how many people get it first, spread over their countries")
    wait_minutes: Annotated[int, Field(ge=0, le=MAX_MINUTES), BeforeValidator(only_number)] | None = Field(
        15,
        description="how long to wait after the last of them, before the figures count",
    )
    min_delivered: Share | None = Field(
        0.8, description="the share of them that must have it by then, from 0 to 1"
    )
    max_failed: Share | None = Field(
        0.1, description="the share of them to whom it may have failed, from 0 to 1"
    )

    def to_canary(self) -> Canary:
        """As the service takes it."""
        given = {name: value for name, value in self if value is not None}
        return Canary(**given)


PLAN_FIELDS = tuple(field.name for field in fields(SendingPlan))


class PlanParams(Body):
    """How a broadcast is sent; each part may be left out."""

    send_between: SendBetweenParams | None = Field(
        None, description="the hours in which messages are sent; default those of the account, or any"
    )
    spread_over_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES), BeforeValidator(only_number)] | None = (
        Field(None, description="over how many minutes the messages are spread evenly")
    )
    messages_per_second: (
        Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE, allow_inf_nan=False), BeforeValidator(only_number)]
        | None
    ) = Field(
        None,
        description="how many messages of it are sent in a second at most",
    )
    canary: CanaryParams | None = Field(
        None, description="to a few people first; the others follow if most of them have it"
    )
    retry_rules: RuleList | None = Field(
        None,
        description="when it is sent again by itself to those who failed; default those of the account, `[]`: never",
    )

    def to_plan(self) -> SendingPlan:
        """As the service takes it."""
        return SendingPlan(
            send_between=self.send_between.to_hours() if self.send_between else None,
            spread_over_minutes=self.spread_over_minutes,
            messages_per_second=self.messages_per_second,
            canary=self.canary.to_canary() if self.canary else None,
            retry_rules=to_rules(self.retry_rules),
        )
