"""The last step: when and how, to how many, what is left out and why; then it is sent, once."""

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response

from wacrmd.clock import iso
from wacrmd.dashboard import plan_form, rule_form
from wacrmd.dashboard.chosen_time import LATER, NOW, chosen_time
from wacrmd.dashboard.forms import Form, errors_by_field, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.new_broadcast.steps import (
    Draft,
    address,
    draft_of,
    edited,
    lead_to,
    next_step,
    step_page,
    waits,
)
from wacrmd.dashboard.render import isolated, page
from wacrmd.domain.draft import DISCARDABLE, EDITABLE, DraftState
from wacrmd.domain.time_zones import zone_names
from wacrmd.errors import ERRORS, Refusal, conflict
from wacrmd.views.drafts import DraftView
from wacrmd.views.numbers import AccountNumber

CHANGED = "It was changed in another window meanwhile: look at it once more, then send it"
NEW_HOURS = "Kept, and not sent yet: other hours change how it goes. Look at it once more, then send it."


async def show(visit: Visit, draft: Draft) -> Response:
    """All that is to know before it is sent; while the list is checked, how far that is."""
    if draft.view.state is DraftState.CHECKING:
        return step_page(visit, draft, "review", template="review_checking")
    if not _is_ready(draft):
        return RedirectResponse(address(draft.view.uuid, next_step(draft.view)), status_code=303)
    return await _page(visit, draft)


async def save(visit: Visit, draft: Draft) -> Response:
    """Keep the name, the time and the way of sending; nothing is sent."""
    form = await read_form(visit.request)
    try:
        if not await _save(visit, draft, form):
            return visit.done(address(draft.view.uuid, "review"), NEW_HOURS)
    except Refusal as refusal:
        return await _page(visit, draft, refusal, form)
    return visit.done(address(draft.view.uuid, "review"), "Kept. It is not sent yet.")


async def send(visit: Visit) -> Response:
    """Send it, or set its time. A second click finds it sent and leads to the same page."""
    form = await read_form(visit.request)
    draft = await draft_of(visit)
    if draft.view.state not in EDITABLE:
        return RedirectResponse(address(draft.view.uuid, "sending"), status_code=303)
    if not _is_ready(draft):
        return _to_people(visit, draft)
    try:
        if form.text("version") != str(draft.view.version):
            raise conflict(CHANGED)
        if form.get("kept", _kept(draft)) != _kept(draft):
            return await _page(visit, draft, conflict(CHANGED))  # with what the other one has entered
        if not await _save(visit, draft, form):
            return visit.done(address(draft.view.uuid, "review"), NEW_HOURS)
        await visit.perform("draft.send", id=str(draft.view.uuid), version=draft.view.version)
    except Refusal as refusal:
        draft = await draft_of(visit)
        if draft.view.state in EDITABLE:
            return await _page(visit, draft, refusal, form)
        # Another click was faster.
    return RedirectResponse(address(draft.view.uuid, "sending"), status_code=303)


def _kept(draft: Draft) -> str:
    """What a change needs no check for, and yet nobody sends unseen."""
    at = draft.view.scheduled_at
    way = ",".join(f"{name}={value}" for name, value in plan_form.filled(draft.view).pairs)
    return f"{NOW if at is None else iso(at)} {way} {draft.view.name}"


async def _save(visit: Visit, draft: Draft, form: Form) -> bool:
    """Keep what was entered; False if the list has to be checked for it, which begins."""
    at = chosen_time(form, visit.ctx.clock.now())
    changed: DraftView = await visit.perform(
        "draft.change",
        id=str(draft.view.uuid),
        name=form.text("name"),
        scheduled_at=None if at is None else iso(at),
        now=at is None,
        **plan_form.changes(form, draft.view),
    )
    if changed.version == draft.view.version:
        return True
    await visit.perform("draft.check", id=str(draft.view.uuid))
    return False


