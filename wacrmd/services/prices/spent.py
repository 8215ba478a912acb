"""What was spent, by month, country or broadcast, from what Meta's statuses say of the messages."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from wacrmd.clock import DAY, Millis
from wacrmd.domain.broadcast import BroadcastFilter
from wacrmd.domain.country_names import name_of
from wacrmd.domain.price import SpentBy, day_of
from wacrmd.errors import bad_request
from wacrmd.fields import shared
from wacrmd.services.context import Context
from wacrmd.services.prices.cost import cost_of
from wacrmd.store import accounts, broadcasts, prices, spending
from wacrmd.store.database import Tx
from wacrmd.store.spending import BilledCount
from wacrmd.views.prices import CostSums, CostView, SpentView

MONTHS = 12
"""How many months are shown where no day is named, with the present one."""

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """The days that are asked for, the last one included; in days since the epoch, UTC."""

    first: int
    last: int

    @classmethod
    def of(cls, first: str | None, last: str | None, now: Millis) -> "Period":
        """The period between two days; without a first one it is a year of months. Raises Refusal for what is none."""
        today = day_of(now)
        end = today if last is None else _day("to", last)
        if first is not None:
            begin = _day("from", first)
            if begin > end:
                raise bad_request(
                    f"from, to: expected a first day that is not after the last one, {_date(end)}"
                )
            return cls(begin, end)
        months = _date(end).year * 12 + _date(end).month - MONTHS  # counted from 0
        return cls((date(months // 12, months % 12 + 1, 1) - _EPOCH).days, end)


async def spent(
    ctx: Context, account_id: str | None, by: SpentBy, period: Period, limit: int
) -> list[SpentView]:
    """What was spent; the newest month or broadcast first, or the country with the most messages. At most `limit` rows.

    Days and months are those of sending, in UTC. By broadcast, those that were created in the period; single messages are
    in the other two only.
    """

    def work(tx: Tx) -> list[SpentView]:
        return [
            row
            for account in accounts.all_of(tx)
            if account_id in (None, account.id)
            for row in _of_account(tx, account.id, account.name, by, period, limit)
        ]

    return await ctx.db.read(work)


def _of_account(
    tx: Tx, account_id: str, account: str, by: SpentBy, period: Period, limit: int
) -> list[SpentView]:
    lists = prices.lists_of(tx, account_id)

    def row(
        counts: list[BilledCount],
        *,
        month: str | None = None,
        country: str | None = None,
        broadcast_id: str | None = None,
        name: str | None = None,
    ) -> SpentView:
        return SpentView(
            **shared(CostSums, CostView.of(cost_of(lists, counts))),
            account=account,
            month=month,
            country=country,
            broadcast_id=broadcast_id,
            name=name,
        )

    if by is SpentBy.BROADCAST:
        which = BroadcastFilter(
            account_id=account_id, since=period.first * DAY, until=(period.last + 1) * DAY
        )
        found = broadcasts.page(tx, which, after=None, limit=limit)
        counts = spending.of_broadcasts(tx, [each.id for each in found])
        return [
            row(counts[each.id], broadcast_id=each.uuid, name=each.name)
            for each in found
            if each.id in counts
        ]
    billed = spending.of_account(tx, account_id, period.first, period.last)
    if by is SpentBy.MONTH:
        months = _grouped(billed, lambda each: f"{_date(each.day):%Y-%m}")
        return [row(months[each], month=str(each)) for each in sorted(months, key=str, reverse=True)][:limit]
    countries = _grouped(billed, lambda each: each.country)
    sizes = {country: sum(each.messages for each in counts) for country, counts in countries.items()}
    return [
        row(
            countries[country],
            country=None if country is None else str(country),
            name=None if country is None else name_of(str(country)),
        )
        for country in sorted(countries, key=lambda each: (-sizes[each], str(each)))
    ][:limit]


def _grouped(
    counts: list[BilledCount], key: Callable[[BilledCount], Hashable]
) -> dict[Hashable, list[BilledCount]]:
    found: dict[Hashable, list[BilledCount]] = {}
    for each in counts:
        found.setdefault(key(each), []).append(each)
    return found


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def _day(name: str, text: str) -> int:
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise bad_request(f"{name}: expected a day such as 2026-11-01, found {text[:40]!r}") from None
    return max(0, int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()) * 1000 // DAY)
