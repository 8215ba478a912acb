"""One person in drafts: what their files and people pieces say of them, for an export, and an erasure that takes it out."""

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate

import orjson

from wacrmd.domain.draft import FileFormat
from wacrmd.domain.person_in_file import PersonFinder, blanked, lines_about
from wacrmd.domain.text_file import split_lines
from wacrmd.fields import JsonObject
from wacrmd.off_loop import off_loop
from wacrmd.services.context import Context
from wacrmd.services.drafts import read
from wacrmd.store import accounts, broadcasts, drafts
from wacrmd.store.database import Tx
from wacrmd.store.drafts import StoredEdition

MAX_TRIES = 5


class DraftsChangedError(Exception):
    """A draft got another file while the person was looked for."""


@dataclass(slots=True)
class InDrafts:
    """Where drafts name one person."""

    editions: list[StoredEdition] = field(default_factory=list)
    """What was looked at."""
    pieces: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    """By draft, edition and number: the content of a piece without the person."""
    lines: dict[int, set[int]] = field(default_factory=dict)
    """By draft: the lines of its file."""
    rows: list[JsonObject] = field(default_factory=list)
    """For an export."""


async def find(ctx: Context, addresses: set[str], account_id: str | None) -> InDrafts:
    """Look for a person in the drafts of one account or of all; each piece is read by itself."""
    found = InDrafts(await ctx.db.read(partial(drafts.stored_editions, account_id=account_id)))
    for edition in found.editions:
        country = await ctx.db.read(partial(_country, edition=edition))
        finder = PersonFinder(addresses, country)
        texts: list[str] = []
        number, named = 0, False
        while (
            piece := await ctx.db.read(
                partial(
                    drafts.piece,
                    broadcast_id=edition.broadcast_id,
                    edition=edition.edition,
                    number=number,
                )
            )
        ) is not None:
            texts.append(piece.decode())
            named = await off_loop(finder.may_be_in, texts[-1]) or named
            number += 1
        if named:
            await off_loop(_look, found, edition, texts, finder)
    return found


def erase(tx: Tx, found: InDrafts, account_id: str | None) -> int:
    """Take the person out of all pieces, and of what the checks list; how many rows of people that were.

    Raises DraftsChangedError if a draft has another file since. A check that is under way begins anew.
    """
    if drafts.stored_editions(tx, account_id) != found.editions:
        raise DraftsChangedError
    for (broadcast_id, edition, number), content in found.pieces.items():
        drafts.replace_piece(tx, broadcast_id, edition, number, content)
    for broadcast_id, lines in found.lines.items():
        draft = drafts.get(tx, broadcast_id)
        if draft is None:
            continue
        drafts.check_anew(tx, broadcast_id)
        result = read.result_of(draft)
        if result is not None:
            kept = replace(
                result,
                rejections=[each for each in result.rejections if each.line not in lines],
                guessed_lines=[each for each in result.guessed_lines if each.line not in lines],
            )
            drafts.set_result(tx, broadcast_id, orjson.dumps(kept).decode())
    return len(found.rows)


def _country(tx: Tx, edition: StoredEdition) -> str | None:
    draft, broadcast = drafts.get(tx, edition.broadcast_id), broadcasts.get(tx, edition.broadcast_id)
    if draft is None or broadcast is None:
        return None
    return read.mapping_of(draft).country or accounts.settings(tx, broadcast.account_id).default_country


def _look(found: InDrafts, edition: StoredEdition, texts: list[str], finder: PersonFinder) -> None:
    if edition.form is None:
        _look_at_people(found, edition, texts, finder)
    elif edition.form is FileFormat.CSV:
        _look_at_file(found, edition, texts, finder)
    else:
        _look_at_json(found, edition, texts, finder)


def _look_at_file(found: InDrafts, edition: StoredEdition, texts: list[str], finder: PersonFinder) -> None:
    pieces = [split_lines(text) for text in texts]
    lines = [line for piece in pieces for line in piece]
    rows = lines_about(lines, finder)
    if not rows:
        return
    kept = blanked(lines, rows)
    ends = list(accumulate(len(piece) for piece in pieces))
    for number, (piece, end) in enumerate(zip(pieces, ends, strict=True)):
        new = kept[end - len(piece) : end]
        if new != piece:
            found.pieces[edition.key(number)] = "".join(new).encode()
    found.lines.setdefault(edition.broadcast_id, set()).update(row.line for row in rows)
    found.rows += [_shown(edition, line=row.line, row=row.text.rstrip("\r\n")) for row in rows]


def _look_at_json(found: InDrafts, edition: StoredEdition, texts: list[str], finder: PersonFinder) -> None:
    first = 1
    for number, text in enumerate(texts):
        lines = split_lines(text)
        new = list(lines)
        for at, line in enumerate(lines):
            if line.strip() and finder.may_be_in(line) and finder.is_in([str(orjson.loads(line)["to"])]):
                new[at] = "\n"
                found.lines.setdefault(edition.broadcast_id, set()).add(first + at)
                found.rows.append(_shown(edition, line=first + at, row=line.rstrip("\n")))
        if new != lines:
            found.pieces[edition.key(number)] = "".join(new).encode()
        first += len(lines)


def _look_at_people(found: InDrafts, edition: StoredEdition, texts: list[str], finder: PersonFinder) -> None:
    for number, text in enumerate(texts):
        if not finder.may_be_in(text):
            continue
        rows = orjson.loads(text)
        new = [None if row is not None and finder.is_in([row[1]]) else row for row in rows]
        if new == rows:
            continue
        found.pieces[edition.key(number)] = orjson.dumps(new)
        for row, kept in zip(rows, new, strict=True):
            if kept is None and row is not None:
                found.lines.setdefault(edition.broadcast_id, set()).add(row[0])
                found.rows.append(_shown(edition, line=row[0], to=row[1], params=row[2], content=row[3]))


def _shown(edition: StoredEdition, **row: object) -> JsonObject:
    return {"draft_id": edition.uuid, "draft": edition.name, "file": edition.file_name, **row}
