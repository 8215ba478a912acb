"""Options for the way in which a broadcast is sent: hours, pace, to whom first, and to whom again."""

from collections.abc import Callable
from typing import Any

import click

from wacrmd.cli.hours import Hours, hours_shown
from wacrmd.cli.options import Amount, Whole
from wacrmd.cli.output import local, people
from wacrmd.cli.retry_rules import RuleText, rules_of, rules_shown
from wacrmd.domain.canary import MAX_COUNT
from wacrmd.domain.percent import percent
from wacrmd.domain.sending_plan import MAX_MINUTES, MAX_RATE, MIN_RATE
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

PLAN_PARTS = ("send_between", "spread_over_minutes", "messages_per_second", "canary", "retry_rules")
"""What the way of sending consists of, by its names in JSON."""
_OPTIONS = (
    click.option(
        "--between",
        "send_between",
        type=Hours(),
        metavar="HOURS",
        help="Send only in these hours where each person is, such as 'mon-fri 09:00-20:00'; behind them a zone such as"
        " Europe/Berlin counts for all.",
    ),
    click.option(
        "--spread",
        "spread_over_minutes",
        type=Whole(min=1, max=MAX_MINUTES),
        metavar="MINUTES",
        help="Spread the messages evenly over so many minutes.",
    ),
    click.option(
        "--rate",
        "messages_per_second",
        type=Amount(min=MIN_RATE, max=MAX_RATE),
        metavar="N",
        help="Send at most N messages of it in a second.",
    ),
    click.option(
        "--canary",
        type=Whole(min=1, max=MAX_COUNT),
        metavar="N",
        help="Send to N people first, of all countries; the others follow if most of them have it.",
    ),
    click.option(
        "--canary-wait",
        type=Whole(min=0, max=MAX_MINUTES),
        metavar="MINUTES",
        help="How long to wait after the first people. Default: 15.",
    ),
    click.option(
        "--canary-delivered",
        type=Amount(min=0, max=100),
        metavar="PERCENT",
        help="How many of the first must have it for the others to follow. Default: 80.",
    ),
    click.option(
        "--canary-failed",
        type=Amount(min=0, max=100),
        metavar="PERCENT",
        help="To how many of the first it may have failed. Default: 10.",
    ),
    click.option(
        "--retry-rule",
        "retry_rules",
        type=RuleText(),
        multiple=True,
        metavar="RULE",
        help="Send again by itself to those who failed with a code of Meta's, such as '131049 after 24h, 2 times'; more than"
        " once for several rules, none: never. Default: the rules of the account.",
    ),
)


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `plan_of`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def plan_of(options: JsonObject) -> JsonObject:
    """The parameters for the way of sending, which it takes out of `options`."""
    plan = {name: options.pop(name) for name in PLAN_PARTS if name not in ("canary", "retry_rules")}
    plan["retry_rules"] = rules_of(options.pop("retry_rules"))
    count = options.pop("canary")
    given = {
        "wait_minutes": options.pop("canary_wait"),
        "min_delivered": _share(options.pop("canary_delivered")),
        "max_failed": _share(options.pop("canary_failed")),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    if count is None and chosen:
        raise click.UsageError("Say to how many people it is sent first: --canary N")
    return plan | {"canary": None if count is None else {"count": count, **chosen}}


def plan_lines(found: JsonObject) -> list[str]:
    """The way in which a broadcast is sent, in sentences."""
    hours, canary = found["send_between"], found["canary"]
    lines = [f"in the hours {hours_shown(hours)}"] if hours else []
    if found["spread_over_minutes"]:
        lines.append(f"spread over {counted(found['spread_over_minutes'], 'minute')}")
    if found["messages_per_second"]:
        lines.append(
            f"{found['messages_per_second']:g} message{'' if found['messages_per_second'] == 1 else 's'} a second at most"
        )
    if canary:
        lines.append(
            f"to {people(canary['count'])} first; to the others {counted(canary['wait_minutes'], 'minute')} later, if"
            f" {percent(canary['min_delivered'])} % have it and at most {percent(canary['max_failed'])} % failed"
        )
    if found["retry_rules"]:
        lines.append(f"again to those who failed: {rules_shown(found['retry_rules'])}")
    return lines


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def people_line(found: JsonObject, count: int, takes: str) -> str:
    """To how many people it goes, and how long that takes if it is a matter of the number's rate; `found` as below."""
    return people(count) if _is_slower(found) else f"{people(count)}, about {takes}"


def forecast_line(found: JsonObject, count: int) -> str | None:
    """How many of so many people go today and when the last one goes, if it is not simply a matter of the number's rate.

    `found` is a draft or the answer of a dry run.
    """
    if not _is_slower(found):
        return None
    going = found["forecast"]
    reasons = {"limit": "Meta's limit", "hours": "the hours", "canary": "the first people"}
    why = ", ".join(reasons.get(each, each) for each in going["waits_for"])
    last = "not within 60 days" if going["last_at"] is None else f"about {local(going['last_at'])}"
    waits = f"It waits for {why}: " if why else ""
    return f"{waits}{going['first_day']:,} of {count:,} go in the first 24 hours, the last one {last}."


def _is_slower(found: JsonObject) -> bool:
    going = found["forecast"]
    has_pace = found["spread_over_minutes"] or found["messages_per_second"]
    return going is not None and bool(going["waits_for"] or has_pace)
