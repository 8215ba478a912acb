"""Broadcasts on the command line and over the admin socket, with a whole site."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.operator.conftest import Wacrmd
from tests.support.clock import ShiftClock
from tests.support.site import people, phones, site
from wacrmd.admin.protocol import RpcError

pytestmark = pytest.mark.anyio


async def test_a_dry_run_of_a_broadcast_with_a_pace_says_when_the_last_one_goes(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("to\n" + "\n".join(phones(30)))
    async with site(tmp_path):
        line = ["broadcast", "create", "--csv", str(file), "--template", "hello", "--dry-run"]
        _, out, _ = await wacrmd(*line)
        assert "30 people, about 1 s\n" in out
        assert "the last one" not in out
        _, out, _ = await wacrmd(*line, "--spread", str(48 * 60))
        assert "30 people\n" in out
        assert re.search(r"\n1[56] of 30 go in the first 24 hours, the last one about 2", out), out
        _, out, _ = await wacrmd(*line, "--rate", "0.5")
        assert "\n30 of 30 go in the first 24 hours, the last one about 2" in out


async def test_a_csv_file_is_validated_and_then_sent(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file = tmp_path / "people.csv"
    good = phones(6)
    lines = ["to;name;city", *(f"{phone};Jo {at};Köln" for at, phone in enumerate(good))]
    lines[3:3] = ["12;Bad;Ulm", "+14155550199;;Ulm", "", f"{good[0]};Again;Ulm", "1,41556E+10;Rounded;Ulm"]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    async with site(tmp_path) as here:
        line = ["broadcast", "create", "--csv", str(file), "--template", "hello", "--language", "de"]
        code, out, err = await wacrmd(*line, "--dry-run")
        assert code == 1
        assert "{{1}} name" in out.splitlines()[0]
        assert "6 people" in out
        assert "3 rejected, 1 more than once" in out
        assert "line 4 (12): not a valid phone number" in err
        assert "line 5 (+14155550199): has nothing in column name" in err
        assert "line 8 (1,41556E+10): is a number that a spreadsheet has rounded" in err
        assert here.sim.ledger.entries == []
        assert await here.admin("broadcast.list") == []
        code, out, _ = await wacrmd(*line, "--yes")
        assert code == 1
        (shown,) = await here.admin("broadcast.list")
        assert shown["id"] in out
        assert shown["name"] == "people.csv (hello)"
        await here.until_status(shown["id"], "sent")
        assert {entry.send.input for entry in here.sim.ledger.entries} == set(good)
        body = json.loads(here.sim.ledger.entries[0].body or b"")["template"]
        assert body["language"] == {"code": "de"}
        assert [one["text"] for one in body["components"][0]["parameters"]][1] == "Köln"


async def test_json_prints_only_the_result_and_numbered_columns_are_ordered(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("{{2}},to,{{1}}\nsecond,+14155550123,first\n")
    async with site(tmp_path) as here:
        code, out, _ = await wacrmd(
            "--json", "broadcast", "create", "--csv", file, "--template", "hello", "--yes"
        )
        made = json.loads(out)
        assert (code, made["accepted"], made["account"]) == (0, 1, "shop")
        await here.until_status(made["broadcast_id"], "sent")
        body = json.loads(here.sim.ledger.entries[0].body or b"")["template"]
        assert [one["text"] for one in body["components"][0]["parameters"]] == ["first", "second"]


async def test_the_error_of_a_file_with_too_many_recipients_says_what_to_do(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    file = tmp_path / "people.csv"
    async with site(tmp_path, extra="[limits]\nmax_recipients = 20\n"):
        line = ["broadcast", "create", "--csv", file, "--template", "hello", "--yes"]
        file.write_text("to,text\n" + "".join(f"{phone},x\n" for phone in phones(21)))
        code, _, err = await wacrmd(*line)
        assert code == 1
        assert "at most 20 recipients" in err
        file.write_text("to,text\n" + "".join(f"{phone},{'x' * 100_000}\n" for phone in phones(20)))
        code, _, err = await wacrmd(*line)
        assert code == 1
        assert "split the file" in err
        code, _, err = await wacrmd(
            "broadcast", "create", "--csv", tmp_path / "none.csv", "--template", "x", "--yes"
        )
        assert (code, "No such file" in err) == (1, True)


async def test_watching_shows_progress_and_the_reasons_of_failures(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(
        tmp_path, messages_per_second=200, failed_share=0.2, failed_codes=(131026,), delivered_after_ms=50
    ) as here:
        broadcast_id = await here.send(people(100))
        code, out, _ = await wacrmd("broadcast", "watch", broadcast_id[:8])
        assert code == 0
        lines = out.splitlines()
        assert any(line.startswith("sent: 100/100 (100 %)") for line in lines)
        failed = (await here.show(broadcast_id))["failed_count"]
        assert failed
        assert lines[-1].startswith(f"failed: {failed} x 131026:")
        code, out, _ = await wacrmd("broadcast", "show", broadcast_id[:8], "--json")
        (reason,) = json.loads(out)["failures"]
        assert (reason["code"], reason["count"]) == (131026, failed)
        assert reason["advice"]
        code, out, _ = await wacrmd("broadcast", "watch", broadcast_id, "--json")
        assert json.loads(out.splitlines()[-1])["finished"] is True


async def test_recipients_are_listed_shown_and_exported(tmp_path: Path, wacrmd: Wacrmd) -> None:
    numbers = phones(30)
    async with site(tmp_path, failed_recipients=(f"{numbers[0]}=131026",)) as here:
        broadcast_id = await here.send(people(30))
        await here.until(broadcast_id, lambda shown: shown["failed_count"] == 1)
        code, out, _ = await wacrmd("broadcast", "recipients", broadcast_id[:6], "--status", "failed")
        assert code == 0
        assert out.splitlines()[1].split()[1:3] == [numbers[0], "failed"]
        _, out, _ = await wacrmd("broadcast", "recipients", broadcast_id, "--to", numbers[0])
        assert "131026" in out
        assert "attempt" in out
        found = await here.admin("broadcast.recipients", id=broadcast_id, limit=10)
        assert len(found) == 10
        more = await here.admin("broadcast.recipients", id=broadcast_id, before=found[-1]["id"], limit=30)
        assert {one["to"] for one in found + more} == set(numbers)
        code, out, _ = await wacrmd("broadcast", "export", broadcast_id[:6])
        assert code == 0
        assert [row["to"] for row in csv.DictReader(io.StringIO(out))] == numbers
        _, out, _ = await wacrmd(
            "broadcast", "export", broadcast_id, "--format", "jsonl", "--status", "failed"
        )
        assert json.loads(out)["to"] == numbers[0]
        with pytest.raises(RpcError, match="not found"):
            await here.admin("broadcast.recipients", id=broadcast_id, to="+14155559999")


async def test_a_broadcast_is_paused_resumed_and_cancelled(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path, clock=ShiftClock(stopped=True), messages_per_second=5) as here:
        broadcast_id = await here.send(people(50))
        code, out, err = await wacrmd("broadcast", "pause", broadcast_id[:8])
        assert code == 0
        assert "is paused" in out
        assert "Paused by" in err
        assert (await here.show(broadcast_id))["hold"]["reason"] == "paused_by_operator"
        code, out, _ = await wacrmd("broadcast", "resume", broadcast_id[:8])
        assert "is sending" in out
        code, out, _ = await wacrmd("broadcast", "cancel", broadcast_id[:8], "--yes")
        assert code == 0
        assert "is cancelled" in out
        code, _, err = await wacrmd("broadcast", "resume", broadcast_id[:8])
        assert code == 1
        assert "cancelled" in err


async def test_failed_and_uncertain_recipients_are_sent_again_only_by_a_retry(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    numbers = phones(6)
    async with site(tmp_path, refused_recipients=(f"{numbers[0]}=131026",)) as here:
        broadcast_id = await here.send(people(3))
        await here.until_status(broadcast_id, "sent")
        here.sim.change(refused_recipients=[])
        code, out, _ = await wacrmd("broadcast", "retry", broadcast_id[:8])
        assert code == 0
        assert out.startswith("Sending again to 1 person.")
        await here.until(broadcast_id, lambda shown: shown["sent_count"] == 3)
        _, out, _ = await wacrmd("broadcast", "retry", broadcast_id[:8])
        assert out == "There is no recipient to send to again.\n"

        here.sim.change(close_after_share=1.0, webhooks=False)
        uncertain_id = await here.send(people(3, start=3))
        await here.until(uncertain_id, lambda shown: shown["uncertain_count"] == 3)
        _, out, _ = await wacrmd("broadcast", "retry", uncertain_id[:8], "--failed")
        assert out == "There is no recipient to send to again.\n"
        here.sim.change(close_after_share=0.0, webhooks=True)
        code, out, err = await wacrmd("broadcast", "retry", uncertain_id[:8], "--uncertain", "--yes")
        assert code == 0
        assert "may get the message twice" in err
        await here.until(uncertain_id, lambda shown: shown["sent_count"] == 3)


async def test_give_up_counts_uncertain_recipients_as_failed(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path, close_after_share=1.0, webhooks=False) as here:
        broadcast_id = await here.send(people(2))
        await here.until(broadcast_id, lambda shown: shown["uncertain_count"] == 2)
        code, out, _ = await wacrmd("broadcast", "give-up", broadcast_id[:8], "--yes")
        assert (code, out) == (0, "Counted as failed: 2 people.\n")
        assert (await here.show(broadcast_id))["failed_count"] == 2


async def test_an_ambiguous_id_and_an_unknown_account_are_errors(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        with pytest.raises(RpcError, match="not found"):
            await here.admin("broadcast.show", id="zz")
        await here.admin("account.add", name="other")
        draft = {"template_name": "hello", "recipients": [{"to": "+14155550123"}]}
        with pytest.raises(RpcError, match=r"name one of the accounts \(other, shop\)"):
            await here.admin("broadcast.create", **draft)
        with pytest.raises(RpcError, match="has no WhatsApp number"):
            await here.admin("broadcast.create", account="other", **draft)
        beginnings = [(await here.send(people(1)))[0] for _ in range(17)]
        twice = next(one for one in beginnings if beginnings.count(one) > 1)
        with pytest.raises(RpcError, match="Several broadcasts begin with"):
            await here.admin("broadcast.show", id=twice)
