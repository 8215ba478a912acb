"""Marketing templates go to `/marketing_messages` where that is right, with a whole site and the simulated Meta."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.meta import post, post_change
from tests.support.patience import eventually
from tests.support.site import PHONE_NUMBER_ID, WABA_ID, Site, people, site
from wacrmd.clock import DAY, SECOND
from wacrmd.domain.marketing_route import Endpoint
from wacrmd.meta.errors import is_wrong_way
from wacrmd.store import marketing

pytestmark = pytest.mark.anyio

BODY = [{"type": "BODY", "text": "Hello {{1}}"}]
SALE: dict[str, Any] = {"name": "sale", "language": "en_US", "category": "MARKETING", "components": BODY}
ORDER: dict[str, Any] = {**SALE, "name": "order", "category": "UTILITY"}
NEVER = "[templates]\nsync_interval_minutes = 0\n"
"""Templates are synced when a test asks for it."""


async def sent(here: Site, name: str = "sale", count: int = 2, start: int = 0) -> dict[str, int]:
    """To which endpoint the messages of a broadcast went, and how many."""
    known = len(here.sim.ledger)
    await here.until_status(await here.send(people(count, start), template_name=name), "sent")
    return Counter(entry.endpoint for entry in here.sim.ledger.entries[known:])


async def route(here: Site, name: str = "sale") -> dict[str, Any]:
    found = await here.admin("template.list")
    shown: dict[str, Any] = next(
        each["route"] for each in found if (each["name"], each["language"]) == (name, "en_US")
    )
    return shown


def terms_signed(at_s: int) -> dict[str, Any]:
    """The webhook about the account of `waba_info`; the entry is that of a partner."""
    value = {
        "event": "MM_LITE_TERMS_SIGNED",
        "waba_info": {"waba_id": WABA_ID, "owner_business_id": "1"},
    }
    entry = {"id": "77", "time": at_s, "changes": [{"field": "account_update", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


async def test_a_marketing_template_goes_to_marketing_messages_once_meta_says_onboarded(
    tmp_path: Path,
) -> None:
    sale = SALE | {"message_send_ttl_seconds": 86_400}
    async with site(
        tmp_path,
        extra=NEVER,
        templates=(sale, ORDER, SALE | {"language": "de", "category": "UTILITY"}),
        marketing_onboarding="ONBOARDED",
    ) as here:
        assert await sent(here) == {"messages": 2}, "no template is known yet"
        await here.admin("template.sync")
        assert await sent(here, start=10) == {"messages": 2}, "Meta was not asked yet"
        assert "has not said" in (await route(here))["why"]
        found = await here.admin("number.check", id=PHONE_NUMBER_ID)
        (check,) = [each for each in found["checks"] if each["check"] == "marketing"]
        assert (check["state"], "/marketing_messages" in check["detail"]) == ("ok", True)
        assert await sent(here, start=20) == {"marketing_messages": 2}
        assert await sent(here, "order", start=30) == {"messages": 2}

        await here.admin("account.set", name="shop", product_policy="STRICT", message_activity_sharing="off")
        asked = {"template_name": "sale", "recipients": people(1, 40)}
        dry = (await here.api.post("/api/v1/broadcasts?dry_run=true", json=asked)).json()["data"]
        assert dry["route"] == await route(here)
        assert dry["route"]["product_policy"] == "STRICT"
        assert await sent(here, start=40) == {"marketing_messages": 2}
        assert await sent(here, "order", start=50) == {"messages": 2}
        bodies = [entry.body for entry in here.sim.ledger.entries]
        fields = b'"product_policy":"STRICT","message_activity_sharing":false'
        assert [fields in body for body in bodies] == [False] * 8 + [True] * 2 + [False] * 2

        shown = await here.admin("number.show", id=PHONE_NUMBER_ID)
        assert shown["marketing_onboarding"] == "ONBOARDED"
        assert shown["marketing_route"]["endpoint"] == "marketing_messages"
        german = await here.send(people(1, 55), template_name="sale", template_language="de")
        await here.until_status(german, "sent")
        assert here.sim.ledger.entries[-1].endpoint == "messages", "each language has a category of its own"
        times = {
            (each["name"], each["language"]): each["time_to_live_s"]
            for each in await here.admin("template.list")
        }
        assert times == {("sale", "en_US"): 86_400, ("sale", "de"): None, ("order", "en_US"): None}
        await here.admin("account.set", name="shop", marketing_route="messages")
        assert await sent(here, start=60) == {"messages": 2}
        await here.admin("account.set", name="shop", marketing_route="none", product_policy="none")
        account = await here.admin("account.show", name="shop")
        assert (account["marketing_route"], account["product_policy"]) == ("auto", None)
        assert account["message_activity_sharing"] is False, "what is not named stays"
        assert await sent(here, start=70) == {"marketing_messages": 2}


async def test_the_latest_category_decides_also_in_the_middle_of_a_broadcast(tmp_path: Path) -> None:
    few = f"{NEVER}[sender]\nmax_in_flight = 4\n"
    async with site(
        tmp_path, extra=few, templates=(SALE,), marketing_onboarding="ONBOARDED", hold_answers=True
    ) as here:
        await here.admin("template.sync")
        await here.admin("account.set", name="shop", marketing_route="marketing_messages")
        broadcast_id = await here.send(people(40), template_name="sale")
        await eventually(lambda: len(here.sim.ledger) >= 4)
        change = {
            "message_template_id": 1,
            "message_template_name": "sale",
            "message_template_language": "en_US",
        }
        at = (here.clock.now() + DAY) // SECOND
        impending = {"new_category": "MARKETING", "correct_category": "UTILITY"}
        await post_change(
            here.hook,
            "template_category_update",
            change | impending | {"category_update_timestamp": at},
        )
        assert (await route(here))["endpoint"] == "marketing_messages", "announced is not changed"
        completed = {"new_category": "UTILITY", "previous_category": "MARKETING"}
        await post_change(here.hook, "template_category_update", change | completed)
        in_flight = len(here.sim.ledger)
        here.sim.change(hold_answers=False)
        shown = await here.until_status(broadcast_id, "sent")
        assert shown["sent_count"] == 40
        ways = [entry.endpoint for entry in here.sim.ledger.entries]
        assert ways == ["marketing_messages"] * in_flight + ["messages"] * (40 - in_flight)
        assert here.sim.ledger.counts()["duplicate_to"] == 0


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("how", ["check", "webhook"])
async def test_131063_pauses_the_broadcast_until_meta_says_onboarded(tmp_path: Path, how: str) -> None:
    async with site(
        tmp_path, extra=NEVER, templates=(SALE, ORDER), disable_marketing_messages_on_cloud_api=True
    ) as here:
        await here.admin("template.sync")
        broadcast_id = await here.send(people(20), template_name="sale")
        by_hand = await here.send(people(5, 40), template_name="sale")
        for each in (broadcast_id, by_hand):
            shown = await here.until_status(each, "paused")
            assert shown["hold"]["reason"] == "template"
            assert "131063" in shown["hold"]["detail"]
            assert "wacrmd account set NAME --marketing-route marketing_messages" in shown["hold"]["detail"]
            assert shown["failed_count"] == 0
        assert await sent(here, "order", start=30) == {"messages": 2}, "the number itself goes on"
        await here.admin("broadcast.pause", id=by_hand)
        await here.admin("template.sync")
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        shown = await here.show(broadcast_id)
        assert (shown["status"], shown["pending_count"]) == ("paused", 20), "Meta still says ELIGIBLE"
        here.sim.change(marketing_onboarding="ONBOARDED")
        if how == "check":
            await here.admin("number.check", id=PHONE_NUMBER_ID)
        else:
            await post(here.hook, terms_signed(here.clock.now() // SECOND + 60))
        await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 22
        shown = await here.show(by_hand)
        assert (shown["status"], shown["pending_count"]) == ("paused", 5), "a person has paused it"


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("how", ["sync", "webhook"])
async def test_a_broadcast_that_was_refused_for_its_category_goes_the_other_way_once_that_is_known(
    tmp_path: Path, how: str
) -> None:
    async with site(tmp_path, extra=NEVER, templates=(SALE,), marketing_onboarding="ONBOARDED") as here:
        await here.admin("template.sync")
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        here.sim.change(templates=[SALE | {"category": "UTILITY"}])
        broadcast_id = await here.send(people(5), template_name="sale")
        shown = await here.until_status(broadcast_id, "paused")
        assert "134100" in shown["hold"]["detail"]
        stale = "SELECT is_stale FROM template_sync WHERE waba_id = ?"
        due = await here.running.ctx.db.read(lambda tx: tx.execute(stale, (WABA_ID,)).fetchone())
        assert due == (1,), "it is synced within a minute, where syncs are not turned off"
        if how == "sync":
            await here.admin("template.sync")
        else:
            about = {"message_template_name": "sale", "message_template_language": "en_US"}
            change = {"new_category": "UTILITY", "previous_category": "MARKETING"}
            await post_change(here.hook, "template_category_update", about | change)
        await here.until_status(broadcast_id, "sent")
        assert Counter(entry.endpoint for entry in here.sim.ledger.entries) == {"messages": 5}
        left = await here.running.ctx.db.read(
            lambda tx: tx.execute("SELECT count(*) FROM wrong_way").fetchone()
        )
        assert left == (0,)


async def test_a_way_that_meta_does_not_know_pauses_the_broadcast_and_not_the_number(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, extra=NEVER, templates=(SALE, ORDER)) as here:
        await here.admin("template.sync")
        await here.admin("account.set", name="shop", marketing_route="marketing_messages")
        found = await here.admin("number.check", id=PHONE_NUMBER_ID)
        (check,) = [each for each in found["checks"] if each["check"] == "marketing"]
        assert (check["state"], "ELIGIBLE" in check["detail"]) == ("warn", True)
        assert "wacrmd account set shop --marketing-route auto" in check["advice"]
        broadcast_id = await here.send(people(5), template_name="sale")
        shown = await here.until_status(broadcast_id, "paused")
        assert "wacrmd account set NAME --marketing-route messages" in shown["hold"]["detail"]
        assert shown["pending_count"] == 5
        assert await sent(here, "order", start=30) == {"messages": 2}
        await here.admin("account.set", name="shop", marketing_route="auto")
        await here.admin("broadcast.resume", id=broadcast_id)
        await here.until_status(broadcast_id, "sent")
        assert {entry.endpoint for entry in here.sim.ledger.entries} == {"messages"}


async def test_an_account_that_is_onboarded_no_more_goes_on_by_the_other_way(tmp_path: Path) -> None:
    """The route is auto, and so needs nobody: Meta's word decides, as it does the other way round."""
    async with site(tmp_path, extra=NEVER, templates=(SALE, ORDER), marketing_onboarding="ONBOARDED") as here:
        await here.admin("template.sync")
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        here.sim.change(marketing_onboarding="ELIGIBLE")
        broadcast_id = await here.send(people(5), template_name="sale")
        shown = await here.until_status(broadcast_id, "paused")
        assert (shown["hold"]["reason"], shown["pending_count"]) == ("template", 5)
        assert "once Meta says that the account is not onboarded" in shown["hold"]["detail"]
        await here.admin("template.sync")
        assert (await here.show(broadcast_id))["status"] == "paused", "nothing new was said about the account"
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        await here.until_status(broadcast_id, "sent")
        assert Counter(entry.endpoint for entry in here.sim.ledger.entries) == {"messages": 5}


