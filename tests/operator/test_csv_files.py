"""CSV files of people through the command and the socket: the right ones are taken, and every other line is told."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import anyio.to_thread
import pytest

from tests.operator.conftest import Wacrmd
from tests.support.exhaustive import spread
from tests.support.patience import PATIENCE_S
from tests.support.site import Site, people, phones, site
from tests.support.terminal import terminal

pytestmark = pytest.mark.anyio

GOOD = "+4915123456001"


async def opted_out(here: Site) -> list[str]:
    found = await here.admin("optout.list", limit=1000)
    return sorted(one["phone"] or one["user_id"] for one in found)


CERTAIN = {
    "customer number first": b"Kundennummer;Mobil;Grund\r\n4915112345001;+4915123456001;will nicht\r\n",
    "sep line": b"sep=;\r\nName;Handy\r\nA;+4915123456001\r\n",
    "cells at the end": b"Name;Mobile;;\r\nA;+4915123456001;;\r\n",
    "quoted header": b'"Name, first";"Phone\r\nnumber"\r\n"A;b";+4915123456001\r\n',
    "apostrophe": b"phone\r\n'+4915123456001\r\n",
    "text formula": b'phone\r\n="+4915123456001"\r\n"=""+4915123456001"""\r\n',
    "utf-16": "\ufeffनाम\tमोबाइल\r\nA\t+4915123456001\r\n".encode("utf-16-le"),
    "utf-16 big": "\ufeffИмя;Телефон\r\nA;+4915123456001\r\n".encode("utf-16-be"),
    "utf-8 with a mark": "\ufeffİsim;Cep Telefonu\nA;+4915123456001\n".encode(),
    "old line ends": b"Name,No. HP\rA,+4915123456001\r",
    "pipe": b"Nombre|Tel\xc3\xa9fono m\xc3\xb3vil\n|+4915123456001\n",
    "no header": b"1;+4915123456001;Handy\n",
    "a stray quote": b'phone;note\n"+4915123456001;"oh\n',
}


