"""One broadcast: how far it is, whom it did not reach and why, what people answered."""

from collections.abc import Hashable, Iterable
from math import ceil, inf

from markupsafe import Markup
from starlette.responses import Response

from wacrmd.clock import HOUR
from wacrmd.dashboard.buttons import (
    again_buttons,
    buttons,
    can_send_undelivered_again,
    planned_buttons,
    uncertain_buttons,
    verbs_of,
)
from wacrmd.dashboard.forms import whole_number
from wacrmd.dashboard.frame import Row, Visit, path
from wacrmd.dashboard.live_parts import POLL_S, Parts, version_of
from wacrmd.dashboard.render import parts, short_name
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.services.broadcasts.read import broadcast_of
from wacrmd.views.broadcasts import BroadcastDetails, TimelineView

TEMPLATE = "live/broadcast.html"
FIRST_HOURS = 24
"""Of its time so much is drawn where nothing else is asked for: most people read a message on the same day."""


class BroadcastSource:
    """A broadcast as the visitor sees it."""

    poll_s = POLL_S

    def __init__(self, visit: Visit, uuid: str, row_id: int) -> None:
        self.may = verbs_of(visit.may)
        self._may_again = visit.may("draft.again")
        self.key: Hashable = ("broadcast", uuid, self.may, self._may_again)
        self.broadcast_id = row_id
        self._visit = visit
        self._uuid = uuid

    async def read(self) -> Parts:
        """All its parts."""
        return self.parts(await self._visit.perform("broadcast.show", id=self._uuid))

    def parts(self, view: BroadcastDetails) -> Parts:
        """The parts that show this state."""
        make, ctx = parts(TEMPLATE), self._visit.ctx
        again = again_buttons(view, ctx.clock.now()) if self._may_again else []
        may_again = self._may_again and view.status is not BroadcastStatus.SENDING
        rate, left = self._visit.live.speeds.of(view, ctx.clock.monotonic())
        return {
            "state": make.state(view),
            "speed": make.speed(rate, left),
            "actions": make.actions(view, [*buttons(view, self.may), *planned_buttons(view, self.may)]),
            "funnel": make.funnel(view),
            "uncertain": make.uncertain(view, uncertain_buttons(view, self.may)),
            "failures": make.failures(view, may_again),
            "replies": make.replies(view),
            "billed": make.billed(view),
            "again": make.send_again(
                view, again, can_send_undelivered_again(view, self.may, ctx.clock.now())
            ),
        }

    def whole(self, found: Parts) -> Iterable[Markup]:
        """All parts."""
        return found.values()


class TimelineSource:
    """The progress of a broadcast over time. It costs more than the rest, so it is read by itself, and more seldom."""

    poll_s = inf

    def __init__(self, visit: Visit, uuid: str, row_id: int) -> None:
        self._hours = whole_number(visit.param("hours")) or FIRST_HOURS
        self.key: Hashable = ("timeline", uuid, self._hours)
        self.broadcast_id = row_id
        self._visit = visit
        self._uuid = uuid

    async def read(self) -> Parts:
        """The table from which a script draws lines."""
        found: TimelineView = await self._visit.perform(
            "broadcast.timeline", id=self._uuid, hours=self._hours
        )
        start = found.points[0].at if found.points else 0
        lasts = ceil((found.last_at - start + 1) / HOUR) if found.last_at else 0
        ranges = [*(hours for hours in (1, FIRST_HOURS) if hours < lasts), lasts] if lasts > 1 else []
        shown = min(self._hours, lasts)
        make = parts(TEMPLATE)
        return {
            "ranges": make.ranges(self._uuid, ranges, shown, not found.points),
            "timeline": make.timeline(found),
        }

    def whole(self, found: Parts) -> Iterable[Markup]:
        """The table."""
        return found.values()


async def _sources(visit: Visit, view: BroadcastDetails) -> tuple[BroadcastSource, TimelineSource]:
    # The visitor may see it: `broadcast.show` has answered.
    row = await broadcast_of(visit.ctx, Actor.operator("the dashboard"), view.uuid)
    return BroadcastSource(visit, view.uuid, row.id), TimelineSource(visit, view.uuid, row.id)


async def one(visit: Visit) -> Response:
    """One broadcast."""
    view: BroadcastDetails = await visit.perform("broadcast.show", id=visit.request.path_params["id"])
    if view.status is BroadcastStatus.DRAFT:
        return visit.redirect(f"/broadcasts/new/{view.uuid}")
    numbers = await visit.perform("number.list", removed=True)
    number = next(short_name(each) for each in numbers if each.id == view.number_id)
    source, over_time = await _sources(visit, view)
    found, timeline = source.parts(view), await over_time.read()
    seen = f"{version_of(found)}.{version_of(timeline)}"
    return visit.page(
        "broadcast.html",
        broadcast=view,
        number=number,
        parts=list(found.values()),
        timeline=timeline,
        stream=path(f"/broadcasts/{view.uuid}/live", seen=seen, hours=visit.param("hours")),
        here_address=visit.address(),
    )


async def live(visit: Visit) -> Response:
    """What changes on its page."""
    view = await visit.perform("broadcast.show", id=visit.request.path_params["id"])
    return visit.events(f"/broadcasts/{view.uuid}", *await _sources(visit, view))


PAGES: tuple[Row, ...] = (("GET", "/broadcasts/{id}", one), ("GET", "/broadcasts/{id}/live", live))