@pytest.mark.parametrize(
    ("code", "subcode", "endpoint", "is_wrong"),
    [
        (131055, None, Endpoint.MARKETING_MESSAGES, True),
        (131063, None, Endpoint.MESSAGES, True),
        (134100, None, Endpoint.MARKETING_MESSAGES, True),
        (134102, None, Endpoint.MARKETING_MESSAGES, True),
        (100, 33, Endpoint.MARKETING_MESSAGES, True),
        (100, 33, Endpoint.MESSAGES, False),  # the number itself is not known
        (100, None, Endpoint.MARKETING_MESSAGES, False),
        (134101, None, Endpoint.MARKETING_MESSAGES, False),  # it is only not ready yet
        (132001, None, Endpoint.MARKETING_MESSAGES, False),
    ],
)
def test_which_codes_say_that_the_way_is_wrong(
    code: int, subcode: int | None, endpoint: Endpoint, is_wrong: bool
) -> None:
    assert is_wrong_way(code, subcode, endpoint) is is_wrong


async def test_terms_that_were_signed_count_until_meta_says_something_newer(tmp_path: Path) -> None:
    async with site(tmp_path, extra=NEVER, templates=(SALE,)) as here:
        await here.admin("template.sync")

        now_s = here.clock.now() // SECOND
        with capture_logs() as logs:
            assert (await post(here.hook, terms_signed(now_s - 3600))).status_code == 200
        (event,) = [each for each in logs if each["event"] == "marketing_onboarding_changed"]
        assert (event["before"], event["onboarding"]) == (None, "MM_LITE_TERMS_SIGNED")
        assert (await route(here))["endpoint"] == "marketing_messages"
        await post(here.hook, terms_signed(now_s + 3600))
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        assert (await route(here))["why"] == "Meta says ELIGIBLE of the business account, and not ONBOARDED"
        await post(here.hook, terms_signed(now_s - 3600))
        known = await here.running.ctx.db.read(lambda tx: marketing.onboarding_of(tx, WABA_ID))
        assert known == "ELIGIBLE", "the webhook came again, and is older"


