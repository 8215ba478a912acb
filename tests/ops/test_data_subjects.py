"""One person's data: the export has all of it, an erasure removes it, and counts stay right."""

import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.store.rows import opt_out
from tests.support.clock import ShiftClock
from tests.support.meta import inbound_message, status
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import Site, people, phones, site
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import HOUR, SECOND, iso
from wacrmd.store import data_subjects
from wacrmd.store.database import Tx

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

PERSON = phones(1)[0]


async def person_with_data(here: Site) -> str:
    """A person with a message, a reply, an opt-out, a webhook delivery and an audit entry."""
    broadcast_id = await here.send(people(20), name="Spring")
    await here.until_status(broadcast_id, "sent")
    await here.sim.idle()
    account = here.account["id"]

    def store(tx: Tx) -> None:
        opt_out(tx, account_id=account, phone=PERSON)
        tx.execute(
            "INSERT INTO webhook_endpoint (id, account_id, url, events, secret, is_active, created_at, updated_at)"
            " VALUES ('e', ?, 'https://crm.example/hook', '[]', x'', 0, 1, 1)",
            (account,),
        )
        tx.execute(
            "INSERT INTO webhook_delivery (uuid, endpoint_id, event, event_id, body, status, next_attempt_at, created_at,"
            " queued_at) VALUES ('u', 'e', 'message.received', 'evt', ?, 'delivered', 1, 1, 1)",
            (json.dumps({"data": {"from": PERSON}}),),
        )
        params = json.dumps({"phone": PERSON, "account": "shop"})
        tx.execute(
            "INSERT INTO audit (at, via, uid, method, params, result) VALUES (1, 'command', 0, 'optout.add', ?, 'ok')",
            (params,),
        )

    await here.running.ctx.db.write(store)
    return broadcast_id


