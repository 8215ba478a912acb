"""What messages have cost, by month, country or broadcast, and the prices."""

from starlette.responses import Response

from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.domain.price import SpentBy
from wacrmd.errors import ERRORS, Refusal
from wacrmd.views.prices import SpentView

SUMS = 200


async def index(visit: Visit) -> Response:
    """A table of sums, and the price lists that hold now."""
    account, first, last = (visit.param(name) for name in ("account", "from", "to"))
    by = visit.param("by") or SpentBy.MONTH.value
    rows: list[SpentView] = []
    error, status = None, 200
    try:
        rows = await visit.perform("price.spent", by=by, account=account, first=first, last=last, limit=SUMS)
    except Refusal as refusal:
        if by not in set(SpentBy):
            raise
        error, status = refusal.message, ERRORS[refusal.code].status
    lists = await visit.perform("price.list", account=account)
    return visit.page(
        "costs.html",
        status=status,
        rows=rows,
        by=by,
        first=first,
        last=last,
        account=account,
        accounts=await account_names(visit),
        lists=lists,
        error=error,
    )


PAGES: tuple[Row, ...] = (("GET", "/costs", index),)
