"""Reading what Meta's analytics of templates say about clicks, in any shape."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.template_clicks import Clicks, LinkClicks
from wacrmd.meta.analytics import MAX_BUTTONS, MAX_COUNT, clicks_of

DAY_S = 86_400
DAY = 19_885
DAYS = range(DAY, DAY + 3)


def point(*clicked: Any, template_id: Any = "2", start: Any = DAY * DAY_S, **more: Any) -> dict[str, Any]:
    return {"template_id": template_id, "start": start, "clicked": list(clicked), **more}


def click(kind: Any, count: Any, text: Any = "Tell me more") -> dict[str, Any]:
    return {"type": kind, "button_content": text, "count": count}


def read(*points: Any) -> list[LinkClicks]:
    return clicks_of([{"granularity": "DAILY", "data_points": list(points)}], {"1", "2"}, DAYS)


def counts(*clicked: Any) -> list[tuple[str, int | None, int | None]]:
    return [(each.button, each.counts.people, each.counts.clicks) for each in read(point(*clicked))]


def test_the_sample_of_meta_is_read_and_quick_replies_are_left_out() -> None:
    sample = {
        "granularity": "DAILY",
        "product_type": "cloud_api",
        "data_points": [
            {
                "template_id": "1",
                "start": 1718064000,
                "end": 1718150400,
                "sent": 1,
                "delivered": 1,
                "read": 1,
            },
            point(
                click("quick_reply_button", 108, "Contact Support"),
                click("unique_url_button", 16),
                end=1718150400,
                sent=1,
                cost=[{"type": "amount_spent", "value": 0.03}],
            ),
        ],
    }
    assert clicks_of([sample], {"1", "2"}, DAYS) == [LinkClicks("2", DAY, "Tell me more", Clicks(16, None))]


def test_types_are_kept_apart_and_a_text_on_several_cards_is_added_up_for_each_type() -> None:
    assert counts(click("url_button", 20), click("unique_url_button", 16)) == [("Tell me more", 16, 20)]
    assert counts(
        click("unique_url_button", 3), click("UNIQUE_URL_BUTTON", 4), click("url_button", 9, "Other")
    ) == [
        ("Tell me more", 7, None),
        ("Other", None, 9),
    ]


def test_only_what_was_asked_for_is_read() -> None:
    one = click("unique_url_button", 1)
    assert (
        read(
            point(one, template_id="3"),
            point(one, start=(DAY - 1) * DAY_S),
            point(one, start=DAYS.stop * DAY_S),
        )
        == []
    )
    (found,) = read(point(one, template_id=2, start=f"{(DAY + 1) * DAY_S + 59}"))
    assert (found.template_id, found.day) == ("2", DAY + 1), "an id that is a number, a time within the day"


def test_a_day_that_comes_twice_has_the_greater_counts() -> None:
    found = read(
        point(click("unique_url_button", 5), click("url_button", 5)),
        point(click("unique_url_button", 3), click("url_button", 9)),
    )
    assert [each.counts for each in found] == [Clicks(5, 9)]


@pytest.mark.parametrize(
    "count", [None, True, -1, 1.0, "5", [], {}, 10**30, MAX_COUNT + 1, float("inf")], ids=str
)
def test_a_count_of_another_type_or_size_is_none(count: Any) -> None:
    assert counts(click("unique_url_button", count)) == []


def test_texts_are_short_without_breaks_and_few() -> None:
    assert counts(click("unique_url_button", 1, "a\n\t b" + "x" * 200))[0][0] == ("a b" + "x" * 97)
    assert counts(click("unique_url_button", 1, None), click("unique_url_button", 2, 7)) == [("", 3, None)]
    many = [click("unique_url_button", 1, str(number)) for number in range(MAX_BUTTONS + 5)]
    assert len(counts(*many)) == MAX_BUTTONS
    assert counts(*(click("unique_url_button", MAX_COUNT) for _ in range(3))) == [
        ("Tell me more", MAX_COUNT, None)
    ]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data_points", "template_id", "start", "clicked", "type", "count", "button_content"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(st.lists(st.dictionaries(st.just("data_points"), ANY_JSON), max_size=3), ANY_JSON)
def test_anything_else_is_read_as_nothing(items: list[dict[str, Any]], clicked: Any) -> None:
    for each in [*clicks_of(items, {"1", "2"}, DAYS), *read(point() | {"clicked": clicked})]:
        assert each.day in DAYS
        assert all(
            count is None or 0 <= count <= MAX_COUNT for count in (each.counts.people, each.counts.clicks)
        )
