"""Statistics by template, country, hour of the day and day, read from sums."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from wacrmd.domain.statistics import FAILED, SLOT, By, is_message, period, place_of
from wacrmd.domain.template_clicks import Clicks, add_clicks, are_of_utc, days_of, iso_date
from wacrmd.domain.time_zones import zone_named
from wacrmd.errors import bad_request
from wacrmd.meta.errors import rule_for
from wacrmd.services.context import Context
from wacrmd.store import statistics, template_clicks
from wacrmd.store.database import Tx
from wacrmd.store.statistics import Wanted
from wacrmd.views.statistics import MessageSums, Statistics, StatisticsRow, message_sums

MAX_ROWS = 1_000
DEFAULT_ZONE = "UTC"


async def read_statistics(
    ctx: Context,
    account_id: str | None,
    by: By,
    *,
    since: str | None,
    until: str | None,
    zone: str | None,
    template_name: str | None,
    template_language: str | None,
) -> Statistics:
    """What became of the messages of a period, of one account or of all; refuses a period that is none, or too long."""
    where = _zone(zone or DEFAULT_ZONE)
    try:
        begin, end = period(since, until, where, ctx.clock.now())
    except (ValueError, OverflowError) as error:
        raise bad_request(f"from, to: {error}") from None
    wanted = Wanted(
        account_id=account_id,
        first=begin // SLOT,
        end=end // SLOT,
        template_name=template_name,
        template_language=template_language,
    )

    def work(tx: Tx) -> Statistics:
        found = _placed(statistics.sums(tx, wanted, by), by, where)
        clicks = _clicks(tx, wanted, days_of(begin, end, where), by, where)
        for key in clicks:
            found.setdefault(key, Counter())
        rows = sorted(found.items(), key=partial(_order, by))
        reasons = _reasons(found.values())
        total: Counter[str] = Counter()
        for sums in found.values():
            total.update(sums)
        return Statistics(
            by=by,
            since=begin,
            until=end,
            zone=where.key,
            rows=[
                _row(by, key, _fields(sums, reasons, clicks.get(key, {}))) for key, sums in rows[:MAX_ROWS]
            ],
            left_out=max(0, len(rows) - MAX_ROWS),
            total=MessageSums(**_fields(total, reasons, add_clicks(clicks.values()))),
            waiting=statistics.waiting(tx, account_id),
        )

    return await ctx.db.read(work)


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_named(name)
    except ValueError as error:
        raise bad_request(f"zone: {error}") from None


_Found = dict[tuple[str | int, str], Counter[str]]


def _placed(found: _Found, by: By, zone: ZoneInfo) -> _Found:
    """The sums of slots as those of hours or days."""
    if by not in (By.HOUR, By.DAY):
        return found
    placed: _Found = {}
    for (slot, _), sums in found.items():
        placed.setdefault((place_of(int(slot), by, zone), ""), Counter()).update(sums)
    return placed


def _clicks(
    tx: Tx, wanted: Wanted, days: range, by: By, zone: ZoneInfo
) -> dict[tuple[str | int, str], dict[str, Clicks]]:
    """The clicks of templates, or of days if they are Meta's: it counts those of UTC, and no countries or hours."""
    if by is By.DAY and are_of_utc(days, zone):
        found = template_clicks.sums(tx, wanted, days, by)
        return {(iso_date(int(day)), ""): clicks for (day, _), clicks in found.items()}
    return template_clicks.sums(tx, wanted, days, by) if by is By.TEMPLATE else {}


def _order(by: By, row: tuple[tuple[str | int, str], Counter[str]]) -> Any:
    """Hours and days in their order, the others by the number of messages."""
    key, sums = row
    if by in (By.HOUR, By.DAY):
        return key
    return -sum(count for what, count in sums.items() if is_message(what)), key


def _row(by: By, key: tuple[str | int, str], fields: dict[str, Any]) -> StatisticsRow:
    one, other = key
    about: dict[str, Any] = (
        {"template_name": one, "template_language": other}
        if by is By.TEMPLATE
        else {by.value: (one or None) if by is By.COUNTRY else one}
    )
    return StatisticsRow(**about, **fields)


def _fields(sums: Counter[str], reasons: dict[int, str], clicks: Mapping[str, Clicks]) -> dict[str, Any]:
    return message_sums(sums, reasons, clicks)


def _reasons(found: Iterable[Counter[str]]) -> dict[int, str]:
    """What Meta's codes among these sums mean."""
    codes = {
        int(code)
        for sums in found
        for what in sums
        if what.startswith(FAILED) and (code := what.removeprefix(FAILED)) and not code.startswith(":")
    }
    return {code: rule_for(code, from_webhook=True).meaning for code in codes}
