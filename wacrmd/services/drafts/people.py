"""The people in the file of a draft, batch by batch, as `broadcasts/prepare.py` checks those of a request. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.csv_export import EXCEL_HEAD, csv_lines, escape_cell, escape_formula
from wacrmd.domain.draft import BODY, BUTTON, HEADER, FileFormat, FileMapping, LineView, Which
from wacrmd.domain.mapped_file import FileRow, MappedFile
from wacrmd.domain.media import MediaFacts
from wacrmd.domain.people_file import HOW_READ, REASON
from wacrmd.domain.phone_guess import Home
from wacrmd.domain.plain_words import plainly
from wacrmd.domain.recipient_file import RejectedLine
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.domain.template import SyncedTemplate, Template, TemplateContent
from wacrmd.errors import Problem
from wacrmd.fields import JsonObject
from wacrmd.meta.payloads import content_problems
from wacrmd.services.broadcasts.create import content_parts
from wacrmd.services.broadcasts.input import BroadcastInput, RecipientInput
from wacrmd.services.broadcasts.prepare import validate
from wacrmd.services.broadcasts.template_requirements import requirements_of
from wacrmd.services.drafts.placeholders import VALUE_OF, flow_buttons, placeholders

BATCH_ROWS = 1000
"""People of one batch, and of one stored piece."""

_OWN = re.compile(r"recipients\[(\d+)\]\.(.*)", re.DOTALL)
_PARAM = re.compile(r"params(?:\[(\d+)\]|\.(.*))", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a file is read with: everything that decides what is sent to whom."""

    form: FileFormat
    mapping: FileMapping
    template_name: str
    template_language: str
    template: SyncedTemplate | None
    defaults: TemplateContent
    home: Home
    files: Mapping[str, MediaFacts]
    """The files of the account, by their ids."""
    plan: SendingPlan
    now: Millis


