"""Files that content names by wacrmd's ids, and Meta's ids in their place."""

from typing import Any

import pytest

from tests.support.table import rows
from wacrmd.domain.media import MediaFacts
from wacrmd.domain.media_in_content import SentFile, ids_in, media_problems, named_in, with_meta_ids
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import Problem

ONE = "0f0f0f0f-1111-4222-8333-444444444444"
TWO = "0f0f0f0f-1111-4222-8333-555555555555"
FILES = {ONE: SentFile("17", "a.png"), TWO: SentFile("18", "Prices.pdf")}
KNOWN = {
    ONE: MediaFacts(1, ONE, "a.png", "image/png"),
    TWO: MediaFacts(2, TWO, "Prices.pdf", "application/pdf"),
}


def header_of(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": "header", "parameters": [{"type": kind, kind: value}]}


def carousel(*headers: Any) -> dict[str, Any]:
    cards = [{"card_index": at, "components": [each]} for at, each in enumerate(headers)]
    return {"type": "carousel", "cards": cards}


@rows(
    ("header", "components", "sent_header", "sent_components"),
    [
        (None, None, None, None),
        ({"text": "x"}, None, {"text": "x"}, None),
        ({"image": {"id": ONE}}, None, {"image": {"id": "17"}}, None),
        ({"image": {"id": ONE.upper()}}, None, {"image": {"id": "17"}}, None),
        ({"image": {"id": "1558081531584829"}}, None, {"image": {"id": "1558081531584829"}}, None),
        (
            {"image": {"link": f"https://a.example/{ONE}"}},
            None,
            {"image": {"link": f"https://a.example/{ONE}"}},
            None,
        ),
        ({"document": {"id": TWO}}, None, {"document": {"id": "18", "filename": "Prices.pdf"}}, None),
        (
            {"document": {"id": TWO, "filename": "x.pdf"}},
            None,
            {"document": {"id": "18", "filename": "x.pdf"}},
            None,
        ),
        (None, [header_of("image", id=ONE)], None, [header_of("image", id="17")]),
        (
            None,
            [carousel(header_of("image", id=ONE), header_of("video", id="9")), "x"],
            None,
            [carousel(header_of("image", id="17"), header_of("video", id="9")), "x"],
        ),
        (None, ["x", header_of("image", id=ONE)], None, ["x", header_of("image", id="17")]),
        (
            {"image": {"id": ONE}},
            [header_of("document", id=TWO, filename="x")],
            {"image": {"id": "17"}},
            [header_of("document", id="18", filename="x")],
        ),
        (None, [], None, []),
    ],
)
def test_wacrmds_ids_become_those_of_meta(
    header: Any, components: Any, sent_header: Any, sent_components: Any
) -> None:
    given = TemplateContent(["x"], header, [{"index": 0}], components)
    sent = with_meta_ids(given, FILES)
    assert sent == TemplateContent(["x"], sent_header, [{"index": 0}], sent_components)
    assert given == TemplateContent(["x"], header, [{"index": 0}], components), "it is not changed"


def test_a_file_that_meta_does_not_have_makes_no_message() -> None:
    with pytest.raises(LookupError):
        with_meta_ids(TemplateContent(header={"image": {"id": ONE}}), {})


def test_files_are_found_with_their_places() -> None:
    content = TemplateContent(
        header={"image": {"id": ONE}},
        components=[header_of("image", id=ONE), carousel(header_of("document", id=TWO))],
    )
    assert [named.path for named in named_in(content)] == [
        "header.image",
        "components[0].parameters[0].image",
        "components[1].cards[0].components[0].parameters[0].document",
    ]
    assert ids_in([content, TemplateContent(header={"image": {"id": "17"}})]) == {ONE, TWO}


@rows(
    ("header", "message"),
    [
        ({"image": {"id": ONE}}, None),
        ({"image": {"id": "17"}}, None),
        ({"video": {"id": ONE}}, "this file is an image (image/png), not a video"),
        ({"image": {"id": TWO}}, "this file is a document (application/pdf), not an image"),
        (
            {"image": {"id": ONE[:-1] + "0"}},
            "there is no file with this id (any more): upload it, and use the id that this gives",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_told(header: Any, message: Any) -> None:
    (kind,) = header
    found = media_problems(TemplateContent(header=header), KNOWN, "recipients[3].")
    assert found == ([] if message is None else [Problem(f"recipients[3].header.{kind}.id", message)])


def test_a_file_that_meta_refused_is_told() -> None:
    known = {ONE: MediaFacts(1, ONE, "a.png", "image/png", "it is broken")}
    found = media_problems(TemplateContent(header={"image": {"id": ONE}}), known)
    assert [each.message for each in found] == ["Meta does not take this file: it is broken"]