async def test_a_phone_column_that_is_certain_is_imported(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file = tmp_path / "stop.csv"
    async with site(tmp_path) as here:
        for name, raw in CERTAIN.items():
            file.write_bytes(raw)
            code, _, err = await wacrmd("optout", "import", file)
            assert (code, err) == (0, ""), name
            assert await opted_out(here) == [GOOD], name
            await here.admin("optout.remove", account="shop", phone=GOOD)


REFUSED = {
    "unknown header": (
        b"Kundennummer;Nr2\n4915112345001;+4915123456001\n",
        "found: Kundennummer, Nr2; name it with --col",
    ),
    "two columns": (b"Phone;Mobile\n+4915112345001;+4915123456001\n", "(Phone, Mobile)"),
    "no header": (b"4915112345001;4915123456001\n", "it is not certain which column"),
    "customer numbers": (b"Number\n4915112345001\n", "may be the number of a customer"),
    "odd utf-16": ("\ufeffphone\n+4915123456001\n".encode("utf-16-le") + b"+", "damaged UTF-16"),
    "windows-1252": ("phone;note\n+4915123456001;schön\n".encode("cp1252"), "line 2: expected UTF-8 text"),
    "damage at the end": (b"phone\n" + b"+4915123456001\n" * 20_000 + b"\xff", "line 20002: expected UTF-8"),
    "a workbook": (b"PK\x03\x04" + b"x" * 100, "is an Excel or LibreOffice workbook"),
    "nothing": (b"\n \n", "the file is empty"),
}


@pytest.mark.parametrize("command", ["import", "create"])
async def test_a_file_that_is_not_certain_is_refused_as_a_whole(
    tmp_path: Path, wacrmd: Wacrmd, command: str
) -> None:
    file = tmp_path / "people.csv"
    line = ["optout", "import", file]
    if command == "create":
        line = ["broadcast", "create", "--csv", file, "--template", "hello", "--yes"]
    async with site(tmp_path) as here:
        for name, (raw, said) in REFUSED.items():
            file.write_bytes(raw)
            code, out, err = await wacrmd(*line)
            assert (code, out) == (1, ""), name
            assert f"people.csv: {'the file ' if said.startswith('is an') else ''}" in err, name
            if not (command == "create" and name == "no header"):
                assert said in err, name
            assert await opted_out(here) == [], name
            assert await here.admin("broadcast.list") == [], name


async def test_the_column_can_be_named(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"Kundennr;Nr2\n4915112345001;{GOOD}\n")
    async with site(tmp_path) as here:
        assert (await wacrmd("optout", "import", file, "--column", "2"))[0] == 0
        assert await opted_out(here) == [GOOD]
        file.write_text(f"Kundennr;Nr2\n4915112345001;{phones(1)[0]}\n")
        line = ["broadcast", "create", "--csv", file, "--template", "hello", "--column", "nr2", "--yes"]
        code, _, _ = await wacrmd(*line)
        assert code == 0
        (made,) = await here.admin("broadcast.list")
        await here.until_status(made["id"], "sent")
        assert [entry.send.input for entry in here.sim.ledger.entries] == phones(1)


@pytest.mark.parametrize("command", ["import", "create"])
async def test_a_country_code_in_its_own_column_is_a_part_of_the_number(
    tmp_path: Path, wacrmd: Wacrmd, command: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("CountryCode,Phone\n91,9876543210\n,9876543211\n999,9876543212\n")
    line = ["optout", "import", file]
    if command == "create":
        line = ["broadcast", "create", "--csv", file, "--template", "hello", "--yes"]
    async with site(tmp_path) as here:
        await here.admin("account.set", name="shop", country="DE")
        code, _, err = await wacrmd(*line)
        assert (code, err.count("CountryCode")) == (1, 2), err
        if command == "import":
            assert await opted_out(here) == ["+919876543210"]
        else:
            (made,) = await here.admin("broadcast.list")
            (one,) = await here.admin("broadcast.recipients", id=made["id"], limit=5)
            assert one["to"] == "+919876543210"


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    "form", ["{}\n", '"{}";"a note; that makes the file need parts, said ""she"""\n', "{}|x\r\n"]
)
async def test_a_large_file_without_a_header_loses_no_line(tmp_path: Path, wacrmd: Wacrmd, form: str) -> None:
    file = tmp_path / "stop.csv"
    numbers = spread(phones(10_000), 1500)
    form = form.replace("note", "note" * (10_000 // len(numbers)))
    file.write_text("".join(form.format(number) for number in numbers), newline="")
    async with site(tmp_path):
        code, out, _ = await wacrmd("optout", "import", file, "--json")
        done = json.loads(out)
        assert (code, done["added"], done["rejected"], done["errors"]) == (0, len(numbers), 0, [])
        _, out, _ = await wacrmd("optout", "export", "--account", "shop")
        assert {line.split(",")[0] for line in out.splitlines()[1:]} == set(numbers)


@pytest.mark.exhaustive(only=True)
async def test_a_stray_quote_stops_no_line_of_a_file_of_more_than_a_mebibyte(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    numbers = phones(30_000)
    note = "a note about the person, her order"
    lines = [f"{number},{note}" for number in numbers]
    lines[17] = f'{numbers[17]},"a note'
    file = tmp_path / "stop.csv"
    file.write_text("phone,note\n" + "\n".join(lines))
    assert file.stat().st_size > 1 << 20
    async with site(tmp_path):
        code, out, err = await wacrmd("optout", "import", file)
        assert (code, err) == (0, "")
        assert out.startswith(f"{len(numbers)} people opted out")


async def test_rejected_lines_are_written_corrected_and_imported(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file, rejected = tmp_path / "stop.csv", tmp_path / "rejected.csv"
    raw = f'\ufeffsep=;\r\nName;Mobil;Grund\r\nA;{GOOD};x\r\n"Müller;\nB";12;"a ""b"""\r\nC;;\r\nD;4.91512E+11;\r\n'
    file.write_text(raw, newline="")
    async with site(tmp_path) as here:
        code, out, _ = await wacrmd("optout", "import", file, "--rejected", rejected, "--json")
        told = json.loads(out)
        assert (code, told["added"], told["rejected"]) == (1, 1, 3)
        assert [one["line"] for one in told["errors"]] == [4, 6, 7]
        assert all(one["message"] for one in told["errors"])
        text = rejected.read_text(encoding="utf-8-sig")
        assert text.startswith("sep=;\nrejected_because;Name;Mobil;Grund\n")
        assert '"Müller;\nB";12;"a ""b"""' in text
        table = list(csv.DictReader(io.StringIO(text.partition("\n")[2]), delimiter=";"))
        assert [row["Mobil"] for row in table] == ["12", "", "4.91512E+11"]
        assert [row["rejected_because"] for row in table] == [one["message"] for one in told["errors"]]
        code, _, err = await wacrmd("optout", "import", rejected, "--rejected", rejected)
        assert (code, "would overwrite" in err) == (2, True)
        again = tmp_path / "again.csv"
        corrected = text.replace(";12;", ";+4915123456002;").replace("4.91512E+11", "+4915123456003")
        rejected.write_text(corrected.replace("C;;", "C;+4915123456004;"))
        assert (await wacrmd("optout", "import", rejected, "--rejected", again))[0] == 0
        assert not again.exists()
        assert await opted_out(here) == [GOOD, "+4915123456002", "+4915123456003", "+4915123456004"]
        found = await here.admin("optout.list", limit=10)
        assert 'a "b"' in [one["detail"] for one in found]


@pytest.mark.parametrize("command", ["import", "create"])
async def test_a_file_that_existed_is_kept_until_a_line_is_rejected(
    tmp_path: Path, wacrmd: Wacrmd, command: str
) -> None:
    file, rejected = tmp_path / "people.csv", tmp_path / "kept.csv"
    line = ["optout", "import", file]
    if command == "create":
        line = ["broadcast", "create", "--csv", file, "--template", "hello", "--yes"]
    async with site(tmp_path):
        rejected.write_text("another file\n" * 100)
        for text, code, said in (
            ("Name;Nr2\nA;1\n", 1, "no column is known"),
            (f"phone\n{GOOD}\n", 0, "stays as it was: no line was rejected"),
        ):
            file.write_text(text)
            found, _, err = await wacrmd(*line, "--rejected", rejected)
            assert (found, said in err) == (code, True), err
            assert rejected.read_text() == "another file\n" * 100
        file.write_text(f"phone\n{phones(1)[0]}\n12\n")
        assert (await wacrmd(*line, "--rejected", rejected))[0] == 1
        assert rejected.read_text().startswith("rejected_because,phone\n")
        assert "another file" not in rejected.read_text()
        for name in ("-", tmp_path / "no" / "folder.csv"):
            code, _, err = await wacrmd(*line, "--rejected", name)
            assert (code, "--rejected" in err or "cannot write" in err) == (2 if name == "-" else 1, True), (
                err
            )


async def test_a_broadcast_of_a_file_says_when_it_starts(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"to\n{GOOD}\n")
    begin = datetime.now(ZoneInfo("Asia/Kolkata")).replace(second=0, microsecond=0) + timedelta(days=2)
    shown = f"{begin:%Y-%m-%d %H:%M} +05:30 (Asia/Kolkata), {begin.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    line = ["broadcast", "create", "--csv", file, "--template", "hello"]
    when = [f"--schedule={begin:%Y-%m-%d %H:%M}", "--timezone", "Asia/Kolkata"]
    async with site(tmp_path) as here:
        _, out, err = await wacrmd(*line, *when, "--dry-run")
        assert f"Starts at {shown}" in out, err
        _, out, _ = await wacrmd(*line, "--dry-run")
        assert "Starts at once" in out
        _, out, _ = await wacrmd(*line, *when, "--yes")
        assert out.count(f"tarts at {shown}") == 2
        _, out, _ = await wacrmd(*line, *when, "--json", "--yes")
        utc = json.loads(out)["scheduled_at"]
        assert datetime.fromisoformat(utc) == begin
        assert {one["scheduled_at"][:19] for one in await here.admin("broadcast.list")} == {utc[:19]}


async def test_a_file_with_a_header_alone_says_so(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file = tmp_path / "stop.csv"
    file.write_text("phone,note\n\n")
    async with site(tmp_path):
        code, out, err = await wacrmd("optout", "import", file)
        assert (code, out.startswith("0 people opted out")) == (0, True)
        assert err == f"{file} has a header and no lines below it.\n"
        file.write_text('[{"phone":"+4915123456001"}]')
        code, out, err = await wacrmd("optout", "import", file)
        assert (code, out, "the file is JSON" in err) == (1, "", True)


async def test_lines_that_are_left_out_of_a_broadcast_are_told_and_written(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    good = phones(2)
    file, rejected = tmp_path / "people.csv", tmp_path / "rejected.csv"
    file.write_text(f"to,name\n{good[0]},A\n4.91512E+11,B\n+49151,C\n\n{good[1]},D\n+14155550199,\n")
    line = ["broadcast", "create", "--csv", file, "--template", "hello", "--rejected", rejected]
    async with site(tmp_path) as here:
        code, out, err = await wacrmd(*line, "--json", "--yes")
        made = json.loads(out)
        assert (code, made["accepted"], made["rejected"]) == (1, 2, 3)
        assert [(one["line"], one["to"]) for one in made["rejections"]] == [
            (3, "4.91512E+11"),
            (4, "+49151"),
            (7, "+14155550199"),
        ]
        assert all(one["reason"] for one in made["rejections"])
        assert [line.partition(" (")[0] for line in err.splitlines() if line.startswith("line")] == [
            "line 3",
            "line 4",
            "line 7",
        ]
        table = list(csv.DictReader(io.StringIO(rejected.read_text())))
        assert [(row["to"], row["name"]) for row in table] == [
            ("4.91512E+11", "B"),
            ("+49151", "C"),
            ("+14155550199", ""),
        ]
        await here.until_status(made["broadcast_id"], "sent")
        assert {entry.send.input for entry in here.sim.ledger.entries} == set(good)
        corrected = tmp_path / "corrected.csv"
        text = (
            rejected.read_text().replace("4.91512E+11", phones(3)[2]).replace("+49151,", f"{phones(4)[3]},")
        )
        corrected.write_text(text.replace("+14155550199,", "+14155550199,E"))
        code, out, err = await wacrmd(
            "broadcast", "create", "--csv", corrected, "--template", "hello", "--yes"
        )
        assert code == 0, err
        assert "3 people" in out


async def test_a_file_without_a_usable_line_tells_all_lines(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file = tmp_path / "people.csv"
    line = ["broadcast", "create", "--csv", file, "--template", "hello", "--json", "--yes"]
    async with site(tmp_path) as here:
        for text in ("to,name\n12,\n13,\n", "to,name\n12,A\n13,B\n"):
            file.write_text(text)
            code, out, err = await wacrmd(*line)
            assert code == 1
            assert [one["line"] for one in json.loads(out)["rejections"]] == [2, 3]
            assert "line 2" in err
        assert await here.admin("broadcast.list") == []


async def test_an_export_of_all_accounts_goes_back_to_each_account(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        await here.admin("account.add", name="other")
        for account, phone in (("shop", phones(1)[0]), ("other", phones(2)[1])):
            await here.admin("optout.add", account=account, phone=phone, detail=f"=of {account}")
        file = tmp_path / "all.csv"
        _, out, _ = await wacrmd("optout", "export", "--excel")
        file.write_text(out, newline="")
        before = await here.admin("optout.list", limit=10)
        code, out, err = await wacrmd("optout", "import", file, "--account", "shop")
        assert (code, "belongs to account other" in err) == (1, True)
        for one in before:
            await here.admin("optout.remove", account=one["account"], phone=one["phone"])
        code, out, err = await wacrmd("optout", "import", file)
        assert (code, out.startswith("2 people opted out")) == (0, True), err
        after = await here.admin("optout.list", limit=10)

        def who(found: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
            return {(one["account"], one["phone"], one["detail"]) for one in found}

        assert who(after) == who(before)


async def test_recipients_are_exported_for_excel_and_read_again(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(2))
        await here.until_status(broadcast_id, "sent")
        _, text, _ = await wacrmd("broadcast", "export", broadcast_id, "--excel")
        assert text.startswith(("\ufeffsep=,\n", "\ufeffsep=,\r\n"))
        path = f"/api/v1/broadcasts/{broadcast_id}/recipients"
        for headers in ({}, {"Accept": "text/html,*/*"}, {"Accept": "text/csv"}):
            answer = await here.api.get(path, params={"excel": "1"}, headers=headers)
            assert answer.content.startswith(b"\xef\xbb\xbfsep=,\r\nid,to,status,")
            assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode().partition("\n")[2])))
        assert [row["to"] for row in rows] == [f'="{phone}"' for phone in phones(2)]
        answer = await here.api.get(path, params={"excel": "1"}, headers={"Accept": "application/jsonl"})
        assert answer.status_code == 400
        assert (await wacrmd("broadcast", "export", broadcast_id, "--excel", "--format", "jsonl"))[0] == 2
        file = tmp_path / "again.csv"
        file.write_text(text, newline="")
        code, out, err = await wacrmd(
            "broadcast", "create", "--csv", file, "--template", "hello", "--dry-run"
        )
        assert (code, "2 people" in out) == (0, True), err
        assert (await wacrmd("optout", "import", file))[0] == 0
        assert await opted_out(here) == sorted(phones(2))


@pytest.mark.exhaustive(only=True)
async def test_standard_input_is_read_and_a_bar_is_drawn_on_a_terminal(tmp_path: Path) -> None:
    numbers, note = phones(20_000), "x" * 60
    text = "phone,note\n" + "".join(f"{phone},{note}\n" for phone in numbers)

    def imported() -> tuple[int, bytes, str]:
        line = [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(tmp_path / "admin.sock")]
        with terminal() as drawn:
            done = subprocess.run(
                [*line, "optout", "import", "-"],
                input=text.encode(),
                stdout=subprocess.PIPE,
                stderr=drawn.end,
                env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"},
                timeout=PATIENCE_S,
                check=False,
            )
        return done.returncode, done.stdout, drawn.text

    async with site(tmp_path):
        code, out, drawn = await anyio.to_thread.run_sync(imported)
        assert (code, out) == (
            0,
            f"{len(numbers)} people opted out, 0 had opted out before. Rejected lines: 0.\n".encode(),
        )
        assert "Importing" in drawn
        assert "100%" in drawn


async def test_json_names_the_lines_of_people_who_get_nothing(tmp_path: Path, wacrmd: Wacrmd) -> None:
    first, gone, other = phones(3)
    file = tmp_path / "people.csv"
    file.write_text(f"to,name\n{first},A\n{gone},B\n12,C\n\n{first[1:]},D\n{other},E\n")
    line = ["broadcast", "create", "--csv", file, "--template", "hello", "--json", "--yes"]
    async with site(tmp_path) as here:
        await here.admin("optout.add", account="shop", phone=gone)
        for more in (["--dry-run"], []):
            code, out, _ = await wacrmd(*line, *more)
            made = json.loads(out)
            assert (code, made["accepted"], made["duplicates"], made["suppressed"]) == (1, 2, 1, 1)
            assert [one["line"] for one in made["rejections"]] == [4]
            assert [(one["line"], one["to"], one["reason"]) for one in made["left_out"]] == [
                (3, gone, "has opted out"),
                (6, first[1:], "is the same person as line 2"),
            ]


async def test_an_opt_out_whose_country_is_a_guess_is_told(tmp_path: Path, wacrmd: Wacrmd) -> None:
    """A number that is read wrong suppresses a stranger, and leaves the person who asked on the list."""
    file = tmp_path / "stop.csv"
    file.write_text("phone,name\n+4915123456001,A\n81234567890,Budi\n4792345678,Sue\n4915123456002,C\n")
    async with site(tmp_path) as here:
        code, out, _ = await wacrmd("optout", "import", file, "--account", "shop", "--json")
        done = json.loads(out)
        assert (code, done["added"], done["rejected"], done["guessed"]) == (0, 4, 0, 3)
        assert [(one["line"], one["read_as"]) for one in done["warnings"]] == [
            (3, "+81234567890"),
            (4, "+4792345678"),
            (5, "+4915123456002"),
        ]
        _, _, err = await wacrmd("optout", "import", file, "--account", "shop")
        assert "line 3: read as +81234567890: no + or 00: read as a number of JP" in err
        assert "3 numbers without +" in err
        assert "account set shop --country CODE" in err
        await here.admin("account.set", name="shop", country="DE")
        _, out, _ = await wacrmd("optout", "import", file, "--account", "shop", "--json")
        assert "+4915123456002" not in [one["read_as"] for one in json.loads(out)["warnings"]]
