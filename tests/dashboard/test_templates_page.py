"""The page of the templates: each as WhatsApp shows it, and what Meta says about it."""

from typing import Any

import pytest

from tests.dashboard.conftest import VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.site import Site

pytestmark = pytest.mark.anyio


def template(name: str, *components: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A template as Meta lists it."""
    return {"id": name, "name": name, "language": "en_US", "components": list(components), **fields}


BODY = {"type": "BODY", "text": "Hello *{{1}}*", "example": {"body_text": [["Jane"]]}}
TEMPLATES = (
    template("spring", BODY, {"type": "FOOTER", "text": "Reply STOP"}, category="MARKETING"),
    template("parcel", BODY, status="PAUSED", quality_score={"score": "RED"}, category="UTILITY"),
    template("refused", BODY, status="REJECTED", rejected_reason="PROMOTIONAL"),
)


async def test_a_viewer_sees_each_template_with_status_quality_and_preview(
    here: Site, visit_as: VisitAs
) -> None:
    here.sim.change(templates=TEMPLATES)
    browser = await visit_as("viewer")
    assert "No template is known yet" in (await browser.get("/templates")).text
    await here.admin("template.sync")
    page = (await browser.get("/templates")).text
    assert 'Hello <span class="bold hole">{{1}}</span>' in " ".join(page.split()).replace(
        '<span class="">Hello </span>', "Hello "
    )
    assert '<span class="bold filled">Jane</span>' in page
    for said in ("Reply STOP", "paused by Meta", "blocked or reported", '"bad">low', "PROMOTIONAL"):
        assert said in page
    assert "Read from Meta now" not in page
    only = (await browser.get("/templates?status=REJECTED&name=REF")).text
    assert ("refused" in only, "parcel" in only) == (True, False)
    assert "No template is like this" in (await browser.get("/templates?name=nothing")).text


async def test_a_marketing_template_says_over_which_api_it_goes(here: Site, visit_as: VisitAs) -> None:
    sale = template("sale", BODY, category="MARKETING", message_send_ttl_seconds=43_200)
    here.sim.change(templates=(sale, *TEMPLATES[1:]), marketing_onboarding="ONBOARDED")
    await here.admin("template.sync")
    browser, said = await visit_as("viewer"), "Sent over Meta's Marketing Messages API"
    assert said not in (await browser.get("/templates")).text.replace("&#39;", "'")
    number = f"/numbers/{here.number['id']}"
    assert "like all others: Meta has not said yet" in (await browser.get(number)).text
    await here.admin("number.check", id=here.number["id"])
    page = " ".join((await browser.get("/templates?name=sale")).text.replace("&#39;", "'").split())
    assert page.count(said) == 1
    assert "Meta tries to deliver them for 12" in page
    assert "Marketing Messages API: Meta says" in (await browser.get(number)).text


async def test_a_coming_category_is_announced(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(templates=TEMPLATES)
    await here.admin("template.sync")
    at = here.clock.now()
    await here.running.ctx.db.write(
        lambda tx: tx.execute(
            "UPDATE template SET next_category = 'MARKETING', next_category_at = ? WHERE name = 'parcel'",
            (at,),
        )
    )
    page = (await (await visit_as("viewer")).get("/templates?name=parcel")).text
    assert "changes its category to marketing" in page


async def test_an_operator_reads_them_from_meta_and_a_viewer_may_not(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(templates=TEMPLATES)
    viewer, operator = await visit_as("viewer"), await visit_as("operator")
    assert (await viewer.submit("/templates/sync")).status_code == 403
    assert "Read from Meta now" in (await operator.get("/templates")).text
    answer = await operator.submit("/templates/sync", {"account": "shop"})
    assert answer.status_code == 303
    assert "Read 3 templates from Meta: 3 new" in (await operator.get(answer.headers["location"])).text
    calls = [each for each in await here.admin("audit") if each["method"] == "template.sync"]
    assert [(each["user"], each["result"]) for each in calls] == [
        ("viewer-all", "denied"),
        ("operator-all", "ok"),
    ]


async def test_what_meta_answers_instead_is_said(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(access_token="another")
    operator = await visit_as("operator")
    answer = await operator.submit("/templates/sync")
    assert (
        "Meta did not give those of business account" in (await operator.get(answer.headers["location"])).text
    )


async def test_many_templates_have_pages(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(templates=tuple(template(f"t{at:02}", BODY) for at in range(30)))
    await here.admin("template.sync")
    browser = await visit_as("viewer")
    first, second = (await browser.get("/templates")).text, (await browser.get("/templates?page=2")).text
    assert ("t23 <" in first, "t24 <" in first, "t24 <" in second) == (True, False, True)
    assert 'href="/templates?page=2">Next' in first
    assert 'href="/templates?page=1">Before' in second
    assert (await browser.get("/templates?page=0")).status_code == 400


async def test_markup_in_a_template_is_text(here: Site, visit_as: VisitAs) -> None:
    buttons = {"type": "BUTTONS", "buttons": [{"type": "URL", "text": MARKUP, "url": MARKUP}]}
    header = {"type": "HEADER", "format": "TEXT", "text": MARKUP}
    footer = {"type": "FOOTER", "text": MARKUP}
    body = {"type": "BODY", "text": "{{1}}", "example": {"body_text": [[MARKUP]]}}
    fields = {"category": MARKUP, "status": MARKUP, "rejected_reason": MARKUP}
    here.sim.change(templates=(template("a", header, body, footer, buttons, **fields),))
    await here.admin("template.sync")
    page = (await (await visit_as("viewer")).get("/templates")).text
    assert_shown_as_text(page)
    name = f"/templates?name={MARKUP.replace('%', '%25')}"
    assert_shown_as_text((await (await visit_as("operator")).get(name)).text)
