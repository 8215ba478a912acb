"""A time as people write it, in a time zone: the moment that it means, if it means exactly one. Pure."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis, read_iso

_DURATION = re.compile(r"([0-9]{1,6})\s*([a-z]+)", re.ASCII)
_UNITS: dict[str, Millis] = {
    name: unit
    for names, unit in (
        ("s second seconds", SECOND),
        ("m min minute minutes", MINUTE),
        ("h hour hours", HOUR),
        ("d day days", DAY),
        ("w week weeks", 7 * DAY),
    )
    for name in names.split()
}


class UnclearTimeError(ValueError):
    """No moment, or more than one, has this local time; the text says which ones were perhaps meant."""


def read_duration(text: str) -> Millis | None:
    """How long `30min`, `2h` or `3 days` is; None for another text."""
    found = _DURATION.fullmatch(text.strip())
    return int(found[1]) * _UNITS[found[2]] if found and found[2] in _UNITS else None


def read_local(text: str, zone: tzinfo | None = None) -> datetime:
    """The moment of an ISO time; without an offset it is local time in `zone`, or where this machine is.

    Raises UnclearTimeError for a local time that the clocks skip or show twice, ValueError for anything else that is
    no time, or whose time in UTC is outside of the years 1 to 9999.
    """
    moment = read_iso(text)
    try:
        if moment.tzinfo is None:
            moment = _in_zone(moment, zone)
        moment.astimezone(UTC)
    except UnclearTimeError:
        raise
    except (OverflowError, ValueError):  # both, by what converts it
        raise ValueError(f"{text} is outside of the years 1 to 9999 in UTC") from None
    return moment


def _in_zone(written: datetime, zone: tzinfo | None) -> datetime:
    first, second = (_at(written.replace(fold=fold), zone) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    where = f"in {zone}" if zone is not None else "on this machine"
    # A time that does not exist is read with the offset before the change, or with the one after it.
    readings = sorted({_shown(first), _shown(second)})
    if _is_skipped(written, first, zone):
        raise UnclearTimeError(
            f"{_wall(written)} does not exist {where}: the clocks are put forward; "
            f"did you mean {readings[0]} or {readings[1]}?"
        )
    raise UnclearTimeError(
        f"{_wall(written)} comes twice {where}: the clocks are put back; "
        f"did you mean {_shown(first)} (before) or {_shown(second)} (after)?"
    )


def _at(written: datetime, zone: tzinfo | None) -> datetime:
    """The moment with its offset. `astimezone()` of a naive time takes the rules of this machine."""
    if zone is None:
        return written.astimezone()
    return written.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


def _is_skipped(written: datetime, moment: datetime, zone: tzinfo | None) -> bool:
    back = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    return abs(back - written.replace(fold=0)) > timedelta(0)


def _wall(written: datetime) -> str:
    return written.replace(fold=0).isoformat(sep=" ", timespec="minutes")


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
