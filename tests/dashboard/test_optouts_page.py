"""The pages of the opt-outs: search, add, remove, import of a file with what was left out, export."""

import re
import threading
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from tests.dashboard.client import SAME_ORIGIN, Browser, Form
from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import Site, phones, site
from wacrmd.clock import MINUTE
from wacrmd.dashboard import optout_upload
from wacrmd.dashboard.optout_upload import MAX_UPLOAD_BYTES
from wacrmd.domain import optout_parts

pytestmark = pytest.mark.anyio


async def upload(browser: Browser, content: bytes, name: str = "stop.csv", **fields: str) -> httpx.Response:
    """Send the form of the import."""
    files = {"file": (name, content, "text/csv")}
    return await browser.http.post(
        "/optouts/import", data={"account": "shop"} | fields, files=files, headers=SAME_ORIGIN
    )


async def listed(here: Site, **fields: Any) -> list[str]:
    """The phones on the lists, by number."""
    return sorted(each["phone"] for each in await here.admin("optout.list", limit=1000, **fields))


async def test_a_viewer_searches_and_filters_and_changes_nothing(here: Site, visit_as: VisitAs) -> None:
    await here.admin("optout.add", account="shop", phone="+14155550123", detail="asked at the counter")
    await here.admin("optout.import", account="shop", csv="phone\n+14155550124\n")
    viewer = await visit_as("viewer")
    page = (await viewer.get("/optouts")).text
    for said in ("+14155550123", "asked at the counter", "by hand, here or by a command", "from a file"):
        assert said in page
    assert "Remove …" not in page
    one = (await viewer.get("/optouts?search=(415)+555-0123&account=shop")).text
    assert "first digits" in one  # without its country it is no number
    one = (await viewer.get("/optouts?search=%2B1+415+555+0123")).text
    assert ("+14155550123</span>" in one, "+14155550124" in one) == (True, False)
    two = (await viewer.get("/optouts?search=%2B14155550")).text
    assert ("+14155550123" in two, "+14155550124" in two) == (True, True)
    assert "+14155550123" not in (await viewer.get("/optouts?source=import")).text
    assert "Nobody like this" in (await viewer.get("/optouts?search=%2B4915")).text
    wrong = await viewer.get("/optouts?search=Jane")
    assert (wrong.status_code, 'id="search-error"' in wrong.text) == (400, True)
    person = {"phone": "+14155550123", "account": "shop", "sure": "1"}
    assert (await viewer.submit("/optouts/remove", person)).status_code == 403
    assert (await viewer.submit("/optouts/new", person)).status_code == 403
    assert (await viewer.get("/optouts/import")).status_code == 403
    assert (await upload(viewer, b"phone\n+14155550199\n")).status_code == 403
    assert len(await listed(here)) == 2


async def test_an_operator_adds_and_removes_a_person(here: Site, visit_as: VisitAs) -> None:
    operator = await visit_as("operator")
    new = {"phone": "+1 415 555 0123", "account": "shop", "detail": "by mail"}
    assert "+14155550123 gets no more broadcasts of shop" in await operator.change("/optouts/new", new)
    wrong = await operator.submit("/optouts/new", new | {"phone": "Jane"})
    assert (wrong.status_code, 'id="phone-error"' in wrong.text, 'value="Jane"' in wrong.text) == (
        422,
        True,
        True,
    )
    person = {"phone": "+14155550123", "account": "shop"}
    asked = await operator.submit("/optouts/remove", person)
    assert "Do so only if the person asked for it" in asked.text
    assert await listed(here) == ["+14155550123"]
    assert "gets broadcasts of shop again" in await operator.change("/optouts/remove", person | {"sure": "1"})
    assert await listed(here) == []
    calls = [each for each in await here.admin("audit", user="operator-all") if "optout" in each["method"]]
    assert [(each["method"], each["result"]) for each in calls] == [
        ("optout.add", "ok"),
        ("optout.add", "bad_request"),
        ("optout.remove", "ok"),
    ]


async def test_nobody_is_asked_about_nobody(visit_as: VisitAs) -> None:
    operator = await visit_as("operator")
    for fields in ({}, {"phone": "+14155550123"}, {"account": "shop", "sure": "1"}):
        answer = await operator.submit("/optouts/remove", fields)
        assert (answer.status_code, "None" in answer.text) == (400, False), fields


async def test_a_number_without_its_country_is_told_as_a_guess(visit_as: VisitAs) -> None:
    operator = await visit_as("operator")
    page = await operator.change("/optouts/new", {"phone": "4915112345678", "account": "shop"})
    assert "It was read as +4915112345678" in page


