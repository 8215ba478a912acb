"""Statistics as a CSV file: a line for each row. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from wacrmd.domain.csv_export import EXCEL_HEAD, csv_lines, escape_formula
from wacrmd.domain.statistics import By, percents

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
NAMES: Mapping[By, tuple[str, ...]] = {
    By.TEMPLATE: ("template_name", "template_language"),
    By.COUNTRY: ("country",),
    By.HOUR: ("hour",),
    By.DAY: ("day",),
}
"""What a row is about."""
COUNTS = (
    *("total_count", "sent_count", "delivered_count", "read_count", "replied_count", "quick_reply_count"),
    *("opted_out_count", "failed_count", "uncertain_count"),
    *(
        "delivered_share",
        "read_share",
        "replied_share",
        "quick_reply_share",
        "opted_out_share",
        "failed_share",
    ),
    *("clicked_count", "clicked_share"),
)
REASONS = "failures"
BUTTONS = "replies_by_button"
LINKS = "clicks_by_button"


def statistics_csv(by: By, rows: Iterable[Mapping[str, Any]], *, excel: bool = False) -> str:
    """The rows of statistics, as objects of their JSON, with a header; what failed, was tapped, was clicked in a cell each.

    With `excel` shares are whole percents, such as `93%`: where decimals have a comma, Excel reads `0.93` as 93.

    The last cells have `131049: 12` for each reason and each button, the most frequent first, with commas between them. Of a
    link it is how many people clicked it.
    """
    columns = (*NAMES[by], *COUNTS, REASONS, BUTTONS, LINKS)
    head = EXCEL_HEAD if excel else ""
    return head + csv_lines([columns, *([_cell(row, name, excel=excel) for name in columns] for row in rows)])


def _cell(row: Mapping[str, Any], name: str, *, excel: bool) -> str:
    value = row[name]
    if excel and value is not None and (share := name.removesuffix("_share")) != name:
        value = f"{percents(row, share)}%"
    elif name == REASONS:
        value = ", ".join(f"{each['code'] or each['reason']}: {each['count']}" for each in value)
    elif name == BUTTONS:
        value = ", ".join(f"{' '.join(button.split())}: {count}" for button, count in value.items())
    elif name == LINKS:
        people = [(each["button"], each["people_count"]) for each in value]
        value = ", ".join(f"{button}: {count}" for button, count in people if count is not None)
    return "" if value is None else escape_formula(str(value))


def file_name(by: By, first_day: str, last_day: str) -> str:
    """The name of the file."""
    return f"statistics-by-{by}-{first_day}-to-{last_day}.csv"
