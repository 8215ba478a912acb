"""Files of drafts as anybody may upload and map them: read, or refused; and one person is taken out of them without harm."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.files_of_people import TEXTS, TOKENS, files_of_people
from tests.fuzz.growth import assert_grows_in_proportion
from tests.fuzz.mutations import mutated_text
from tests.support.templates import approved
from wacrmd.domain.added_file import added_lines
from wacrmd.domain.csv_file import CsvReader
from wacrmd.domain.draft import FileFormat, FileMapping, Fill
from wacrmd.domain.mapped_file import read_head, suggest_mapping
from wacrmd.domain.person_in_file import PersonFinder, blanked, lines_about
from wacrmd.domain.phone_guess import Home
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.domain.template import SyncedTemplate, TemplateContent
from wacrmd.domain.text_file import CsvError, split_lines
from wacrmd.services.drafts.people import PeopleReader, Source

PERSON = "+14155550123"
TEMPLATE = approved({"type": "BODY", "text": "Hi {{1}}, {{2}}"}, name="hello")
FILLS = st.dictionaries(
    st.sampled_from(("body.1", "body.2", "header", "button.0", "body.name")),
    st.builds(lambda column: Fill(column=column), st.integers(1, 5))
    | st.builds(lambda value: Fill(value=value), st.text(max_size=5)),
    max_size=4,
)
MAPPINGS = st.builds(
    lambda phone, fills: FileMapping(phone=phone, fills=fills), st.none() | st.integers(1, 5), FILLS
)
JSON_LINES = mutated_text(
    (
        '{"to":"+14155550123","params":["Jane"]}\n{"to":"+14155550124","params":{"name":"x"},"header":{"text":"x"}}\n',
    ),
    ("{", "}", "[", "]", '"', ":", ",", "1", "null", "\n", "params", "buttons", "components", "to"),
    changes=6,
)


def source(form: FileFormat, mapping: FileMapping, *, is_known: bool) -> Source:
    return Source(
        form=form,
        mapping=mapping,
        template_name="hello",
        template_language="en_US",
        template=SyncedTemplate(TEMPLATE, [], 1) if is_known else None,
        defaults=TemplateContent(),
        home=Home("US", is_default=True),
        files={},
        plan=SendingPlan(),
        now=0,
    )


def read(text: str, given_source: Source) -> None:
    """Each row is counted once, or the file is refused with a sentence."""
    try:
        for batch in PeopleReader(split_lines(text), given_source).batches():
            assert len(batch.people) + len(batch.rejected) + len(batch.duplicates) == batch.rows
    except CsvError as error:
        assert str(error)


@examples(200)
@given(files_of_people(), MAPPINGS, st.booleans())
def test_a_file_with_any_mapping_is_read_or_refused(text: str, mapping: FileMapping, is_known: bool) -> None:
    read(text, source(FileFormat.CSV, mapping, is_known=is_known))


@examples(200)
@given(files_of_people(), st.booleans())
def test_the_columns_of_a_file_are_shown_or_it_is_refused(text: str, is_known: bool) -> None:
    try:
        head = read_head(split_lines(text))
    except CsvError as error:
        assert str(error)
        return
    assert "--column" not in (head.unclear or "")
    assert all(column.name for column in head.columns)
    mapping = suggest_mapping(head, ["body.1", "body.2"] if is_known else None)
    assert all((fill.column or 0) <= len(head.columns) for fill in mapping.fills.values())
    read(text, source(FileFormat.CSV, mapping, is_known=is_known))


@examples(200)
@given(files_of_people(), files_of_people())
def test_a_file_that_is_added_to_another_gives_each_row_a_row_or_is_refused(before: str, added: str) -> None:
    lines = split_lines(before)
    try:
        mapping = suggest_mapping(read_head(lines), None)
        found = list(added_lines(lines, mapping, split_lines(added)))
    except CsvError as error:
        assert str(error)
        return
    assert all(each.endswith("\n") for each in found)
    end = "" if not before or before.endswith(("\n", "\r")) else "\n"
    read(before + end + "".join(found), source(FileFormat.CSV, mapping, is_known=False))


@examples(150)
@given(JSON_LINES, st.booleans())
def test_json_lines_are_read_or_rejected(text: str, is_known: bool) -> None:
    read(text, source(FileFormat.JSONL, FileMapping(), is_known=is_known))


@examples(200)
@given(files_of_people())
def test_a_person_who_is_taken_out_is_gone_and_the_lines_stay_where_they_are(text: str) -> None:
    finder, lines = PersonFinder([PERSON]), split_lines(text)
    kept = blanked(lines, lines_about(lines, finder))
    assert len(kept) == len(lines)
    assert all(new == old or not new.strip() for new, old in zip(kept, lines, strict=True))
    assert f"\n{PERSON}," not in "".join(kept)
    assert not any(finder.is_in(row.cells) for row in CsvReader(kept))


def test_a_large_file_takes_time_in_proportion() -> None:
    given_source = source(
        FileFormat.CSV, FileMapping(phone=1, fills={"body.1": Fill(column=2)}), is_known=False
    )

    def file_of(size: int) -> str:
        return TEXTS[0] + "".join(f"+1415{2_000_000 + at},Zoë {TOKENS[0]}\n" for at in range(size))

    def look(text: str) -> None:
        lines_about(split_lines(text), PersonFinder([PERSON]))
        read(text, given_source)

    assert_grows_in_proportion(file_of, look, 500)
