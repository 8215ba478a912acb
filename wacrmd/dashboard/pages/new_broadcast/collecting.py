"""A draft that a program fills: how many people are in it by now, and sending it."""

from starlette.responses import Response

from wacrmd.clock import iso
from wacrmd.dashboard.forms import read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.new_broadcast.steps import Draft, address, draft_of, next_step
from wacrmd.dashboard.render import isolated, people
from wacrmd.domain.bubble import bubble_of, example_of
from wacrmd.domain.draft import DraftState
from wacrmd.domain.template import TemplateContent

CHANGED = "People were added meanwhile: look at it once more, then send it."


async def show(visit: Visit) -> Response:
    """What is in it; one that was sent leads to what became of it."""
    draft = await draft_of(visit)
    if draft.view.state is not DraftState.COLLECTING:
        return visit.redirect(address(draft.view.uuid, next_step(draft.view)))
    shown = None
    if draft.template is not None:
        content = (example_of(draft.template) or TemplateContent()).over(draft.content)
        shown = bubble_of(draft.template.components, content)
    return visit.page(
        "new/collecting.html",
        draft=draft.view,
        shown=shown,
        has_number=draft.has_number,
        now=visit.ctx.clock.now(),
        here_draft=address(draft.view.uuid),
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
    ("GET", "/broadcasts/new/{id}/collecting/send", ask),
    ("POST", "/broadcasts/new/{id}/collecting/send", send),
)
