"""One broadcast: how far it is, whom it did not reach and why, what people answered."""

from collections.abc import Hashable, Iterable

from markupsafe import Markup
from starlette.responses import Response

from wacrmd.dashboard.buttons import buttons, uncertain_buttons, verbs_of
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.live_parts import Parts, version_of
from wacrmd.dashboard.render import parts, short_name
from wacrmd.domain.actor import Actor
from wacrmd.services.broadcasts.read import broadcast_of
from wacrmd.views.broadcasts import BroadcastDetails


class BroadcastSource:
    """A broadcast as the visitor sees it."""

    def __init__(self, visit: Visit, uuid: str, row_id: int) -> None:
        self.may = verbs_of(visit.may)
        self.key: Hashable = ("broadcast", uuid, self.may)
        self.broadcast_id = row_id
        self._visit = visit
        self._uuid = uuid

    async def read(self) -> Parts:
        """All its parts."""
        return self.parts(await self._visit.perform("broadcast.show", id=self._uuid))

    def parts(self, view: BroadcastDetails) -> Parts:
        """The parts that show this state."""
        make, ctx = parts("live/broadcast.html"), self._visit.ctx
        rate, left = self._visit.live.speeds.of(view, ctx.clock.monotonic())
        return {
            "state": make.state(view),
            "speed": make.speed(rate, left),
            "actions": make.actions(view, buttons(view, self.may)),
            "funnel": make.funnel(view),
            "uncertain": make.uncertain(view, uncertain_buttons(view, self.may)),
            "failures": make.failures(view),
            "replies": make.replies(view),
            "billed": make.billed(view),
        }

    def whole(self, found: Parts) -> Iterable[Markup]:
        """All parts."""
        return found.values()


async def _source(visit: Visit, view: BroadcastDetails) -> BroadcastSource:
    # The visitor may see it: `broadcast.show` has answered.
    row = await broadcast_of(visit.ctx, Actor.operator("the dashboard"), view.uuid)
    return BroadcastSource(visit, view.uuid, row.id)


async def one(visit: Visit) -> Response:
    """One broadcast."""
    view: BroadcastDetails = await visit.perform("broadcast.show", id=visit.request.path_params["id"])
    numbers = await visit.perform("number.list")
    number = next((each for each in numbers if each.id == view.number_id), None)
    found = (await _source(visit, view)).parts(view)
    return visit.page(
        "broadcast.html",
        broadcast=view,
        number="a number that was removed" if number is None else short_name(number),
        parts=list(found.values()),
        stream=f"/broadcasts/{view.uuid}/live?seen={version_of(found)}",
        here_address=f"/broadcasts/{view.uuid}",
    )


async def live(visit: Visit) -> Response:
    """What changes on its page."""
    view = await visit.perform("broadcast.show", id=visit.request.path_params["id"])
    return visit.events(f"/broadcasts/{view.uuid}", await _source(visit, view))


PAGES: tuple[Row, ...] = (("GET", "/broadcasts/{id}", one), ("GET", "/broadcasts/{id}/live", live))
