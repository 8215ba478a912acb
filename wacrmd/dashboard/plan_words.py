"""How a broadcast is sent, in plain English, for people who are no programmers. Pure."""

from collections.abc import Callable, Mapping, Sequence

from wacrmd.domain.canary import Canary
from wacrmd.domain.forecast import Wait
from wacrmd.domain.percent import percent
from wacrmd.domain.send_between import ALL_DAYS, RECIPIENT_ZONE, Day, SendBetween

DAYS = dict(
    zip(
        ALL_DAYS,
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
_WAITS = {
    Wait.LIMIT: "Meta's limit for your business",
    Wait.HOURS: "the hours",
    Wait.CANARY: "what becomes of the first people",
}


def days(chosen: Sequence[Day]) -> str:
    """Days of the week: `Monday to Friday, Sunday`; three in a row or more are a span."""
    spans: list[list[Day]] = []
    for each in ALL_DAYS:
        if each not in chosen:
            continue
        is_next = spans and ALL_DAYS.index(each) == ALL_DAYS.index(spans[-1][-1]) + 1
        if is_next:
            spans[-1].append(each)
        else:
            spans.append([each])
    found: list[str] = []
    for span in spans:
        names = [DAYS[each] for each in span]
        found += [f"{names[0]} to {names[-1]}"] if len(names) > 2 else names  # noqa: PLR2004 - two are no span
    return ", ".join(found)


def hours(chosen: SendBetween) -> str:
    """Hours: `from 09:00 to 20:00, Monday to Friday, by each person's own clock`."""
    on = "" if len(chosen.days) == len(ALL_DAYS) else f", {days(chosen.days)}"
    whose = "each person's own clock" if chosen.zone == RECIPIENT_ZONE else f"the clock of {chosen.zone}"
    end = "midnight" if chosen.end == "24:00" else chosen.end
    return f"from {chosen.begin} to {end}{on}, by {whose}"


def first_few(chosen: Canary) -> str:
    """To whom first, and when the others follow."""
    who = "1 person" if chosen.count == 1 else f"{chosen.count} people"
    later = "1 minute later" if chosen.wait_minutes == 1 else f"{chosen.wait_minutes} minutes later"
    later = later if chosen.wait_minutes else "right after them"
    enough, most = share(chosen.min_delivered), share(chosen.max_failed)
    return f"first to {who}; to the others {later}, if at least {enough} of them have it and it failed for at most {most}"


def share(part: float) -> str:
    """A share in percent, with a space that does not break."""
    return f"{percent(part)}\N{NARROW NO-BREAK SPACE}%"


def waits(names: Sequence[str]) -> str:
    """For what a broadcast waits on its way, of a forecast."""
    found = [_WAITS[Wait(each)] for each in names]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


FILTERS: Mapping[str, Callable[..., object]] = {
    "hours": hours,
    "first_few": first_few,
    "waits": waits,
}
"""For the templates of the pages."""
