"""The cost of messages by the price lists of their account: of those that were sent, and of those that would be."""

from collections.abc import Iterable, Mapping, Sequence

from wacrmd.clock import DAY, Millis
from wacrmd.domain.marketing_route import Endpoint, Route
from wacrmd.domain.price import Cost, PriceList, is_free, list_at
from wacrmd.domain.template import SyncedTemplate
from wacrmd.store import prices, spending
from wacrmd.store.database import Tx
from wacrmd.store.spending import BilledCount
from wacrmd.views.prices import CostView


def cost_of(lists: Sequence[PriceList], counts: Iterable[BilledCount]) -> Cost:
    """What these messages cost, each by the list that held on its day. Pure."""
    cost = Cost()
    by_day: dict[int, PriceList | None] = {}
    for each in counts:
        if is_free(each.type, each.billable):
            cost.add_free(each.messages)
            continue
        if each.day not in by_day:
            by_day[each.day] = list_at(lists, each.day * DAY)
        cost.add(each.messages, by_day[each.day], each.country, each.category)
    return cost


def of_broadcast(tx: Tx, account_id: str, broadcast_id: int) -> CostView | None:
    """What a broadcast has cost so far; None if the account has no price list."""
    lists = prices.lists_of(tx, account_id)
    if not lists:
        return None
    return CostView.of(cost_of(lists, spending.of_broadcasts(tx, [broadcast_id]).get(broadcast_id, [])))


def estimate(
    tx: Tx,
    account_id: str,
    template: SyncedTemplate | None,
    route: Route,
    countries: Mapping[str | None, int] | Mapping[str, int],
    at: Millis,
) -> CostView | None:
    """What a template to so many people of each country would cost at a time; None if the account has no price list.

    Nobody knows before which messages Meta does not charge: they count as if it would.
    """
    lists = prices.lists_of(tx, account_id)
    if not lists:
        return None
    cost, held = Cost(), list_at(lists, at)
    category = category_at(template, at)
    if category == "marketing" and route.endpoint == Endpoint.MARKETING_MESSAGES:
        category = "marketing_lite"  # as Meta calls it there
    for country, count in countries.items():
        cost.add(count, held, country or None, category)
    return CostView.of(cost)


def category_at(synced: SyncedTemplate | None, at: Millis) -> str | None:
    """The category as which a template is billed at a time: one that Meta has announced counts from its day on. Pure."""
    template = synced.template if synced is not None else None
    if template is None:
        return None
    announced = template.next_category_at
    if template.next_category is not None and announced is not None and announced <= at:
        return template.next_category.lower()
    return None if template.category is None else template.category.lower()
