"""Time zones by their names in the IANA database, which mean the same on every machine."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from wacrmd.suggest import did_you_mean

EXAMPLE = "Europe/Berlin"
MAX_SHOWN = 40
_OF_THE_MACHINE = frozenset({"Factory", "localtime", "posixrules"})
"""Files among the zones that are another zone on each machine, or none. So are those below `posix/` and `right/`, where
`right/` counts leap seconds; `available_timezones` leaves these out."""


@cache
def zone_names() -> frozenset[str]:
    """All names. Read once: the database is a tree of files."""
    return frozenset(available_timezones() - _OF_THE_MACHINE)


def zone_name(text: str) -> str | None:
    """The name that is meant, also in other letters; None if there is no such zone."""
    name = text.strip()
    if name in zone_names():
        return name
    return next((each for each in zone_names() if each.lower() == name.lower()), None)


def zone_named(text: str) -> ZoneInfo:
    """The zone of this name; raises ValueError, which says what was expected and what was perhaps meant."""
    name = zone_name(text)
    if name is None:
        raise ValueError(
            f"expected a time zone such as {EXAMPLE}, found {text[:MAX_SHOWN]!r}{zone_guess(text)}"
        )
    return ZoneInfo(name)


def zone_guess(text: str) -> str:
    """The end of a sentence: which zone was perhaps meant; empty if none is similar."""
    return did_you_mean(text.strip(), sorted(zone_names()), "{}")
