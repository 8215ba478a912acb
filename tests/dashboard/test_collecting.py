"""The page of a draft that a program fills: staff see how far it is, and send it or throw it away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.test_live import path_of, stream
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


async def added(here: Site, draft: str, start: int, count: int = 1) -> None:
    """A call of the program."""
    more = [{"to": phone, "params": ["Olga", "A-2"]} for phone in phones(count, start)]
    answer = await here.api.post(f"/api/v1/broadcasts/{draft}/recipients", json={"recipients": more})
    assert answer.status_code == 202, answer.text


@pytest.mark.exhaustive(only=True)
async def test_its_page_moves_while_the_program_adds_people_and_until_it_is_sent(
    here: Site, visit_as: VisitAs
) -> None:
    given = [{"to": phone, "params": ["Jane", "A-1"]} for phone in phones(3)]
    draft = await here.send(given, template_name="order_update", draft=True)
    page = f"{PATH}/{draft}/collecting"
    browser, viewer = await visit_as("sender", "shop"), await visit_as("viewer", "shop")
    async with stream(browser, await path_of(browser, page)) as events:
        await added(here, draft, 50)
        data = (await events.event())["data"]
        assert "<strong>4</strong>" in data
        assert "Send to 4 people" in data
        assert 'id="state"' not in data, "what is the same is not sent"
        await added(here, draft, 51)
        assert "Send to 5 people" in (await events.event())["data"]
        async with stream(viewer, await path_of(viewer, page)) as seen:
            await added(here, draft, 52, 2)
            data = (await seen.event())["data"]
            assert ("<strong>7</strong>" in data, "Send to" in data) == (True, False)
        assert "Send to 7 people" in (await events.event())["data"]
        await here.api.post(f"/api/v1/broadcasts/{draft}/send")
        data = (await events.event())["data"]
        assert "It was sent, or set to be sent" in data
        assert f'href="/broadcasts/new/{draft}"' in data
        assert ("Send to" in data, "<strong>" in data) == (False, False)
    # who loads the page then is led to the broadcast
    assert (await browser.get(page)).status_code == 303
    other = await here.send(given, template_name="order_update", draft=True)
    await here.admin("account.add", name="rival")
    stranger = await visit_as("viewer", "rival")
    assert (
        await stranger.get(f"{PATH}/{other}/collecting/live", Accept="text/event-stream")
    ).status_code == 404


async def test_its_page_stands_still_when_it_was_thrown_away(here: Site, visit_as: VisitAs) -> None:
    given = [{"to": phone, "params": ["Jane", "A-1"]} for phone in phones(3)]
    draft = await here.send(given, template_name="order_update", draft=True)
    browser = await visit_as("sender", "shop")
    async with stream(browser, await path_of(browser, f"{PATH}/{draft}/collecting")) as events:
        await here.api.delete(f"/api/v1/broadcasts/{draft}")
        assert (await events.event())["event"] == "end"


PATH = "/broadcasts/new"