async def test_a_file_is_imported_and_what_was_left_out_can_be_corrected(
    here: Site, visit_as: VisitAs
) -> None:
    await here.admin("optout.add", account="shop", phone="+14155550123")
    operator, other = await visit_as("operator"), await visit_as("viewer")
    content = "name;phone;reason\nJane;+14155550123;x\nJo;nobody;\nMax;4915112345678;\nIda;+14155550124;a;b\n"
    answer = await upload(operator, content.encode())
    where = answer.headers["location"]
    page = (await operator.get(where)).text
    for said in (
        "1 person opted out, 1 person had opted out before",
        "Left out: 2 rows",
        ">3</td>",
        "+4915112345678",
    ):
        assert said in page, said
    assert (await operator.get(where)).text == page
    download = Form(page, "/optouts/import/left-out.csv").fields
    file = await operator.submit("/optouts/import/left-out.csv", download)
    assert file.headers["content-disposition"] == 'attachment; filename="left-out.csv"'
    rows = file.text.removeprefix("\ufeff").splitlines()
    assert [rows[0], *(row.rpartition('";')[2] for row in rows[1:])] == [
        "rejected_because;name;phone;reason",
        "Jo;nobody;",
        "Ida;+14155550124;a;b",
    ]
    assert "left out" not in (await other.get(where)).text
    assert (await other.submit("/optouts/import/left-out.csv", download)).status_code == 403
    colleague = await visit_as("operator", "shop")
    assert (await colleague.submit("/optouts/import/left-out.csv", download)).status_code == 404
    corrected = file.text.replace("nobody", "+14155550125").replace(";a;b", ";a b")
    again = (await operator.get((await upload(operator, corrected.encode())).headers["location"])).text
    assert "2 people opted out" in again
    here.clock.advance(15 * MINUTE)
    assert "they are over" in (await operator.get(where)).text
    calls = [
        each for each in await here.admin("audit", method="optout.import") if each["user"] == "operator-all"
    ]
    assert len(calls) == 2
    assert "+1415" not in str(calls)


@pytest.mark.exhaustive(only=True)
async def test_a_long_import_says_how_far_it_is_and_goes_on_without_the_browser(
    here: Site, visit_as: VisitAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optout_upload, "WAIT_S", 0.0)
    operator = await visit_as("operator")
    content = "phone\n" + "\n".join(phones(3000)) + "\nnobody\n"
    where = (await upload(operator, content.encode())).headers["location"]
    page = (await operator.get(where)).text
    assert "0 of 3\N{NARROW NO-BREAK SPACE}001 rows" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    part = await operator.get(where.replace("import?", "import/progress?"))
    assert "stop.csv is being imported" in part.text
    assert "is being imported" not in (await (await visit_as("sender", "shop")).get(where)).text
    with anyio.fail_after(PATIENCE_S):
        while "is being imported" in page:
            await anyio.sleep(0.1)
            page = (await operator.get(where)).text
    assert "3\N{NARROW NO-BREAK SPACE}000 people opted out" in page
    assert "Left out: 1 row." in page
    assert (await operator.get(where.replace("import?", "import/progress?"))).headers["hx-refresh"] == "true"


async def test_an_import_ends_with_the_session(
    here: Site, visit_as: VisitAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optout_upload, "WAIT_S", 0.0)
    monkeypatch.setattr(optout_parts, "PART_ROWS", 100)
    operator = await visit_as("operator")
    await upload(operator, ("phone\n" + "\n".join(phones(3000)) + "\n").encode())
    await operator.submit("/logout")
    await eventually(lambda: not here.running.ctx.dashboard_imports)
    assert len(await here.admin("audit", method="optout.import")) < 30


