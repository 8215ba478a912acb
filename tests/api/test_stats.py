"""`GET /api/v1/stats`: what became of messages, summed up in the background."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.clock import ShiftClock
from tests.support.patience import eventually_told
from tests.support.site import Site, people, site
from wacrmd import periodic_jobs
from wacrmd.clock import DAY, MINUTE, SECOND
from wacrmd.services.maintenance.retention import prune
from wacrmd.services.statistics import sum_up as summing
from wacrmd.services.statistics.sum_up import sum_up
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_maintenance_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test sums up itself, when it has something to be summed up."""
    monkeypatch.setattr(periodic_jobs, "maintenance", lambda *_: [])


async def stats(here: Site, **query: Any) -> dict[str, Any]:
    answer = await here.api.get("/api/v1/stats", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def sent(here: Site, recipients: list[dict[str, Any]], **fields: Any) -> str:
    broadcast_id = await here.send(recipients, **fields)
    await here.until_status(broadcast_id, "sent")
    await here.sim.idle()
    return broadcast_id


def totals(found: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(each[name] for name in (*names, "total_count")) for each in found["rows"]]


async def test_messages_are_summed_up_by_template_country_hour_and_day_and_stay_after_retention(
    tmp_path: Path,
) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, delivered_share=1.0, read_share=0.0, replied_share=0.0) as here:
        ctx = here.running.ctx
        germans = [{"to": f"+4915123456{number:03}", "params": ["x"]} for number in range(4)]
        await sent(here, [*people(6), *germans])
        first_day = datetime.fromtimestamp(clock.now() / SECOND, UTC).date().isoformat()
        clock.advance(DAY)
        message = {
            "to": "+14155550100",
            "type": "template",
            "template": {"name": "other", "language": "de", "params": ["x"]},
        }
        assert (await here.api.post("/api/v1/messages", json=message)).status_code == 201
        await here.sim.idle()
        nothing = await stats(here, by="day")
        assert (nothing["rows"], nothing["waiting"]) == ([], 2)
        assert await sum_up(ctx) == 2

        found = await stats(here, by="template")
        assert totals(found, "template_name", "template_language") == [
            ("hello", "en_US", 10),
            ("other", "de", 1),
        ]
        assert (found["waiting"], found["left_out"], found["zone"]) == (0, 0, "UTC")
        total = found["total"]
        assert (total["sent_count"], total["delivered_count"], total["read_count"]) == (11, 11, 0)
        assert (total["delivered_share"], total["read_share"], total["replied_share"]) == (1.0, 0.0, 0.0)
        assert totals(await stats(here, by="country"), "country") == [("US", 7), ("DE", 4)]
        days = await stats(here, by="day")
        assert totals(days, "day")[0] == (first_day, 10)
        assert len(days["rows"]) == 2
        hours = await stats(here, by="hour", zone="Asia/Kolkata")
        assert sum(each["total_count"] for each in hours["rows"]) == 11
        assert totals(await stats(here, by="day", template_name="other"), "template_name") == [(None, 1)]
        yesterday = await stats(here, by="country", **{"from": "3d", "to": "12h"})
        assert totals(yesterday, "country") == [("US", 6), ("DE", 4)]

        clock.advance(400 * DAY)
        await prune(ctx)
        old = await stats(here, by="country", **{"from": "402d", "to": "100d"})
        assert totals(old, "country") == [("US", 7), ("DE", 4)]


async def test_failures_are_summed_up_by_reason_and_replies_and_opt_outs_are_counted(tmp_path: Path) -> None:
    shares: dict[str, Any] = {"read_share": 1.0, "replied_share": 1.0, "stop_share": 1.0, "button_share": 1.0}
    buttons = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Stop"}]}
    hello = {
        "name": "hello",
        "language": "en_US",
        "components": [{"type": "BODY", "text": "Hi {{1}}"}, buttons],
    }
    async with site(tmp_path, templates=(hello,), **shares) as here:
        stop = {"index": 0, "type": "quick_reply", "payload": "stop"}
        await sent(here, people(2), buttons=[stop])
        here.sim.change(failed_share=1.0)
        await sent(here, people(3, start=20))
        await sum_up(here.running.ctx)
        found = (await stats(here, by="template"))["total"]
        assert (found["sent_count"], found["failed_count"], found["replied_count"]) == (2, 3, 2)
        assert (found["opted_out_count"], found["opted_out_share"]) == (2, 0.4)
        (failure,) = found["failures"]
        assert (failure["code"], failure["count"]) == (131026, 3)
        assert failure["reason"] == (
            "not deliverable: no WhatsApp account, terms not accepted, or an outdated app"
        )
        assert (found["quick_reply_count"], sum(found["replies_by_button"].values())) == (2, 2)


