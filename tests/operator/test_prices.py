"""`wacrmd price` and `wacrmd message` with a daemon: what a person reads, and what a script gets."""

import json
from pathlib import Path

import pytest

from tests.operator.conftest import Wacrmd
from tests.support.site import site

pytestmark = pytest.mark.anyio

WRONG = (
    "country,category,price,currency\nDE,marketing,0.1,EUR\nAtlantis,marketing,0.1,EUR\nFR,marketing,x,EUR\n"
)


async def test_a_list_with_wrong_lines_names_all_of_them_and_imports_nothing(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(WRONG)
    async with site(tmp_path):
        code, out, err = await wacrmd("price", "import", file)
        assert (code, out) == (1, "")
        assert "line 3: 'Atlantis' is no country" in err
        assert "line 4: 'x' is no price" in err
        assert "nothing was imported: correct 2 lines" in err
        assert "There is no price list" in (await wacrmd("price", "list"))[2]
        _, _, err = await wacrmd("price", "import", file, "--currency", "EURO")
        assert "expected the code of a currency, such as EUR, found 'EURO'" in err
        file.write_text("\n")
        assert "is empty" in (await wacrmd("price", "import", file))[2]
        file.write_bytes("Land;Kategorie;Preis;Währung\nDE;Marketing;0,1131;EUR\n".encode("utf-8-sig"))
        code, out, _ = await wacrmd("price", "import", file, "--from", "2026-11-01")
        assert (code, "Imported 1 price in EUR" in out, "from 2026-11-01 on" in out) == (0, True, True)
        _, out, _ = await wacrmd("--json", "price", "list")
        assert json.loads(out)[0]["prices"] == [
            {"country": "DE", "category": "marketing", "currency": "EUR", "amount": "0.1131"}
        ]


async def test_the_exit_code_of_a_message_says_whether_meta_refused_it(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path, refused_recipients=("+14155550199=131026",)) as here:
        code, out, _ = await wacrmd(
            "message", "send", "+14155550123", "--template", "hello", "--param", "name=Jane", "--named"
        )
        (entry,) = here.sim.ledger.entries
        assert (code, entry.wamid in out) == (0, True)
        code, _, err = await wacrmd("message", "send", "+14155550199", "--template", "hello")
        assert (code, "131026" in err) == (1, True)
        _, out, _ = await wacrmd("message", "list")
        assert next(line.split()[3] for line in out.splitlines()[1:]) == "failed"
        code, _, err = await wacrmd(
            "message", "send", "+14155550123", "--template", "hello", "--param", "Jane", "--named"
        )
        assert (code, "expected NAME=TEXT" in err) == (2, True)


async def test_a_dry_run_of_a_message_says_what_would_be_sent(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        line = ("message", "send", "--template", "hello", "--param", "Jane", "--dry-run")
        code, out, err = await wacrmd(*line, "+14155550123")
        assert (code, err) == (0, "")
        assert "To +14155550123, over /messages: " in out
        assert "This was a dry run: nothing was stored or sent." in out
        code, _, err = await wacrmd(*line, "+1415")
        assert (code, "problem: to: " in err) == (1, True)
        code, out, _ = await wacrmd("--json", *line, "+14155550123")
        assert (code, json.loads(out)["dry_run"]) == (0, True)
        assert len(here.sim.ledger) == 0
