"""`wacrmd broadcast create --csv` with more lines than one call holds: one broadcast, told of as a small one is."""

import csv
import json
from pathlib import Path

import pytest

from tests.drafts.drafting import BY_HAND, TEMPLATES
from tests.operator.conftest import Wacrmd
from tests.support.clock import later
from tests.support.site import Site, phones, site
from wacrmd.cli.broadcast_maker import LARGE

pytestmark = pytest.mark.anyio

COUNT = LARGE + 100
TAKEN = COUNT - 4


def written(folder: Path, header: str = "phone,1,2") -> Path:
    """A file with a line that cannot be read, a wrong number, a guess, somebody twice, and one who has opted out."""
    all_phones = phones(COUNT)
    lines = [f"{phone},Jane,{at}" for at, phone in enumerate(all_phones)]
    lines[10] = "12,Jane,10"
    lines[20] = f"{all_phones[20][1:]},Jane,20"
    lines[30] = f"{all_phones[3]},Jane,again"
    lines[40] = f"{all_phones[40]},,40"
    file = folder / "people.csv"
    file.write_text("\n".join([header, *lines, ""]))
    return file


async def prepared(here: Site) -> None:
    await here.api.post("/api/v1/templates/sync")
    await here.admin("optout.add", account="shop", phone=phones(COUNT)[50])


@pytest.mark.exhaustive(only=True)
async def test_a_large_file_becomes_one_broadcast(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file, rejected = written(tmp_path), tmp_path / "rejected.csv"
    line = ("broadcast", "create", "--csv", file, "--template", "order_update", "--rejected", rejected)
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES, messages_per_second=1000) as here:
        await prepared(here)
        code, out, err = await wacrmd(*line, "--dry-run")
        assert code == 1
        assert f"{TAKEN} people" in out
        assert "left out: 2 rejected, 1 more than once in the file, 1 opted out" in out
        assert "This was a dry run: nothing was stored or sent." in out
        assert "Hi Jane, order 0" in out
        assert "line 12 (12): not a valid phone number" in err
        assert "line 42" in err
        assert await here.admin("broadcast.list") == []
        assert await here.admin("draft.list") == []
        assert len(here.sim.ledger) == 0
        code, out, err = await wacrmd(*line, "--yes")
        assert code == 1, err
        assert f": {TAKEN} people. It starts at once." in out
        (made,) = await here.admin("broadcast.list")
        shown = await here.until_status(made["id"], "sent")
        assert (shown["name"], shown["sent_count"]) == ("people.csv (order_update)", TAKEN)
        left = list(csv.reader(rejected.read_text().splitlines()))[1:]
        assert [row[1] for row in left] == ["12", phones(41)[40]]


@pytest.mark.exhaustive(only=True)
async def test_scripts_get_the_same_document(tmp_path: Path, wacrmd: Wacrmd) -> None:
    file = written(tmp_path, "phone,first_name,percent")
    image = tmp_path / "content.json"
    buttons = [{"index": 1, "type": "url", "text": "x"}]
    image.write_text(
        json.dumps({"header": {"image": {"link": "https://shop.example/x.png"}}, "buttons": buttons})
    )
    line = ("--json", "broadcast", "create", "--csv", file, "--template", "sale", "--content", image)
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES, messages_per_second=1000) as here:
        await prepared(here)
        for more in (("--dry-run",), ("--yes", "--schedule", later())):
            code, out, err = await wacrmd(*line, *more)
            assert code == 1, err
            found = json.loads(out)
            assert (found["accepted"], found["rejected"]) == (TAKEN, 2)
            assert (found["duplicates"], found["suppressed"]) == (1, 1)
            assert [(each["line"], each["to"]) for each in found["rejections"]] == [
                (12, "12"),
                (42, phones(41)[40]),
            ]
            assert {(each["line"], each["reason"]) for each in found["left_out"]} == {
                (32, "has the number of line 5"),
                (52, "has opted out"),
            }
            assert found["account"] == "shop"
        shown = await here.show(found["broadcast_id"])
        assert (shown["status"], shown["total_recipients"]) == ("scheduled", TAKEN)
        rows = (await here.api.get(f"/api/v1/broadcasts/{found['broadcast_id']}/recipients?limit=1")).json()
        assert rows["data"][0]["to"] == phones(COUNT)[-1]


async def test_a_large_file_that_does_not_fit_its_template_is_not_sent(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    file = written(tmp_path)
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES) as here:
        await prepared(here)
        code, out, err = await wacrmd("broadcast", "create", "--csv", file, "--template", "gone", "--yes")
        assert code == 1
        assert "there is no template 'gone'" in err
        assert "Nothing is sent" in err
        assert await here.admin("draft.list") == []
        code, out, err = await wacrmd(
            "--json", "broadcast", "create", "--csv", file, "--template", "gone", "--yes"
        )
        assert (code, json.loads(out)["rejected"], json.loads(out)["status"]) == (1, 2, None), err
        assert "there is no template 'gone'" in err
