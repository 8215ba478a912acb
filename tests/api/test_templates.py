"""Templates over HTTP: synced from Meta in pages, and kept up to date by webhooks and periodic syncs."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.clock import ShiftClock
from tests.support.meta import post_change
from tests.support.patience import PATIENCE_S
from tests.support.site import ACCESS_TOKEN, WABA_ID, Site, site
from wacrmd.clock import HOUR, MINUTE
from wacrmd.meta.management import templates_of
from wacrmd.store import templates as store

pytestmark = pytest.mark.anyio

NEVER = "[templates]\nsync_interval_minutes = 0"


def template(name: str, language: str = "en_US", **more: Any) -> dict[str, Any]:
    return {
        "id": f"{abs(hash((name, language)))}",
        "name": name,
        "language": language,
        "status": "APPROVED",
        "category": "MARKETING",
        "parameter_format": "POSITIONAL",
        "components": [{"type": "BODY", "text": "Hello {{1}}"}],
        **more,
    }


async def listed(here: Site, **query: Any) -> list[dict[str, Any]]:
    answer = await here.api.get("/api/v1/templates", params={"limit": 100, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def sync(here: Site) -> dict[str, Any]:
    answer = await here.api.post("/api/v1/templates/sync")
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["data"]
    return result


async def test_all_pages_of_metas_list_are_read_and_listed(tmp_path: Path) -> None:
    many = tuple(template(f"t{n:03}") for n in range(250))
    async with site(tmp_path, extra=NEVER, templates=many) as here:
        assert await listed(here) == []
        result = await sync(here)
        assert (result["templates"], result["added"], result["failed"]) == (250, 250, 0)
        cursor, names = None, []
        while True:
            page = (
                await here.api.get(
                    "/api/v1/templates", params={"limit": 100} | ({"cursor": cursor} if cursor else {})
                )
            ).json()
            names += [each["name"] for each in page["data"]]
            cursor = page["meta"]["next_cursor"]
            if cursor is None:
                break
        assert sorted(names) == [each["name"] for each in many]
        (one,) = await listed(here, name="t007")
        assert (one["status"], one["business_account_id"]) == ("APPROVED", WABA_ID)
        assert one["components"] == [{"type": "BODY", "text": "Hello {{1}}"}]
        assert await listed(here, status="paused") == []


async def test_a_sync_says_what_changed(tmp_path: Path) -> None:
    async with site(tmp_path, extra=NEVER, templates=(template("a"), template("b"), template("c"))) as here:
        await sync(here)
        here.sim.change(templates=(template("a"), template("b", status="PAUSED"), template("d")))
        result = await sync(here)
        assert (result["templates"], result["added"], result["updated"], result["removed"]) == (3, 1, 1, 1)
        assert {each["name"]: each["status"] for each in await listed(here)} == {
            "a": "APPROVED",
            "b": "PAUSED",
            "d": "APPROVED",
        }
        again = await sync(here)
        assert (again["added"], again["updated"], again["removed"]) == (0, 0, 0)


async def test_a_sync_that_meta_rejects_is_reported_and_removes_no_template(tmp_path: Path) -> None:
    async with site(tmp_path, extra=NEVER, templates=(template("a"),)) as here:
        await sync(here)
        here.sim.change(access_token="another token")
        result = await sync(here)
        assert result["failed"] == 1
        assert "190" in result["business_accounts"][0]["error"]
        assert ACCESS_TOKEN not in str(result)
        assert [each["name"] for each in await listed(here)] == ["a"]


async def test_an_account_without_numbers_has_nothing_to_sync(tmp_path: Path) -> None:
    async with site(tmp_path, extra=NEVER) as here:
        await here.admin("account.add", name="other")
        key = await here.admin("key.create", account="other", name="k", scopes=["templates:read"])
        theirs = {"Authorization": f"Bearer {key['key']}"}
        answer = await here.api.post("/api/v1/templates/sync", headers=theirs)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "whatsapp_not_configured")
        assert (await here.api.get("/api/v1/templates", headers=theirs)).json()["data"] == []


async def test_a_shared_business_account_is_synced_once_with_a_token_that_works(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, extra=NEVER, templates=(template("a"),)) as here:
        await here.admin(
            "number.add",
            account="shop",
            phone_number_id="2",
            waba_id=WABA_ID,
            access_token="EAAnother",
            app_secret="s",
            verify_token="v",
        )
        result = await sync(here)
        assert [each["business_account_id"] for each in result["business_accounts"]] == [WABA_ID]
        here.sim.change(access_token="EAAnother")
        result = await sync(here)
        assert (result["failed"], result["templates"]) == (0, 1)


async def test_webhooks_keep_status_quality_and_category_up_to_date(tmp_path: Path) -> None:
    async with site(tmp_path, extra=NEVER, templates=(template("a"),)) as here:
        await sync(here)
        named = {"message_template_id": 1, "message_template_name": "a", "message_template_language": "en-US"}
        for field, value in (
            (
                "message_template_status_update",
                {"event": "PAUSED", "other_info": {"title": "FIRST_PAUSE", "description": "for 3 hours"}},
            ),
            ("message_template_quality_update", {"new_quality_score": "RED"}),
            ("template_category_update", {"new_category": "UTILITY"}),
        ):
            assert (await post_change(here.hook, field, named | value)).status_code == 200
        (one,) = await listed(here)
        assert (one["status"], one["reason"], one["quality"], one["category"]) == (
            "PAUSED",
            "for 3 hours",
            "RED",
            "UTILITY",
        )
        refused = await here.post([{"to": "+14155550100", "params": ["x"]}], template_name="a")
        assert refused.status_code == 400


async def test_a_webhook_during_a_sync_is_newer_and_stays(tmp_path: Path) -> None:
    async with site(tmp_path, extra=NEVER, templates=(template("a"),)) as here:
        await sync(here)
        ctx = here.running.ctx
        requested_at = ctx.clock.now()
        old = templates_of(WABA_ID, [template("a")], requested_at)
        value = {
            "event": "DISABLED",
            "message_template_id": 1,
            "message_template_name": "a",
            "message_template_language": "en_US",
        }
        await post_change(here.hook, "message_template_status_update", value)
        await ctx.db.write(
            lambda tx: store.replace_all(tx, WABA_ID, old, ctx.clock.now(), requested_at=requested_at)
        )
        assert [each["status"] for each in await listed(here)] == ["DISABLED"]


async def until_listed(here: Site, names: list[str]) -> None:
    with anyio.fail_after(PATIENCE_S):
        while sorted(each["name"] for each in await listed(here)) != names:
            pass


async def test_templates_are_synced_periodically_and_soon_after_a_webhook_about_a_new_one(
    tmp_path: Path,
) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, templates=(template("a"),)) as here:
        clock.advance(11_000)
        await until_listed(here, ["a"])
        here.sim.change(templates=(template("a"), template("b")))
        clock.advance(30 * MINUTE)
        assert [each["name"] for each in await listed(here)] == ["a"]
        clock.advance(31 * MINUTE)
        await until_listed(here, ["a", "b"])
        here.sim.change(templates=(template("a"), template("b"), template("c")))
        value = {
            "event": "APPROVED",
            "message_template_id": 3,
            "message_template_name": "c",
            "message_template_language": "en_US",
        }
        await post_change(here.hook, "message_template_status_update", value)
        clock.advance(2 * MINUTE)
        await until_listed(here, ["a", "b", "c"])


async def test_an_empty_list_from_meta_counts_as_not_synced(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        result = await sync(here)
        assert (result["templates"], result["failed"]) == (0, 0)
        clock.advance(2 * HOUR)
        assert (await here.post([{"to": "+14155550100"}], template_name="any_name")).status_code == 202


async def test_the_scope_is_needed(tmp_path: Path) -> None:
    async with site(tmp_path, extra=NEVER) as here:
        key = await here.admin("key.create", account="shop", name="k", scopes=["broadcasts:send"])
        without = {"Authorization": f"Bearer {key['key']}"}
        assert (await here.api.get("/api/v1/templates", headers=without)).status_code == 403
        assert (await here.api.post("/api/v1/templates/sync", headers=without)).status_code == 403


async def test_templates_that_meta_made_for_direct_send_are_listed_apart(tmp_path: Path) -> None:
    mine, made = "order_update", "auto_generated_8f3a_utility"
    async with site(
        tmp_path, extra=NEVER, templates=(template(mine), template(made, category="UTILITY"))
    ) as here:
        await sync(here)
        assert [each["name"] for each in await listed(here)] == [mine]
        assert [each["name"] for each in await listed(here, auto_generated="true")] == [made]
        assert [each["name"] for each in await here.admin("template.list")] == [mine]
        assert [each["name"] for each in await here.admin("template.list", auto_generated=True)] == [made]
