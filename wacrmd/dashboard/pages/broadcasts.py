"""The list of broadcasts, and one of them."""

from starlette.responses import Response

from wacrmd.dashboard.actions import perform
from wacrmd.dashboard.frame import Visit
from wacrmd.domain.broadcast import BroadcastStatus


async def index(visit: Visit) -> Response:
    """The newest broadcasts."""
    query = visit.request.query_params
    status = query.get("status") or None
    found = await perform(visit.ctx, visit.visitor, "broadcast.list", status=status, limit=50)
    return visit.page(
        "broadcasts.html", broadcasts=found.items, chosen=status, statuses=list(BroadcastStatus)
    )


async def one(visit: Visit) -> Response:
    """One broadcast: its counts, why it does not move, and whom it did not reach."""
    found = await perform(visit.ctx, visit.visitor, "broadcast.show", id=visit.request.path_params["id"])
    return visit.page("broadcast.html", broadcast=found)
