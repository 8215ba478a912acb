"""Lists in pages: each older page is reached by a link, and no item is left out or shown twice."""

import re

import pytest

from tests.dashboard.conftest import VisitAs
from tests.support.site import Site, people
from wacrmd.clock import DAY, iso

pytestmark = pytest.mark.anyio


async def test_all_broadcasts_are_reached_from_page_to_page(here: Site, visit_as: VisitAs) -> None:
    at = iso(here.clock.now() + DAY)
    made = [await here.send(people(1), scheduled_at=at) for _ in range(51)]
    browser = await visit_as("viewer")
    first = await browser.get("/broadcasts?status=scheduled&notice=x")
    (older,) = re.findall(r'href="([^"]+)">Older', first.text)
    assert "status=scheduled" in older
    assert "notice" not in older
    second = await browser.get(older.replace("&amp;", "&"))
    found = re.findall(r'href="/broadcasts/([0-9a-f-]{36})"', first.text + second.text)
    assert found == made[::-1]
    assert "Older" not in second.text
    assert 'href="/broadcasts?status=scheduled">Newest' in second.text


async def test_a_cursor_that_is_none_of_ours_is_refused(visit_as: VisitAs) -> None:
    browser = await visit_as("viewer")
    assert (await browser.get("/broadcasts?cursor=abc")).status_code == 400