def everything(tx: Tx) -> str:
    """All rows of all tables as one text."""
    tables = [row[0] for row in tx.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return "\n".join(f"{table} {row}" for table in tables for row in tx.execute(f"SELECT * FROM {table}"))


async def test_an_export_contains_all_that_is_known(tmp_path: Path) -> None:
    async with site(tmp_path, replied_share=1.0, read_share=1.0, delivered_share=1.0) as here:
        broadcast_id = await person_with_data(here)
        found = await here.admin("export-person", phone="+1 (415) 200-0000")
        (message,) = found["messages"]
        assert (message["to"], message["broadcast_id"], message["broadcast"]) == (
            PERSON,
            broadcast_id,
            "Spring",
        )
        assert message["params"] == ["Person 0000"]
        assert message["sent_at"].endswith("Z")
        assert {"attempt", "delivered"} <= {entry["event"] for entry in message["history"]}
        assert len(found["replies"]) == 1
        assert [row["phone"] for row in found["optouts"]] == [PERSON]
        assert any(PERSON in row["body"] for row in found["webhooks"])
        assert [row["method"] for row in found["audit"]] == ["optout.add"]
        assert phones(2)[1] not in json.dumps(found)


async def test_an_erasure_leaves_only_the_optout_and_true_counts(tmp_path: Path) -> None:
    async with site(tmp_path, replied_share=1.0, read_share=1.0, delivered_share=1.0) as here:
        broadcast_id = await person_with_data(here)
        before = await here.show(broadcast_id)
        done = await here.admin("erase", phone=PERSON)
        assert done["optout_kept"] is True
        assert done["erased"]["recipient"] == 1
        assert await here.show(broadcast_id) == before | {
            name: (await here.show(broadcast_id))[name] for name in ("updated_at", "revision")
        }
        left = await here.running.ctx.db.read(everything)
        lines = [line for line in left.splitlines() if PERSON[1:] in line]
        assert {line.split(" ")[0] for line in lines} == {"person_address", "optout"}, lines
        await here.admin("erase", phone=PERSON, forget_optout=True)
        assert PERSON[1:] not in await here.running.ctx.db.read(everything)
        assert PERSON[1:] not in json.dumps(await here.admin("export-person", phone=PERSON)).replace(
            f'"phone": "{PERSON}"', ""
        )
    for name in ("wacrmd.db", "wacrmd.db-wal"):
        assert not (tmp_path / name).exists() or PERSON[1:].encode() not in (tmp_path / name).read_bytes()


NAMING = {"to", "address", "phone", "wa_id", "user_id", "wamid", "params", "body", "answer"}
"""Columns whose text names people."""
TABLES = {
    "recipient",
    "inbound_message",
    "unmatched_status",
    "other_message",
    "optout",
    "person_address",
    "webhook_delivery",
    "audit",
    "idempotency",
}
STAFF = {"user_account", "login_session", "known_browser"}
"""Tables that name users of the dashboard, who are no recipients: `user remove` deletes them."""
KEPT = {"status", "error_title", "held", "country"}
"""Texts of a recipient that say nothing of the person, or only the country, by which the message was billed."""


async def test_a_new_column_or_table_about_people_is_erased_too(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await person_with_data(here)

        def mark(tx: Tx) -> set[str]:
            tables = [row[0] for row in tx.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            columns = {table: tx.execute(f"PRAGMA table_info({table})").fetchall() for table in tables}
            texts = [
                row[1] for row in columns["recipient"] if row[2] == "TEXT" and row[1] not in KEPT | {"to"}
            ]
            values = ", ".join(f"{name} = '[\"Mustermann\"]'" for name in texts)
            tx.execute(f'UPDATE recipient SET {values} WHERE "to" = ?', (PERSON,))
            return {table for table in tables if NAMING & {row[1] for row in columns[table]}}

        assert await here.running.ctx.db.write(mark) - STAFF == TABLES
        assert "Mustermann" in json.dumps(await here.admin("export-person", phone=PERSON))
        await here.admin("erase", phone=PERSON, forget_optout=True)
        assert "Mustermann" not in await here.running.ctx.db.read(everything)


async def test_an_erased_pending_recipient_gets_no_message_even_on_a_retry(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(3), scheduled_at=iso(clock.now() + HOUR))
        await here.admin("erase", phone=PERSON)
        shown = await here.show(broadcast_id)
        assert (shown["cancelled_count"], shown["pending_count"]) == (1, 2)
        clock.advance(2 * HOUR)
        await here.until_status(broadcast_id, "sent")
        await here.running.ctx.db.write(
            lambda tx: tx.execute("UPDATE recipient SET status = 'failed', failed_at = 1").rowcount
        )
        again = await here.api.post(f"/api/v1/broadcasts/{broadcast_id}/retry", json={"statuses": ["failed"]})
        assert again.status_code == 202, again.text
        await here.until_status(broadcast_id, "sent")
        reached = [entry.send.input for entry in here.sim.ledger.entries]
        assert sorted(reached) == sorted(phones(3)[1:] * 2)


async def test_an_erasure_is_refused_while_a_message_is_in_flight(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send(people(1))
        await here.until_status(broadcast_id, "sent")
        await here.running.ctx.db.write(
            lambda tx: tx.execute("UPDATE recipient SET status = 'sending', claimed_at = 9e15").rowcount
        )
        with pytest.raises(RpcError, match="on its way just now"):
            await here.admin("erase", phone=PERSON)
        with pytest.raises(RpcError, match="expected a phone number"):
            await here.admin("erase", phone="nobody")


async def test_the_audit_names_a_person_in_one_form_so_that_an_erasure_finds_it(tmp_path: Path) -> None:
    """However an operator wrote the number; a longer number that contains it is somebody else's."""
    longer = "+4314152000000"
    async with site(tmp_path) as here:
        for written in ("+1 (415) 200-0000", "1-415-200-0000", "0014152000000"):
            await here.admin("optout.add", phone=written, detail="asked by Erika Mustermann")
            await here.admin("optout.remove", phone=written)
        await here.admin("optout.import", csv="phone,detail\n+1 415 200 0000,Erika Mustermann\n")
        await here.admin("optout.add", phone=longer, detail="another one")
        exported = await here.admin("export-person", phone=PERSON)
        assert [json.loads(entry["params"])["phone"] for entry in exported["audit"]] == [PERSON] * 6
        await here.admin("erase", phone=PERSON, forget_optout=True)
        left = await here.running.ctx.db.read(everything)
        assert "Mustermann" not in left
        assert "415 200" not in left
        assert left.count(PERSON[1:]) == left.count(longer[1:]) == 3


async def test_an_erased_failure_that_meta_reported_stays_one(tmp_path: Path) -> None:
    """Meta gave no error code: the message id alone tells it from a failure that wacrmd assumed."""
    async with site(tmp_path, webhooks=False) as here:
        broadcast_id = await here.send(people(1))
        await here.until_status(broadcast_id, "sent")
        (entry,) = here.sim.ledger.entries
        token = json.loads(entry.body)["biz_opaque_callback_data"]
        await status(here, entry.wamid, "failed", biz_opaque_callback_data=token)
        assert (await here.show(broadcast_id))["failed_count"] == 1
        await here.admin("erase", phone=PERSON)
        await status(here, entry.wamid, "sent", biz_opaque_callback_data=token)
        assert (await here.show(broadcast_id))["failed_count"] == 1


async def test_a_repeated_request_sends_nothing_again_after_an_erasure(tmp_path: Path) -> None:
    """Its stored answer names the person; without the answer the request would make a second broadcast."""
    async with site(tmp_path) as here:
        body = {"template_name": "hello", "recipients": [*people(2), {"to": "415", "params": ["Ana"]}]}
        first = await here.api.post("/api/v1/broadcasts", json=body, headers={"Idempotency-Key": "k"})
        await here.until_status(first.json()["data"]["broadcast_id"], "sent")
        await here.running.ctx.db.write(
            lambda tx: (
                tx.execute("UPDATE idempotency SET answer = replace(answer, '415', ?)", (PERSON,)).rowcount
            )
        )
        await here.admin("erase", phone=PERSON)
        again = await here.api.post("/api/v1/broadcasts", json=body, headers={"Idempotency-Key": "k"})
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json()["data"]["rejections"][0]["to"] == "[erased]"
        assert len(here.sim.ledger.entries) == 2


@pytest.mark.parametrize("late", ["delivered", "failed"])
async def test_nothing_comes_back_after_an_erasure(tmp_path: Path, late: str) -> None:
    """A status was faster than Meta's answer, so the row is not in flight. Another status and the answer come later."""
    async with site(tmp_path, clock=ShiftClock()) as here:
        here.sim.change(hold_answers=True, webhooks=False)
        await here.send(people(1))
        await eventually(lambda: len(here.sim.ledger.entries) == 1)
        (entry,) = here.sim.ledger.entries
        names = {
            "recipient_id": PERSON[1:],
            "biz_opaque_callback_data": json.loads(entry.body)["biz_opaque_callback_data"],
        }
        error = {"code": 131026, "title": "Undeliverable", "error_data": {"details": f"{PERSON} is no user"}}
        await status(here, entry.wamid, "sent", **names)
        await here.admin("erase", phone=PERSON)
        await status(here, entry.wamid, late, **names, errors=[error])
        with here.running.ctx.changes.watch_all() as changed, anyio.fail_after(PATIENCE_S):
            here.sim.change(hold_answers=False)
            while "'attempt', 1," not in (left := await here.running.ctx.db.read(everything)):
                await changed.wait()
                changed.clear()
        assert late in left
        assert PERSON[1:] not in left
        assert entry.wamid not in left


async def test_the_message_before_a_retry_is_exported_and_erased_too(tmp_path: Path) -> None:
    """Meta's id of a message has the phone number in it, and what comes of it later names nobody again."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, webhooks=False) as here:
        broadcast_id = await here.send(people(1))
        await here.until_status(broadcast_id, "sent")
        clock.advance(2 * HOUR)
        retry = f"/api/v1/broadcasts/{broadcast_id}/retry"
        assert (await here.api.post(retry, json={"not_delivered_after_hours": 1})).status_code == 202
        await eventually(lambda: len(here.sim.ledger.entries) == 2)
        await here.until_status(broadcast_id, "sent")
        old, new = here.sim.ledger.entries
        (message,) = (await here.admin("export-person", phone=PERSON))["messages"]
        assert message["whatsapp_message_id"] == new.wamid
        assert message["other_whatsapp_message_ids"] == [old.wamid]
        await here.admin("erase", phone=PERSON)
        for entry in (old, new):
            names: dict[str, Any] = {"recipient_id": PERSON[1:]}
            names["biz_opaque_callback_data"] = entry.send.callback_data
            await status(here, entry.wamid, "sent", **names)
        left = await here.running.ctx.db.read(everything)
        assert not any(each in left for each in (old.wamid, new.wamid, PERSON[1:]))


async def test_an_erasure_for_one_account_keeps_the_data_of_others(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.send(people(1))
        other = await here.admin("account.add", name="other")
        await here.running.ctx.db.write(partial(opt_out, account_id=other["id"], phone=PERSON))
        assert (await here.admin("export-person", phone=PERSON, account="other"))["messages"] == []
        await here.admin("erase", phone=PERSON, account="other", forget_optout=True)
        found = await here.admin("export-person", phone=PERSON)
        assert (len(found["messages"]), found["optouts"]) == (1, [])


async def test_deleted_content_is_overwritten_before_and_after_an_erasure(tmp_path: Path) -> None:
    """With any default of SQLite's build; and an erasure must not change the setting for later deletions."""

    def overwrites(tx: Tx) -> bool:
        return bool(tx.execute("PRAGMA secure_delete").fetchone()[0])

    async with site(tmp_path) as here:
        db = here.running.ctx.db
        assert await db.outside_transaction(overwrites)
        await here.admin("erase", phone=PERSON)
        assert await db.outside_transaction(overwrites)


async def test_the_wal_is_emptied_when_the_reader_that_prevented_it_is_gone(tmp_path: Path) -> None:
    """Such as a long backup. It is done also after a restart, because the database records that it is due."""
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(3))
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        log = tmp_path / "wacrmd.db-wal"
        with closing(sqlite3.connect(tmp_path / "wacrmd.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM recipient").fetchone()
            await here.admin("erase", phone=PERSON)
            assert PERSON[1:].encode() in log.read_bytes()
        with anyio.fail_after(PATIENCE_S):
            # until the scheduler has done it
            while await here.running.ctx.db.read(data_subjects.left_in_wal):
                here.clock.advance(10 * SECOND)
                await anyio.sleep(0.05)
        assert PERSON[1:].encode() not in log.read_bytes()


async def test_recipients_that_are_added_during_the_search_are_erased_too(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        db = here.running.ctx.db
        await here.until_status(await here.send(people(1)), "sent")
        await here.sim.idle()
        subject = data_subjects.DataSubject(PERSON, None)
        subject.collected_to = await db.read(data_subjects.newest_ids)
        await here.until_status(await here.send(people(1)), "sent")
        await here.sim.idle()
        await db.write(partial(data_subjects.collect_newer, subject=subject))
        assert len(subject.recipients) == 2


async def test_an_erasure_keeps_no_opt_out_that_was_lifted(tmp_path: Path) -> None:
    """Nobody has to be kept from the next broadcast by it."""
    async with site(tmp_path) as here:
        await here.admin("optout.add", phone=PERSON)
        await here.admin("optout.remove", phone=PERSON)
        await here.admin("erase", phone=PERSON)
        tables = ("optout", "person", "person_address")
        left = await here.running.ctx.db.read(
            lambda tx: [tx.execute(f"SELECT count(*) FROM {each}").fetchone()[0] for each in tables]
        )
        assert left == [0, 0, 0]


async def test_an_export_has_the_buttons_that_the_person_tapped(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await here.until_status(await here.send(people(2)), "sent")
        for entry in here.sim.ledger.entries:
            await inbound_message(
                here, wa_id=entry.send.wa_id, button={"text": f"I am {entry.send.input}"}, context=entry.wamid
            )
        (message,) = (await here.admin("export-person", phone=PERSON))["messages"]
        assert message["buttons"] == [f"I am {PERSON}"]
