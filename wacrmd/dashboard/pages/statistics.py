"""What became of messages: by day, template, hour and country, each as a chart and as a table, and as files."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from starlette.responses import Response

from wacrmd.clock import SECOND
from wacrmd.dashboard import bars
from wacrmd.dashboard.bars import Place
from wacrmd.dashboard.frame import Row, Visit, path
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.domain.country_names import name_of
from wacrmd.domain.statistics import By
from wacrmd.domain.statistics_file import MEDIA_TYPE, statistics_csv
from wacrmd.errors import ERRORS, ErrorCode, Refusal
from wacrmd.views.json import as_object
from wacrmd.views.statistics import Statistics, StatisticsRow

PARAMETERS = ("account", "from", "to", "zone", "template_name")
DRAWN_ROWS = 12
"""Templates and countries that a chart shows: those with most messages. The table has all."""
SHOWN_ROWS = 100
"""Rows of a table; the file has up to 1,000."""
HOURS = 24
ORDER = (By.DAY, By.TEMPLATE, By.HOUR, By.COUNTRY)


async def index(visit: Visit) -> Response:
    """Four charts, with a table beside each."""
    accounts = await account_names(visit)
    chosen = _chosen(visit, accounts)
    found: dict[By, Statistics] = {}
    error, status = None, 200
    try:
        for by in ORDER:
            found[by] = await visit.perform("stats", by=by, **chosen)
    except Refusal as refusal:
        if refusal.code is not ErrorCode.BAD_REQUEST:
            raise
        found, error, status = {}, refusal.message, ERRORS[refusal.code].status
    return visit.page(
        "statistics.html",
        status=status,
        accounts=accounts,
        is_limited=bool(visit.visitor.session.account_ids),
        chosen=chosen,
        error=error,
        total=found[By.DAY].total if found else None,
        links=found[By.TEMPLATE].total.clicks_by_button if found else [],
        waiting=found[By.DAY].waiting if found else 0,
        sections=[_section(by, each, chosen) for by, each in found.items()],
    )


def _chosen(visit: Visit, accounts: list[str]) -> dict[str, str | None]:
    """What is in the address. A user of several accounts sees one at a time, others all together."""
    chosen = {name: visit.param(name) for name in PARAMETERS}
    if chosen["account"] is None and visit.visitor.session.account_ids and accounts:
        chosen["account"] = accounts[0]
    return chosen


def _section(by: By, found: Statistics, chosen: dict[str, str | None]) -> dict[str, object]:
    names = {id(row): label(by, row) for row in found.rows}
    section: dict[str, object] = {
        "by": by,
        "rows": [(names[id(row)], row) for row in found.rows[:SHOWN_ROWS]],
        "has_clicks": any(row.clicked_count is not None for row in found.rows),
        "left_out": found.left_out + max(0, len(found.rows) - SHOWN_ROWS),
        "links": [
            path("/statistics", **chosen | {"template_name": row.template_name})
            for row in found.rows[:SHOWN_ROWS]
        ],
        "file": path("/statistics.csv", by=by, **chosen),
    }
    if by in (By.DAY, By.HOUR):
        places = _days(found) if by is By.DAY else _hours(found)
        drawn = bars.columns(places)
    else:
        places = [Place(names[id(row)], row) for row in found.rows[:DRAWN_ROWS]]
        drawn = bars.rows(places)
    return section | {"places": places, "bars": drawn, "end": bars.end_of(places), "row": bars.ROW}


def label(by: By, row: StatisticsRow) -> str:
    """What a row is about, in words."""
    if by is By.TEMPLATE:
        return f"{row.template_name} ({row.template_language})"
    if by is By.COUNTRY:
        return name_of(row.country) if row.country else "not known"
    return str(row.day) if by is By.DAY else f"{row.hour:02}:00"


def _days(found: Statistics) -> list[Place]:
    """Every day of the period, also those without messages."""
    zone = ZoneInfo(found.zone)
    first = datetime.fromtimestamp(found.since / SECOND, UTC).astimezone(zone).date()
    last = datetime.fromtimestamp((found.until - 1) / SECOND, UTC).astimezone(zone).date()
    rows = {row.day: row for row in found.rows}
    days: list[date] = [first + timedelta(days=each) for each in range((last - first).days + 1)]
    return [Place(each.isoformat(), rows.get(each.isoformat())) for each in days]


def _hours(found: Statistics) -> list[Place]:
    rows = {row.hour: row for row in found.rows}
    return [Place(f"{hour:02}:00", rows.get(hour)) for hour in range(HOURS)]


async def export(visit: Visit) -> Response:
    """The rows of one chart as a CSV file."""
    chosen = _chosen(visit, await account_names(visit))
    by = visit.param("by") or By.TEMPLATE.value
    found: Statistics = await visit.perform("stats", by=by, **chosen)
    text = statistics_csv(found.by, as_object(found)["rows"], excel=bool(visit.param("excel")))
    headers = {"Content-Disposition": f'attachment; filename="statistics-by-{found.by}.csv"'}
    return Response(text, media_type=MEDIA_TYPE, headers=headers)


PAGES: tuple[Row, ...] = (("GET", "/statistics", index), ("GET", "/statistics.csv", export))
