"""Strangers and readers do what they like, as often as they like: few lines in the log, few rows in the file."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from tests.support.meta import post, post_body
from tests.support.site import WABA_ID, Site, site
from tests.support.users import CONNECTED_AS_NOBODY, open_folder
from wacrmd.log_sums import INTERVAL, MAX_CAUSES
from wacrmd.services.meta_event_notes import MAX_NOTES
from wacrmd.services.meta_events.ingest import store_notes
from wacrmd.store.account_notices import MAX_KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

READER = (
    CONNECTED_AS_NOBODY
    + """params = {f"p{each}": "x" * 500 for each in range(50)}
call = {"jsonrpc": "2.0", "id": 1, "method": "account.add", "params": params}
for _ in range(int(sys.argv[2])):
    s.sendall(json.dumps(call).encode() + b"\\n")
    assert b'"denied"' in lines.readline()
"""
)


async def rows(here: Site, table: str) -> list[Any]:
    return await here.running.ctx.db.read(lambda tx: tx.execute(f"SELECT * FROM {table}").fetchall())


def unknown(count: int) -> dict[str, Any]:
    """One webhook with statuses of as many numbers, none of which is configured."""
    changes = [
        {
            "field": "messages",
            "value": {
                "metadata": {"phone_number_id": f"9{each:014}"},
                "statuses": [{"id": f"wamid.{each}", "status": "sent", "timestamp": "1700000000"}],
            },
        }
        for each in range(count)
    ]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


async def test_a_webhook_of_a_thousand_unknown_numbers_leaves_two_lines_and_few_notes(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with site(tmp_path, webhooks=False) as here:
            for _ in range(2):
                assert (await post(here.hook, unknown(1000))).status_code == 200
            await store_notes(here.running.ctx)
            notes = await rows(here, "account_event")
    told = [each["count"] for each in events if each["event"] == "meta_webhook_number_unknown"]
    assert told == [1, 1999]
    assert len(notes) <= MAX_NOTES
    assert sum(json.loads(note[3])["count"] for note in notes) == 2000


async def test_a_signed_flood_about_an_own_account_leaves_few_lines_and_notices(tmp_path: Path) -> None:
    def changes(about: Callable[[int], tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        made = [about(each) for each in range(500)]
        listed = [{"field": field, "value": value} for field, value in made]
        return {"object": "whatsapp_business_account", "entry": [{"id": WABA_ID, "changes": listed}]}

    def banned(state: str, _: int) -> tuple[str, dict[str, Any]]:
        return "account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": state}}

    template = {"message_template_id": 1, "message_template_name": "t", "message_template_language": "en"}
    floods = (
        lambda n: ("account_update", {"event": f"INVENTED_{n}"}),
        lambda n: (
            "account_update",
            {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": str(n)}},
        ),
        lambda n: (
            "account_update",
            {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}},
        ),
        lambda n: ("business_capability_update", {"max_daily_conversation_per_phone": n + 1}),
        lambda n: ("template_category_update", template | {"new_category": f"C{n}"}),
        lambda n: (
            "template_category_update",
            template | {"correct_category": f"C{n}", "category_update_timestamp": 1_999_999_999},
        ),
    )
    with capture_logs() as events:
        async with site(tmp_path, webhooks=False) as here:
            for flood in floods:
                assert (await post(here.hook, changes(flood))).status_code == 200
            for state in ("DISABLE", "REINSTATE") * 5:
                made = changes(partial(banned, state))
                assert (await post(here.hook, made)).status_code == 200
            kept = len(await rows(here, "account_notice"))
            (number,) = await here.admin("number.list")
    assert kept <= MAX_KINDS + 20
    assert len(number["notices"]) <= MAX_KINDS
    causes = 2 * MAX_CAUSES + 20  # each has a line at once and one for the minute
    assert len(events) < causes, Counter(each["event"] for each in events)
    assert [each["count"] for each in events if each["event"] == "number_paused"] == [1, 4]


async def test_refusals_are_summed_up_once_a_minute(tmp_path: Path) -> None:
    async def refused(here: Site) -> None:
        for _ in range(20):
            await here.hook.get("/webhooks/meta?hub.mode=subscribe&hub.verify_token=x&hub.challenge=1")
            await here.hook.post(
                "/webhooks/meta", content=b"{}", headers={"X-Hub-Signature-256": "sha256=" + "0" * 64}
            )
            await post_body(here.hook, b"no json")

    with capture_logs() as events:
        async with site(tmp_path, webhooks=False) as here:
            await refused(here)
            here.clock.advance(INTERVAL)
            await here.running.scheduler.run_due()
            await refused(here)
    told = Counter[str]()
    for each in events:
        if each["event"].endswith("_rejected"):
            told[each["event"]] += each["count"]
    names = ("verification", "signature", "body")
    assert told == {f"meta_webhook_{name}_rejected": 40 for name in names}
    assert len([each for each in events if each["event"].endswith("_rejected")]) == 3 * len(names)


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that other users may enter."""
    with open_folder() as folder:
        yield folder


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_denied_calls_of_a_reader_are_two_entries_without_parameters(public: Path) -> None:
    with capture_logs() as events:
        async with site(public, extra='[admin]\nsocket_mode = "0666"\n') as here:
            before = len(await rows(here, "audit"))
            await anyio.run_process([sys.executable, "-I", "-c", READER, str(here.socket), "90"])
            assert len(await rows(here, "audit")) == before + 1
        async with site(public) as here:
            entries = [each for each in await here.admin("audit") if each["result"] == "denied"]
    assert [(each["method"], each["calls"], each["params"]) for each in entries] == [
        ("account.add", 1, {}),
        ("account.add", 89, {}),
    ]
    assert [each["calls"] for each in events if each.get("result") == "denied"] == [1, 89]