async def test_what_changes_is_summed_up_again_after_a_while_and_not_at_once(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, delivered_share=0.0, replied_share=0.0) as here:
        ctx = here.running.ctx
        broadcast_id = await sent(here, people(2))
        assert await sum_up(ctx) == 1
        assert await sum_up(ctx) == 0
        row = ("UPDATE broadcast SET revision = revision + 1 WHERE uuid = ?", (broadcast_id,))
        await ctx.db.write(lambda tx: tx.execute(*row).rowcount)
        assert await sum_up(ctx) == 0
        assert (await stats(here, by="day"))["waiting"] == 1
        clock.advance(MINUTE)
        assert await sum_up(ctx) == 1


@pytest.mark.exhaustive(only=True)
async def test_who_is_summed_up_by_two_jobs_at_the_same_time_while_messages_change_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at each start: retention sums up first what it is about to delete, and a job does so every few seconds."""
    async with site(tmp_path, webhooks=False) as here:
        ctx = here.running.ctx
        for each in range(30):
            await sent(here, people(1, start=each))

        def change(tx: Tx) -> None:
            tx.execute("UPDATE recipient SET status = 'delivered', delivered_at = sent_at")
            tx.execute("UPDATE broadcast SET revision = revision + 1, stats_due_at = 0")

        async def has_begun() -> bool:
            return bool((await stats(here, by="template"))["rows"])

        # Each broadcast in a transaction of its own, 10 ms apart.
        monkeypatch.setattr(summing, "STEP_SUMS", 1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sum_up, ctx)
            await eventually_told(has_begun)
            await ctx.db.write(change)
            tasks.start_soon(prune, ctx)
        await ctx.db.write(lambda tx: tx.execute("UPDATE broadcast SET stats_due_at = 0").rowcount)
        await sum_up(ctx)
        assert (await stats(here, by="template"))["total"]["total_count"] == 30


async def test_the_file_has_the_same_numbers_and_who_asks_wrongly_is_told_what_was_expected(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, delivered_share=1.0, replied_share=0.0) as here:
        await sent(here, people(3))
        await sum_up(here.running.ctx)
        by_header = await here.api.get(
            "/api/v1/stats", params={"by": "country"}, headers={"Accept": "text/csv"}
        )
        by_name = await here.api.get("/api/v1/stats", params={"by": "country", "format": "csv"})
        assert by_header.text == by_name.text
        assert by_header.headers["content-type"] == "text/csv; charset=utf-8; header=present"
        assert 'filename="statistics-by-country.csv"' in by_header.headers["content-disposition"]
        (row,) = csv.DictReader(io.StringIO(by_header.text))
        assert (row["country"], row["total_count"], row["delivered_share"]) == ("US", "3", "1.0")
        excel = await here.api.get("/api/v1/stats", params={"by": "country", "excel": "true"})
        assert excel.text.startswith("\ufeffsep=,")
        for query, said in (
            ({}, "by"),
            ({"by": "week"}, "template"),
            ({"by": "day", "zone": "Europe/Berln"}, "did you mean Europe/Berlin?"),
            ({"by": "day", "zone": "localtime"}, "expected a time zone"),
            ({"by": "day", "from": "soon"}, "soon"),
            ({"by": "day", "from": "500d"}, "at most 366 days"),
            ({"by": "day", "from": "367d"}, "at most 366 days, found 367"),
            ({"by": "day", "excel": "true", "format": "json"}, "CSV"),
        ):
            answer = await here.api.get("/api/v1/stats", params=query)
            assert answer.status_code == 400, query
            assert said in answer.text, query
        made = await here.admin("key.create", account="shop", name="sends", scopes=["broadcasts:send"])
        headers = {"Authorization": f"Bearer {made['key']}"}
        answer = await here.api.get("/api/v1/stats", params={"by": "day"}, headers=headers)
        assert answer.status_code == 403
