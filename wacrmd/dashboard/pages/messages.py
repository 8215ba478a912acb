"""The single messages, the newest first."""

from starlette.responses import Response

from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.render import short_name

ON_A_PAGE = 50


async def index(visit: Visit) -> Response:
    """Messages in pages; each leads to its page as a broadcast."""
    account, paused = visit.param("account"), visit.param("paused")
    found = await visit.perform(
        "message.list", account=account, paused=bool(paused), limit=ON_A_PAGE, cursor=visit.param("cursor")
    )
    numbers = {each.id: each for each in await visit.perform("number.list", removed=True)}
    accounts = await account_names(visit)
    return visit.page(
        "messages.html",
        messages=[
            (each, short_name(numbers[each.number_id]), numbers[each.number_id].account)
            for each in found.items
        ],
        account=account,
        paused=paused,
        accounts=accounts,
        pages=visit.pages(found),
    )


PAGES: tuple[Row, ...] = (("GET", "/messages", index),)
