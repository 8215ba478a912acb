"""The counts of a broadcast: each delivery count includes the later ones, and the parts add up to the total."""

from wacrmd.domain.billing import Billed
from wacrmd.domain.broadcast import Counted, Progress
from wacrmd.domain.recipient import RecipientStatus as S


def test_progress_has_the_counts_of_all_statuses() -> None:
    by_status = {status.value: 2**index for index, status in enumerate(S)}
    assert [*by_status.values()] == [1, 2, 4, 8, 16, 32, 64, 128, 256], "a count that appears in one sum only"
    sent, delivered, read, replied = (by_status[s] for s in (S.SENT, S.DELIVERED, S.READ, S.REPLIED))
    held = [("paused", 2, 7000), ("held_for_quality_assessment", 1, 5000)]
    counted = Counted(by_status, {"Yes": 12}, held, [("marketing", "regular", 9)])
    assert Progress.of(counted) == Progress(
        total_recipients=511,
        sent_count=sent + delivered + read + replied,
        delivered_count=delivered + read + replied,
        read_count=read + replied,
        replied_count=replied,
        failed_count=by_status[S.FAILED],
        pending_count=by_status[S.PENDING] + by_status[S.SENDING],
        uncertain_count=by_status[S.UNCERTAIN],
        cancelled_count=by_status[S.CANCELLED],
        replies_by_button={"Yes": 12},
        held_count=3,
        held=tuple(held),
        billed=[Billed("marketing", "regular", 9)],
    )


def test_a_status_without_recipients_counts_zero() -> None:
    counts = Progress.of(Counted({"sent": 3}))
    assert (counts.total_recipients, counts.sent_count, counts.failed_count) == (3, 3, 0)
