"""People are added to the list of a draft, such as lines that were left out and are corrected."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.drafts.drafting import BY_HAND, TEMPLATES, Drafting, csv_of, drafting, in_pieces
from tests.drafts.test_drafts import downloaded, lines, refused
from tests.support.site import phones, site
from wacrmd.domain.draft import Again, DraftState, FileMapping, Fill, Which
from wacrmd.errors import ErrorCode
from wacrmd.services.drafts import additions, again, left_out, manage, rows
from wacrmd.services.drafts.additions import MAX_ADDED_BYTES, add_csv
from wacrmd.services.drafts.manage import DraftChange
from wacrmd.services.drafts.uploads import PIECE_BYTES
from wacrmd.views.drafts import DraftView

pytestmark = pytest.mark.anyio

A, B, C, D, E = phones(5)


@pytest.fixture
async def ann(tmp_path: Path) -> AsyncIterator[Drafting]:
    """A person at a site with templates."""
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES) as here:
        await here.api.post("/api/v1/templates/sync")
        yield drafting(here)


async def add(ann: Drafting, draft: str, raw: bytes) -> DraftView:
    """Add a file."""
    return await add_csv(ann.ctx, ann.actor, draft, in_pieces(raw, 7), name="more.csv")


async def people_of(ann: Drafting, draft: str) -> list[tuple[str, object]]:
    """To whom the checked draft goes, with their values."""
    shown = await ann.checked(draft)
    assert shown.check is not None, shown
    found = [await rows.row(ann.ctx, ann.actor, draft, at) for at in range(shown.check.accepted)]
    return [(each.to, each.params) for each in found]


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("end", ["\n", ""], ids=["whole-line", "no-line-end"])
async def test_corrected_lines_are_added_to_the_list_with_the_meaning_of_its_columns(
    ann: Drafting, end: str
) -> None:
    draft = await ann.new(
        ("phone;Vorname;Nr\n" + f'{A};"Jane; Roe";1\n12;=Bo;2\n13;"Al ""X""";3{end}').encode()
    )
    mapping = FileMapping(phone=1, fills={"body.1": Fill(column=2), "body.2": Fill(column=3)}, country="US")
    await manage.change(ann.ctx, ann.actor, draft, DraftChange(mapping=mapping))
    assert await people_of(ann, draft) == [(A, ["Jane; Roe", "1"])]
    pieces = left_out.download(ann.ctx, ann.actor, draft, Which.REJECTED, plain=True)
    corrected = "".join([piece async for piece in pieces]).replace(";12;", f";{B};").replace(";13;", f";{C};")
    before = await ann.show(draft)
    shown = await add(ann, draft, corrected.encode())
    assert shown.state is DraftState.EDITING
    assert shown.version > before.version
    assert shown.file is not None
    assert shown.file.name == "people.csv + more.csv"
    assert (shown.mapping.phone, shown.mapping.fills) == (1, mapping.fills)
    assert await people_of(ann, draft) == [
        (A, ["Jane; Roe", "1"]),
        (B, ["=Bo", "2"]),
        (C, ['Al "X"', "3"]),
    ]
    await add(ann, draft, lines("Nr,phone,note,vorname", f"9,{D},x,Eva"))
    assert (await people_of(ann, draft))[-1] == (D, ["Eva", "9"])
    shown = await ann.send(draft)
    assert shown.state is DraftState.SENT
    assert (await ann.here.until_status(draft, "sent"))["sent_count"] == 4


async def test_rows_that_cannot_be_read_stay_left_out(ann: Drafting) -> None:
    draft = await ann.new(csv_of(1))
    raw = lines("phone,name,order", f"{B},Bo,2,more", f"{C}", f"{D},Di,4", f"{A},Twice,5")
    await add(ann, draft, raw)
    assert [to for to, _ in await people_of(ann, draft)] == [A, D]
    shown = await ann.show(draft)
    assert shown.check is not None
    assert (shown.check.rejected, shown.check.duplicates) == (2, 1)
    assert {row[1] for row in await downloaded(ann, draft, Which.REJECTED)} == {B, C}


