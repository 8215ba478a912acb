"""Import and export of the suppression list."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.site import PHONE_NUMBER_ID, phones, site
from wacrmd.domain.actor import Actor
from wacrmd.domain.optout_file import OptOutFile
from wacrmd.domain.page import PageRequest
from wacrmd.domain.phone_guess import Home
from wacrmd.domain.text_file import split_lines
from wacrmd.errors import Refusal
from wacrmd.services.context import Context
from wacrmd.services.optouts import manage
from wacrmd.services.optouts.import_export import export_csv, import_csv, read_optouts
from wacrmd.views.optouts import AccountOptOut, ImportResult, LineError

pytestmark = pytest.mark.anyio


async def everybody(ctx: Context, account_id: str) -> list[AccountOptOut]:
    return [*(await manage.page(ctx, account_id, PageRequest(1000))).items]


async def exported(ctx: Context, account_id: str) -> str:
    return "".join([piece async for piece in export_csv(ctx, account_id)])


async def test_a_file_without_header_is_read_by_its_first_column(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        ctx, account = here.running.ctx, here.account["id"]
        lines = ["+14155550100\n", "+1 415 555 0101, ignored\n", "\n", "US.123\n", "+14155550100\n"]
        assert await import_csv(ctx, account, lines) == ImportResult(added=3, known=1)
        views = (await manage.page(ctx, account, PageRequest(50))).items
        assert {(each.phone, each.user_id, each.source) for each in views} == {
            ("+14155550100", None, "import"),
            ("+14155550101", None, "import"),
            (None, "US.123", "import"),
        }


@pytest.mark.parametrize("separator", [",", ";", "\t"])
async def test_a_header_names_the_columns_in_any_order(tmp_path: Path, separator: str) -> None:
    rows = [
        ["Name", "Reason", "MOBILE", "user_id"],
        ["Jane", '"said ""no"""', "+14155550100", ""],
        ["Joe", "", "", "US.9"],
    ]
    async with site(tmp_path) as here:
        ctx, account = here.running.ctx, here.account["id"]
        text = "\ufeff" + "".join(separator.join(row) + "\r\n" for row in rows)
        done = await import_csv(ctx, account, text.splitlines(keepends=True))
        assert done == ImportResult(added=2)
        views = (await manage.page(ctx, account, PageRequest(50))).items
        assert [(each.phone, each.user_id, each.detail) for each in views] == [
            (None, "US.9", None),
            ("+14155550100", None, 'said "no"'),
        ]


