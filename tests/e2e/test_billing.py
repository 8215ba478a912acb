"""What Meta says a message costs is kept, whatever status tells it, in any order, twice or late."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.support.meta import metadata, post_change, seconds_now, status
from tests.support.receiver import receiver
from tests.support.site import Site, people, site
from wacrmd.domain.callback_token import callback_token

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

ALLOW = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]'
REGULAR = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}
LITE = REGULAR | {"category": "marketing_lite"}
FREE = {"billable": False, "pricing_model": "PMP", "type": "free_customer_service", "category": "utility"}
SHOWN_REGULAR = {"category": "marketing", "type": "regular", "model": "PMP", "billable": True}
SHOWN_LITE = SHOWN_REGULAR | {"category": "marketing_lite"}


async def sent(here: Site, count: int) -> tuple[str, list[str]]:
    """A broadcast that was sent, without its statuses, and the wamids in the order of its recipients."""
    broadcast_id = await here.send(people(count))
    await here.until_status(broadcast_id, "sent")
    found = {entry.send.input: entry.wamid for entry in here.sim.ledger.entries}
    return broadcast_id, [found[each["to"]] for each in people(count)]


async def recipients(here: Site, broadcast_id: str) -> list[dict[str, Any]]:
    """The recipients in the order of the request."""
    rows: list[dict[str, Any]] = (await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients")).json()[
        "data"
    ]
    return rows[::-1]


async def test_statuses_of_every_kind_tell_prices_and_the_broadcast_sums_them_up(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id, wamids = await sent(here, 4)
        assert (await here.show(broadcast_id))["billed"] == []
        conversation = {"id": "c1", "origin": {"type": "utility"}, "expiration_timestamp": "1750000000"}
        await status(here, wamids[0], "sent", pricing=REGULAR)
        await status(here, wamids[1], "delivered", pricing=FREE, conversation=conversation)
        await status(here, wamids[1], "read", conversation={"id": "c1"})
        await status(here, wamids[2], "read", pricing=REGULAR)
        await status(here, wamids[3], "read", pricing={})
        shown = await here.show(broadcast_id)
        assert shown["billed"] == [
            {"category": "marketing", "type": "regular", "count": 2},
            {"category": "utility", "type": "free_customer_service", "count": 1},
        ]
        rows = await recipients(here, broadcast_id)
        assert [row["pricing"] and row["pricing"]["category"] for row in rows] == [
            "marketing",
            "utility",
            "marketing",
            None,
        ]
        assert rows[0]["pricing"] == SHOWN_REGULAR
        assert rows[1]["conversation"] == {
            "id": "c1",
            "origin": "utility",
            "expires_at": "2025-06-15T15:06:40.000Z",
        }
        export = (
            await here.api.get(
                f"/api/v1/broadcasts/{broadcast_id}/recipients", headers={"Accept": "text/csv"}
            )
        ).text.splitlines()
        assert export[1].endswith(",marketing,regular,PMP,true,,,")
        assert export[2].endswith(
            ",utility,free_customer_service,PMP,false,c1,utility,2025-06-15T15:06:40.000Z"
        )


@pytest.mark.parametrize("order", [*permutations(range(3))])
async def test_the_newest_price_counts_in_any_order_and_twice(tmp_path: Path, order: tuple[int, ...]) -> None:
    now = seconds_now()
    told: list[tuple[str, dict[str, Any]]] = [
        ("sent", {"pricing": REGULAR, "timestamp": str(now)}),
        ("delivered", {"pricing": LITE, "timestamp": str(now)}),
        ("read", {"timestamp": str(now + 1)}),
    ]
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id, (wamid,) = await sent(here, 1)
        for index in (*order, *order):
            word, more = told[index]
            value = {"id": wamid, "status": word, **more}
            body = {"messaging_product": "whatsapp", "metadata": metadata(), "statuses": [value]}
            assert (await post_change(here.hook, "messages", body)).status_code == 200
        (row,) = await recipients(here, broadcast_id)
        assert (row["status"], row["pricing"]) == ("read", SHOWN_LITE)
        assert (await here.show(broadcast_id))["billed"] == [
            {"category": "marketing_lite", "type": "regular", "count": 1}
        ]


async def test_a_status_that_only_tells_a_price_raises_the_revision_once(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id, (wamid,) = await sent(here, 1)
        await status(here, wamid, "read")
        revisions = [(await here.show(broadcast_id))["revision"]]
        now = seconds_now()
        for at in (now, now, now + 5):
            told: dict[str, Any] = {"pricing": REGULAR, "conversation": {"id": "c1"}, "timestamp": str(at)}
            await status(here, wamid, "delivered", **told)
            revisions.append((await here.show(broadcast_id))["revision"])
        assert revisions == [revisions[0]] + [revisions[0] + 1] * 3


async def test_events_tell_the_price_also_when_it_comes_late(tmp_path: Path) -> None:
    async with receiver() as local, site(tmp_path, extra=ALLOW, webhooks=False) as here:
        broadcast_id, wamids = await sent(here, 2)
        await here.admin(
            "webhook.add", account="shop", url=local.url + "/", events=["message.status_updated"]
        )
        await status(here, wamids[0], "sent", pricing=REGULAR)
        await status(here, wamids[0], "delivered", pricing=REGULAR)
        await status(here, wamids[1], "read")
        await status(here, wamids[1], "delivered", pricing=LITE)
        await status(here, wamids[1], "delivered", pricing=LITE)
        await local.until(lambda: len(local.events()) >= 3)
        told = [
            (each["data"]["recipient_id"], each["data"]["status"], each["data"]["pricing"])
            for each in local.events()
        ]
        assert sorted(told, key=str) == [
            (1, "delivered", SHOWN_REGULAR),
            (2, "read", None),
            (2, "read", SHOWN_LITE),
        ]
        assert (await recipients(here, broadcast_id))[1]["pricing"] == SHOWN_LITE


@pytest.mark.parametrize("with_token", [True, False])
async def test_a_price_that_comes_before_the_response_to_the_send_is_kept(
    tmp_path: Path, with_token: bool
) -> None:
    async with site(tmp_path, webhooks=False, hold_answers=True) as here:
        broadcast_id = await here.send(people(1))
        await here.until(broadcast_id, lambda _: bool(here.sim.ledger.entries))
        token = {"biz_opaque_callback_data": callback_token(broadcast_id, 1, 1)} if with_token else {}
        wamid = here.sim.ledger.entries[0].wamid
        await status(here, wamid, "sent", pricing=REGULAR, conversation={"id": "c1"}, **token)
        here.sim.change(hold_answers=False)
        await here.until(broadcast_id, lambda now: bool(now["billed"]))
        (row,) = await recipients(here, broadcast_id)
        assert (row["pricing"], row["conversation"]["id"]) == (SHOWN_REGULAR, "c1")


async def test_a_retry_forgets_the_price_of_the_message_that_failed(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id, (wamid,) = await sent(here, 1)
        await status(here, wamid, "sent", pricing=REGULAR)
        await status(here, wamid, "failed", errors=[{"code": 131026, "title": "Undeliverable"}])
        assert (
            await here.api.post(f"/api/v1/broadcasts/{broadcast_id}/retry", json={"statuses": ["failed"]})
        ).status_code == 202
        shown = await here.until(broadcast_id, lambda now: now["sent_count"] == 1)
        assert shown["billed"] == []
        token = callback_token(broadcast_id, 1, 1)
        await status(here, wamid, "sent", pricing=REGULAR, biz_opaque_callback_data=token)
        assert (await here.show(broadcast_id))["billed"] == [], "that was about the old message"
