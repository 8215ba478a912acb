"""Price lists: import, list, remove."""

from datetime import UTC, date, datetime
from functools import partial

from wacrmd.clock import DAY, Millis, millis
from wacrmd.domain.price import PriceList, decimal, list_at
from wacrmd.domain.price_file import PriceFileError, read_prices
from wacrmd.domain.text_file import split_lines
from wacrmd.errors import bad_request, invalid, not_found
from wacrmd.off_loop import off_loop
from wacrmd.services.context import Context
from wacrmd.store import prices
from wacrmd.store.database import Tx
from wacrmd.store.prices import StoredList
from wacrmd.views.prices import ImportedPrices, PriceListView, PriceView, RemovedPrices

ALWAYS = "always"


async def import_list(
    ctx: Context,
    account: tuple[str, str] | None,
    csv: str,
    *,
    valid_from: str | None,
    currency: str | None,
) -> ImportedPrices:
    """Store the list in a CSV file as a whole; `account` is (id, name), None for all that have none of their own.

    Without `valid_from`, the first list holds always and a later one from today on (UTC), so that it changes nothing of what
    was spent. Raises Refusal with each line that is wrong; then nothing is stored.
    """
    try:
        found = await off_loop(read_prices, split_lines(csv), currency)
    except PriceFileError as error:
        raise invalid(error.problems) from None
    account_id, name = account or (None, None)
    begins = None if valid_from is None else _day(valid_from)
    now = ctx.clock.now()

    def work(tx: Tx) -> tuple[Millis, bool]:
        at = begins
        if at is None:
            at = now - now % DAY if prices.has_any(tx, account_id) else 0
        return at, prices.put(tx, account_id, at, found, now)

    at, replaced = await ctx.db.write(work)
    return ImportedPrices(
        account=name,
        valid_from=at or None,
        prices=len(found),
        currencies=sorted({each.currency for each in found.values()}),
        replaced=replaced,
    )


async def list_lists(ctx: Context, account_id: str | None) -> list[PriceListView]:
    """All price lists; for one account its own and those of accounts without."""
    stored = await ctx.db.read(partial(prices.all_of, account_id=account_id))
    now = ctx.clock.now()
    by_owner: dict[str | None, list[PriceList]] = {}
    for each in stored:
        by_owner.setdefault(each.account_id, []).append(each.list)
    return [_view(each, list_at(by_owner[each.account_id], now) is each.list) for each in stored]


def _view(stored: StoredList, is_current: bool) -> PriceListView:
    return PriceListView(
        account=stored.account,
        valid_from=stored.list.valid_from or None,
        imported_at=stored.imported_at,
        is_current=is_current,
        prices=[
            PriceView(country=country, category=category, currency=each.currency, amount=decimal(each.micros))
            for (country, category), each in sorted(stored.list.prices.items())
        ],
    )


async def remove_list(ctx: Context, account: tuple[str, str] | None, valid_from: str) -> RemovedPrices:
    """Remove the list that begins on a day; raises Refusal if there is none."""
    account_id, name = account or (None, None)
    at = _day(valid_from)
    if not await ctx.db.write(partial(prices.remove, account_id=account_id, valid_from=at)):
        raise not_found(f"A price list from {valid_from}")
    return RemovedPrices(account=name, valid_from=at or None)


def _day(text: str) -> Millis:
    """When a day begins, in UTC; 0 for `always`. Raises Refusal for another text."""
    if text.strip().lower() == ALWAYS:
        return 0
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise bad_request(
            f"valid_from: expected a day such as 2026-12-01, or {ALWAYS}, found {text[:40]!r}"
        ) from None
    return max(0, millis(datetime(day.year, day.month, day.day, tzinfo=UTC)))
