"""A draft that a program fills: how many people are in it by now, and sending it."""

from collections.abc import Hashable, Iterable

from markupsafe import Markup
from starlette.responses import Response

from wacrmd.clock import iso
from wacrmd.dashboard.forms import read_form
from wacrmd.dashboard.frame import Row, Visit, path
from wacrmd.dashboard.live_parts import POLL_S, Parts, version_of
from wacrmd.dashboard.pages.new_broadcast.steps import Draft, address, draft_of, next_step
from wacrmd.dashboard.render import isolated, parts, people
from wacrmd.domain.actor import Actor
from wacrmd.domain.bubble import bubble_of, example_of
from wacrmd.domain.draft import DraftState
from wacrmd.domain.template import TemplateContent
from wacrmd.services.broadcasts.read import broadcast_of

CHANGED = "People were added meanwhile: look at it once more, then send it."


TEMPLATE = "live/collecting.html"


class CollectingSource:
    """A draft that a program fills, as the visitor sees it."""

    poll_s = POLL_S

    def __init__(self, visit: Visit, uuid: str, row_id: int) -> None:
        self._may_send, self._may_discard = visit.may("draft.send"), visit.may("draft.discard")
        self.key: Hashable = ("collecting", uuid, self._may_send, self._may_discard)
        self.broadcast_id = row_id
        self._visit = visit

    async def read(self) -> Parts:
        """All its parts."""
        return self.parts(await draft_of(self._visit))

    def parts(self, draft: Draft) -> Parts:
        """The parts that show this state."""
        make = parts(TEMPLATE)
        is_collecting = draft.view.state is DraftState.COLLECTING
        return {
            "state": make.state(draft.view, is_collecting),
            "sums": make.sums(draft.view, is_collecting, self._visit.ctx.clock.now()),
            "actions": make.actions(
                draft.view, is_collecting, draft.has_number, self._may_send, self._may_discard
            ),
        }

    def whole(self, found: Parts) -> Iterable[Markup]:
        """All parts."""
        return found.values()


async def _source(visit: Visit, draft: Draft) -> CollectingSource:
    # The visitor may see it: `draft.show` has answered.
    row = await broadcast_of(visit.ctx, Actor.operator("the dashboard"), draft.view.uuid)
    return CollectingSource(visit, draft.view.uuid, row.id)


async def live(visit: Visit) -> Response:
    """What changes on its page."""
    draft = await draft_of(visit)
    return visit.events(address(draft.view.uuid, "collecting"), await _source(visit, draft))


async def show(visit: Visit) -> Response:
    """What is in it; one that was sent leads to what became of it."""
    draft = await draft_of(visit)
    if draft.view.state is not DraftState.COLLECTING:
        return visit.redirect(address(draft.view.uuid, next_step(draft.view)))
    shown = None
    if draft.template is not None:
        content = (example_of(draft.template) or TemplateContent()).over(draft.content)
        shown = bubble_of(draft.template.components, content)
    here = address(draft.view.uuid, "collecting")
    found = (await _source(visit, draft)).parts(draft)
    return visit.page(
        "new/collecting.html",
        draft=draft.view,
        shown=shown,
        parts=found,
        stream=path(f"{here}/live", seen=version_of(found)),
        here_address=here,
    )


async def ask(visit: Visit) -> Response:
    """Ask before it is sent."""
    draft = await draft_of(visit)
    await visit.require("draft.send")
    if draft.view.state is not DraftState.COLLECTING:
        return visit.redirect(address(draft.view.uuid, next_step(draft.view)))
    return _ask(visit, draft)


async def send(visit: Visit) -> Response:
    """Send it, unless people were added since somebody was asked."""
    form = await read_form(visit.request)
    draft = await draft_of(visit)
    if draft.view.state is DraftState.COLLECTING:
        if form.text("people") != str(_count(draft)):
            return visit.done(address(draft.view.uuid, "collecting"), CHANGED)
        await visit.perform("draft.send", id=str(draft.view.uuid))
    return visit.redirect(f"/broadcasts/{draft.view.uuid}")


def _count(draft: Draft) -> int:
    return draft.view.check.accepted if draft.view.check is not None else 0


def _ask(visit: Visit, draft: Draft) -> Response:
    view, count = draft.view, _count(draft)
    when = f"It starts at {iso(view.scheduled_at)}" if view.scheduled_at is not None else "It starts now"
    going = view.forecast
    is_slow = view.spread_over_minutes or view.messages_per_second
    if going is not None and going.last_at is not None and (going.waits_for or is_slow):
        when += f", and the last one gets it at about {iso(going.last_at)}"
    return visit.confirm(
        f"Send {isolated(view.name)}?",
        f"{people(count)} get it. {when}. The program that made it cannot add anybody any more. What was sent cannot be"
        " taken back, and Meta bills it.",
        button=f"Send to {people(count)}",
        back=address(view.uuid, "collecting"),
        fields={"people": str(count)},
    )


PAGES: tuple[Row, ...] = (
    ("GET", "/broadcasts/new/{id}/collecting", show),
    ("GET", "/broadcasts/new/{id}/collecting/live", live),
    ("GET", "/broadcasts/new/{id}/collecting/send", ask),
    ("POST", "/broadcasts/new/{id}/collecting/send", send),
)
