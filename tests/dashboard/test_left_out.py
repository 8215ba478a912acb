"""The lines that get no message: why, in words for whoever corrects them, and a file that opens and comes back."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.dashboard.client import SAME_ORIGIN, Browser
from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.wizard import MAPPING, at, checked, made, upload
from tests.drafts.drafting import TEMPLATES
from tests.support.site import Site, site

pytestmark = pytest.mark.anyio

FILLS = {"phone": "1", "fill.body.first_name": "2", "fill.body.percent": "3", "fill.button.1": "4"}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with the dashboard and templates that take values."""
    async with site(tmp_path, extra=DASHBOARD, templates=TEMPLATES) as made:
        await made.admin("template.sync")
        yield made


async def paste(browser: Browser, draft: str, text: str) -> httpx.Response:
    """Paste a list into its field."""
    return await browser.http.post(
        f"{draft}/people/file", data={"pasted": text}, files={"file": ("", b"")}, headers=SAME_ORIGIN
    )


async def test_the_reasons_in_the_file_are_those_of_the_page(here: Site, visit_as: VisitAs) -> None:
    ann = await visit_as("sender", "shop")
    draft = await made(ann, "sale")
    rows = [
        "phone,name,percent,link",
        "+14155550101,Jane,10,a",
        '+14155550102,"Jane\n B.",10,b',
        f"+14155550103,Jane,{'9' * 1100},c",
        f"+14155550104,Jane,10,{'d' * 2100}",
        "+1415,Jane,10,e",
    ]
    await upload(ann, draft, "\n".join(rows).encode())
    page = await checked(ann, draft, FILLS)
    left_out = await ann.get(f"{draft}/people/left-out.csv")
    reasons = [row[0] for row in csv.reader(io.StringIO(left_out.text.lstrip("\ufeff")))][1:]
    assert reasons == [
        "the value of {{first_name}} has a line break, a tab or five spaces in a row, and WhatsApp takes none of them",
        "with the values of this line the text has 1100 characters, and WhatsApp takes at most 1024",
        "the value of a button: with the values of this line the text has 2100 characters, and WhatsApp takes at most 2000",
        "this is no valid phone number: it is too short for a number of United States (+1)",
    ]
    for reason in reasons:
        assert reason in page.replace("<wbr>", "")
    (entry,) = [each for each in await here.admin("audit") if each["method"] == "draft.left-out"]
    assert (entry["user"], entry["result"]) == ("sender-shop", "ok")
    assert entry["params"] == {"id": draft.rpartition("/")[2], "which": "left_out", "plain": True}


async def test_lines_that_are_corrected_are_added_to_the_list(here: Site, visit_as: VisitAs) -> None:
    ann = await visit_as("sender", "shop")
    draft = await made(ann)
    await upload(ann, draft, b"phone,name,order\n+14155550101,Jane,1\n12,Bo,2\n")
    assert "Add these people to the list above" in await checked(ann, draft)
    left_out = await ann.get(f"{draft}/people/left-out.csv?which=rejected")
    corrected = left_out.text.replace(",12,", ",+14155550102,")
    files = {"file": ("corrected.csv", corrected.encode())}
    answer = await ann.http.post(f"{draft}/people/file", data={"add": "1"}, files=files, headers=SAME_ORIGIN)
    assert answer.status_code == 303, answer.text
    page = (await at(ann, f"{draft}/people")).text
    assert "people.csv + corrected.csv" in page
    page = await checked(ann, draft)
    assert "<strong>2</strong>" in page
    refused = await ann.http.post(
        f"{draft}/people/file",
        data={"add": "1", "pasted": "phone\n+14155550103"},
        files={"file": ("", b"")},
        headers=SAME_ORIGIN,
    )
    assert refused.status_code == 400
    assert "it has no column name" in refused.text.replace("<wbr>", "")
    assert 'name="add" value="1" checked' in refused.text
    replaced = await paste(ann, draft, "phone,name,order\n+14155550104,Di,4")
    assert replaced.status_code == 303
    assert "<strong>1</strong>" in await checked(ann, draft)


async def test_a_table_that_was_pasted_comes_back_as_a_file_that_opens_in_excel(
    here: Site, visit_as: VisitAs
) -> None:
    ann = await visit_as("sender", "shop")
    draft = await made(ann)
    await paste(ann, draft, 'phone\tname\torder\n+14155550101\tJane\tA-1\n+1415\t5" Jo; x\tA-2\n+1416\t\tA-3')
    await checked(ann, draft)
    file = (await ann.get(f"{draft}/people/left-out.csv")).text
    assert file.splitlines()[:2] == ["\ufeffsep=;", "rejected_because;phone;name;order"]
    rows = list(csv.reader(io.StringIO(file), delimiter=";"))[2:]
    assert [row[1:] for row in rows] == [["+1415", '5" Jo; x', "A-2"], ["+1416", "", "A-3"]]
    # As a spreadsheet copies its cells, and as the file itself.
    corrected = "\n".join("\t".join(row) for row in rows).replace("+1415", "+14155550102")
    assert (await paste(ann, draft, f"rejected_because\tphone\tname\torder\n{corrected}")).status_code == 303
    moved = {"phone": "2", "fill.body.1": "3", "fill.body.2": "4"}
    assert "Person 1 of 1" in await _message(ann, draft, moved)
    await upload(ann, draft, file.replace("+1415", "+14155550102").encode())
    assert "5&#34; Jo; x" in await _message(ann, draft, moved)


async def _message(browser: Browser, draft: str, mapping: dict[str, str]) -> str:
    await checked(browser, draft, mapping)
    return (await at(browser, f"{draft}/message")).text


async def test_a_list_without_people_says_so(here: Site, visit_as: VisitAs) -> None:
    ann = await visit_as("sender", "shop")
    draft = await made(ann)
    await upload(ann, draft, b"phone,name,order\n\n")
    page = await checked(ann, draft)
    assert "the list has no people: there is no line below the names of its columns" in page
    assert "valid phone number" not in page
    await upload(ann, draft, b"phone,name,order\n+1415,Jane,A-1\n")
    assert "no line of the list has a valid phone number" in await checked(ann, draft, MAPPING)


async def test_opt_outs_that_are_left_out_say_why_in_the_same_words(here: Site, visit_as: VisitAs) -> None:
    operator = await visit_as("operator")
    files = {"file": ("old.tsv", b"phone\tnote\n+1415\tx\n", "text/plain")}
    answer = await operator.http.post(
        "/optouts/import", data={"account": "shop"}, files=files, headers=SAME_ORIGIN
    )
    key = answer.headers["location"].partition("result=")[2]
    file = await operator.submit("/optouts/import/left-out.csv", {"result": key})
    assert file.text.splitlines() == [
        "\ufeffsep=;",
        "rejected_because;phone;note",
        '"this is no valid phone number: it is too short for a number of United States (+1)";+1415;x',
    ]
