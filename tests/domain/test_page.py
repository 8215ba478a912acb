"""Pages: one row more than the limit is read. It shows that there is a next page, and is not part of this one."""

import pytest

from wacrmd.domain.page import Page, PageRequest, Position


@pytest.mark.parametrize(
    ("rows", "items", "following"),
    [
        ([], [], None),
        ([9], ["9"], None),
        ([9, 8], ["9", "8"], None),
        ([9, 8, 7], ["9", "8"], Position(80, 8)),
    ],
)
def test_a_page_ends_with_the_last_item_that_it_shows(
    rows: list[int], items: list[str], following: Position | None
) -> None:
    request = PageRequest(2)
    assert request.rows == 3
    page = Page.of(rows, request, str, lambda row: Position(10 * row, row))
    assert (page.items, page.next) == (items, following)


def test_the_cursor_of_a_page_of_three_is_the_third_item() -> None:
    page = Page.of([9, 8, 7, 6], PageRequest(3), str, lambda row: Position(10 * row, row))
    assert page.next == Position(70, 7)


def test_a_merged_page_shows_nothing_behind_where_one_list_was_not_read() -> None:
    searched: Page[str] = Page([], Position(50, 5), [])
    other = Page(["c", "b", "a"], Position(10, 1), [Position(90, 9), Position(60, 6), Position(10, 1)])
    found = Page.merged([searched, other], limit=3)
    assert (found.items, found.next) == (["c", "b"], Position(50, 5))
    full = Page(["x"], Position(70, 7), [Position(70, 7)])
    assert Page.merged([full, other], limit=1).items == ["c"]
    assert Page.merged([full, other], limit=1).next == Position(90, 9)
    assert Page.merged([Page(["x"], None, [Position(70, 7)]), Page([], None, [])], limit=5) == Page(
        ["x"], None, [Position(70, 7)]
    )
