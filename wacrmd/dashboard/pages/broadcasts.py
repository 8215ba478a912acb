"""The list of broadcasts, and one of them."""

from starlette.responses import Response

from wacrmd.dashboard.frame import Row, Visit
from wacrmd.domain.broadcast import BroadcastStatus


async def index(visit: Visit) -> Response:
    """The newest broadcasts."""
    status = visit.param("status")
    found = await visit.perform("broadcast.list", status=status, limit=50, cursor=visit.param("cursor"))
    return visit.page(
        "broadcasts.html",
        broadcasts=found.items,
        pages=visit.pages(found),
        chosen=status,
        statuses=list(BroadcastStatus),
    )


async def one(visit: Visit) -> Response:
    """One broadcast: its counts, why it does not move, and whom it did not reach."""
    found = await visit.perform("broadcast.show", id=visit.request.path_params["id"])
    return visit.page("broadcast.html", broadcast=found)


PAGES: tuple[Row, ...] = (
    ("GET", "/broadcasts", index),
    ("GET", "/broadcasts/{id}", one),
)
