"""What was removed: a number stays named by its broadcasts, and an account goes when nothing of it is left."""

from pathlib import Path

import pytest

from tests.dashboard.client import Browser
from tests.support.clock import ShiftClock
from tests.support.site import Site, people, phones, site
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import DAY
from wacrmd.services.maintenance import retention

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

DASHBOARD = '[dashboard]\nbind = "127.0.0.1:0"\n'


async def refused(here: Site) -> str:
    """Why the account cannot be removed."""
    with pytest.raises(RpcError) as found:
        await here.admin("account.remove", name="shop")
    return str(found.value)


async def test_an_account_is_removed_once_its_broadcasts_are_deleted(tmp_path: Path) -> None:
    """Its number stays for the broadcasts that name it, its people for as long; then both go with it."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        await here.admin("user.add", name="ann", role="sender", accounts=["shop"], password="long enough!")
        await here.admin("optout.add", account="shop", phone=phones(1)[0])
        made = await here.send(people(3))
        await here.until_status(made, "sent")
        await here.sim.idle()
        (key,) = await here.admin("key.list")
        draft = await here.admin("draft.create", account="shop", template_name="order_update")
        why = await refused(here)
        for part in (
            "1 number: wacrmd number remove",
            "1 key: wacrmd key revoke",
            "1 user limited to it: wacrmd user set, or wacrmd user remove",
            "1 draft: wacrmd draft discard",
            "1 finished broadcast: each is deleted 365 days after its end ([retention] recipients_days)",
        ):
            assert part in why, why
        await here.admin("draft.discard", id=draft["id"])
        await here.admin("number.remove", id=here.number["id"])
        await here.admin("user.remove", name="ann")
        await here.admin("key.revoke", id=key["id"])
        assert "wacrmd" not in (why := await refused(here)), why
        clock.advance(366 * DAY)
        while any((await retention.prune(here.running.ctx)).values()):
            pass
        assert await here.admin("broadcast.list") == []
        assert (await here.admin("account.remove", name="shop"))["name"] == "shop"
        assert await here.admin("account.list") == []


async def test_a_broadcast_names_its_number_and_account_when_the_number_is_removed(tmp_path: Path) -> None:
    async with site(tmp_path, extra=DASHBOARD) as here:
        await here.admin("account.add", name="office")
        await here.admin("number.set", id=here.number["id"], label="Front desk")
        made = await here.send(people(1))
        await here.until_status(made, "sent")
        await here.admin("number.remove", id=here.number["id"])
        assert await here.admin("number.list") == []
        (gone,) = await here.admin("number.list", removed=True)
        assert (gone["label"], gone["account"]) == ("Front desk", "shop")
        assert gone["removed_at"] is not None
        browser = Browser(here)
        await browser.log_in_by_link((await here.admin("dashboard"))["url"])
        for page in ("/broadcasts", f"/broadcasts/{made}"):
            assert "Front desk (removed)" in (await browser.get(page)).text
        row = (await browser.get("/broadcasts")).text.split("<tbody>")[1]
        assert '<span class="dim">shop</span>' in row
        assert "Front desk" not in (await browser.get("/numbers")).text
        await browser.http.aclose()
