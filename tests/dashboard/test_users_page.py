"""The pages of the users: only an administrator changes them."""

import re
from html import unescape
from urllib.parse import quote

import pytest

from tests.dashboard.client import PASSWORD
from tests.dashboard.conftest import Visit, VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.site import Site

pytestmark = pytest.mark.anyio


async def test_an_administrator_adds_changes_logs_out_and_removes_a_user(
    here: Site, visit_as: VisitAs, visit: Visit
) -> None:
    admin, other = await visit_as("admin"), visit()
    new = {"name": "Ann", "role": "sender", "accounts": ["shop"], "password": PASSWORD}
    assert "Added: Ann" in await admin.change("/users/new", new)
    assert (await other.log_in("Ann")).status_code == 303
    assert re.search(r"in 1 browser<span[^>]*>, last ", (await admin.get("/users")).text)
    assert "Logged out: Ann, in 1 browser" in await admin.change("/users/Ann/logout")
    assert (await other.get("/broadcasts")).status_code == 303
    same = {"role": "sender", "accounts": ["shop"], "password": ""}
    assert 'value="sender" selected' in (await admin.get("/users/Ann/settings")).text
    assert "Nothing was changed" in await admin.change("/users/Ann/settings", same)
    await other.log_in("Ann")
    assert "Ann must log in again" in await admin.change("/users/Ann/settings", same | {"role": "viewer"})
    assert (await other.get("/broadcasts")).status_code == 303
    all_accounts = {"role": "viewer"}
    await admin.change("/users/Ann/settings", all_accounts)
    (user,) = await here.admin("user.list")
    assert (user["role"], user["accounts"]) == ("viewer", [])
    assert "cannot log in again" in (await admin.get("/users/Ann/remove")).text
    assert "Removed: Ann" in await admin.change("/users/Ann/remove")
    assert await here.admin("user.list") == []
    entries = await here.admin("audit", via="dashboard")
    assert [each["method"] for each in entries if each["method"] != "login"] == [
        "user.add",
        "user.logout",
        "user.set",
        "user.set",
        "user.remove",
    ]
    assert PASSWORD not in str(entries)


async def test_mistakes_are_told_and_the_password_is_not_repeated(visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    for fields, said in (
        ({"name": "Ann", "role": "sender", "password": PASSWORD}, 'id="accounts-error"'),
        ({"name": "Ann", "role": "viewer", "password": "short pw"}, 'id="password-error"'),
        ({"name": "", "role": "viewer", "password": PASSWORD}, 'id="name-error"'),
        ({"name": "Ann", "role": "admin", "password": PASSWORD}, 'id="role-error"'),
    ):
        answer = await admin.submit("/users/new", fields)
        assert (answer.status_code, said in answer.text) == (422, True), fields
        assert PASSWORD not in answer.text
    await admin.change("/users/new", {"name": "Ann", "role": "viewer"})
    again = await admin.submit("/users/new", {"name": "ann", "role": "viewer"})
    assert again.status_code == 422


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_others_see_the_users_and_change_nothing(here: Site, visit_as: VisitAs, role: str) -> None:
    browser = await visit_as(role)
    name = f"{role}-all"
    page = (await browser.get("/users")).text
    assert name in page
    assert "Remove" not in page
    for path in ("/users/new", f"/users/{name}/settings", f"/users/{name}/remove"):
        assert (await browser.get(path)).status_code == 403
        assert (await browser.submit(path, {"name": "x", "role": "operator"})).status_code == 403
    assert (await browser.submit(f"/users/{name}/logout")).status_code == 403
    assert len(await here.admin("user.list")) == 1


async def test_who_may_see_one_account_only_sees_no_users(visit_as: VisitAs) -> None:
    browser = await visit_as("sender", "shop")
    assert (await browser.get("/users")).status_code == 403
    assert 'href="/users"' not in (await browser.get("/broadcasts")).text


async def test_markup_in_a_name_is_text(here: Site, visit_as: VisitAs) -> None:
    name = "x" + MARKUP.replace("/", "")
    await here.admin("user.add", name=name, role="viewer")
    admin = await visit_as("admin")
    for path in ("/users", f"/users/{quote(name)}/settings", f"/users/{quote(name)}/remove"):
        assert_shown_as_text((await admin.get(path)).text, name)
    assert_shown_as_text((await admin.submit("/users/new", {"name": MARKUP, "role": MARKUP})).text)


async def test_a_user_whose_name_has_signs_of_addresses_is_removed(here: Site, visit_as: VisitAs) -> None:
    name = "who? 100% #1"
    await here.admin("user.add", name=name, role="viewer")
    admin = await visit_as("admin")
    page = (await admin.get(f"/users/{quote(name)}/remove")).text
    (action,) = re.findall(r'<form method="post" action="([^"]*/remove)"', page)
    assert f"Removed: {name}" in await admin.change(unescape(action))
