"""Signed webhooks with values that Meta never sends: one of them costs no other update, and nothing is retried for ever."""

import asyncio
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.support.meta import metadata, post_body, post_change
from tests.support.patience import PATIENCE_S
from tests.support.site import APP_SECRET, WABA_ID, Site, people, site
from wacrmd.meta import webhook
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio

LONG = "x" * (100 << 10)
DIGITS = "9" * 5000
RAW = (
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    DIGITS,
    f"-{DIGITS}",
    f"{DIGITS}.5",
    "9223372036854775808",
    "-9223372036854775809",
    "1e18",
    "0.1",
    "-1",
    "true",
    "null",
    "[]",
    "{}",
    "[[1]]",
    '[{"id": 1}]',
    '{"id": {}}',
    "[" * 300 + "]" * 300,
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\u0000"',
    r'"a\u0000b"',
    f'"{DIGITS}"',
    f'"wacrmd:a:{DIGITS}:1"',
    f'"wacrmd:a:1:{DIGITS}"',
    '"99999999999999"',
    '"-5"',
    '"\\ud83d\\ude00"',
    '"' + "😀" * 1000 + '"',
)
"""JSON that stands in the place of each value."""

STATUS = {
    "id": "wamid.poison",
    "status": "failed",
    "timestamp": "1795000000",
    "recipient_id": "14155550100",
    "recipient_user_id": "US.1",
    "recipient_parent_user_id": "US.ENT.1",
    "biz_opaque_callback_data": "wacrmd:a:1:1",
    "conversation": {"id": "c", "origin": {"type": "marketing"}, "expiration_timestamp": "1795000000"},
    "pricing": {"billable": True, "pricing_model": "PMP", "category": "marketing", "type": "regular"},
    "errors": [
        {"code": 131026, "title": "t", "message": "m", "error_subcode": 1, "error_data": {"details": "d"}}
    ],
}
MESSAGE = {
    "id": "wamid.from",
    "from": "14155550101",
    "from_user_id": "US.2",
    "from_parent_user_id": "US.ENT.2",
    "timestamp": "1795000000",
    "type": "button",
    "group_id": None,
    "context": {"id": "wamid.of"},
    "button": {"payload": "CANCEL:1", "text": "Cancel"},
    "text": {"body": "hello"},
    "referral": {"source_url": "u"},
}
SYSTEM = {
    "id": "wamid.system",
    "from": "14155550102",
    "timestamp": "1795000000",
    "type": "system",
    "system": {
        "type": "user_changed_number",
        "wa_id": "14155550103",
        "body": "Ann changed from 14155550102 to 14155550103",
        "user_id": "US.3",
        "previous_user_id": "US.4",
    },
}
PREFERENCE = {"wa_id": "14155550104", "user_id": "US.5", "category": "marketing_messages", "value": "stop",
    "timestamp": 1795000000}  # fmt: skip
TEMPLATE = {
    "message_template_id": 1,
    "message_template_name": "hello",
    "message_template_language": "en_US",
    "event": "PAUSED",
    "reason": "r",
    "other_info": {"title": "t", "description": "d"},
    "new_category": "UTILITY",
    "correct_category": "UTILITY",
    "category_update_timestamp": 1795000000,
}
ACCOUNT = {
    "event": "FLAGGED",
    "display_phone_number": "15550783881",
    "current_limit": "TIER_1K",
    "old_limit": "TIER_10K",
    "max_daily_conversations_per_business": 1000,
    "restriction_info": [{"restriction_type": "X", "expiration": 1795000000, "remediation": "r"}],
    "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "d"},
    "violation_info": {"violation_type": "v"},
    "alert_info": {"alert_type": "a", "alert_severity": "CRITICAL", "alert_status": "ACTIVE"},
    "waba_info": {"waba_id": WABA_ID},
}
CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("messages", "statuses", STATUS),
    ("messages", "messages", MESSAGE),
    ("messages", "messages", SYSTEM),
    ("user_preferences", "user_preferences", PREFERENCE),
    ("message_template_status_update", "", TEMPLATE),
    ("template_category_update", "", TEMPLATE),
    ("account_update", "", ACCOUNT),
    ("account_alerts", "", ACCOUNT),
    ("phone_number_quality_update", "", ACCOUNT),
)
HOLE = "\x00hole\x00"