async def test_unusable_lines_are_listed_by_number_and_the_others_are_imported(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        lines = ["phone,user_id\n", "+14155550100,\n", "12,\n", ",\n", ",us.1\n", ",US.1\n", "hello\n"]
        done = await import_csv(here.running.ctx, here.account["id"], lines)
        assert (done.added, done.rejected) == (2, 3)
        assert done.errors == [
            LineError(
                3,
                "expected a phone number such as +14155550123: '12' has no +, and with one it is too short"
                " for a number of US (+1)",
            ),
            LineError(5, "expected a user id such as US.13491208655302741918, found 'us.1'"),
            LineError(7, "expected a phone number such as +14155550123: 'hello' has letters (hello)"),
        ]


async def test_a_stray_quote_does_not_hide_the_lines_below_it(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        lines = ["phone,note\n", '+14155550100,"oh\n', "+14155550101,b\n", "+14155550102,c\n"]
        done = await import_csv(here.running.ctx, here.account["id"], lines)
        assert done == ImportResult(added=3)


@given(st.lists(st.text(alphabet='+1415550 ,;"\t\x00US.aphone', max_size=30), max_size=20))
def test_every_line_with_text_is_a_person_or_an_error(lines: list[str]) -> None:
    imported = ImportResult()
    lines = [f"{line}\n" for line in ["phone", *lines]]
    found = list(read_optouts(lines, imported, Home(None)))
    numbers = [error.line for error in imported.errors]
    assert len(numbers) == imported.rejected == len(set(numbers))
    read = sum(1 for row in OptOutFile(lines))
    assert len(found) + imported.rejected == read


async def test_a_file_whose_column_is_not_certain_opts_nobody_out(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        ctx, account = here.running.ctx, here.account["id"]
        for lines, said in (
            (["Kundennummer;Name\n", "4915112345001;A\n"], "found: Kundennummer, Name"),
            (["Number\n", "4915112345001\n"], "may be the number of a customer"),
        ):
            with pytest.raises(Refusal, match=said):
                await import_csv(ctx, account, lines)
        assert (await manage.page(ctx, account, PageRequest(50))).items == []


@pytest.mark.exhaustive(only=True)
async def test_other_writes_come_between_the_steps_of_an_import_however_many_webhooks_there_are(
    tmp_path: Path,
) -> None:
    """Each opt-out is stored with an event for each webhook: messages must be sent meanwhile."""
    async with site(tmp_path, extra='[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]') as here:
        ctx = here.running.ctx
        for number in range(20):
            body = {"url": f"http://127.0.0.1:9/{number}", "events": ["contact.opted_out"]}
            assert (await here.api.post("/api/v1/webhooks", json=body)).status_code == 201
        done = await import_csv(ctx, here.account["id"], ["phone\n", *(f"{each}\n" for each in phones(500))])
        assert done.added == 500
        steps = "SELECT count(DISTINCT at) FROM optout"
        (count,) = await ctx.db.read(lambda tx: tx.execute(steps).fetchone())
        assert count > 3, "one step, with up to a thousand lines, has one time"


@pytest.mark.exhaustive(only=True)
async def test_many_thousand_lines_are_imported_in_parts_and_exported(tmp_path: Path) -> None:
    many = 30_000
    async with site(tmp_path) as here:
        ctx, account = here.running.ctx, here.account["id"]

        def lines() -> Iterator[str]:
            yield "phone\n"
            for phone in phones(many):
                yield phone + "\n"

        done = await import_csv(ctx, account, lines())
        assert (done.added, done.known, done.rejected) == (many, 0, 0)
        text = await exported(ctx, account)
        exported_lines = text.splitlines()
        assert exported_lines[0] == "phone,user_id,source,detail,created_at,broadcast_id"
        assert {line.split(",")[0] for line in exported_lines[1:]} == set(phones(many))


DETAILS = [
    "=1+1",
    "'=1+1",
    " =1",
    "\uff1d1",
    "|x",
    "0123",
    "+1 (2)",
    'said "no"',
    "a;b,c\td",
    "a;=1",
    "n\0l",
    "two\nlines",
    "'quoted'",
    "",
]


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("excel", [False, True])
@pytest.mark.parametrize("all_accounts", [False, True])
async def test_an_export_can_be_imported_and_contains_no_formula(
    tmp_path: Path, excel: bool, all_accounts: bool
) -> None:
    async with site(tmp_path) as here:
        ctx, account = here.running.ctx, here.account["id"]
        anna = Actor.operator("anna").within(account)
        for phone, detail in zip(phones(len(DETAILS)), DETAILS, strict=True):
            await manage.add(ctx, anna, address=phone, detail=detail)
        await manage.add(ctx, anna, address="US.123")
        before = [
            (one.phone, one.user_id, " ".join((one.detail or "").replace("\0", "").split()))
            for one in await everybody(ctx, account)
        ]
        text = "".join(
            [piece async for piece in export_csv(ctx, None if all_accounts else account, excel=excel)]
        )
        assert text.startswith("\ufeffsep=,\r\n") == excel
        assert "\0" not in text, "the import would take it for UTF-16"
        table = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeffsep=,\r\n"), newline="")))
        for row in table:
            cells = [cell for name, cell in row.items() if name != "phone" or excel]
            assert not any(cell.lstrip()[:1] in "+-@|\uff1d" and cell for cell in cells)
            assert not any(
                cell.startswith("=") and not re.fullmatch(r'="[0-9+() ]*"', cell) for cell in cells
            )
        for phone in [*phones(len(DETAILS)), "US.123"]:
            await manage.remove(ctx, anna, phone)
        assert await import_csv(ctx, account, split_lines(text)) == ImportResult(added=len(DETAILS) + 1)
        after = [(one.phone, one.user_id, one.detail or "") for one in await everybody(ctx, account)]
        assert sorted(after, key=str) == sorted(before, key=str)


async def test_an_export_with_old_forms_of_numbers_can_be_imported(tmp_path: Path) -> None:
    """Meta's ids of people in Benin and Ivory Coast may have the numbers of before their numbering plans changed."""
    async with site(tmp_path) as here:
        ctx, account = here.running.ctx, here.account["id"]
        lines = ["phone,user_id\n", "+22997112233,\n", "+22501020304,\n", "+22912,\n"]
        done = await import_csv(ctx, account, lines)
        assert (done.added, done.rejected) == (2, 1)
        assert {each.phone for each in (await manage.page(ctx, account, PageRequest(50))).items} == {
            "+2290197112233",
            "+2250101020304",
        }


async def test_an_import_that_joins_two_recipients_updates_their_broadcast(tmp_path: Path) -> None:
    """The file names phone and user id together: one of the two gets no message, and the broadcast knows."""
    async with site(tmp_path) as here:
        await here.admin("number.pause", id=PHONE_NUMBER_ID)
        broadcast_id = await here.send([{"to": "+14155550100"}, {"to": "US.1"}])
        before = (await here.show(broadcast_id))["revision"]
        lines = ["phone,user_id\n", "+14155550100,US.1\n"]
        assert await import_csv(here.running.ctx, here.account["id"], lines) == ImportResult(added=1)
        shown = await here.show(broadcast_id)
        assert (shown["pending_count"], shown["cancelled_count"]) == (1, 1)
        assert shown["revision"] > before


async def test_a_long_note_is_cut_and_its_person_is_opted_out_all_the_same(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        ctx, account = here.running.ctx, here.account["id"]
        lines = ["phone,detail\n", f"+14155550100,{'n' * 500}\n", f"+14155550101,{'ü' * 140_000}\n"]
        assert await import_csv(ctx, account, lines) == ImportResult(added=2)
        notes = {each.phone: each.detail for each in await everybody(ctx, account)}
        assert notes == {"+14155550100": "n" * 500, "+14155550101": "ü" * 499 + "…"}
