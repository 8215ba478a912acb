"""Which of the statuses of a message says last what it costs."""

from tests.support.table import rows
from wacrmd.domain.billing import told_at
from wacrmd.domain.recipient import RecipientStatus


@rows(
    ("earlier", "later"),
    [
        ((RecipientStatus.FAILED, 1000), (RecipientStatus.SENT, 1000)),
        ((RecipientStatus.SENT, 1000), (RecipientStatus.DELIVERED, 1000)),
        ((RecipientStatus.DELIVERED, 1000), (RecipientStatus.READ, 1000)),
        ((RecipientStatus.REPLIED, 1000), (RecipientStatus.FAILED, 1001)),
    ],
)
def test_a_later_time_counts_and_within_one_the_later_stage(
    earlier: tuple[RecipientStatus, int], later: tuple[RecipientStatus, int]
) -> None:
    assert told_at(*earlier) < told_at(*later)


def test_the_time_is_an_eighth_of_it_as_the_schema_takes_it() -> None:
    assert [told_at(each, 1_795_000_000_123) // 8 for each in RecipientStatus] == [1_795_000_000_123] * len(
        RecipientStatus
    )
    assert told_at(RecipientStatus.FAILED, 1) == 8
