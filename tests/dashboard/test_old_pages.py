"""Forms and links of a page that is older than what a colleague has done since: each is answered in plain words."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dashboard.client import PASSWORD, Form
from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.wizard import at, checked, made, upload, version
from tests.drafts.drafting import TEMPLATES, csv_of
from tests.support.clock import later
from tests.support.site import Site, site
from wacrmd.dashboard.app import PAGES

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with templates."""
    async with site(tmp_path, extra=DASHBOARD, templates=TEMPLATES) as made:
        await made.admin("template.sync")
        yield made


async def test_a_review_of_a_list_that_was_replaced_says_so_with_a_mistake_in_it_too(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    await upload(browser, draft, csv_of(3))
    await checked(browser, draft)
    fields = {"version": version((await at(browser, f"{draft}/review")).text), "name": "Spring sale"}
    mistake = fields | {"when": "now", "at": later()[:16]}
    await upload(browser, draft, csv_of(5))
    for action in ("review", "send"):
        page = await browser.follow(await browser.submit(f"{draft}/{action}", mistake))
        assert "check the list once more" in page, action
    kept = await browser.submit(f"{draft}/review", fields | {"when": "now"})
    assert kept.status_code == 303
    assert not here.sim.ledger.entries


async def test_lines_of_a_list_that_was_replaced_by_an_unreadable_one_are_no_broken_download(
    visit_as: VisitAs,
) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    await upload(browser, draft, csv_of(3))
    await checked(browser, draft)
    await upload(browser, draft, b"\n\nno phone here\n")
    answer = await browser.get(f"{draft}/people/left-out.csv")
    assert answer.status_code == 400
    assert "text/html" in answer.headers["content-type"]
    assert "phone numbers" in answer.text


async def test_the_address_of_an_action_leads_to_the_page_that_has_it(here: Site, visit_as: VisitAs) -> None:
    """A page that says that something was not possible has such an address, and is kept in a tab or a bookmark."""
    browser = await visit_as("operator")
    broadcast = await here.send([{"to": "+14155550100"}], template_name="plain")
    for address, page in {
        f"/broadcasts/{broadcast}/pause": f"/broadcasts/{broadcast}",
        "/optouts/import/left-out.csv": "/optouts/import",
        "/webhooks/a%20b/deliveries/1/resend": "/webhooks/a%20b",
        "/status/check": "/status",
    }.items():
        answer = await browser.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, page)
    gets = {path for method, path, _ in PAGES if method == "GET"}
    for path in {path for method, path, _ in PAGES if method == "POST"} - gets:
        assert (await browser.get(path.replace("{", "").replace("}", ""))).status_code == 303, path


async def test_after_the_end_of_a_session_the_login_leads_back_to_the_page(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("operator")
    broadcast = await here.send([{"to": "+14155550100"}], template_name="plain")
    await here.admin("user.logout", name="operator-all")
    answer = await browser.submit(f"/broadcasts/{broadcast}/pause")
    assert answer.status_code == 403
    assert "Nothing was done" in answer.text
    login = answer.text.split('<a href="')[-1].split('"')[0]
    form = Form((await browser.get(login, **{"Sec-Fetch-Site": "same-origin"})).text, "/login").fields
    given = form | {"name": "operator-all", "password": PASSWORD}
    answer = await browser.submit("/login", given)
    assert answer.headers["location"] == f"/broadcasts/{broadcast}/pause"
    assert (await browser.get(answer.headers["location"])).headers["location"] == f"/broadcasts/{broadcast}"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [(b"to,name,order\n", "no people"), (b"to,name,order\nnobody,Ann,B-1\n", "no line of the list")],
)
async def test_a_list_that_cannot_be_sent_has_no_review(
    here: Site, visit_as: VisitAs, lines: bytes, problem: str
) -> None:
    """Else it offers to send to nobody, or to a part of the people, and says why not only when that is pressed."""
    browser = await visit_as("operator")
    draft = await made(browser)
    await upload(browser, draft, lines)
    assert problem in await checked(browser, draft)
    answer = await browser.get(f"{draft}/review")
    assert answer.headers["location"] == f"{draft}/people"
    for action in ("review", "send"):
        page = await browser.change(f"{draft}/{action}", {"version": "0", "when": "now", "at": later()[:16]})
        assert "cannot be sent as it is" in page
        assert problem in page
