"""What can happen to a draft of a program between the first person and the send."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from tests.drafts.drafting import BY_HAND, drafting, rows_of
from tests.drafts.test_waiting_drafts import found_by_doctor
from tests.ops.test_data_subjects import everything
from tests.ops.test_metrics import values
from tests.ops.test_restore import config_file
from tests.support.clock import ShiftClock, later
from tests.support.site import NUMBER, Site, people, phones, site
from wacrmd import periodic_jobs
from wacrmd.cli.main import main
from wacrmd.clock import DAY, iso, parse_iso
from wacrmd.domain.draft_room import MAX_DRAFTS, SHARE
from wacrmd.services.drafts.worker import DraftWorker
from wacrmd.services.maintenance.retention import prune
from wacrmd.store import after_loss, integrity
from wacrmd.store.backups import copy
from wacrmd.store.salvage import Lost

pytestmark = pytest.mark.anyio

PATH = "/api/v1/broadcasts"
PERSON, OTHER = phones(2)


async def refused(here: Site, method: str, path: str, **body: object) -> tuple[int, str]:
    """Status and message."""
    answer = await here.api.request(method, f"{PATH}/{path}", json=body or None)
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["error"]["message"]


async def change_template(here: Site, set_: str) -> None:
    """Change the synced template in the database, as a sync does."""
    await here.running.ctx.db.write(lambda tx: tx.execute(f"UPDATE template SET {set_}").rowcount)


async def test_a_template_that_has_changed_is_compared_with_everybody_again(tmp_path: Path) -> None:
    hello = {"name": "hello", "language": "en_US", "components": [{"type": "BODY", "text": "Hi {{1}}"}]}
    async with site(tmp_path, extra=BY_HAND, templates=(hello,)) as here:
        await here.api.post("/api/v1/templates/sync")
        draft = await here.send(people(3), draft=True)
        await change_template(here, "status = 'PAUSED'")
        status, said = await refused(here, "POST", f"{draft}/send")
        assert (status, "paused by Meta" in said) == (409, True), said
        assert (await refused(here, "POST", f"{draft}/recipients", recipients=people(1)))[0] == 400
        await change_template(
            here, "status = 'APPROVED', components = replace(components, 'Hi {{1}}', 'Hi {{1}}, {{2}}')"
        )
        answer = await here.api.post(f"{PATH}/{draft}/send")
        error = answer.json()["error"]
        assert (answer.status_code, "template has changed" in error["message"]) == (409, True), error
        assert [each["path"] for each in error["details"]] == [f"{to}.params" for to in phones(3)]
        assert (await here.show(draft))["status"] == "draft"
        await change_template(here, "components = replace(components, 'Hi {{1}}, {{2}}', 'Good day {{1}}')")
        added = await here.api.post(f"{PATH}/{draft}/recipients", json={"recipients": people(1, 3)})
        assert added.status_code == 202, added.text  # fits the new one, as the others do
        assert (await here.api.post(f"{PATH}/{draft}/send")).status_code == 202
        await here.until_status(draft, "sent")
        assert len(here.sim.ledger) == 4
        mixed = await here.send(people(1), draft=True)
        await change_template(here, "components = replace(components, 'Good day {{1}}', 'Bye {{1}}, {{2}}')")
        two = [{"to": PERSON, "params": ["x", "y"]}, {"to": OTHER, "params": ["x", "y"]}]
        added = await here.api.post(f"{PATH}/{mixed}/recipients", json={"recipients": two})
        assert added.json()["data"]["accepted"] == 1
        await change_template(here, "components = replace(components, 'Bye {{1}}, {{2}}', 'Good day {{1}}')")
        assert (await refused(here, "POST", f"{mixed}/send"))[0] == 409  # fits the first, and not the second


async def test_a_dry_run_of_sending_says_what_would_be_and_leaves_the_draft_as_it_is(tmp_path: Path) -> None:
    hello = {"name": "hello", "language": "en_US", "components": [{"type": "BODY", "text": "Hi {{1}}"}]}
    async with site(tmp_path, extra=BY_HAND, templates=(hello,)) as here:
        await here.api.post("/api/v1/templates/sync")
        draft = await here.send([], draft=True, messages_per_second=0.5)

        async def tried(**body: Any) -> dict[str, Any]:
            answer = await here.api.post(f"{PATH}/{draft}/send?dry_run=true", json=body)
            assert answer.status_code == 200, answer.text
            data: dict[str, Any] = answer.json()["data"]
            return data

        empty = await tried()
        (nobody,) = empty["problems"]
        assert empty["status"] is None, "it would be refused, so it would not be sending"
        assert nobody["message"] == "Nobody has been added to this draft: add its recipients first"
        given = {"recipients": [*people(3), people(1)[0], {"to": "x"}]}
        await here.api.post(f"{PATH}/{draft}/recipients", json=given)
        found = await tried()
        assert [found[each] for each in ("accepted", "rejected", "duplicates", "suppressed")] == [3, 1, 1, 0]
        assert (found["dry_run"], found["status"], found["problems"]) == (True, "sending", [])
        assert (found["messages_per_second"], found["route"]["endpoint"]) == (0.5, "messages")
        assert parse_iso(found["forecast"]["last_at"]) > here.clock.now()
        later = await tried(scheduled_at=iso(here.clock.now() + DAY))
        assert (later["status"], later["problems"]) == ("scheduled", [])
        assert (await tried(scheduled_at="2020-01-01T00:00:00Z"))["status"] is None
        (past,) = (await tried(scheduled_at="2020-01-01T00:00:00Z"))["problems"]
        assert past["path"] == "scheduled_at"
        await change_template(here, "components = replace(components, 'Hi {{1}}', 'Hi {{1}}, {{2}}')")
        changed = (await tried())["problems"]
        assert [each["path"] for each in changed] == [f"{to}.params" for to in phones(3)]
        await change_template(here, "components = replace(components, 'Hi {{1}}, {{2}}', 'Hi {{1}}')")
        in_body = await here.api.post(f"{PATH}/{draft}/send", json={"dry_run": True})
        assert "send?dry_run=true" in in_body.text
        assert (await here.show(draft))["status"] == "draft"
        assert (await here.admin("draft.send", id=draft, dry_run=True))["accepted"] == 3
        tomorrow = {"scheduled_at": iso(here.clock.now() + DAY)}
        assert (await here.api.post(f"{PATH}/{draft}/send", json=tomorrow)).status_code == 202
        for query in ("?dry_run=true", ""):
            again = await here.api.post(f"{PATH}/{draft}/send{query}")
            assert again.status_code == 409
            assert "The broadcast is scheduled: only a draft can be sent" in again.text, "both say the same"


async def test_a_removed_number_and_a_drain_stop_it(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        draft, other = [await here.send(people(2), draft=True) for _ in range(2)]
        await here.admin("drain", wait_s=1)
        for path, body in ((f"{draft}/recipients", {"recipients": people(1)}), (f"{draft}/send", {})):
            assert (await refused(here, "POST", path, **body))[0] == 503
        assert (await here.post(people(1), draft=True)).status_code == 503
        assert (await here.api.delete(f"{PATH}/{other}")).status_code == 204
        await DraftWorker(here.running.ctx).send_all()  # as if it had begun before the drain
        assert await here.running.ctx.db.read(lambda tx: rows_of(tx, "broadcast")) == 2
        await here.admin("undrain")
        await DraftWorker(here.running.ctx).send_all()
        assert await here.running.ctx.db.read(lambda tx: rows_of(tx, "broadcast")) == 1
        await here.admin("number.add", **(NUMBER | {"phone_number_id": "77", "default": True}))
        await here.admin("number.remove", id=NUMBER["phone_number_id"])
        for path, body in ((f"{draft}/recipients", {"recipients": people(1)}), (f"{draft}/send", {})):
            status, said = await refused(here, "POST", path, **body)
            assert (status, "number of this draft was removed" in said) == (409, True), said
        assert (await here.api.delete(f"{PATH}/{draft}")).status_code == 204


async def test_operators_see_it_and_it_goes_when_nobody_adds_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        periodic_jobs, "maintenance", lambda *_: []
    )  # it prunes as well, once the clock is ahead
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        old = await here.send(people(300), draft=True)
        german = {"recipients": [{"to": "+4915112345678", "params": ["Jo"]}]}
        await here.api.post(f"{PATH}/{old}/recipients", json=german)
        check = (await here.admin("draft.show", id=old))["check"]
        assert check["countries"] == {"US": 300, "DE": 1}, "for what it costs"
        assert await found_by_doctor(here) == ("ok", "1 draft, none waits", "")
        assert (await values(here))["wacrmd_drafts{state=collecting}"] == 1
        (listed,) = await here.admin("draft.list")
        assert (listed["state"], listed["people"], listed["made_by"]) == (
            "collecting",
            301,
            "the API key tests",
        )
        for name, more in (("upload", {"name": "x"}), ("check", {}), ("change", {"name": "x"})):
            with pytest.raises(Exception, match=r"filled by a program|one open file"):
                await here.admin(f"draft.{name}", id=old, **more)
        clock.advance(89 * DAY)
        new = await here.send(people(1), draft=True)
        assert "draft" not in await prune(here.running.ctx)
        clock.advance(2 * DAY)
        assert (await prune(here.running.ctx))["draft"] == 1
        await DraftWorker(here.running.ctx).send_all()
        assert await here.running.ctx.db.read(lambda tx: rows_of(tx, "broadcast")) == 1
        assert await here.running.ctx.db.read(lambda tx: rows_of(tx, "recipient")) == 1
        await here.admin("draft.send", id=new)
        await here.until_status(new, "sent")
        assert (await here.admin("check-db"))["problems"] == []


async def test_a_key_has_room_for_so_many_and_no_more(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for at in range(MAX_DRAFTS // SHARE):
            made = await here.send([], name=f"{at}", draft=True)
        status, said = refusal = (
            (await here.post([], draft=True)).status_code,
            (await here.post([], draft=True)).text,
        )
        assert (status, "the API key tests has 50 drafts" in said) == (409, True), refusal
        await here.api.delete(f"{PATH}/{made}")
        await here.send([], draft=True)
        ann = drafting(here)
        await ann.new()


async def test_export_and_erasure_reach_it(tmp_path: Path) -> None:
    given = [{"to": PERSON, "params": ["Jane Roe"]}, {"to": OTHER, "params": ["Olga"]}]
    async with site(tmp_path) as here:
        draft = await here.send(given, draft=True)
        exported = (await here.admin("export-person", phone=PERSON))["messages"]
        assert [(each["broadcast_id"], each["params"]) for each in exported] == [(draft, ["Jane Roe"])]
        await here.admin("erase", phone=PERSON)
        left = await here.running.ctx.db.read(everything)
        assert "Jane Roe" not in left
        assert PERSON[1:] not in left
        assert (await here.api.post(f"{PATH}/{draft}/send")).status_code == 202
        shown = await here.until_status(draft, "sent")
        assert (shown["sent_count"], shown["cancelled_count"]) == (1, 1)
        assert [each.send.input for each in here.sim.ledger.entries] == [OTHER]
        alone = await here.send(given[:1], draft=True)
        await here.admin("erase", phone=PERSON)
        assert (await refused(here, "POST", f"{alone}/send"))[0] == 409
        assert (await here.api.delete(f"{PATH}/{alone}")).status_code == 204
        await DraftWorker(here.running.ctx).send_all()
        assert (await here.admin("check-db"))["problems"] == []


async def test_a_person_by_two_numbers_is_in_it_once(tmp_path: Path) -> None:
    """The simulated Meta knows each number by a user id, too."""
    async with site(tmp_path) as here:
        sent = await here.send(people(1))
        await here.until(sent, lambda shown: shown["delivered_count"] == 1)
        await here.sim.idle()
        draft = await here.send(people(1), draft=True)
        user_id = f"US.77{PERSON[1:]}"
        answer = await here.api.post(
            f"{PATH}/{draft}/recipients", json={"recipients": [{"to": user_id, "params": ["Jane"]}]}
        )
        assert (answer.json()["data"]["accepted"], answer.json()["data"]["duplicates"]) == (0, 1)


async def test_an_operator_adds_a_file_and_sends_it_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.csv"
    rows = [f"{phone},Jane" for phone in phones(1003)]
    file.write_text("\n".join(["to,name", *rows, "12,Short", rows[0], ""]))
    async with site(tmp_path) as here:
        draft = await here.send(people(1), draft=True)

        async def run(*line: str) -> tuple[int, str]:
            code = await anyio.to_thread.run_sync(main, ["--socket", str(here.socket), "draft", *line])
            return code, capsys.readouterr().out

        code, out = await run("add-recipients", draft, str(file))
        assert code == 1, "a line was left out"
        assert "1002 people added (1 rejected, 2 duplicates)" in out
        assert "1005" in out, "the line in the file"
        code, out = await run(
            "send",
            draft[:8],
            "--schedule",
            (at := later())[:16].replace("T", " "),
            "--timezone",
            "UTC",
            "--yes",
        )
        assert (code, "1003 people" in out) == (0, True), out
        shown = await here.show(draft)
        assert (shown["status"], shown["scheduled_at"]) == ("scheduled", at)


@pytest.mark.parametrize("table", ["broadcast", "draft"])
async def test_of_a_repaired_file_nobody_is_sent_to_whose_draft_is_lost(tmp_path: Path, table: str) -> None:
    async with site(tmp_path) as here:
        await here.send(people(3), draft=True)
        copy(here.running.ctx.db.path, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db, db:
        db.execute(f"DELETE FROM {table}")
        after_loss.settle(db, Lost(), 1)
    assert integrity.check(tmp_path / "copy.db").problems == []
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db:
        assert rows_of(db, "draft") == 0
        assert rows_of(db, "recipient", "status = 'pending'") == 0


async def test_of_a_restored_backup_only_a_person_sends_it(tmp_path: Path) -> None:
    clock, backup = ShiftClock(), tmp_path / "backup.db"
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    async with site(old, clock=clock) as here:
        draft, other = [await here.send(people(2), draft=True) for _ in range(2)]
        copy(here.running.ctx.db.path, backup)
        key = here.key
    (new / "wacrmd.db.key").touch(mode=0o600)
    (new / "wacrmd.db.key").write_bytes((old / "wacrmd.db.key").read_bytes())
    assert main(["restore", str(backup), "--config", str(config_file(tmp_path, new / "wacrmd.db"))]) == 0
    async with site(new, clock=clock, key=key) as here:
        for path, body in ((f"{draft}/recipients", {"recipients": people(1)}), (f"{draft}/send", {})):
            status, said = await refused(here, "POST", path, **body)
            assert (status, "Restored from backup.db" in said) == (409, True), said
        assert "Restored from backup.db" in (await here.admin("draft.show", id=draft))["problem"]
        assert (await here.api.delete(f"{PATH}/{other}")).status_code == 204
        await here.admin("draft.send", id=draft)
        await here.until_status(draft, "sent")
        assert len(here.sim.ledger) == 2
