"""The settings of an account: everybody of the account sees them, and an administrator changes them."""

from html import unescape
from typing import Any

import pytest

from tests.dashboard.client import Browser, Form
from tests.dashboard.conftest import VisitAs
from tests.support.site import Site

pytestmark = pytest.mark.anyio

HOURS = {"from": "08:30", "to": "24:00", "days": ["mon", "tue", "wed"], "zone": "Europe/Berlin"}
RULES = [{"codes": [131049], "after_hours": 24, "times": 2}]
NAMES = (
    "default_country",
    "marketing_route",
    "product_policy",
    "message_activity_sharing",
    "send_between",
    "retry_rules",
)


async def settings_of(here: Site) -> dict[str, Any]:
    shown = await here.admin("account.show", name="shop")
    return {name: shown[name] for name in NAMES}


async def form_of(browser: Browser, path: str) -> dict[str, Any]:
    """The form as it stands, which may be sent again after it was changed."""
    answer = await browser.get(path)
    assert answer.status_code == 200
    fields: dict[str, Any] = Form(answer.text, path).fields
    return {name: value for name, value in fields.items() if name != "seen"}


async def test_an_administrator_changes_each_setting_and_takes_it_away(here: Site, visit_as: VisitAs) -> None:
    admin, path = await visit_as("admin"), f"/settings/{here.account['id']}"
    before = await settings_of(here)
    form = await form_of(admin, path)
    assert "Nothing was changed" in await admin.change(path, form)

    given = form | {
        "country": "DE",
        "marketing_route": "messages",
        "product_policy": "STRICT",
        "message_activity_sharing": "off",
        "hours": "1",
        "hours_from": "08:30",
        "hours_to": "00:00",
        "days": ["mon", "tue", "wed"],
        "clock": "Europe/Berlin",
        "again": "1",
    }
    shown = unescape(await admin.change(path, given))
    for said in (
        "Changed: country, way of marketing messages, what Meta does otherwise, what Meta may use, hours, again by itself.",
        "only from 08:30 to midnight, Monday to Wednesday, by the clock of Europe/Berlin",
        "131049 (not delivered by Meta",
        "always as other messages",
        "Germany",
    ):
        assert said in shown
    assert await settings_of(here) == {
        "default_country": "DE",
        "marketing_route": "messages",
        "product_policy": "STRICT",
        "message_activity_sharing": False,
        "send_between": HOURS,
        "retry_rules": RULES,
    }
    assert await form_of(admin, path) == given

    # one by one: the audit log says which
    changed = given | {"again_times_1": "3"}
    assert "Changed: again by itself." in await admin.change(path, changed)
    (*_, entry) = await here.admin("audit", via="dashboard")
    assert set(entry["params"]) == {"name", "retry_rules"}

    for name in ("country", "marketing_route", "product_policy", "message_activity_sharing"):
        changed[name] = form[name]
    for box in ("hours", "again"):
        changed.pop(box)
    assert "Changed: country" in await admin.change(path, changed)
    assert await settings_of(here) == before


async def test_an_old_page_takes_back_nothing_that_another_administrator_has_changed(
    here: Site, visit_as: VisitAs
) -> None:
    one, other, path = await visit_as("admin"), await visit_as("admin"), f"/settings/{here.account['id']}"
    old = Form((await one.get(path)).text, path).fields
    await other.change(path, Form((await other.get(path)).text, path).fields | {"country": "FR"})
    answer = await one.submit(path, old | {"again": "1"})
    assert answer.status_code == 422
    assert "Somebody has changed this meanwhile" in answer.text
    assert (await settings_of(here))["default_country"] == "FR"
    now = Form(answer.text, path).fields
    assert now["country"] == "FR"
    assert "Changed: again by itself." in await one.change(path, now | {"again": "1"})
    assert (await settings_of(here))["default_country"] == "FR"


async def test_so_it_is_with_old_pages_of_numbers_and_users(here: Site, visit_as: VisitAs) -> None:
    one, other = await visit_as("admin"), await visit_as("admin")
    await here.admin("user.add", name="ann", role="viewer")
    for path, theirs, mine in (
        (f"/numbers/{here.number['id']}/settings", {"label": "Main"}, {"messages_per_second": "20"}),
        ("/users/ann/settings", {"accounts": "shop"}, {"role": "sender"}),
    ):
        old = Form((await one.get(path)).text, path).fields
        await other.change(path, Form((await other.get(path)).text, path).fields | theirs)
        answer = await one.submit(path, old | mine)
        assert answer.status_code == 422, path
        assert "Somebody has changed this meanwhile" in answer.text
        now = Form(answer.text, path).fields
        await one.change(path, now | mine)
        kept = Form((await one.get(path)).text, path).fields
        assert {name: kept[name] for name in theirs} == theirs


async def test_broadcasts_have_what_is_set(here: Site, visit_as: VisitAs) -> None:
    admin, path = await visit_as("admin"), f"/settings/{here.account['id']}"
    form = await form_of(admin, path)
    await admin.change(path, form | {"again": "1"})
    made = await here.send([{"to": "+14155550100", "params": ["Ann"]}])
    assert (await here.show(made))["retry_rules"] == RULES


async def test_a_mistake_is_said_beside_its_field_and_nothing_is_changed(
    here: Site, visit_as: VisitAs
) -> None:
    admin, path = await visit_as("admin"), f"/settings/{here.account['id']}"
    form, before = await form_of(admin, path), await settings_of(here)
    for given, field in (
        ({"hours": "1", "hours_from": "21:00"}, "hours_to"),
        ({"hours_from": "21:00"}, "hours"),
        ({"hours": "1", "clock": "Mars/Olympus"}, ""),
        ({"again": "1", "again_codes_1": "130472"}, "again_codes_1"),
        ({"again_codes_1": "131026"}, "again"),
        ({"country": "Germany"}, "country"),
        ({"marketing_route": "by pigeon"}, "marketing_route"),
        ({"product_policy": "LAX"}, "product_policy"),
        ({"message_activity_sharing": "maybe"}, "message_activity_sharing"),
    ):
        answer = await admin.submit(path, form | {"country": "FR"} | given)
        assert answer.status_code == 422, given
        assert (f'id="{field}-error"' if field else 'role="alert"') in answer.text, given
        assert await settings_of(here) == before


async def test_others_see_the_settings_of_their_accounts_and_change_nothing(
    here: Site, visit_as: VisitAs
) -> None:
    await here.admin("account.add", name="rival", country="FR")
    await here.admin("account.set", name="shop", send_between=HOURS)
    path = f"/settings/{here.account['id']}"
    for role, accounts in (("viewer", ()), ("operator", ()), ("sender", ("shop",))):
        browser = await visit_as(role, *accounts)
        page = await browser.get("/settings")
        assert "from 08:30 to midnight" in page.text
        assert ("France" in page.text) == (not accounts)
        assert "Administrators of the server change it" in page.text
        assert "/settings/" not in page.text
        assert 'href="/settings"' in page.text, "it is in the menu"
        assert (await browser.get(path)).status_code == 403
        assert (await browser.submit(path, {"country": "FR"})).status_code == 403
    rival = await visit_as("sender", "rival")
    page = await rival.get("/settings")
    assert ("France" in page.text, "from 08:30" in page.text) == (True, False)


async def test_an_account_that_is_gone_is_said(visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    answer = await admin.submit("/settings/00000000-0000-4000-8000-000000000000", {"country": "FR"})
    assert answer.status_code == 404
