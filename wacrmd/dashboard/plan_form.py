"""The fields of a form for the way in which a broadcast is sent: hours, speed, to whom first, and to whom again."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wacrmd.dashboard import rule_form
from wacrmd.dashboard.forms import Form, whole_of
from wacrmd.domain.canary import MAX_COUNT, Canary
from wacrmd.domain.number_text import read_amount
from wacrmd.domain.send_between import ALL_DAYS, RECIPIENT_ZONE, SendBetween
from wacrmd.domain.sending_plan import MAX_MINUTES, MAX_RATE, SendingPlan
from wacrmd.errors import bad_request

HERE = "plan"
"""A hidden field: a form without it says nothing of the way of sending."""
HOURS, FIRST = "hours", "first"
"""Boxes: what is below them counts if they are ticked."""
_OF_HOURS = ("hours_from", "hours_to", "days", "clock")
_OF_FIRST = ("first_count", "first_wait", "first_delivered", "first_failed")
FIELDS_OF_USUAL = (HOURS, *_OF_HOURS, *rule_form.FIELDS)
FIELDS = (*FIELDS_OF_USUAL, "spread", "rate", FIRST, *_OF_FIRST)
"""Fields beside which a mistake can be said."""
_USUAL_HOURS = SendBetween("09:00", "20:00")
"""What the fields have while there are no hours: one click is enough."""
_USUAL_FIRST = Canary(50)
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_HOUR = 60


def filled(plan: SendingPlan) -> Form:
    """The fields with the way of sending that a draft has."""
    hours, canary = plan.send_between or _USUAL_HOURS, plan.canary or _USUAL_FIRST
    spread = plan.spread_over_minutes
    in_hours = spread is not None and spread % _HOUR == 0
    rate = plan.messages_per_second
    pairs = [
        ("hours_from", hours.begin),
        ("hours_to", "00:00" if hours.end == "24:00" else hours.end),
        *(("days", day.value) for day in hours.days),
        ("clock", hours.zone),
        ("spread", "" if spread is None else str(spread // _HOUR if in_hours else spread)),
        ("spread_unit", "hours" if in_hours or spread is None else "minutes"),
        ("rate", "" if rate is None else f"{rate:g}"),
        ("first_count", str(canary.count)),
        ("first_wait", str(canary.wait_minutes)),
        ("first_delivered", _exact(canary.min_delivered)),
        ("first_failed", _exact(canary.max_failed)),
        *rule_form.filled(plan.retry_rules),
    ]
    ticked = [(HOURS, plan.send_between), (FIRST, plan.canary)]
    return Form([*pairs, *((name, "1") for name, part in ticked if part is not None)])


def _exact(share: float) -> str:
    """A share in percent: what is read of it is the same share."""
    return f"{100 * share:.10g}"


def changes(form: Form, plan: SendingPlan) -> Mapping[str, Any]:
    """What `draft.change` is told of a form: every part of the way of sending; nothing if the form has none of it.

    Raises Refusal for what is no time, no number or too much, and for what is entered where the box is not ticked.
    """
    if HERE not in form:
        return {}
    given = {
        **usual(form, plan),
        "spread_over_minutes": _spread(form),
        "messages_per_second": _decimal(form, "rate", MAX_RATE) if form.text("rate") else None,
        "canary": _canary(form) if _is_ticked(form, plan, FIRST, _OF_FIRST) else None,
    }
    without = [name for name, value in given.items() if value is None]
    return {name: value for name, value in given.items() if value is not None} | {"without": without}


def usual(form: Form, plan: SendingPlan) -> Mapping[str, Any]:
    """The parts that an account may have for all its broadcasts; None for one that is not ticked. Raises as `changes`."""
    is_again = _is_ticked(form, plan, rule_form.AGAIN, rule_form.OF_RULES)
    return {
        "send_between": _hours(form) if _is_ticked(form, plan, HOURS, _OF_HOURS) else None,
        "retry_rules": rule_form.rules_of(form) if is_again else None,
    }


def _is_ticked(form: Form, plan: SendingPlan, box: str, names: Sequence[str]) -> bool:
    """Whether the box is ticked. It must be, if anything below it was changed."""
    if box in form:
        return True
    before = filled(plan)
    if any(form.every(name) not in ([], before.every(name)) for name in names):
        raise bad_request(f"{box}: tick this box, or leave what is below it as it was")
    return False


def _hours(form: Form) -> Mapping[str, Any]:
    begin, end = _time(form, "hours_from"), _time(form, "hours_to")
    end = "24:00" if end == "00:00" else end
    if begin >= end:
        raise bad_request("hours_to: choose a time that is later on the same day; midnight is 00:00")
    days = [day for day in form.every("days") if day in ALL_DAYS]
    if not days:
        raise bad_request("days: choose at least one day")
    return {"from": begin, "to": end, "days": days, "zone": form.text("clock") or RECIPIENT_ZONE}


def _time(form: Form, name: str) -> str:
    found = _TIME.match(form.get(name, ""))
    if found is None:
        raise bad_request(f"{name}: choose a time such as 09:00")
    return found[0]


def _spread(form: Form) -> int | None:
    if form.text("spread") is None:
        return None
    unit = _HOUR if form.get("spread_unit") == "hours" else 1
    return unit * whole_of(form, "spread", 1, MAX_MINUTES // unit)


def _canary(form: Form) -> Mapping[str, Any]:
    return {
        "count": whole_of(form, "first_count", 1, MAX_COUNT),
        "wait_minutes": whole_of(form, "first_wait", 0, MAX_MINUTES),
        "min_delivered": _decimal(form, "first_delivered", 100, 0) / 100,
        "max_failed": _decimal(form, "first_failed", 100, 0) / 100,
    }


def _decimal(form: Form, name: str, most: int, least: float | None = None) -> float:
    """A number that may have a point or a comma; above 0 unless `least` says otherwise."""
    number = read_amount(form.get(name, "").strip().rstrip("%").replace(",", "."))
    if number is None or number > most or (number <= 0 if least is None else number < least):
        raise bad_request(f"{name}: give a number from {0 if least is None else least:g} to {most:,}")
    return number
