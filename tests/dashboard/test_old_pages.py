"""Forms and links of a page that is older than what a colleague has done since: each is answered in plain words."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.wizard import at, checked, made, upload, version
from tests.drafts.drafting import TEMPLATES, csv_of
from tests.support.site import Site, site

pytestmark = pytest.mark.anyio


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
    mistake = fields | {"when": "now", "at": "2027-07-01T09:30"}
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
