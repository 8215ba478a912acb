"""The pages of the webhooks: their deliveries with each try, send again, add with a secret shown once, change, remove."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.dashboard.client import Form
from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.patience import PATIENCE_S
from tests.support.receiver import receiver
from tests.support.site import NOBODY, Site, site
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store import outbox
from wacrmd.store.database import Tx
from wacrmd.views.events import OptOutData

pytestmark = pytest.mark.anyio

LOCAL = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n'
SECRET = re.compile(r'id="secret"[^>]* value="(whsec_[^"]+)"')


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site that may post to this machine."""
    async with site(tmp_path, extra=DASHBOARD + LOCAL) as made:
        yield made


async def tried(here: Site, webhook: str) -> None:
    """Wait until the first try of a delivery is stored."""
    with anyio.fail_after(PATIENCE_S):
        while not (await here.admin("webhook.deliveries", id=webhook))[0]["tries"]:
            pass


async def test_an_administrator_adds_changes_and_removes_one(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    new = {"account": "shop", "url": NOBODY, "events": ["contact.opted_out", "broadcast.sent"]}
    answer = await admin.submit("/webhooks/new", new)
    where = answer.headers["location"]
    assert "whsec" not in where + answer.text
    found = SECRET.search((await admin.get(where)).text)
    assert found is not None
    assert SECRET.search((await admin.get(where)).text) is None
    assert found[1] not in str(await here.admin("audit"))
    page = where.partition("?")[0]
    form = Form((await admin.get(f"{page}/settings")).text, f"{page}/settings").fields
    assert form["url"] == NOBODY
    off = {"url": f"{NOBODY}other", "events": ["broadcast.sent"]}
    assert "Changed." in await admin.change(f"{page}/settings", off)
    (webhook,) = await here.admin("webhook.list")
    assert (webhook["url"], webhook["events"], webhook["is_active"]) == (off["url"], off["events"], False)
    assert "Nothing was changed" in await admin.change(f"{page}/settings", off)
    assert (await admin.submit(f"{page}/settings", form)).status_code == 422, "it was changed since"
    assert "those that wait for it are lost" in (await admin.get(f"{page}/remove")).text
    assert "Removed:" in await admin.change(f"{page}/remove")
    assert await here.admin("webhook.list") == []
    done = [each["method"] for each in await here.admin("audit", via="dashboard") if "." in each["method"]]
    assert done == ["webhook.add", "webhook.set", "webhook.remove"]


async def test_mistakes_are_told_beside_their_fields(visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    for fields, said in (
        ({"url": "nowhere", "events": ["broadcast.sent"]}, 'id="url-error"'),
        ({"url": "http://10.0.0.1/", "events": ["broadcast.sent"]}, 'id="url-error"'),
        ({"url": NOBODY}, 'id="events-error"'),
    ):
        answer = await admin.submit("/webhooks/new", {"account": "shop"} | fields)
        assert (answer.status_code, said in answer.text) == (422, True), answer.text


async def test_deliveries_are_shown_with_each_try_and_an_operator_sends_one_again(
    here: Site, visit_as: VisitAs
) -> None:
    async with receiver() as local:
        local.answers = {"/hook": 500}
        made = await here.admin(
            "webhook.add", account="shop", url=f"{local.url}/hook", events=["contact.opted_out"]
        )
        page, viewer, operator = (
            f"/webhooks/{made['id']}",
            await visit_as("viewer"),
            await visit_as("operator"),
        )
        await here.admin("optout.add", account="shop", phone="+14155550123")
        await local.until(lambda: len(local.requests) == 1)
        await tried(here, made["id"])
        shown = (await viewer.get(page)).text
        for said in ("somebody opted out", "+14155550123", "500", ">waits<", "every try since"):
            assert said in shown, said
        assert "Send again" not in shown
        assert "There is no delivery like this" in (await viewer.get(f"{page}?status=delivered")).text
        (delivery,) = await here.admin("webhook.deliveries", id=made["id"])
        again = f"{page}/deliveries/{delivery['id']}/resend"
        assert (await viewer.submit(again)).status_code == 403
        local.answers = {}
        assert "The event is sent again" in await operator.change(again)
        await local.until(lambda: len(local.requests) == 2)
        for path in ("settings", "remove"):
            assert (await operator.get(f"{page}/{path}")).status_code == 403
            assert (await operator.submit(f"{page}/{path}", {"url": NOBODY})).status_code == 403


async def test_many_deliveries_have_pages(here: Site, visit_as: VisitAs) -> None:
    made = await here.admin("webhook.add", account="shop", url=NOBODY, events=["contact.opted_out"])
    await here.admin("webhook.set", id=made["id"], active=False)
    account = here.account["id"]

    def fill(tx: Tx) -> None:
        tx.execute("UPDATE webhook_endpoint SET is_active = 1")
        for number in range(60):
            data = OptOutData(phone=f"+1415555{number:04}", user_id=None, source="api", detail=None)
            outbox.add(tx, account, WebhookEvent.CONTACT_OPTED_OUT, data, number)
        tx.execute("UPDATE webhook_endpoint SET is_active = 0")

    await here.running.ctx.db.write(fill)
    viewer = await visit_as("viewer")
    first = (await viewer.get(f"/webhooks/{made['id']}")).text
    (older,) = re.findall(r'href="([^"]+)">Older', first)
    second = (await viewer.get(older.replace("&amp;", "&"))).text
    found = re.findall(r"\+1415555(\d{4})", first + second)
    assert found == [f"{number:04}" for number in reversed(range(60))]


async def test_who_sees_another_account_only_sees_none_of_it(here: Site, visit_as: VisitAs) -> None:
    await here.admin("account.add", name="bakery")
    made = await here.admin("webhook.add", account="shop", url=NOBODY)
    operator = await visit_as("operator", "bakery")
    assert "There is no webhook" in (await operator.get("/webhooks")).text
    assert (await operator.get(f"/webhooks/{made['id']}")).status_code == 404


async def test_markup_in_an_event_or_an_error_is_text(here: Site, visit_as: VisitAs) -> None:
    made = await here.admin(
        "webhook.add", account="shop", url=f"{NOBODY}?a=%3Cscript%3E&b='x", events=["contact.opted_out"]
    )
    await here.admin("optout.add", account="shop", phone="+14155550123", detail=MARKUP)
    await here.running.ctx.db.write(
        lambda tx: tx.execute("UPDATE webhook_endpoint SET is_active = 0, disabled_reason = ?", (MARKUP,))
    )
    admin = await visit_as("admin")
    for path in ("/webhooks", f"/webhooks/{made['id']}", f"/webhooks/{made['id']}/settings"):
        assert_shown_as_text((await admin.get(path)).text)
    payload = (await admin.get(f"/webhooks/{made['id']}")).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in payload.partition("<pre")[2]
    wrong = await admin.submit(
        "/webhooks/new", {"account": "shop", "url": MARKUP, "events": ["broadcast.sent"]}
    )
    assert_shown_as_text(wrong.text)


async def test_an_event_of_one_that_is_off_has_no_time(here: Site, visit_as: VisitAs) -> None:
    hook = await here.admin("webhook.add", account="shop", url=NOBODY, events=["contact.opted_out"])
    await here.admin("optout.add", account="shop", phone="+14155550101")
    await tried(here, hook["id"])
    operator = await visit_as("operator")
    assert "again <time" in (await operator.get(f"/webhooks/{hook['id']}")).text
    await here.admin("webhook.set", id=hook["id"], active=False)
    page = (await operator.get(f"/webhooks/{hook['id']}")).text
    assert "until it is turned on" in page
    assert "again <time" not in page