async def sending(visit: Visit) -> Response:
    """What became of it: people become recipients, then it is a broadcast."""
    draft = await draft_of(visit)
    if draft.view.state in DISCARDABLE:
        return RedirectResponse(address(draft.view.uuid, next_step(draft.view)), status_code=303)
    if draft.view.state is DraftState.SENT:
        return RedirectResponse(f"/broadcasts/{draft.view.uuid}", status_code=303)
    return visit.page(
        "new/sending.html",
        draft=draft.view,
        here_draft=address(draft.view.uuid),
        waits=waits(visit, draft.view),
    )


async def sending_progress(visit: Visit) -> Response:
    """How far that is; when it has ended, the page is loaded again."""
    draft: DraftView = await visit.perform("draft.show", id=visit.request.path_params["id"])
    if draft.state in EDITABLE or draft.state is DraftState.SENT:
        return Response(headers={"HX-Refresh": "true"})
    return page("new/preparing.html", draft=draft, here_draft=address(draft.uuid), waits=waits(visit, draft))


async def ask_discard(visit: Visit, draft: Draft) -> Response:
    """Ask before it is thrown away."""
    await visit.require("draft.discard")
    here = address(draft.view.uuid)
    return visit.confirm(
        f"Throw away {isolated(draft.view.name)}?",
        "Nothing of it was sent. The list of people and all that was entered are deleted.",
        button="Throw it away",
        back=here,
    )


async def discard(visit: Visit, draft: Draft) -> Response:
    """Throw it away."""
    await visit.perform("draft.discard", id=str(draft.view.uuid))
    return visit.done("/broadcasts", f"Thrown away: {isolated(draft.view.name)}")


def _is_ready(draft: Draft) -> bool:
    """Whether there is something to review: a list that is checked and can be sent."""
    return next_step(draft.view) == "message"


def _to_people(visit: Visit, draft: Draft) -> Response:
    """Leads from a review that was open while the list, or what it needs, was changed."""
    text = "Something has changed: check the list once more."
    if draft.view.state is DraftState.CHECKED:
        text = "The list cannot be sent as it is: see the result of the check."
    return visit.done(address(draft.view.uuid, "people"), text)


async def _page(
    visit: Visit, draft: Draft, refusal: Refusal | None = None, form: Form | None = None
) -> Response:
    if not _is_ready(draft):
        return _to_people(visit, draft)
    at = draft.view.scheduled_at
    typed = {"name": draft.view.name, "when": NOW if at is None else LATER, "zone": "UTC"}
    if at is not None:
        typed["at"] = iso(at)[:16]
    return step_page(
        visit,
        draft,
        "review",
        status=200 if refusal is None else ERRORS[refusal.code].status,
        errors={} if refusal is None else _errors(refusal, form or Form()),
        form=typed | dict(form or {}),
        plan=form if form is not None and plan_form.HERE in form else plan_form.filled(draft.view),
        now=visit.ctx.clock.now(),
        kept=_kept(draft),
        number=await _number(visit, draft),
        zones=sorted(zone_names()),
    )


def _errors(refusal: Refusal, form: Form) -> Mapping[str, str]:
    """What is wrong with each field."""
    return errors_by_field(rule_form.beside(refusal, form), {"name", "at", "zone", *plan_form.FIELDS})


async def _number(visit: Visit, draft: Draft) -> AccountNumber | None:
    """The number that sends; None if it was removed."""
    found: list[AccountNumber] = await visit.perform("number.list")
    return next((each for each in found if each.id == draft.view.number_id), None)


PAGES: tuple[Row, ...] = (
    ("GET", "/broadcasts/new/{id}/review", edited(show)),
    ("POST", "/broadcasts/new/{id}/review", edited(save)),
    ("GET", "/broadcasts/new/{id}/send", lead_to("review")),
    ("POST", "/broadcasts/new/{id}/send", send),
    ("GET", "/broadcasts/new/{id}/sending", sending),
    ("GET", "/broadcasts/new/{id}/sending/progress", sending_progress),
    ("GET", "/broadcasts/new/{id}/discard", edited(ask_discard, needs_number=False, states=DISCARDABLE)),
    ("POST", "/broadcasts/new/{id}/discard", edited(discard, needs_number=False, states=DISCARDABLE)),
)
