"""The page of a draft that a program fills: staff see how far it is, and send it or throw it away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.wizard import at
from tests.drafts.drafting import TEMPLATES
from tests.support.site import Site, phones, site

pytestmark = pytest.mark.anyio


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with the dashboard and templates that take values."""
    async with site(tmp_path, extra=DASHBOARD, templates=TEMPLATES) as made:
        await made.admin("template.sync")
        yield made


async def test_staff_see_what_a_program_has_collected_and_send_it(here: Site, visit_as: VisitAs) -> None:
    given = [{"to": phone, "params": ["Jane", "A-1"]} for phone in phones(3)]
    draft = await here.send(given, template_name="order_update", name="Orders <b>", draft=True)
    path = f"{PATH}/{draft}"
    browser, viewer = await visit_as("sender", "shop"), await visit_as("viewer", "shop")
    listed = (await at(browser, "/broadcasts?status=draft")).text
    for text in ("a program adds people", "Look at it", "Throw away", f'href="/broadcasts/new/{draft}"'):
        assert text in listed
    assert draft not in (await at(browser, "/broadcasts")).text
    assert (await browser.get(path)).headers["location"] == f"{path}/collecting"
    assert (await browser.get(f"/broadcasts/{draft}")).headers["location"] == path
    page = (await at(browser, f"{path}/collecting")).text
    for text in ("Orders &lt;b&gt;", "the API key tests", "Send to 3 people", "Throw it away", "order"):
        assert text in page
    for step in ("people", "message", "review", "template", "sending"):
        assert (await browser.get(f"{path}/{step}")).status_code == 303
    assert (await browser.submit(f"{path}/people", {"phone": "1"})).status_code == 409
    looked_at = (await at(viewer, f"{path}/collecting")).text
    assert "Your role may look at it and not send it" in looked_at
    assert "Send to" not in looked_at
    for way in ("collecting/send", "discard"):
        assert (await viewer.get(f"{path}/{way}")).status_code == 403
        assert (await viewer.submit(f"{path}/{way}", {"people": "3"})).status_code == 403
    asked = (await at(browser, f"{path}/collecting/send")).text
    assert "3 people get it" in asked
    more = [{"to": phones(1, 50)[0], "params": ["Olga", "A-2"]}]
    await here.api.post(f"/api/v1/broadcasts/{draft}/recipients", json={"recipients": more})
    answer = await browser.submit(f"{path}/collecting/send", {"people": "3"})
    assert "People were added meanwhile" in (await at(browser, answer.headers["location"])).text
    assert (await here.show(draft))["status"] == "draft"
    for _ in range(2):  # a second click
        answer = await browser.submit(f"{path}/collecting/send", {"people": "4"})
        assert answer.headers["location"] == f"/broadcasts/{draft}"
    assert (await here.until_status(draft, "sent"))["total_recipients"] == 4
    assert (await browser.get(f"{path}/collecting")).headers["location"] == f"{path}/sending"


async def test_staff_throw_away_what_a_program_has_collected(here: Site, visit_as: VisitAs) -> None:
    given = [{"to": phone, "params": ["Jane", "A-1"]} for phone in phones(3)]
    draft = await here.send(given, template_name="order_update", draft=True)
    browser = await visit_as("sender", "shop")
    asked = (await at(browser, f"{PATH}/{draft}/discard")).text
    assert "Nothing of it was sent" in asked
    answer = await browser.submit(f"{PATH}/{draft}/discard", {})
    assert "Thrown away" in (await at(browser, answer.headers["location"])).text
    assert (await here.api.get(f"/api/v1/broadcasts/{draft}")).status_code == 404


PATH = "/broadcasts/new"
