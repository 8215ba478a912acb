"""The page of costs: sums by month, country and broadcast, what has no price, and the prices."""

import pytest

from tests.dashboard.conftest import VisitAs
from tests.support.site import Site, people

pytestmark = pytest.mark.anyio

PRICES = "country,category,price,currency\nUS,marketing,0.0125,USD\n*,utility,0.06,EUR\n"
GERMAN = {"to": "+4915112345100", "params": ["Anna"]}


async def test_a_viewer_sees_what_was_spent_and_where_a_price_is_missing(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("viewer")
    assert "There is no price list yet" in (await browser.get("/costs")).text
    made = await here.send([*people(2), GERMAN], name="Spring sale")
    await here.until_status(made, "sent")
    await here.sim.idle()
    await here.admin("price.import", csv=PRICES)
    for query, said in (
        ("", "<strong>0.025</strong>"),
        ("?by=country", "United States"),
        ("?by=broadcast", "Spring sale"),
    ):
        page = (await browser.get(f"/costs{query}")).text
        assert said in page
        assert "Germany (marketing)" in page
        assert "There is no price list yet" not in page
    assert "all others" in page
    shown = (await browser.get(f"/broadcasts/{made}")).text
    assert "By your price list: <strong>0.025</strong>" in shown
    wrong = await browser.get("/costs?from=yesterday")
    assert (wrong.status_code, "expected a day" in wrong.text) == (400, True)
    assert (await browser.get("/costs?by=year")).status_code == 400