async def test_two_files_at_once_do_not_pass_the_bound_of_imports(
    here: Site, visit_as: VisitAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optout_upload, "WAIT_S", 0.0)
    monkeypatch.setattr(optout_upload, "MAX_IMPORTS", 1)
    operator, go_on, statuses = await visit_as("operator"), threading.Event(), list[tuple[int, str]]()

    async def send() -> None:
        answer = await upload(operator, b"phone\n+14155550123\n")
        statuses.append((answer.status_code, answer.headers.get("retry-after", "")))

    async with anyio.create_task_group() as imports:
        imports.start_soon(here.running.ctx.db.write, lambda _: go_on.wait(PATIENCE_S))  # none ends meanwhile
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            tasks.start_soon(send)
        go_on.set()
    assert sorted(statuses) == [(303, ""), (429, "5")]

    await eventually(lambda: not here.running.ctx.dashboard_imports)
    assert (await upload(operator, b"")).status_code == 422
    assert (await upload(operator, b"phone\n+14155550123\n")).status_code == 303, (
        "one that is refused is over"
    )


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (b"", {}, "file-error"),
        (b"PK\x03\x04 whatever", {}, "Excel or LibreOffice workbook"),
        (b"name,number\nJane,14155550123\n", {}, "file-error"),
        (b"phone\n+14155550123\n\xff\n", {}, "has letters that cannot be read"),
        (b"phone\n+14155550123\n", {"column": "Telefon"}, "Telefon"),
        (b"x" * (2 << 20), {}, "is it the right file"),
        (b"phone\n" + b"," * 500_000 + b"\n", {}, ""),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_used_opts_nobody_out(
    here: Site, visit_as: VisitAs, content: bytes, fields: dict[str, str], said: str
) -> None:
    operator = await visit_as("operator")
    answer = await upload(operator, content, **fields)
    if said:
        assert answer.status_code == 422
        assert said in answer.text
    assert await listed(here) == []


async def test_too_many_rows_are_refused_before_anybody_is_opted_out(tmp_path: Path) -> None:
    async with site(tmp_path, extra=f"{DASHBOARD}[limits]\nmax_upload_recipients = 100\n") as here:
        admin = Browser(here)
        await admin.log_in_by_link((await here.admin("dashboard"))["url"])
        answer = await upload(admin, b"phone\n" + b"+14155550123\n" * 101)
        assert answer.status_code == 422
        assert "more than 100 rows" in answer.text
        assert await listed(here) == []
        assert (await upload(admin, b"phone\n" + b"+14155550123\n" * 100)).status_code == 303
        await admin.http.aclose()


async def test_an_upload_that_is_too_large_is_refused_before_it_is_read(visit_as: VisitAs) -> None:
    operator = await visit_as("operator")
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 100 << 20:
            sent += 1 << 20
            yield b"x" * (1 << 20)

    kind = {"Content-Type": "multipart/form-data; boundary=b", **SAME_ORIGIN}
    declared = {"Content-Length": str(100 << 20)}
    for headers in (kind | declared, kind):
        sent = 0
        try:
            answer = await operator.http.post("/optouts/import", content=endless(), headers=headers)
        except httpx.TransportError:
            pass  # the connection was closed while it was being sent
        else:
            assert answer.status_code == 413
        assert sent < 2 * MAX_UPLOAD_BYTES + (16 << 20)
    assert (await operator.get("/optouts")).status_code == 200


async def test_an_export_is_read_again_by_the_import_of_all_accounts(here: Site, visit_as: VisitAs) -> None:
    await here.admin("account.add", name="bakery")
    await here.admin("optout.add", account="shop", phone="+14155550123", detail="=1+1")
    await here.admin("optout.add", account="bakery", phone="+14155550124")
    admin = await visit_as("admin")
    file = await admin.get("/optouts/export.csv")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert "'=1+1" in file.text
    assert (await admin.get("/optouts/export.csv?excel=1")).text.startswith("\ufeffsep=,")
    for each in ("shop", "bakery"):
        (phone,) = await listed(here, account=each)
        await here.admin("optout.remove", account=each, phone=phone)
    rest = await upload(admin, file.content, account="shop")
    page = (await admin.get(rest.headers["location"])).text
    assert "1 person opted out" in page
    assert "belongs to account bakery" in page
    page = (await admin.get((await upload(admin, file.content, account="")).headers["location"])).text
    assert "1 person opted out, 1 person had opted out before" in page
    assert (await listed(here, account="shop"), await listed(here, account="bakery")) == (
        ["+14155550123"],
        ["+14155550124"],
    )


async def test_who_sees_one_account_sees_and_changes_only_its_list(here: Site, visit_as: VisitAs) -> None:
    await here.admin("account.add", name="bakery")
    await here.admin("optout.add", account="shop", phone="+14155550123")
    operator = await visit_as("operator", "bakery")
    for path in ("/optouts", "/optouts?search=%2B14155550123", "/optouts/export.csv"):
        assert "+14155550123</span>" not in (await operator.get(path)).text
    person = {"phone": "+14155550123", "account": "shop", "sure": "1"}
    assert (await operator.submit("/optouts/remove", person)).status_code == 404
    assert (await upload(operator, b"phone\n+14155550199\n", account="shop")).status_code == 404
    all_accounts = "account,phone,user_id,source,detail,created_at,broadcast_id\r\nshop,+14155550199,,,,,\r\n"
    answer = await upload(operator, all_accounts.encode(), account="")
    assert "+14155550199" not in await listed(here), answer.text


