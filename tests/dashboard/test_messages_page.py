"""The page of single messages: to whom, how far, and why one failed or waits."""

from typing import Any

import pytest

from tests.dashboard.conftest import VisitAs
from tests.support.site import PHONE_NUMBER_ID, Site, people

pytestmark = pytest.mark.anyio


async def send(here: Site, to: str) -> Any:
    return await here.admin("message.send", to=to, type="template", template={"name": "order_update"})


async def test_a_viewer_finds_each_message_and_why_one_failed_or_waits(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("viewer")
    assert "There is no message yet" in (await browser.get("/messages")).text
    here.sim.change(refused_recipients=("+14155550122=131026",))
    made = await send(here, "+14155550121")
    with pytest.raises(Exception, match="131026"):
        await send(here, "+14155550122")
    await here.admin("number.pause", id=PHONE_NUMBER_ID, reason="holiday")
    waiting = await send(here, "+14155550123")
    broadcast = await here.send(people(1), name="Spring sale")
    page = (await browser.get("/messages")).text
    for said in (
        "order_update",
        "+14155550121",
        "131026",
        "holiday",
        f'href="/broadcasts/{made["message_id"]}"',
    ):
        assert said in page
    assert "Spring sale" not in page
    among = (await browser.get("/broadcasts")).text
    assert ("Spring sale" in among, "order_update" in among) == (True, False)
    assert 'href="/messages">All messages' in (await browser.get(f"/broadcasts/{made['message_id']}")).text
    assert 'href="/broadcasts">All broadcasts' in (await browser.get(f"/broadcasts/{broadcast}")).text
    await here.admin("broadcast.pause", id=waiting["message_id"])
    paused = (await browser.get("/messages?paused=1")).text
    assert ("+14155550123" in paused, "+14155550121" in paused) == (True, False)
