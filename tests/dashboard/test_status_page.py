"""The page of the daemon's state: what is wrong and what to do, a check, drain and reload."""

import re

import pytest

from tests.dashboard.conftest import VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.site import Site, people

pytestmark = pytest.mark.anyio


async def test_a_viewer_sees_what_does_not_move_and_may_change_nothing(here: Site, visit_as: VisitAs) -> None:
    await here.admin("number.pause", id=here.number["id"], reason="lunch")
    made = await here.send(people(2), name="Spring")
    viewer = await visit_as("viewer")
    page = (await viewer.get("/status")).text
    summary = "Sending 1 broadcast: 2 messages to send, 0 on the way; 1 broadcast held up"
    for said in (
        "All is well",
        summary,
        "lunch",
        f'href="/broadcasts/{made}"',
        "4 of 4 run",
        "2 of 2 people wait",
    ):
        assert said in page, said
    assert f'href="/numbers/{here.number["phone_number_id"]}"' in page
    assert (await viewer.get(f"/numbers/{here.number['phone_number_id']}")).status_code == 200
    for hidden in ("Check everything", "Stop all sending", "Read the configuration"):
        assert hidden not in page
    for path in ("check", "reload", "drain", "undrain"):
        assert (await viewer.submit(f"/status/{path}")).status_code == 403
    for path in ("drain", "undrain"):
        assert (await viewer.get(f"/status/{path}")).status_code == 403


async def test_an_operator_sees_every_finding_of_the_doctor_with_advice(
    here: Site, visit_as: VisitAs
) -> None:
    here.sim.change(quality_rating="RED")
    operator = await visit_as("operator")
    page = (await operator.submit("/status/check")).text
    report = await here.admin("doctor")
    assert page.count('<td data-title="Found">') == len(report["checks"])
    assert "a red rating can cost the messaging limit" in page
    assert "Stop all sending" not in page


async def test_an_administrator_stops_and_continues_all_sending(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    await here.admin("number.pause", id=here.number["id"])
    await here.send(people(2))
    assert "Still to be sent to: 2 people" in (await admin.get("/status/drain")).text
    assert "Nothing is sent any more" in await admin.change("/status/drain")
    assert (await here.admin("status"))["draining"] is True
    stopped = (await admin.get("/status")).text
    assert "Sending is stopped." in stopped
    assert "All is well" not in stopped
    assert "Nothing is sent and no broadcast is accepted" in (await admin.get("/status")).text
    assert "Send again, to 2 people" in (await admin.get("/status/undrain")).text
    assert "Broadcasts go on" in await admin.change("/status/undrain")
    assert (await here.admin("status"))["draining"] is False
    done = [each["method"] for each in await here.admin("audit", via="dashboard")]
    assert done == ["login", "drain", "undrain"]


async def test_an_administrator_changes_the_log_level_and_looks_for_damage(
    here: Site, visit_as: VisitAs
) -> None:
    admin, operator, viewer = await visit_as("admin"), await visit_as("operator"), await visit_as("viewer")
    assert "The log level is debug" in await admin.change(
        "/status/log-level", {"level": "debug", "minutes": "5"}
    )
    assert (await here.admin("log-level"))["level"] == "debug"
    assert (await admin.submit("/status/log-level", {"level": "debug", "minutes": "x"})).status_code == 400
    assert "The database has no damage" in (await operator.submit("/status/check-db")).text
    for path in ("log-level", "clock"):
        assert (await operator.submit(f"/status/{path}", {"level": "error"})).status_code == 403
    assert (await viewer.submit("/status/check-db")).status_code == 403
    assert "Look for damage" not in (await viewer.get("/status")).text


async def test_a_clock_that_is_not_trusted_is_told_and_an_administrator_trusts_it(
    here: Site, visit_as: VisitAs
) -> None:
    admin, viewer = await visit_as("admin"), await visit_as("viewer")
    assert (await viewer.get("/status/clock")).status_code == 403
    asked = (await admin.get("/status/clock")).text
    assert "Look at the clock first" in asked
    zoned = r'It says <time datetime="\S+Z">[^<]+ UTC</time>'
    assert re.search(zoned, asked), "it is shown in the zone of whoever looks"
    assert "is trusted" in await admin.change("/status/clock")
    denied, done = await here.admin("audit", method="clock.accept")
    assert (denied["result"], done["result"], done["via"]) == ("denied", "ok", "dashboard")


async def test_markup_in_a_name_or_a_reason_is_text(here: Site, visit_as: VisitAs) -> None:
    await here.admin("number.set", id=here.number["id"], label=MARKUP)
    await here.admin("number.pause", id=here.number["id"], reason=MARKUP)
    await here.send(people(2), name=MARKUP)
    assert_shown_as_text((await (await visit_as("operator")).submit("/status/check")).text)