async def test_many_opt_outs_have_pages(here: Site, visit_as: VisitAs) -> None:
    await here.admin("optout.import", account="shop", csv="phone\n" + "\n".join(phones(120)) + "\n")
    viewer = await visit_as("viewer")
    page, seen = "/optouts", list[str]()
    while page:
        text = (await viewer.get(page.replace("&amp;", "&"))).text
        seen += re.findall(r"<span>(\+1415\d+)", text)
        page = next(iter(re.findall(r'href="([^"]+)">Older', text)), "")
    assert sorted(seen) == phones(120)


async def test_markup_in_remarks_files_and_headers_is_text(here: Site, visit_as: VisitAs) -> None:
    await here.admin("optout.add", account="shop", phone="+14155550123", detail=MARKUP)
    operator = await visit_as("operator")
    assert_shown_as_text((await operator.get("/optouts")).text)
    cell = '"' + MARKUP.replace('"', '""') + '"'
    answer = await upload(operator, f"phone,note\n{cell},x\n".encode(), name=MARKUP.replace("/", ""))
    page = (await operator.get(answer.headers["location"])).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    headers = await upload(operator, f"{cell},{cell}\nx,y\n".encode())
    assert headers.status_code == 422
    assert "<script>alert" not in headers.text
    wrong = await operator.submit("/optouts/new", {"phone": MARKUP, "account": MARKUP, "detail": MARKUP})
    assert "<script>alert" not in wrong.text
    asked = await operator.submit("/optouts/remove", {"phone": MARKUP, "account": MARKUP})
    assert_shown_as_text(asked.text)
    assert "<script>alert" not in (await operator.get("/optouts?search=%3Cscript%3Ealert(1)")).text


async def test_a_file_is_refused_in_the_words_of_people(visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    refused = await upload(browser, b"phone 1,phone 2\n+14155550101,+14155550102\n")
    assert (
        "several columns may have the phone numbers (phone 1, phone 2): say below which one it is"
        in refused.text
    )
    refused = await upload(browser, "Telefon;Grund\n+4915123456789;möchte nicht\n".encode("cp1252"))
    assert "0xF6" not in refused.text
    assert "line 2 has letters that cannot be read" in refused.text


async def test_a_number_that_one_account_cannot_read_is_not_said_to_be_nobody(
    here: Site, visit_as: VisitAs
) -> None:
    """In the account of Germany it is a number, and nobody there has it; it may be on the list of the other one."""
    await here.admin("account.add", name="tea-house", country="DE")
    await here.admin("optout.add", account="shop", phone="+4915123456706")
    viewer = await visit_as("viewer")
    wrong = await viewer.get("/optouts?search=0151+23456706")
    assert (wrong.status_code, "Nobody like this" in wrong.text) == (400, False)
    await here.admin("optout.add", account="tea-house", phone="+4915123456706")
    assert "+4915123456706" in (await viewer.get("/optouts?search=0151+23456706")).text
    assert "Nobody like this" in (await viewer.get("/optouts?search=0151+23456707&account=tea-house")).text


async def test_a_row_without_an_account_keeps_nobody_else_off_the_lists(
    here: Site, visit_as: VisitAs
) -> None:
    await here.admin("account.add", name="bar")
    operator = await visit_as("operator")
    header = "account,phone,user_id,source,detail,created_at,broadcast_id\r\n"
    rows = "shop,+14155550198,,,,,\r\n,+14155550197,,,,,\r\nbar,+14155550199,,,,,\r\n"
    done = await upload(operator, (header + rows).encode(), account="")
    page = (await operator.get(done.headers["location"])).text
    assert "2 people opted out" in page
    assert "names no account" in page
    assert await listed(here) == ["+14155550198", "+14155550199"]


async def test_a_name_that_turns_texts_around_turns_none_of_the_page(visit_as: VisitAs) -> None:
    operator = await visit_as("operator")
    done = await upload(operator, b"phone\n+14155550123\n", name="\u202efdp.pots " + "n" * 200 + ".csv")
    page = (await operator.get(done.headers["location"])).text
    assert "fdp.pots" in page
    assert "\u202e" not in page
    assert "n" * 30 not in page  # it may fold
