"""What the steps share: their addresses, which of them a draft is ready for, and the draft itself."""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import RedirectResponse, Response

from wacrmd.dashboard.frame import Handler, Visit
from wacrmd.domain.draft import EDITABLE, DraftState
from wacrmd.domain.plain_words import plainly
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.store.outage import StorageError
from wacrmd.views.drafts import DraftView
from wacrmd.views.templates import TemplateView

STEPS = (
    ("template", "Template"),
    ("people", "People"),
    ("message", "Message"),
    ("review", "Review and send"),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft of a page, with its template; None where Meta has it no longer."""

    view: DraftView
    template: TemplateView | None
    has_number: bool = True
    """Whether the number that it is to be sent from is still there."""

    @property
    def content(self) -> TemplateContent:
        """What is the same for everybody."""
        given = self.view.content
        return TemplateContent(
            header=given.get("header"), buttons=given.get("buttons"), components=given.get("components")
        )


EditedHandler = Callable[[Visit, Draft], Awaitable[Response]]


def address(draft_id: object, step: str = "") -> str:
    """The address of a step; without one that of the step that comes next."""
    return f"/broadcasts/new/{draft_id}" + (f"/{step}" if step else "")


def next_step(draft: DraftView) -> str:
    """The step that a draft has not passed yet."""
    if draft.state is DraftState.COLLECTING:
        return "collecting"
    if draft.state not in EDITABLE:
        return "sending"
    if draft.file is None or draft.state is not DraftState.CHECKED or (draft.check and draft.check.problems):
        return "people"
    return "message"


async def draft_of(visit: Visit) -> Draft:
    """The draft that the address names; raises Refusal if there is none."""
    view: DraftView = await visit.perform("draft.show", id=visit.request.path_params["id"])
    numbers: Sequence[Any] = await visit.perform("number.list")
    number = next((each for each in numbers if each.id == view.number_id), None)
    return Draft(view, await _template(visit, view, number), has_number=number is not None)


async def _template(visit: Visit, draft: DraftView, number: Any) -> TemplateView | None:
    found: list[TemplateView] = []
    for made_by_meta in (False, True):
        found += await visit.perform(
            "template.list", account=draft.account, name=draft.template_name, auto_generated=made_by_meta
        )
    for each in found:
        if (each.name, each.language) == (draft.template_name, draft.template_language) and (
            number is None or each.waba_id == number.waba_id
        ):
            return each
    return None


NO_NUMBER = "The number of this draft was removed: choose the message and another number."


def edited(
    handler: EditedHandler, *, needs_number: bool = True, states: Container[DraftState] = EDITABLE
) -> Handler:
    """A page of a draft in a state in which it can be changed; one that was sent leads to what became of it.

    One whose number was removed leads to the step in which another one is chosen.
    """

    async def page(visit: Visit) -> Response:
        draft = await draft_of(visit)
        if draft.view.state not in states:
            if visit.request.method == "GET":
                return RedirectResponse(address(draft.view.uuid, "sending"), status_code=303)
            raise Refusal(
                ErrorCode.CONFLICT,
                "A program adds people to this draft: it cannot be changed here"
                if draft.view.state is DraftState.COLLECTING
                else "This broadcast was sent already: it cannot be changed any more",
            )
        if needs_number and not draft.has_number:
            return visit.done(address(draft.view.uuid, "template"), NO_NUMBER)
        return await handler(visit, draft)

    return page


def lead_to(step: str) -> Handler:
    """The address that a form was sent to, where somebody opens it: a page with a mistake has it, and is kept in a tab."""

    async def page(visit: Visit) -> Response:
        return visit.redirect(address(visit.request.path_params["id"], step))

    return page


def waits(visit: Visit, draft: DraftView) -> str | None:
    """Why nothing goes on now, neither a check nor the preparing. A check that runs goes on to its end."""
    ctx = visit.ctx
    if draft.state is DraftState.CHECKING and draft.progress is not None:
        return None
    if ctx.drain is not None:
        return plainly(ctx.drain.detail)
    return StorageError(ctx.db.outage.advice).message if ctx.db.outage is not None else None


def step_page(
    visit: Visit,
    draft: Draft,
    step: str,
    *,
    template: str | None = None,
    status: int = 200,
    errors: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """The page of a step, with the ways to the others; `template` is another one than that of the step."""
    return visit.page(
        f"new/{template or step}.html",
        status=status,
        draft=draft.view,
        step=step,
        steps=[(name, words, address(draft.view.uuid, name)) for name, words in STEPS],
        here_draft=address(draft.view.uuid),
        errors=errors or {},
        waits=waits(visit, draft.view),
        **values,
    )
