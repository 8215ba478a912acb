"""The placeholders of a template text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.placeholders import fill, names_in, number_of


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hello", ()),
        ("Hi {{1}}, order {{2}} for {{1}}", ("1", "2")),
        ("{{2}} before {{1}}", ("2", "1")),
        ("Hi {{ first_name }}", ("first_name",)),
        ("https://shop.example.com/{{1}}", ("1",)),
        ("{1} {{}} {{a b}} {{", ()),
    ],
)
def test_names_come_in_the_order_of_their_first_use_each_once(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text) == names


@pytest.mark.parametrize(
    ("params", "filled"),
    [
        (["Jane", "A-1"], "Hi Jane, order A-1 for Jane"),
        (["Jane"], "Hi Jane, order {{ 2 }} for Jane"),
        ([], "Hi {{1}}, order {{ 2 }} for {{1}}"),
        ({"2": "A-1"}, "Hi {{1}}, order A-1 for {{1}}"),
        (["{{2}}", "A-1"], "Hi {{2}}, order A-1 for {{2}}"),
    ],
)
def test_a_placeholder_without_a_value_stays(params: list[str] | dict[str, str], filled: str) -> None:
    assert fill("Hi {{1}}, order {{ 2 }} for {{1}}", params) == filled


@pytest.mark.parametrize(
    ("column", "number"),
    [("1", 1), ("{{2}}", 2), ("{{ 12 }}", 12), ("0", None), ("100", None), ("name", None), ("", None)],
)
def test_a_column_may_be_named_by_the_number_of_its_placeholder(column: str, number: int | None) -> None:
    assert number_of(column) == number


@given(st.text(alphabet="{} 1aß\n"))
def test_without_values_a_text_is_not_changed(text: str) -> None:
    assert fill(text, []) == text
