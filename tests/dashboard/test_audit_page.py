"""The page of the audit log: who, what, when and by which way, filtered and in pages."""

import re

import pytest

from tests.dashboard.client import PASSWORD, Browser
from tests.dashboard.conftest import VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.site import Site
from wacrmd.clock import HOUR

pytestmark = pytest.mark.anyio


async def test_changes_are_shown_with_who_and_how_and_are_filtered(here: Site, visit_as: VisitAs) -> None:
    operator, viewer = await visit_as("operator"), await visit_as("viewer")
    await operator.submit(f"/numbers/{here.number['id']}/pause", {"reason": "lunch"})
    await viewer.submit(f"/numbers/{here.number['id']}/resume")
    page = (await viewer.get("/audit")).text
    for said in ("operator-all", "lunch", "number: pause", "denied", "[redacted]", "by a command"):
        assert said in page, said
    only = (await viewer.get("/audit?user=operator-all&method=number.pause&via=dashboard&since=1h")).text
    assert ("lunch" in only, "denied" in only) == (True, False)
    here.clock.advance(2 * HOUR)
    assert "Nothing like this was done" in (await viewer.get("/audit?since=1h")).text
    assert (await viewer.get("/audit?via=mail")).status_code == 400
    assert (await viewer.get("/audit?before=x")).status_code == 400


async def test_older_changes_follow_page_by_page(here: Site, visit_as: VisitAs) -> None:
    for number in range(60):
        await here.admin("account.add", name=f"account-{number:02}")
    viewer = await visit_as("viewer")
    first = (await viewer.get("/audit?method=account.add")).text
    (older,) = re.findall(r'href="([^"]+)">Older', first)
    second = (await viewer.get(older.replace("&amp;", "&"))).text
    found = re.findall(r"account-(\d\d)", first + second)
    assert found == [f"{number:02}" for number in reversed(range(60))]
    assert "Older" not in second


async def test_what_was_set_to_nothing_is_said(here: Site, visit_as: VisitAs) -> None:
    await here.admin("user.add", name="bea", role="viewer", accounts=["shop"])
    await here.admin("user.set", name="bea", accounts=[])
    viewer = await visit_as("viewer")
    page = (await viewer.get("/audit?method=user.set")).text
    assert '<span class="dim">accounts</span> (empty)' in page


async def test_markup_in_a_parameter_is_text(here: Site, visit_as: VisitAs) -> None:
    await here.admin("number.pause", id=here.number["id"], reason=MARKUP)
    admin = await visit_as("admin")
    assert_shown_as_text((await admin.get("/audit")).text)
    assert "<script>alert" not in (await admin.get("/audit?user=%3Cscript%3Ealert(1)")).text


async def test_a_form_for_what_somebody_may_not_do_is_denied_as_the_change_is(
    here: Site, visit_as: VisitAs
) -> None:
    viewer = await visit_as("viewer")
    forms = {
        "/users/new": "user.add",
        "/keys/new": "key.create",
        f"/numbers/{here.number['id']}/settings": "number.set",
        f"/numbers/{here.number['id']}/resume": "number.resume",
        "/status/drain": "drain",
    }
    for path in forms:
        assert (await viewer.get(path)).status_code == 403
    assert (await viewer.submit("/users/viewer-all/settings", {"role": "operator"})).status_code == 403
    denied = [each for each in await here.admin("audit") if each["result"] == "denied"]
    assert {each["method"] for each in denied} == {*forms.values(), "user.set"}
    assert {each["user"] for each in denied} == {"viewer-all"}


async def test_the_own_number_of_a_limited_user_is_read_as_its_account_does(
    here: Site, visit_as: VisitAs
) -> None:
    """Else an erasure would not find it: two accounts read it differently, and the call names none."""
    await here.admin("account.add", name="bakery", country="DE")
    limited = await visit_as("operator", "bakery")
    await limited.submit("/optouts/new", {"phone": "0151 23456789"})
    (entry,) = await here.admin("audit", method="optout.add")
    assert (entry["params"], entry["result"]) == ({"phone": "+4915123456789"}, "ok")


async def test_users_of_the_same_name_are_told_apart(here: Site, visit_as: VisitAs) -> None:
    """One of the dashboard, one of the machine at the command line, and the same one by a link."""
    admin = await visit_as("admin")
    (login,) = await here.admin("audit", method="login")
    name, uid = login["user"], login["uid"]
    await here.admin("user.add", name=name, role="operator", password=PASSWORD)
    same = Browser(here)
    await same.log_in(name)
    await here.admin("number.pause", id=here.number["id"], reason="typed")
    for browser, reason in ((admin, "linked"), (same, "clicked")):
        await browser.submit(f"/numbers/{here.number['id']}/pause", {"reason": reason})
    entries = await here.admin("audit", method="number.pause", user=name)
    assert [(each["via"], each["uid"]) for each in entries] == [
        ("command", uid),
        ("dashboard", uid),
        ("dashboard", None),
    ]
    page = (await admin.get(f"/audit?method=number.pause&user={name}")).text
    cells = re.findall(r'data-title="Who">(.*?)</td>', page, flags=re.DOTALL)
    said = [" ".join(re.sub("<.*?>", " ", each).split()) for each in cells]
    assert said == [
        f"{name} here",
        f"{name} here, user {uid} of the server",
        f"{name} by a command, user {uid} of the server",
    ]
    only = (await admin.get(f"/audit?method=number.pause&user={name}&via=command")).text
    assert ("typed" in only, "clicked" in only) == (True, False)
    await same.http.aclose()
