"""A draft from its file to the broadcast: upload, mapping, check, preview, send."""

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.drafts.drafting import BY_HAND, TEMPLATES, Drafting, csv_of, drafting, in_pieces, rows_of
from tests.support.patience import PATIENCE_S
from tests.support.site import phones, site
from wacrmd.clock import HOUR
from wacrmd.domain.actor import Actor
from wacrmd.domain.csv_export import EXCEL_HEAD
from wacrmd.domain.draft import (
    Again,
    DraftState,
    FileMapping,
    Fill,
    Which,
)
from wacrmd.domain.draft_room import MAX_BYTES, MAX_DRAFTS, SHARE
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.services.drafts import again, check, left_out, manage, read, rows, send
from wacrmd.services.drafts.manage import DraftChange
from wacrmd.store.database import Tx
from wacrmd.views.drafts import DraftView

pytestmark = pytest.mark.anyio

A, B, C, D = phones(4)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the daemon that the tests of this module share."""
    return "asyncio"


@pytest.fixture(scope="module")
async def ann(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drafting]:
    """Somebody who makes drafts at a site whose templates are known."""
    async with person(tmp_path_factory.mktemp("site")) as made:
        yield made


@asynccontextmanager
async def person(folder: Path, extra: str = "") -> AsyncIterator[Drafting]:
    """Somebody who makes drafts at a site of their own."""
    async with site(folder, extra=BY_HAND + extra, templates=TEMPLATES, messages_per_second=1000) as here:
        answer = await here.api.post("/api/v1/templates/sync")
        assert answer.status_code == 200, answer.text
        yield drafting(here)


def lines(*texts: str) -> bytes:
    """A file of these lines."""
    return "\n".join([*texts, ""]).encode()


async def downloaded(ann: Drafting, draft: str, which: Which) -> list[list[str]]:
    """The rows of a download, without its header."""
    pieces = [piece async for piece in left_out.download(ann.ctx, ann.actor, draft, which)]
    return list(csv.reader("".join(pieces).removeprefix("\ufeff").splitlines()))[1:]


async def refused(work: Any) -> Refusal:
    """Why something was refused."""
    with pytest.raises(Refusal) as found:
        await work
    return found.value


async def test_a_file_becomes_one_broadcast(ann: Drafting) -> None:
    draft = await ann.new(csv_of(1300))
    before = len(ann.here.sim.ledger)
    shown = await ann.checked(draft)
    assert shown.state is DraftState.CHECKED, shown.problem
    assert shown.check is not None
    assert (shown.check.rows, shown.check.accepted, shown.check.problems) == (1300, 1300, [])
    assert shown.check.expected_duration_s >= 1.3
    assert shown.mapping.fills == {"body.1": Fill(column=2), "body.2": Fill(column=3)}
    preview = await rows.row(ann.ctx, ann.actor, draft, 1200)
    assert (preview.text, preview.line, preview.rows) == ("Hi Person 1200, order A-1200", 1202, 1300)
    assert (await refused(rows.row(ann.ctx, ann.actor, draft, 1300))).code is ErrorCode.NOT_FOUND
    assert len(ann.here.sim.ledger) == before
    tried = await ann.here.admin("draft.send", id=draft, dry_run=True)
    assert (tried["accepted"], tried["problems"], tried["dry_run"]) == (1300, [], True)
    assert (await ann.show(draft)).state is DraftState.CHECKED
    sent = await ann.send(draft)
    assert sent.state is DraftState.SENT, sent.problem
    as_broadcast = await ann.here.until_status(draft, "sent")
    assert (as_broadcast["total_recipients"], as_broadcast["sent_count"]) == (1300, 1300)
    assert len({each.send.input for each in ann.here.sim.ledger.entries}) == 1300
    await ann.here.admin("drain")
    try:  # nothing begins, so a drain makes no difference
        again_asked = await send.request_send(ann.ctx, ann.actor, draft)
    finally:
        await ann.here.admin("undrain")
    assert (again_asked.status, again_asked.state, again_asked.total_recipients) == ("sent", "sent", 1300)
    assert (await ann.here.show(draft))["total_recipients"] == 1300
    assert (await refused(manage.discard(ann.ctx, ann.actor, draft))).code is ErrorCode.CONFLICT


async def test_lists_show_drafts_only_if_they_are_asked_for(ann: Drafting) -> None:
    draft = await ann.new()

    async def listed(query: str) -> list[str]:
        answer = await ann.here.api.get(f"/api/v1/broadcasts{query}")
        return [each["id"] for each in answer.json()["data"]]

    assert draft not in await listed("")
    assert draft in await listed("?status=draft")
    assert draft not in [each["id"] for each in await ann.here.admin("broadcast.list")]
    assert draft in [each["id"] for each in await ann.here.admin("draft.list")]
    await manage.discard(ann.ctx, ann.actor, draft)
    assert draft not in await listed("?status=draft")
    assert (await refused(read.show(ann.ctx, ann.actor, draft))).code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry"])
async def test_what_steers_a_broadcast_does_nothing_to_a_draft(ann: Drafting, verb: str) -> None:
    draft = await ann.new()
    answer = await ann.here.api.post(
        f"/api/v1/broadcasts/{draft}/{verb}", json={"statuses": ["failed"]} if verb == "retry" else None
    )
    assert answer.status_code == 409
    assert "is a draft" in answer.json()["error"]["message"]


async def test_a_check_says_who_is_left_out_and_why(ann: Drafting) -> None:
    await ann.here.admin("optout.add", account="shop", phone=D)
    draft = await ann.new(
        lines(
            "Mobile,first,order",
            f"{A},Jane,1",
            f"{B},,2",
            f"00{A[1:]},Jane again,3",
            f"{D},Stopped,4",
            "12,Nobody,5",
            f"{C},{'x' * 1100},6",
            f"{C},Line,7,8",
            f"{C[1:]},Guessed,9",
        )
    )
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert (shown.check.rows, shown.check.accepted, shown.check.rejected) == (8, 2, 4)
    assert (shown.check.duplicates, shown.check.opted_out) == (1, 1)
    reasons = {each.line: each.message for each in shown.check.rejections}
    assert reasons[3] == "has nothing in column first, and Meta takes no empty parameter"
    assert "not a valid phone number" in reasons[6]
    assert reasons[7].startswith("params: the text has 11")
    assert reasons[8] == "has 4 columns, expected 3"
    assert {row[1] for row in await downloaded(ann, draft, Which.REJECTED)} >= {B, "12", C}
    assert [row[:2] for row in await downloaded(ann, draft, Which.DUPLICATES)] == [
        ["has the number of line 2", f"00{A[1:]}"]
    ]
    assert [row[:2] for row in await downloaded(ann, draft, Which.OPTED_OUT)] == [["has opted out", D]]
    assert len(await downloaded(ann, draft, Which.LEFT_OUT)) == 6
    await ann.here.admin("optout.remove", account="shop", phone=D)


async def test_lines_that_were_left_out_come_back_as_they_were_when_they_are_corrected(ann: Drafting) -> None:
    values = ["=1+1", "'=1+1", "@home", "-x", "+x", "'tis"]
    short = [f"1{at},{value},{at}" for at, value in enumerate(values)]
    draft = await ann.new(lines("phone,Vorname,Nr", f"{A},Jane,1", *short))
    mapping = FileMapping(phone=1, fills={"body.1": Fill(column=2), "body.2": Fill(column=3)})
    await manage.change(ann.ctx, ann.actor, draft, DraftChange(mapping=mapping))
    await ann.checked(draft)
    pieces = [piece async for piece in left_out.download(ann.ctx, ann.actor, draft, Which.LEFT_OUT)]
    text = "".join(pieces)
    assert not any(
        cell.startswith(("=", "@", "-", "+")) for row in csv.reader(text.splitlines()) for cell in row
    )
    for at in range(len(values)):
        text = text.replace(f",1{at},", f",+1415200000{at},")
    await ann.put(draft, text.encode())
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert (shown.check.accepted, shown.check.rejected) == (len(values), 0)
    read_back = [(await rows.row(ann.ctx, ann.actor, draft, at)).params for at in range(len(values))]
    assert read_back == [[value, str(at)] for at, value in enumerate(values)]


async def test_the_same_person_by_two_numbers_gets_one_message(ann: Drafting) -> None:
    draft = await ann.new(lines("phone,1,2", "+5511987654321,a,b", "+551187654321,c,d"))
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert (shown.check.accepted, shown.check.duplicates + shown.check.same_person) == (1, 1)


async def test_a_placeholder_without_a_value_stops_the_send_and_not_the_check(ann: Drafting) -> None:
    draft = await ann.new(lines("phone,name", f"{A},Jane"))
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert [each.path for each in shown.check.problems] == ["mapping.fills.body.1", "mapping.fills.body.2"]
    refusal = await refused(send.request_send(ann.ctx, ann.actor, draft))
    assert refusal.code is ErrorCode.CONFLICT
    assert "nothing fills {{1}}" in refusal.message
    mapping = FileMapping(phone=1, fills={"body.1": Fill(column=2), "body.2": Fill(value="soon")})
    changed = await manage.change(ann.ctx, ann.actor, draft, DraftChange(mapping=mapping))
    assert (changed.state, changed.check) == (DraftState.EDITING, None)
    assert (await refused(send.request_send(ann.ctx, ann.actor, draft))).code is ErrorCode.CONFLICT
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert shown.check.problems == []
    assert (await rows.row(ann.ctx, ann.actor, draft, 0)).text == "Hi Jane, order soon"


async def test_a_template_with_header_and_buttons(ann: Drafting) -> None:
    draft = await ann.new(
        lines("phone,First name,percent,code", f"{A},Jane,20,a1"),
        template_name="sale",
    )
    columns = await read.columns(ann.ctx, ann.actor, draft)
    assert columns.header == "image"
    assert columns.placeholders is not None
    assert [each.key for each in columns.placeholders] == ["body.first_name", "body.percent", "button.1"]
    assert columns.mapping.fills == {"body.first_name": Fill(column=2), "body.percent": Fill(column=3)}
    mapping = FileMapping(phone=1, fills={**columns.mapping.fills, "button.1": Fill(column=4)})
    await manage.change(ann.ctx, ann.actor, draft, DraftChange(mapping=mapping))
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert [each.path for each in shown.check.problems] == ["header"]
    image = {"header": {"image": {"link": "https://shop.example/x.png"}}}
    await manage.change(ann.ctx, ann.actor, draft, DraftChange(content=image))
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert (shown.check.problems, shown.check.accepted) == ([], 1)
    preview = await rows.row(ann.ctx, ann.actor, draft, 0)
    assert preview.text == "Hi Jane, 20 off"
    assert preview.header == image["header"]
    assert preview.buttons == [{"index": 1, "type": "url", "text": "a1"}]
    tested = await rows.send_test(ann.ctx, ann.actor, draft, 0, "+14155550111")
    shown_test = await ann.here.until_status(tested.broadcast_id, "sent")
    assert (shown_test["name"], shown_test["sent_count"]) == ("Test of Draft (sale)", 1)
    assert (await ann.show(draft)).state is DraftState.CHECKED


async def test_what_is_no_recipient_in_json_lines_is_rejected(ann: Drafting) -> None:
    draft = await ann.new()
    good = f'{{"to": "{A}", "params": ["Jane", "1"]}}'
    wrong = ("{", "[]", '{"to": 5}', f'{{"to": "{B}", "params": [1, 2]}}', f'{{"to": "{B}", "header": 1}}')
    pieces = in_pieces(lines(good, *wrong, ""))
    await manage.put_people(ann.ctx, ann.actor, draft, pieces, name="people.jsonl")
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert (shown.check.accepted, [each.line for each in shown.check.rejections]) == (1, [2, 3, 4, 5, 6])
    first, *_ = await downloaded(ann, draft, Which.REJECTED)
    assert first[:2] == ["is no JSON", "2"]
    plain = left_out.download(ann.ctx, ann.actor, draft, Which.REJECTED, plain=True)
    assert (await anext(plain)).startswith(EXCEL_HEAD), "a program reads the one, a person opens the other"
    await plain.aclose()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"PK\x03\x04abcdefgh", "an Excel or LibreOffice workbook"),
        (b'[{"to": "+14155550123"}]', "the file is JSON"),
        (b"%PDF-1.7 abc", "a PDF document"),
        (b"\x1f\x8babcdefgh", "a gzip archive"),
        (b"", "the file is empty"),
        ("phone\n+1 415 555 0123 Zürich".encode("cp1252"), "save the file as 'CSV UTF-8'"),
    ],
)
async def test_what_is_no_csv_file_is_refused_and_changes_nothing(
    ann: Drafting, raw: bytes, said: str
) -> None:
    draft = await ann.new(csv_of(2))
    refusal = await refused(ann.put(draft, raw))
    assert refusal.code is ErrorCode.BAD_REQUEST
    assert said in refusal.message
    assert (await ann.show(draft)).file is not None
    assert (await ann.checked(draft)).state is DraftState.CHECKED


async def test_a_file_that_is_too_large_is_refused_while_it_comes(
    ann: Drafting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.services.drafts.uploads.MAX_FILE_BYTES", 400_000)
    draft = await ann.new()
    refusal = await refused(ann.put(draft, csv_of(50_000)))
    assert refusal.code is ErrorCode.PAYLOAD_TOO_LARGE


async def test_a_file_of_empty_lines_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with person(tmp_path, "\n[limits]\nmax_upload_recipients = 1000") as ann:
        draft = await ann.new()
        refusal = await refused(ann.put(draft, csv_of(10) + b"\n" * 10_000))
        assert refusal.code is ErrorCode.BAD_REQUEST
        assert "more than 10000 lines" in refusal.message


async def test_the_columns_are_shown_where_it_is_not_certain_which_has_the_phones(ann: Drafting) -> None:
    draft = await ann.new(lines("customer,number,name", f"77001,{A[1:]},Jane"))
    columns = await read.columns(ann.ctx, ann.actor, draft)
    assert columns.file is not None
    assert columns.file.phone is None
    assert columns.file.unclear
    assert "--column" not in columns.file.unclear
    assert [(each.number, each.name, each.samples) for each in columns.file.columns] == [
        (1, "customer", ["77001"]),
        (2, "number", [A[1:]]),
        (3, "name", ["Jane"]),
    ]
    shown = await ann.checked(draft)
    assert shown.state is DraftState.EDITING
    assert shown.problem
    fills = {"body.1": Fill(column=3), "body.2": Fill(column=1)}
    mapping = FileMapping(phone=2, fills=fills, country="US")
    await manage.change(ann.ctx, ann.actor, draft, DraftChange(mapping=mapping))
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert shown.check.accepted == 1


async def test_another_file_with_the_same_columns_keeps_the_mapping(ann: Drafting) -> None:
    draft = await ann.new(lines("phone,name,order", f"{A},Jane,1"))
    fills = {"body.1": Fill(value="you"), "body.2": Fill(column=2)}
    mapping = FileMapping(phone=1, fills=fills)
    await manage.change(ann.ctx, ann.actor, draft, DraftChange(mapping=mapping))
    shown = await ann.put(draft, lines("phone,name,order", f"{B},John,2"))
    assert shown.mapping.fills == fills
    shown = await ann.put(draft, lines("name,phone", f"John,{B}"))
    assert (shown.mapping.phone, shown.mapping.fills) == (2, {"body.1": Fill(value="you")})


async def test_without_a_header_columns_have_numbers(ann: Drafting) -> None:
    draft = await ann.new(lines(f"Jane,{A},x", f"John,{B},y"))
    columns = await read.columns(ann.ctx, ann.actor, draft)
    assert columns.file is not None
    assert (columns.file.has_header, columns.file.phone) == (False, 2)
    assert columns.file.columns[0].name == "Column 1"
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert shown.check.accepted == 2
    assert (await rows.row(ann.ctx, ann.actor, draft, 1)).text == "Hi John, order y"


async def test_a_name_or_a_time_needs_no_new_check(ann: Drafting) -> None:
    draft = await ann.new(csv_of(3, 9000))
    await ann.checked(draft)
    at = ann.ctx.clock.now() + HOUR
    shown = await manage.change(ann.ctx, ann.actor, draft, DraftChange(name="Spring", scheduled_at=at))
    assert (shown.state, shown.name, shown.scheduled_at) == (DraftState.CHECKED, "Spring", at)
    shown = await ann.send(draft)
    assert (shown.state, shown.status) == (DraftState.SENT, "scheduled")
    answer = await ann.here.api.post(f"/api/v1/broadcasts/{draft}/cancel")
    assert answer.status_code == 200


async def test_two_clicks_at_the_same_moment_send_once(ann: Drafting) -> None:
    draft = await ann.new(csv_of(300, 20_000))
    await ann.checked(draft)
    answers = []

    async def click() -> None:
        answers.append(await send.request_send(ann.ctx, ann.actor, draft))

    async with anyio.create_task_group() as clicks:
        for _ in range(5):
            clicks.start_soon(click)
    assert {(each.broadcast_id, each.total_recipients) for each in answers} == {(draft, 300)}
    shown = await ann.here.until_status(draft, "sent")
    assert shown["total_recipients"] == 300
    to = [each.send.input for each in ann.here.sim.ledger.entries]
    assert all(to.count(phone) == 1 for phone in phones(20, 20_000))


async def test_who_opts_out_after_the_check_gets_nothing(ann: Drafting) -> None:
    first, second = phones(2, 30_000)
    draft = await ann.new(csv_of(2, 30_000))
    await ann.checked(draft)
    await ann.here.admin("optout.add", account="shop", phone=first)
    await ann.send(draft)
    shown = await ann.here.until_status(draft, "sent")
    assert shown["total_recipients"] == 1
    assert [each.send.input for each in ann.here.sim.ledger.entries][-1] == second


async def test_a_draft_whose_people_have_all_opted_out_comes_back(ann: Drafting) -> None:
    (phone,) = phones(1, 31_000)
    draft = await ann.new(csv_of(1, 31_000))
    await ann.checked(draft)
    await ann.here.admin("optout.add", account="shop", phone=phone)
    shown = await ann.send(draft)
    assert (shown.state, shown.status) == (DraftState.EDITING, "draft")
    assert shown.problem == "Everybody in the file has opted out meanwhile"
    assert shown.send_requested_at is None


async def test_a_change_during_a_check_makes_it_count_for_nothing(ann: Drafting) -> None:
    draft = await ann.new(csv_of(20_000))
    await check.start(ann.ctx, ann.actor, draft)
    await manage.change(ann.ctx, ann.actor, draft, DraftChange(template_name="plain"))
    shown = await ann.show(draft)
    assert (shown.state, shown.check) == (DraftState.EDITING, None)


async def test_more_people_than_the_configuration_allows(tmp_path: Path) -> None:
    async with person(tmp_path, "\n[limits]\nmax_upload_recipients = 1500") as ann:
        draft = await ann.new(csv_of(1501))
        shown = await ann.checked(draft)
        assert shown.check is not None
        assert shown.check.problems[0].message.startswith("the file has more than 1500 people")
        await ann.put(draft, csv_of(1500))
        shown = await ann.checked(draft)
        assert shown.check is not None
        assert shown.check.problems == []


async def test_a_draft_that_cannot_be_sent_any_more_says_why_and_is_edited(tmp_path: Path) -> None:
    async with person(tmp_path) as ann:
        by_template, by_number = [await ann.new(csv_of(1500)) for _ in range(2)]
        for draft in (by_template, by_number):
            await ann.checked(draft)
        changed = {**TEMPLATES[0], "components": [{"type": "BODY", "text": "Bye {{1}}, order {{2}}"}]}
        ann.here.sim.change(templates=[changed])
        await ann.here.api.post("/api/v1/templates/sync")
        shown = await ann.send(by_template)
        assert shown.state is DraftState.EDITING
        assert shown.problem
        assert shown.problem.startswith("The template has changed since the check")
        await ann.here.admin("number.remove", id=ann.here.number["id"])
        shown = await ann.send(by_number)
        assert shown.problem == "Its number was removed: choose another one"
        assert await ann.ctx.db.read(lambda tx: rows_of(tx, "recipient")) == 0
        assert len(ann.here.sim.ledger) == 0


async def test_send_again_to_those_whom_a_broadcast_did_not_reach(ann: Drafting) -> None:
    failing = phones(3, 40_000)
    ann.here.sim.change(error_share=1.0, error_code=131026)
    first = await ann.here.send(
        [{"to": phone, "params": ["Jo", phone[-3:]]} for phone in failing], template_name="order_update"
    )
    await ann.here.until_status(first, "sent")
    ann.here.sim.change(error_share=0.0)
    for whom, code in (
        (Again.FAILED, None),
        (Again.FAILED, 131026),
        (Again.NOT_DELIVERED, None),
        (Again.ALL, None),
    ):
        made = await again.again(ann.ctx, ann.actor, first, whom, code=code)
        shown = await ann.checked(made.uuid)
        assert shown.check is not None
        assert (shown.check.accepted, shown.check.problems) == (3, [])
    assert (await rows.row(ann.ctx, ann.actor, made.uuid, 2)).text == f"Hi Jo, order {failing[2][-3:]}"
    assert (await ann.send(made.uuid)).state is DraftState.SENT
    assert (await ann.here.until_status(made.uuid, "sent"))["sent_count"] == 3
    for whom, code in ((Again.NOT_READ, None), (Again.FAILED, 1)):
        refusal = await refused(again.again(ann.ctx, ann.actor, first, whom, code=code))
        assert refusal.code is ErrorCode.CONFLICT
    empty = await again.again(ann.ctx, ann.actor, first, Again.NOBODY)
    assert (empty.file, empty.template_name) == (None, "order_update")


async def until_none(ann: Drafting, table: str, condition: str, *values: str) -> None:
    """Wait until a table has no such row."""
    with anyio.fail_after(PATIENCE_S), ann.ctx.changes.watch_all() as changed:
        while await ann.ctx.db.read(lambda tx: rows_of(tx, table, condition, values)):
            await changed.wait()
            changed.clear()


@pytest.mark.exhaustive(only=True)
async def test_a_draft_that_is_thrown_away_leaves_nothing(ann: Drafting) -> None:
    draft = await ann.new(csv_of(20_000))
    await ann.checked(draft)
    await manage.discard(ann.ctx, ann.actor, draft)
    await until_none(ann, "broadcast", "uuid = ?", draft)


async def test_of_a_draft_that_was_sent_no_file_stays(ann: Drafting) -> None:
    draft = await ann.new(csv_of(10, 50_000))
    await ann.checked(draft)
    shown = await ann.send(draft)
    of_draft = "broadcast_id = (SELECT id FROM broadcast WHERE uuid = ?)"
    await until_none(ann, "draft_piece", of_draft, draft)
    assert (shown.file, shown.mapping.fills) == (None, {})
    assert shown.check is not None
    assert (shown.check.accepted, shown.check.rejections) == (10, [])


async def test_a_person_has_room_for_so_many_drafts_and_no_more(tmp_path: Path) -> None:
    """Else one sender could fill the disk, on which everybody's messages wait, or leave colleagues no room."""
    async with person(tmp_path) as ann:
        sent = await ann.new(csv_of(2))
        await ann.checked(sent)
        await ann.send(sent)
        made = [await ann.new() for _ in range(MAX_DRAFTS // SHARE)]
        refusal = await refused(ann.new())
        assert (refusal.code, f"ann has {len(made)} drafts" in refusal.message) == (ErrorCode.CONFLICT, True)
        assert (await refused(again.again(ann.ctx, ann.actor, sent, Again.ALL))).code is ErrorCode.CONFLICT
        bob = Drafting(ann.here, Actor.operator("bob").within(ann.here.account["id"]))
        assert await bob.new()
        await manage.discard(ann.ctx, bob.actor, made[0])
        assert await ann.new()


async def test_the_files_of_a_persons_drafts_have_room_together(tmp_path: Path) -> None:
    room = MAX_BYTES // SHARE - len(csv_of(9))

    def enlarge(tx: Tx) -> None:
        tx.execute("UPDATE draft SET file_bytes = ? WHERE file_name = 'people.csv'", (room,))

    async with person(tmp_path) as ann:
        large = await ann.new(csv_of(2))
        await ann.ctx.db.write(enlarge)
        small = await ann.new(csv_of(9))
        refusal = await refused(ann.put(small, csv_of(10)))
        assert (refusal.code, refusal.message.startswith("file: ")) == (ErrorCode.CONFLICT, True)
        shown = await ann.show(small)
        assert shown.file is not None
        assert shown.file.bytes == len(csv_of(9)), "the file before stays"
        bob = Drafting(ann.here, Actor.operator("bob").within(ann.here.account["id"]))
        assert await bob.new(csv_of(10))
        await ann.put(large, csv_of(10))
        await ann.put(small, csv_of(10))


async def test_an_upload_that_breaks_off_leaves_the_file_before(ann: Drafting) -> None:
    draft = await ann.new(csv_of(5))

    async def broken() -> AsyncIterator[bytes]:
        async for piece in in_pieces(csv_of(20_000)):
            yield piece
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await manage.put_csv(ann.ctx, ann.actor, draft, broken(), name="big.csv")
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert (shown.file.name if shown.file else None, shown.check.accepted) == ("people.csv", 5)


async def test_a_draft_of_another_account_is_not_found(ann: Drafting) -> None:
    draft = await ann.new()
    other = ann.actor.within("00000000-0000-4000-8000-000000000000")
    for work in (
        read.show(ann.ctx, other, draft),
        check.start(ann.ctx, other, draft),
        send.request_send(ann.ctx, other, draft),
        manage.discard(ann.ctx, other, draft),
    ):
        assert (await refused(work)).code is ErrorCode.NOT_FOUND
    assert await read.some(ann.ctx, other.account_id, [draft]) == []
    assert [each["id"] for each in await ann.here.admin("draft.list", ids=[draft])] == [draft]
    shown: DraftView = await ann.show(draft)
    assert shown.made_by == "ann"
