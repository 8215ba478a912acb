"""The first step: the template, and the number that sends it."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import RedirectResponse, Response

from wacrmd.dashboard.forms import read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.new_broadcast.steps import (
    STEPS,
    Draft,
    address,
    draft_of,
    edited,
    next_step,
    step_page,
)
from wacrmd.dashboard.pages.slices import neighbours, page_number
from wacrmd.dashboard.pages.templates import PER_PAGE
from wacrmd.dashboard.render import isolated, words
from wacrmd.domain.bubble import bubble_of, example_of
from wacrmd.domain.draft import EDITABLE
from wacrmd.services.drafts.placeholders import not_fillable
from wacrmd.views.drafts import DraftView

APPROVED = "APPROVED"


async def begin(visit: Visit) -> Response:
    """Choose the template of a new broadcast."""
    await visit.require("draft.create")
    accounts = await account_names(visit)
    account = visit.param("account") or await _first(visit, accounts)
    return visit.page(
        "new/template.html",
        draft=None,
        step="template",
        steps=[(name, words, None) for name, words in STEPS],
        here_draft="/broadcasts/new",
        errors={},
        accounts=accounts,
        account=account,
        **await _cards(visit, account),
    )


async def _first(visit: Visit, accounts: Sequence[str]) -> str | None:
    """The account that a new broadcast begins with: one that can send, if there is any."""
    with_number = {each.account for each in await visit.perform("number.list")}
    return min(accounts, key=lambda name: name not in with_number, default=None)


async def create(visit: Visit) -> Response:
    """Make a draft with a template."""
    form = await read_form(visit.request)
    made: DraftView = await visit.perform(
        "draft.create",
        account=form.text("account"),
        name=form.text("template_name"),
        template_name=form.text("template_name"),
        template_language=form.text("template_language"),
        number=form.text("from"),
    )
    return RedirectResponse(address(made.uuid, "people"), status_code=303)


async def resume(visit: Visit) -> Response:
    """Go on with a draft where it stands."""
    draft = await draft_of(visit)
    if draft.view.state in EDITABLE and (why := _unusable(draft)) is not None:
        return visit.done(address(draft.view.uuid, "template"), why)
    return RedirectResponse(address(draft.view.uuid, next_step(draft.view)), status_code=303)


def _unusable(draft: Draft) -> str | None:
    """Why the template of a draft cannot be sent now: an earlier broadcast may have been sent with one that is gone."""
    name, template = isolated(draft.view.template_name), draft.template
    if template is None:
        return f"Meta has the template {name} ({draft.view.template_language}) no longer: choose another one."
    if template.status != APPROVED:
        status = words(template.status).lower()
        return f"The template {name} cannot be sent now, its status at Meta is “{status}”: choose another one, or wait."
    return None


async def show(visit: Visit, draft: Draft) -> Response:
    """Choose another template for a draft."""
    return step_page(
        visit,
        draft,
        "template",
        accounts=[draft.view.account],
        account=draft.view.account,
        **await _cards(visit, draft.view.account),
    )


async def change(visit: Visit, draft: Draft) -> Response:
    """Give a draft another template, or another number."""
    form = await read_form(visit.request)
    await visit.perform(
        "draft.change",
        id=str(draft.view.uuid),
        template_name=form.text("template_name"),
        template_language=form.text("template_language"),
        no_content=True,
        number=form.text("from"),
    )
    return RedirectResponse(address(draft.view.uuid, "people"), status_code=303)


async def _cards(visit: Visit, account: str | None) -> dict[str, Any]:
    """Templates that can be sent, each with how it looks and the numbers that can send it."""
    number = page_number(visit.param("page"))
    name = visit.param("name")
    found: Sequence[Any] = await visit.perform(
        "template.list",
        account=account,
        name=name,
        status=APPROVED,
        limit=PER_PAGE + 1,
        skip=(number - 1) * PER_PAGE,
    )
    numbers = [each for each in await visit.perform("number.list") if each.account == account]
    cards = []
    for each in found[:PER_PAGE]:
        example = example_of(each)
        shown = bubble_of(each.components, example) if example is not None else bubble_of(each.components)
        senders = sorted(
            (one for one in numbers if one.waba_id == each.waba_id), key=lambda one: not one.is_default
        )
        cards.append((each, shown, senders, not_fillable(each)))
    return {
        "cards": cards,
        "name": name,
        "has_numbers": bool(numbers),
        "pages": neighbours(visit, number, is_empty=not found, is_last=len(found) <= PER_PAGE),
    }


PAGES: tuple[Row, ...] = (
    ("GET", "/broadcasts/new", begin),
    ("POST", "/broadcasts/new", create),
    ("GET", "/broadcasts/new/{id}", resume),
    ("GET", "/broadcasts/new/{id}/template", edited(show, needs_number=False)),
    ("POST", "/broadcasts/new/{id}/template", edited(change, needs_number=False)),
)
