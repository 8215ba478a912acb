"""The lines of `wacrmd stats`."""

from tests.support.table import rows
from wacrmd.cli.commands.stats import with_shares
from wacrmd.fields import JsonObject

COUNTS = ("total", "sent", "delivered", "read", "replied", "quick_reply", "clicked", "opted_out", "failed")


@rows(
    ("counts", "shown"),
    [
        # 100 % means all, as in the dashboard.
        (
            (1000, 999, 998, 997, 996, 0, None, 1, 1),
            {"delivered": "998 (99 %)", "read": "997 (99 %)", "replied": "996 (99 %)", "failed": "1 (0 %)"},
        ),
        ((100_000, 100_000, 99_999, 99_998, 0, 0, None, 0, 0), {"delivered": "99999 (99 %)"}),
        (
            (50, 50, 50, 25, 1, 1, 7, 3, 0),
            {"delivered": "50 (100 %)", "read": "25 (50 %)", "clicked": "7 (14 %)"},
        ),
        ((8, 0, 0, 0, 0, 0, None, 0, 8), {"delivered": "0", "clicked": None, "failed": "8 (100 %)"}),
    ],
)
def test_shares_are_rounded_down(counts: tuple[int | None, ...], shown: dict[str, str | None]) -> None:
    row: JsonObject = {f"{name}_count": count for name, count in zip(COUNTS, counts, strict=True)}
    row |= {f"{name}_share": None if row[f"{name}_count"] is None else 0.5 for name in COUNTS}
    made = with_shares(row)
    assert {name: made[name] for name in shown} == shown


def test_clicks_of_other_programs_too_have_no_share() -> None:
    row: JsonObject = {f"{name}_count": 4 for name in COUNTS} | {f"{name}_share": 1.0 for name in COUNTS}
    assert with_shares(row | {"clicked_count": 9, "clicked_share": None})["clicked"] == "9"