def with_hole(value: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return HOLE
    copy: Any = value.copy()
    copy[path[0]] = with_hole(value[path[0]], path[1:])
    return copy


def paths(value: Any) -> list[tuple[Any, ...]]:
    """The places of all values inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, each in inner for path in ((key,), *((key, *rest) for rest in paths(each)))]


def change(field: str, key: str, one: Any) -> dict[str, Any]:
    value = {"metadata": metadata(), key: [one]} if key else one
    return {"field": field, "value": value}


def poisoned() -> list[str]:
    """The JSON of changes, of messages of their own, in which one value is another one: each place with each value."""
    found = [
        json.dumps(change(field, key, with_hole(one, path))).replace(json.dumps(HOLE), raw)
        for field, key, one in CHANGES
        for path in paths(one)
        for raw in RAW
    ]
    return [each.replace('"wamid.', f'"wamid.{index}.') for index, each in enumerate(found)]


def text_message(message_id: str, **more: Any) -> dict[str, Any]:
    return {"id": message_id, "from": "14155550199", "timestamp": "1795000000", "type": "text",
        "text": {"body": "hi"}, **more}  # fmt: skip


def body_of(changes: list[str]) -> bytes:
    entry = f'{{"id": "{WABA_ID}", "changes": [{", ".join(changes)}]}}'
    return f'{{"object": "whatsapp_business_account", "entry": [{entry}]}}'.encode()


async def stored_messages(here: Site) -> set[str]:
    def read(tx: Tx) -> set[str]:
        return {row[0] for row in tx.execute("SELECT id FROM inbound_message")}

    return await here.running.ctx.db.read(read)


@pytest.mark.exhaustive(only=True)
async def test_no_value_in_any_place_costs_the_updates_beside_it(tmp_path: Path) -> None:
    changes, size = poisoned(), 300
    assert len(changes) > 2_000
    async with site(tmp_path) as here:
        with capture_logs() as events:
            for start in range(0, len(changes), size):
                good = json.dumps(change("messages", "messages", text_message(f"good.{start}")))
                answer = await post_body(here.hook, body_of([*changes[start : start + size], good]))
                assert answer.status_code == 200, answer.text
        crashed = [each for each in events if each["event"] == "meta_webhook_update_crashed"]
        assert not crashed, crashed
        good_ones = {f"good.{start}" for start in range(0, len(changes), size)}
        assert good_ones <= await stored_messages(here)
        assert (await here.api.get("/livez")).status_code == 200
        assert (await here.admin("number.list"))[0]["phone_number_id"]


@pytest.mark.exhaustive(only=True)
async def test_long_texts_are_cut_or_left_out(tmp_path: Path) -> None:
    async with site(tmp_path) as here:

        def measure(tx: Tx) -> int:
            size = 0
            for (table,) in tx.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                for (column,) in tx.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall():
                    found = tx.execute(f'SELECT max(length("{column}")) FROM "{table}"').fetchone()[0]
                    size = max(size, found or 0)
            return size

        for field, key, one in CHANGES:
            for path in paths(one):
                value = with_hole(one, path)
                raw = json.dumps(change(field, key, value)).replace(json.dumps(HOLE), f'"{LONG}"')
                assert (await post_body(here.hook, body_of([raw]))).status_code == 200
        longest = await here.running.ctx.db.read(measure)
        assert longest <= 70_000, "64 KiB, and what stands around it"


async def test_an_update_that_cannot_be_applied_is_noted_and_the_others_are_applied(tmp_path: Path) -> None:
    def refuse_some(tx: Tx) -> None:
        for table, column in (("inbound_message", "id"), ("unmatched_status", "wamid")):
            tx.execute(
                f"CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} WHEN NEW.{column} LIKE 'bad.%'"
                " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
            )

    async with site(tmp_path, delivered_share=0, read_share=0, replied_share=0) as here:
        broadcast_id = await here.send(people(40))
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        await here.running.ctx.db.write(refuse_some)
        wamids = [each.wamid for each in here.sim.ledger.entries]
        ids = [*wamids[:20], "bad.1", "bad.2", *wamids[20:], "bad.3"]
        statuses = [{"id": each, "status": "delivered", "timestamp": "1795000000"} for each in ids]
        messages = [text_message(each) for each in ("a", "bad.4", "b", "bad.5", "c")]
        value = {"metadata": metadata(), "statuses": statuses, "messages": messages}
        with capture_logs() as events:
            for _ in range(2):  # Meta repeats it: nothing counts twice
                assert (await post_change(here.hook, "messages", value)).status_code == 200
        shown = await here.show(broadcast_id)
        assert (shown["delivered_count"], shown["failed_count"]) == (40, 0)
        assert await stored_messages(here) == {"a", "b", "c"}
        crashed = [each for each in events if each["event"] == "meta_webhook_update_crashed"]
        assert {each["kind"] for each in crashed} == {"StatusUpdate", "InboundMessage"}
        assert all(each["whatsapp_message_id"].startswith("bad.") for each in crashed)
        noted = {each["reason"] for each in events if each["event"] == "meta_webhook_part_unreadable"}
        assert noted == {
            "StatusUpdate cannot be applied: IntegrityError",
            "InboundMessage cannot be applied: IntegrityError",
        }


async def test_what_concerns_more_than_one_update_is_sent_again(tmp_path: Path) -> None:
    value = {"metadata": metadata(), "messages": [text_message("a"), text_message("b")]}
    async with site(tmp_path) as here:
        write = here.running.ctx.db.write
        await write(lambda tx: tx.execute("ALTER TABLE inbound_message RENAME TO elsewhere").fetchall())
        with capture_logs():
            assert (await post_change(here.hook, "messages", value)).status_code == 500
        await write(lambda tx: tx.execute("ALTER TABLE elsewhere RENAME TO inbound_message").fetchall())
        assert (await post_change(here.hook, "messages", value)).status_code == 200
        assert await stored_messages(here) == {"a", "b"}


def test_a_webhook_with_too_many_updates_is_read_in_part() -> None:
    statuses = [{"id": f"w{index}", "status": "sent"} for index in range(webhook.MAX_UPDATES + 5)]
    payload = {"entry": [{"changes": [{"field": "messages", "value": {"statuses": statuses}}]}]}
    updates = webhook.parse(payload, 1)
    assert len(updates) == webhook.MAX_UPDATES + 1
    assert "more than 10,000 updates" in getattr(updates[-1], "reason", "")


async def test_a_webhook_with_many_updates_lets_others_be_stored_between(tmp_path: Path) -> None:
    messages = [text_message(f"many.{index}", **{"from": None}) for index in range(1_200)]
    value = {"metadata": metadata(), "messages": messages}
    async with site(tmp_path) as here:
        groups: list[int] = []
        here.running.ctx.db.on_commit = lambda _, writes: groups.append(writes)
        with capture_logs():
            large = asyncio.create_task(post_change(here.hook, "messages", value))
            small = await post_change(
                here.hook, "messages", {"metadata": metadata(), "messages": [text_message("small")]}
            )
        assert (small.status_code, (await large).status_code) == (200, 200)
        assert len(groups) >= 3
        assert len(await stored_messages(here)) == 1_201


LARGEST = 3 << 20


def filled(unit: bytes, head: bytes = b"[", end: bytes = b"]") -> bytes:
    """A body as large as may be, of many times the same."""
    count = (LARGEST - len(head) - len(end)) // (len(unit) + 1)
    return head + b",".join([unit] * count) + end


def of_messages(messages: bytes) -> bytes:
    found = (
        f'{{"field": "messages", "value": {{"metadata": {json.dumps(metadata())}, "messages": MESSAGES}}}}'
    )
    return body_of([found]).replace(b"MESSAGES", messages)


WORST = {
    "lists": filled(b"[]"),
    "objects": filled(b'{"a":{}}'),
    "messages": of_messages(filled(b'{"type":"text"}', end=b"]")[: -(1 << 10)].rpartition(b",")[0] + b"]"),
    "surrogates": b'["' + b"\\ud800" * (LARGEST // 6 - 1) + b'"]',
    "numbers": filled(b"1e999"),
    "names": b"{" + b",".join(b'"%x":1' % index for index in range(240_000)) + b"}",
    "stop": of_messages(json.dumps([text_message("stop", text={"body": "STOP " * 500_000})]).encode()),
}


@pytest.mark.exhaustive(only=True)
async def test_the_worst_signed_bodies_do_not_hold_the_event_loop(tmp_path: Path) -> None:
    """In CPU time of the process between two passes of the loop: its wall time would measure the machine's other load."""
    async with site(tmp_path) as here:
        for name, body in WORST.items():
            assert len(body) <= LARGEST
            posting = asyncio.create_task(asyncio.to_thread(post_from_thread, here, body))
            longest = 0.0
            with capture_logs():
                while not posting.done():
                    began = time.process_time()
                    await asyncio.sleep(0.001)
                    longest = max(longest, time.process_time() - began)
            assert posting.result() in (200, 400), name
            assert longest < 0.25, name


def post_from_thread(here: Site, body: bytes) -> int:
    signature = hmac.new(APP_SECRET.encode(), body, "sha256").hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    return httpx.post(here.webhook_url, content=body, headers=headers, timeout=PATIENCE_S).status_code