async def test_a_list_without_names_takes_columns_by_their_places(ann: Drafting) -> None:
    draft = await ann.new(lines(f"{A},Jane,1", f"{B},Bo,2"))
    await add(ann, draft, lines(f"{C},Chen,3", "12,Di,4"))
    await ann.checked(draft)
    pieces = left_out.download(ann.ctx, ann.actor, draft, Which.REJECTED, plain=True)
    await add(ann, draft, "".join([piece async for piece in pieces]).replace(",12,", f",{D},").encode())
    assert await people_of(ann, draft) == [
        (A, ["Jane", "1"]),
        (B, ["Bo", "2"]),
        (C, ["Chen", "3"]),
        (D, ["Di", "4"]),
    ]
    refusal = await refused(add(ann, draft, lines(f"{E},Eva")))
    assert "it has 2 columns, and the list has 3" in refusal.message


async def test_what_cannot_be_added_changes_nothing(ann: Drafting, monkeypatch: pytest.MonkeyPatch) -> None:
    draft, empty = await ann.new(csv_of(2)), await ann.new()
    await ann.checked(draft)
    before = await ann.show(draft)
    monkeypatch.setattr(additions, "MAX_ADDED_BYTES", 2000)
    for raw, code, message in (
        (lines("phone,order", f"{C},1"), ErrorCode.BAD_REQUEST, "no column name"),
        (lines("phone,name,order"), ErrorCode.BAD_REQUEST, "no people"),
        (b"\x89PNG\r\n\x1a\n\0\0", ErrorCode.BAD_REQUEST, "file: "),
        (b"", ErrorCode.BAD_REQUEST, "empty"),
        (csv_of(100), ErrorCode.PAYLOAD_TOO_LARGE, "in place of the one before"),
    ):
        refusal = await refused(add(ann, draft, raw))
        assert (refusal.code, message in refusal.message) == (code, True), refusal
    assert "no list yet" in (await refused(add(ann, empty, csv_of(1)))).message
    sent = await ann.new(csv_of(1, 50))
    await ann.checked(sent)
    await ann.send(sent)
    await ann.here.until_status(sent, "sent")
    copied = (await again.again(ann.ctx, ann.actor, sent, Again.ALL)).uuid
    assert "earlier broadcast" in (await refused(add(ann, copied, csv_of(1)))).message
    assert "it is sent" in (await refused(add(ann, sent, csv_of(1)))).message
    after = await ann.show(draft)
    assert (after.version, after.state, after.file, after.check) == (
        before.version,
        DraftState.CHECKED,
        before.file,
        before.check,
    )
    assert MAX_ADDED_BYTES > 2000


@pytest.mark.exhaustive(only=True)
async def test_a_list_of_many_pieces_is_added_to_in_pieces(ann: Drafting) -> None:
    draft = await ann.new(csv_of(9000))
    await add_csv(ann.ctx, ann.actor, draft, in_pieces(csv_of(9000, 9000)), name="more.csv")
    shown = await ann.checked(draft)
    assert shown.check is not None
    assert (shown.check.accepted, shown.check.rejected, shown.check.duplicates) == (18_000, 0, 0)
    last = await rows.row(ann.ctx, ann.actor, draft, 17_999)
    assert (last.to, last.params) == (phones(1, 17_999)[0], ["Person 8999", "A-8999"])
    sizes = await ann.ctx.db.read(
        lambda tx: tx.execute(
            "SELECT length(content) FROM draft_piece p JOIN draft d ON d.file_edition = p.edition ORDER BY number"
        ).fetchall()
    )
    assert len(sizes) == 4
    assert max(sizes) < (2 * PIECE_BYTES,)
    assert shown.file is not None
    assert shown.file.bytes == sum(size for (size,) in sizes)
