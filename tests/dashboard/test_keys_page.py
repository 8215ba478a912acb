"""The pages of the keys: a key is shown once, to whoever made it, and nowhere else."""

import re

import pytest

from tests.dashboard.conftest import VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.site import Site
from wacrmd.clock import MINUTE

pytestmark = pytest.mark.anyio

NEW = {"account": "shop", "name": "CRM", "scopes": ["broadcasts:send", "templates:read"]}
KEY = re.compile(r'id="secret"[^>]* value="(wacrm_live_[\w-]{43})"')


async def test_a_new_key_is_shown_once_and_stands_nowhere_else(here: Site, visit_as: VisitAs) -> None:
    admin, viewer = await visit_as("admin"), await visit_as("viewer")
    answer = await admin.submit("/keys/new", NEW | {"allowed_from": "10.0.0.0/8, 127.0.0.1"})
    where = answer.headers["location"]
    assert "wacrm_live_" not in where + answer.text
    assert not re.search(r"wacrm_live_[\w-]{9}", (await viewer.get(where)).text)  # the beginning has 8
    shown = await admin.get(where)
    found = KEY.search(shown.text)
    assert found is not None
    assert shown.headers["cache-control"] == "no-store"
    assert KEY.search((await admin.get(where)).text) is None
    (made,) = [each for each in await here.admin("key.list") if each["name"] == "CRM"]
    assert made["scopes"] == NEW["scopes"]
    assert made["allowed_from"] == ["10.0.0.0/8", "127.0.0.1/32"]
    answer = await here.api.get("/api/v1/me", headers={"Authorization": f"Bearer {found[1]}"})
    assert answer.json()["data"]["key"]["id"] == made["id"]
    assert found[1] not in str(await here.admin("audit"))


async def test_a_key_that_nobody_looked_at_is_forgotten(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    where = (await admin.submit("/keys/new", NEW)).headers["location"]
    here.clock.advance(15 * MINUTE)
    assert KEY.search((await admin.get(where)).text) is None


async def test_a_key_is_replaced_and_revoked(here: Site, visit_as: VisitAs) -> None:
    admin, viewer = await visit_as("admin"), await visit_as("viewer")
    made = await here.admin("key.create", **NEW)
    page = f"/keys/{made['id']}"
    assert "Revoke" not in (await viewer.get("/keys")).text
    for action in ("rotate", "revoke"):
        assert (await viewer.get(f"{page}/{action}")).status_code == 403
        assert (await viewer.submit(f"{page}/{action}")).status_code == 403
    refused = await viewer.get("/keys/new")
    assert refused.status_code == 403
    assert "Users with the role viewer may not do this" in refused.text
    assert "key.create" not in refused.text
    assert (await viewer.submit("/keys/new", NEW)).status_code == 403
    assert "Hours for which the old key" in (await admin.get(f"{page}/rotate")).text
    wrong = await admin.submit(f"{page}/rotate", {"overlap_hours": "soon"})
    assert (wrong.status_code, "overlap_hours-error" in wrong.text) == (422, True)
    assert KEY.search(await admin.change(f"{page}/rotate", {"overlap_hours": "1"}))
    assert "replaced by another one" in (await viewer.get("/keys")).text
    assert "cannot be taken back" in (await admin.get(f"{page}/revoke")).text
    assert "Revoked: the key of CRM" in await admin.change(f"{page}/revoke")
    assert ("revoked</span>" in (await viewer.get("/keys")).text) is False
    assert "revoked</span>" in (await viewer.get("/keys?all=1")).text
    done = [each for each in await here.admin("audit", via="dashboard") if each["result"] == "ok"]
    assert [each["method"] for each in done if each["method"] != "login"] == ["key.rotate", "key.revoke"]
    assert (await viewer.get("/keys?account=nobody")).status_code == 404


async def test_a_mistake_is_told_beside_its_field_and_keeps_what_was_typed(visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    answer = await admin.submit("/keys/new", NEW | {"allowed_from": "nowhere", "expires_in_days": "x"})
    assert answer.status_code == 422
    for said in ('id="allowed_from-error"', 'id="expires_in_days-error"', 'value="nowhere"', 'value="CRM"'):
        assert said in answer.text
    assert answer.text.count("checked") == 2


async def test_a_viewer_of_another_account_sees_no_key_of_this_one(here: Site, visit_as: VisitAs) -> None:
    await here.admin("account.add", name="bakery")
    assert "There is no key" in (await (await visit_as("viewer", "bakery")).get("/keys")).text


async def test_markup_in_the_name_of_an_app_is_text(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    assert_shown_as_text(await admin.change("/keys/new", NEW | {"name": MARKUP}))
    (made,) = [each for each in await here.admin("key.list") if each["name"] == MARKUP]
    for path in ("/keys", f"/keys/{made['id']}/rotate", f"/keys/{made['id']}/revoke"):
        assert_shown_as_text((await admin.get(path)).text)
    wrong = await admin.submit("/keys/new", NEW | {"name": MARKUP, "allowed_from": MARKUP})
    assert_shown_as_text(wrong.text)


async def test_a_name_that_turns_texts_around_turns_none_of_the_page(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    made = await here.admin("key.create", **NEW | {"name": "\u202eMRC"})
    for path in ("/keys", f"/keys/{made['id']}/rotate", f"/keys/{made['id']}/revoke"):
        page = (await admin.get(path)).text
        assert "MRC" in page, path
        assert "\u202e" not in page, path