@dataclass(frozen=True, slots=True)
class Person:
    """One person who can get the message: the line of the file, the address, and what fills the template."""

    line: int
    to: str
    address: str
    content: TemplateContent
    text: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line to which nothing is sent, or of which something is to say."""

    line: int
    to: str
    reason: str
    text: str
    sent_as: str | None = None

    @property
    def view(self) -> LineView:
        """As it is shown."""
        return LineView(line=self.line, to=self.to[:64], message=self.reason, sent_as=self.sent_as)


@dataclass(slots=True)
class Batch:
    """What some rows of a file came to."""

    rows: int = 0
    people: list[Person] = field(default_factory=list)
    rejected: list[LeftOut] = field(default_factory=list)
    duplicates: list[LeftOut] = field(default_factory=list)
    guesses: list[LeftOut] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """What is wrong for everybody."""


class PeopleReader:
    """The people in the lines of a file; `batches` may be continued on other threads, one after the other.

    Raises CsvError for a file that cannot be used.
    """

    def __init__(self, lines: Iterable[str], source: Source, *, for_staff: bool = False) -> None:
        self._source = source
        self._for_staff = for_staff
        self._seen: dict[str, int] = {}
        self.unmapped = unmapped(source)
        self._checks = source.template if not self.unmapped else None
        if source.form is FileFormat.CSV:
            file = MappedFile(lines, source.mapping, for_staff=for_staff)
            self._rows: Iterator[Person | RejectedLine] = self._from_csv(file)
            self._form: RejectedFormat | None = file.rejected_format
        else:
            self._rows = _from_json(lines)
            self._form = None

    def batches(self) -> Iterator[Batch]:
        """What the rows came to, some at a time."""
        while rows := list(islice(self._rows, BATCH_ROWS)):
            yield self._batch(rows)

    def head(self, which: Which) -> str:
        """The beginning of a file of these lines."""
        reason = HOW_READ if which is Which.GUESSED else REASON
        return (
            self._form.head(mark=True, reason=reason)
            if self._form
            else (EXCEL_HEAD if self._for_staff else "") + csv_lines([[reason, "line", "phone"]])
        )

    def left_out_line(self, one: LeftOut) -> str:
        """One line of it: as it stands in the file, with the reason before it."""
        if self._form is not None:
            return self._form.line(one.text, one.reason)
        reason = plainly(one.reason) if self._for_staff else one.reason
        return csv_lines([[escape_formula(reason), one.line, escape_cell(one.to)]])

    def _from_csv(self, file: MappedFile) -> Iterator[Person | RejectedLine]:
        compose = Composer(self._source) if not self.unmapped else None
        for row in file:
            if isinstance(row, RejectedLine):
                yield row
            else:
                content = compose.content(row) if compose is not None else TemplateContent()
                yield Person(row.line, row.to, "", content, row.text)

    def _batch(self, rows: Sequence[Person | RejectedLine]) -> Batch:
        batch = Batch(rows=len(rows))
        left: list[Person] = []
        for row in rows:
            if isinstance(row, RejectedLine):
                batch.rejected.append(LeftOut(row.line, row.to, row.reason, row.text))
            else:
                left.append(row)
        while True:
            found, problems = validate(
                self._given(left), self._checks, self._source.home, self._source.files, self._source.now
            )
            own, batch.problems = _told_apart(problems)
            if not own:
                break
            batch.rejected += [
                LeftOut(left[at].line, left[at].to, reason, left[at].text) for at, reason in own.items()
            ]
            left = [each for at, each in enumerate(left) if at not in own]
        batch.rejected += [
            LeftOut(left[each.index].line, each.to or "", each.reason, left[each.index].text)
            for each in found.rejections
        ]
        messages = {each.index: each.message for each in found.warnings}
        firsts = set(found.indexes)
        for at, (row, address) in enumerate(zip(left, found.sent_as, strict=True)):
            if address is None:
                continue
            if at not in firsts or address in self._seen:
                reason = f"has the number of line {self._seen[address]}"
                batch.duplicates.append(LeftOut(row.line, row.to, reason, row.text, address))
                continue
            self._seen[address] = row.line
            batch.people.append(Person(row.line, row.to, address, row.content, row.text))
            if (message := messages.get(at)) is not None:
                batch.guesses.append(LeftOut(row.line, row.to, message, row.text, address))
        batch.rejected.sort(key=lambda each: each.line)
        return batch

    def _given(self, rows: Sequence[Person]) -> BroadcastInput:
        return BroadcastInput(
            template_name=self._source.template_name,
            template_language=self._source.template_language,
            recipients=[RecipientInput(row.to, row.content) for row in rows],
            content=self._source.defaults,
            plan=self._source.plan,
        )


class Composer:
    """Makes the content of a row from its values, by the mapping and the template."""

    def __init__(self, source: Source) -> None:
        fills = source.mapping.fills
        self._fixed = {name: fill.value for name, fill in fills.items() if fill.value is not None}
        required = requirements_of(known) if (known := _known(source)) is not None else None
        body = [name.removeprefix(BODY) for name in fills if name.startswith(BODY)]
        if required is not None and required.body is not None:
            body = [name for name in required.body if name in body]
        is_named = required.named if required is not None else not all(name.isdecimal() for name in body)
        self._named = [(name, BODY + name) for name in body] if is_named else None
        self._listed = [] if is_named else [BODY + name for name in sorted(body, key=int)]
        self._header = HEADER in fills
        self._header_name = required.header_name if required is not None else None
        kinds = required.buttons if required is not None else ()
        self._buttons = [
            (at, kinds[at].kind if at < len(kinds) and kinds[at].kind in VALUE_OF else "url", name)
            for name in fills
            if name.startswith(BUTTON) and (at := int(name.removeprefix(BUTTON))) >= 0
        ]
        mapped = {at for at, _, _ in self._buttons}
        self._other_buttons = [
            each for each in source.defaults.buttons or () if each.get("index") not in mapped
        ]
        given = {each.get("index") for each in self._other_buttons}
        flows = flow_buttons(required) if required is not None and source.defaults.components is None else []
        self._flows = [each for each in flows if each["index"] not in given]

    def content(self, row: FileRow) -> TemplateContent:
        """What fills the template for this row."""
        values = {**self._fixed, **row.values}
        params: list[str] | dict[str, str] | None = [values[name] for name in self._listed] or None
        if self._named is not None:
            params = {name: values[key] for name, key in self._named} or None
        header: JsonObject | None = {"text": values[HEADER]} if self._header else None
        if header is not None and self._header_name is not None:
            header["parameter_name"] = self._header_name
        buttons: list[JsonObject] | None = None
        if self._buttons or self._flows:
            own = [
                {"index": at, "type": kind, VALUE_OF[kind]: values[name]} for at, kind, name in self._buttons
            ]
            buttons = sorted([*self._other_buttons, *self._flows, *own], key=lambda each: int(each["index"]))
        return TemplateContent(params, header, buttons)


def unmapped(source: Source) -> list[Problem]:
    """What of the template nothing fills, and what the mapping fills that the template does not have."""
    if source.form is not FileFormat.CSV or (known := _known(source)) is None:
        return []
    wanted = {each.key: each for each in placeholders(known)}
    fills = source.mapping.fills
    found = [
        Problem(f"mapping.fills.{key}", f"nothing fills {each.label}: choose a column, or write a text")
        for key, each in wanted.items()
        if key not in fills and not _is_filled(key, source.defaults)
    ]
    found += [
        Problem(f"mapping.fills.{key}", "the template has no such placeholder: leave it out")
        for key in fills
        if key not in wanted
    ]
    return found


def _is_filled(key: str, defaults: TemplateContent) -> bool:
    """Whether what is the same for everybody fills a placeholder already."""
    if defaults.components is not None:
        return True
    if key == HEADER:
        return defaults.header is not None
    return key.startswith(BUTTON) and any(
        str(each.get("index")) == key.removeprefix(BUTTON) for each in defaults.buttons or ()
    )


def _known(source: Source) -> Template | None:
    """The template, if the last sync found it."""
    return source.template.template if source.template is not None else None


def _told_apart(problems: Iterable[Problem]) -> tuple[dict[int, str], list[Problem]]:
    """The first problem of each recipient by its index, in words for its line; and those of all."""
    own: dict[int, str] = {}
    shared: list[Problem] = []
    for each in problems:
        if (found := _OWN.fullmatch(each.path)) is None:
            shared.append(each)
        else:
            own.setdefault(int(found[1]), f"{_place(found[2])}: {each.message}")
    return own, shared


def _place(path: str) -> str:
    """`params[1]` as a person knows it: `{{2}}`."""
    found = _PARAM.fullmatch(path)
    if found is None:
        return path
    return f"{{{{{int(found[1]) + 1 if found[1] else found[2]}}}}}"


def _from_json(lines: Iterable[str]) -> Iterator[Person | RejectedLine]:
    """Recipients as in the API, one on each line; empty lines are of erased people."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        read = _recipient(line)
        if isinstance(read, str):
            yield RejectedLine(number, "", read, line)
            continue
        to, content = read
        own = content_parts(content) or {}
        wrong = content_problems(own | {"params": content.params}) if own else []
        if wrong:
            yield RejectedLine(number, to, f"{wrong[0].path}: {wrong[0].message}", line)
        else:
            yield Person(number, to, "", content, line)


def _recipient(line: str) -> tuple[str, TemplateContent] | str:
    """The address and the content on a line of JSON, or why it cannot be used."""
    try:
        given = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "is no JSON"
    to, params = (given.get("to"), given.get("params")) if isinstance(given, dict) else (None, None)
    if not isinstance(to, str):
        return 'expected an object such as {"to": "+14155550123", "params": ["Jane"]}'
    values = params.values() if isinstance(params, dict) else params if isinstance(params, list) else ()
    if (params is not None and not isinstance(params, dict | list)) or not all(
        isinstance(value, str) for value in values
    ):
        return "params: expected a list or an object of strings"
    return to, TemplateContent(params, given.get("header"), given.get("buttons"), given.get("components"))
