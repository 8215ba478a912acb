"""The page of statistics: what became of messages, as charts, as tables and as files, of the accounts that one may see."""

from typing import Any

import anyio
import pytest

from tests.dashboard.conftest import VisitAs
from tests.support.patience import PATIENCE_S
from tests.support.site import LOOK_S, NUMBER, Site, people
from wacrmd.dashboard.bars import HEIGHT, LENGTH, Bar, Place, columns, nice, rows
from wacrmd.services.statistics.sum_up import sum_up
from wacrmd.views.statistics import MessageSums, message_sums

pytestmark = pytest.mark.anyio


async def until_claimed(here: Site, broadcast_id: str) -> None:
    """Wait until nobody of a broadcast of another account waits any more."""
    deadline = anyio.current_time() + PATIENCE_S
    while (await here.admin("broadcast.show", id=broadcast_id))["pending_count"]:
        assert anyio.current_time() < deadline
        await anyio.sleep(LOOK_S)


async def test_a_viewer_sees_charts_tables_and_files_and_who_is_limited_only_the_own_account(
    here: Site, visit_as: VisitAs
) -> None:
    empty = await (await visit_as("viewer")).get("/statistics")
    assert "No message was tried in this time" in empty.text
    here.sim.change(failed_recipients=[f"{people(1)[0]['to']}=131026"], read_share=1.0)
    own = await here.send([*people(3), {"to": "+4915112345100", "params": ["Anna"]}])
    await here.admin("account.add", name="rival")
    await here.admin(
        "number.add",
        **NUMBER | {"account": "rival", "phone_number_id": "2", "waba_id": "99", "default": True},
    )
    rivals = {"account": "rival", "template_name": "rivals_offer", "recipients": people(5, start=50)}
    theirs = (await here.admin("broadcast.create", **rivals))["broadcast_id"]
    await here.until_status(own, "sent")
    await until_claimed(here, theirs)
    await here.sim.idle()
    await sum_up(here.running.ctx)

    browser = await visit_as("operator")
    page = (await browser.get("/statistics")).text
    assert "rivals_offer (en_US)" in page
    assert "hello (en_US)" in page
    assert page.count('<svg class="bars chart"') == 4
    assert "style=" not in page
    for said in ("Germany", "United States", "not deliverable: no WhatsApp account", "131026"):
        assert said in page
    assert 'href="/statistics?template_name=hello"' in page
    only = (await browser.get("/statistics?template_name=hello&zone=Asia/Kolkata")).text
    assert "rivals_offer" not in only
    file = await browser.get("/statistics.csv?by=country&account=shop")
    assert file.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[:2] for line in file.text.splitlines()[1:]] == [["US", "3"], ["DE", "1"]]
    assert (await browser.get("/statistics.csv?by=country&excel=1")).text.startswith("\ufeffsep=,")
    wrong = await browser.get("/statistics?zone=Europe/Berln")
    assert (wrong.status_code, "did you mean Europe/Berlin?" in wrong.text) == (400, True)

    for accounts in (("shop",), ("shop", "rival")):
        limited = await visit_as("viewer", *accounts)
        for path in ("/statistics?account=shop", "/statistics.csv?by=template&account=shop"):
            shown = (await limited.get(path)).text
            assert "hello" in shown
            assert "rivals_offer" not in shown
        unnamed = (await limited.get("/statistics")).text
        assert ("hello (" in unnamed) != ("rivals_offer (" in unnamed), "one account at a time"
        other = await limited.get("/statistics?account=rival")
        assert ("rivals_offer" in other.text) == ("rival" in accounts)
        assert other.status_code == (200 if "rival" in accounts else 404)


def sums(**counts: int) -> MessageSums:
    found: Any = message_sums(
        {each.replace("failed", "failed:1"): n for each, n in counts.items()}, {1: "x"}, {}
    )
    return MessageSums(**found)


def test_bars_are_as_long_as_their_counts_and_none_leaves_the_drawing() -> None:
    places = [Place("a", sums(sent=10, delivered=20, read=30, failed=40)), Place("b", None)]
    assert nice(100) == 100
    assert [nice(each) for each in (0, 1, 3, 7, 11, 51, 101, 2001)] == [1, 1, 3, 8, 20, 60, 200, 3000]
    standing, lying = columns(places), rows(places)
    assert standing[0] == Bar("sent", 9.0, HEIGHT * 0.4, 162.0, HEIGHT * 0.6)
    assert [(each.stage, each.height) for each in standing] == [
        ("sent", 90.0),
        ("delivered", 75.0),
        ("read", 45.0),
        ("failed", 60.0),
    ]
    assert standing[3].y == 0
    assert [(each.stage, each.x, each.width) for each in lying] == [
        ("sent", 0, 216.0),
        ("delivered", 0, 180.0),
        ("read", 0, 108.0),
        ("failed", 216.0, 144.0),
    ]
    for each in (*standing, *lying):
        assert 0 <= each.x <= each.x + each.width <= LENGTH
