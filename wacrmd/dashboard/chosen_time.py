"""The moment that a person chooses in a form: a day and a time, and the time zone in which they are meant."""

from datetime import datetime
from zoneinfo import ZoneInfo

from wacrmd.clock import SECOND, Millis, millis
from wacrmd.dashboard.forms import Form
from wacrmd.domain.local_time import read_local
from wacrmd.domain.start_time import MAX_AHEAD, is_past
from wacrmd.domain.time_zones import zone_names
from wacrmd.errors import bad_request

NOW, LATER = "now", "later"
"""The choices of the field `when`."""
FIELDS = frozenset({"at", "zone"})


def chosen_time(form: Form, now: Millis) -> Millis | None:
    """When something is to start, None for now; raises Refusal for a moment that does not exist there, or is no start."""
    at = _time(form, now) if form.text("when") == LATER else None
    if at is None and form.text("at") is not None:
        raise bad_request("at: you chose “Now” and also a day: choose “At”, or empty this field")
    return at


def _time(form: Form, now: Millis) -> Millis:
    zone, at = form.text("zone"), form.text("at")
    if zone not in zone_names():
        raise bad_request("zone: choose a time zone such as Europe/Berlin")
    if at is None:
        raise bad_request("at: choose a day and a time")
    try:
        local = read_local(at, ZoneInfo(zone))
    except ValueError as error:
        raise bad_request(f"at: {error}") from None
    moment = millis(local)
    if is_past(moment, now):
        there = datetime.fromtimestamp(now / SECOND, local.tzinfo)
        raise bad_request(
            f"at: this is in the past: in {zone} it is {there:%Y-%m-%d %H:%M}. Choose a later time, or “Now”"
        )
    if moment > now + MAX_AHEAD:
        raise bad_request("at: choose a time within a year")
    return moment