@pytest.mark.parametrize(
    ("endpoint", "category"),
    [(Endpoint.MESSAGES, "marketing"), (Endpoint.MARKETING_MESSAGES, "marketing_lite")],
)
async def test_statuses_replies_and_what_is_billed_are_the_same_on_both_ways(
    tmp_path: Path, endpoint: Endpoint, category: str
) -> None:
    """Statuses before the answer, twice, out of order, and failures; each message is known by its callback token."""
    async with site(
        tmp_path,
        extra=NEVER,
        templates=(SALE,),
        marketing_onboarding="ONBOARDED",
        early_share=0.5,
        twice_share=0.5,
        shuffle=True,
        failed_recipients=("14155550100=131049",),
        read_share=1.0,
        replied_share=1.0,
    ) as here:
        await here.admin("template.sync")
        await here.admin("account.set", name="shop", marketing_route=endpoint.value)
        recipients = [{"to": "+14155550100", "params": ["Jane"]}, *people(19, 200)]
        broadcast_id = await here.send(recipients, template_name="sale")
        shown = await here.until(broadcast_id, lambda b: b["replied_count"] == 19)
        assert (shown["status"], shown["sent_count"], shown["failed_count"]) == ("sent", 19, 1)
        assert {entry.endpoint for entry in here.sim.ledger.entries} == {endpoint.value}
        billed = [{"category": category, "type": "regular", "count": 19}]
        await here.until(broadcast_id, lambda b: b["billed"] == billed)
