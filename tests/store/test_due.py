"""To whom of those whose time has come a message may be sent now."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, broadcast, database, opt_out
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis, iso, parse_iso
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError
from wacrmd.domain.canary import Canary, CanaryPhase
from wacrmd.domain.messaging_limit import MARGIN, PERIOD
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.send_between import SendBetween
from wacrmd.sender.claim import _advance_canary
from wacrmd.store import attempts, canaries, conversations, due, inbound_messages, numbers
from wacrmd.store.conversations import Budget
from wacrmd.store.database import Tx
from wacrmd.store.rows import json_of

S = RecipientStatus
A_DAY_LATER = NOW + DAY + SECOND


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def second(tx: Tx, count: int) -> int:
    """Another broadcast, to other people."""
    return broadcast(tx, count, uuid="6f1e2d3c-0000-4000-8000-000000000002")


def allow(tx: Tx, tier: str) -> None:
    """Meta tells this limit."""
    tx.execute("UPDATE number SET limit_tier = ?, limit_told_at = ? WHERE id = 'n1'", (tier, NOW))


def used(tx: Tx, now: Millis) -> int:
    return conversations.use_of(tx, conversations.budget_of(tx, N1.id), now).used


def ended(claim: Claim, status: S, at: Millis = NOW) -> AttemptResult:
    error = MetaError(131026, "Message undeliverable") if status is S.FAILED else None
    wamid = f"wamid.{claim.recipient_id}.{claim.attempt}" if status is S.SENT else None
    return AttemptResult(
        *(claim.recipient_id, claim.broadcast_id, claim.attempt, status, at, at, "note"),
        wamid=wamid,
        error=error,
        next_attempt_at=at,
    )


def another_number(tx: Tx, name: str) -> None:
    numbers.add(
        tx,
        number_id=name,
        account_id=N1.account_id,
        phone_number_id=f"2{name}",
        waba_id=f"3{name}",
        access_token=b"sealed",
        app_secret=b"sealed",
        verify_token_hash=b"hash",
        label=None,
        display_phone=None,
        messages_per_second=None,
        default=False,
        now=NOW,
    )


# Meta's limit


def test_as_many_people_are_written_to_in_a_day_as_meta_allows_and_then_the_next(tx: Tx) -> None:
    allow(tx, "TIER_50")
    broadcast_id = broadcast(tx, 130)
    first = [*attempts.claim(tx, broadcast_id, 40, NOW), *attempts.claim(tx, broadcast_id, 40, NOW + HOUR)]
    assert (len(first), used(tx, NOW + HOUR)) == (50, 50)
    assert attempts.claim(tx, broadcast_id, 40, NOW + 2 * HOUR) == []
    assert attempts.has_due(tx, broadcast_id, NOW + 2 * HOUR)
    assert due.look_again_at(tx, broadcast_id, NOW + 2 * HOUR) == NOW + PERIOD
    found = conversations.use_of(tx, conversations.budget_of(tx, N1.id), NOW + 2 * HOUR)
    assert found.detail == (
        "Meta's limit: 50 of 50 different people in 24 hours have been written to; the next 50 within an hour from"
        f" {iso(NOW + PERIOD)}"
    )
    assert len(attempts.claim(tx, broadcast_id, 100, NOW + PERIOD)) == 40
    assert len(attempts.claim(tx, broadcast_id, 100, NOW + PERIOD + HOUR)) == 10


def test_a_message_that_comes_to_meta_somewhat_later_than_it_was_claimed_still_counts_a_day_later(
    tx: Tx,
) -> None:
    allow(tx, "TIER_50")
    broadcast_id = broadcast(tx, 51)
    assert len(attempts.claim(tx, broadcast_id, 50, NOW)) == 50
    latest = NOW + DAY + MARGIN - 1
    assert attempts.claim(tx, broadcast_id, 50, latest) == []
    assert len(attempts.claim(tx, broadcast_id, 50, latest + SECOND)) == 1


def test_room_that_is_made_between_two_counts_is_found_a_moment_later(tx: Tx) -> None:
    numbers.update(tx, N1.id, daily_limit=2)
    broadcast_id = broadcast(tx, 4)
    for at in (NOW, NOW + 500):
        assert len(attempts.claim(tx, broadcast_id, 1, at)) == 1
    assert len(attempts.claim(tx, broadcast_id, 2, NOW + PERIOD)) == 1
    soon = NOW + PERIOD + 600  # the other one does not count any more, but was counted just now
    assert attempts.claim(tx, broadcast_id, 2, soon) == []
    assert due.look_again_at(tx, broadcast_id, soon) == soon + due.LOOK_AGAIN
    assert len(attempts.claim(tx, broadcast_id, 2, soon + due.LOOK_AGAIN)) == 1


def test_a_limit_that_is_set_here_is_not_called_metas(tx: Tx) -> None:
    allow(tx, "TIER_50")
    for own, words in ((20, "The daily limit that is set here: 0 of 20"), (50, "Meta's limit: 0 of 50")):
        numbers.update(tx, N1.id, daily_limit=own)
        found = conversations.use_of(tx, conversations.budget_of(tx, N1.id), NOW)
        assert found.detail.startswith(words)


def test_a_limit_that_is_lowered_below_what_is_used_says_when_there_is_room_again(tx: Tx) -> None:
    allow(tx, "50")
    broadcast_id = broadcast(tx, 90)
    for hours, count in ((0, 20), (2, 15), (3, 10)):
        attempts.claim(tx, broadcast_id, count, NOW + hours * HOUR)
    allow(tx, "30")  # 45 are used: those of the first 15 make no room
    found = conversations.use_of(tx, conversations.budget_of(tx, N1.id), NOW + 4 * HOUR)
    assert (found.used, found.free, found.next_at, found.next_count) == (45, 0, NOW + PERIOD, 5)
    allow(tx, "15")
    found = conversations.use_of(tx, conversations.budget_of(tx, N1.id), NOW + 4 * HOUR)
    assert (found.next_at, found.next_count) == (NOW + PERIOD + 2 * HOUR, 15)
    assert due.look_again_at(tx, broadcast_id, NOW + PERIOD) == NOW + PERIOD + 2 * HOUR
    assert len(attempts.claim(tx, broadcast_id, 100, NOW + PERIOD + 2 * HOUR)) == 5


def test_who_counts_already_or_wrote_lately_is_written_to_all_the_same(tx: Tx) -> None:
    allow(tx, "50")
    broadcast_id = broadcast(tx, 60)
    attempts.claim(tx, broadcast_id, 60, NOW)
    assert used(tx, NOW) == 50
    again = second(tx, 3)
    counted, wrote, other = (
        row[0] for row in tx.execute("SELECT id FROM recipient WHERE broadcast_id = ?", (again,))
    )
    person = tx.execute("SELECT person_id FROM conversation LIMIT 1").fetchone()[0]
    tx.execute("UPDATE recipient SET person_id = ? WHERE id = ?", (person, counted))
    writer = tx.execute("SELECT person_id FROM recipient WHERE id = ?", (wrote,)).fetchone()[0]
    inbound_messages.add(
        tx,
        message_id="wamid.in",
        number_id=N1.id,
        person_id=writer,
        wa_id=None,
        user_id=None,
        recipient_id=None,
        at=NOW - 23 * HOUR,
        now=NOW,
    )
    assert {each.recipient_id for each in attempts.claim(tx, again, 10, NOW)} == {counted, wrote}
    assert used(tx, NOW) == 50
    assert attempts.claim(tx, again, 10, NOW + MINUTE) == []
    assert other


def test_who_wrote_a_day_ago_counts(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (writer,) = tx.execute("SELECT person_id FROM recipient").fetchone()
    for hours, name in ((24, "old"), (30, "older")):
        inbound_messages.add(
            tx,
            message_id=name,
            number_id=N1.id,
            person_id=writer,
            wa_id=None,
            user_id=None,
            recipient_id=None,
            at=NOW - hours * HOUR,
            now=NOW,
        )
    attempts.claim(tx, broadcast_id, 1, NOW)
    assert used(tx, NOW) == 1


@pytest.mark.parametrize(
    ("status", "counts"), [(S.SENT, True), (S.UNCERTAIN, True), (S.FAILED, False), (S.PENDING, False)]
)
def test_who_did_not_get_it_does_not_count(tx: Tx, status: S, counts: bool) -> None:
    allow(tx, "TIER_50")
    broadcast_id = broadcast(tx, 51)
    first, *_ = attempts.claim(tx, broadcast_id, 50, NOW)
    attempts.record(tx, [ended(first, status)])
    assert used(tx, NOW) == (50 if counts else 49)
    assert len(attempts.claim(tx, broadcast_id, 1, NOW)) == (not counts)


def test_a_message_that_fails_later_gives_nothing_back_of_what_an_earlier_one_counted(tx: Tx) -> None:
    first, again = broadcast(tx, 1), second(tx, 1)
    tx.execute("UPDATE recipient SET person_id = (SELECT min(person_id) FROM recipient)")
    (sent,) = attempts.claim(tx, first, 1, NOW)
    attempts.record(tx, [ended(sent, S.SENT)])
    (refused,) = attempts.claim(tx, again, 1, NOW + HOUR)
    attempts.record(tx, [ended(refused, S.FAILED)])
    assert used(tx, NOW + HOUR) == 1


def test_the_last_message_counts_and_not_the_first(tx: Tx) -> None:
    first, again = broadcast(tx, 1), second(tx, 1)
    tx.execute("UPDATE recipient SET person_id = (SELECT min(person_id) FROM recipient)")
    attempts.claim(tx, first, 1, NOW)
    attempts.claim(tx, again, 1, NOW + HOUR)
    assert (used(tx, NOW + PERIOD), used(tx, NOW + PERIOD + HOUR)) == (1, 0)


def test_numbers_of_a_portfolio_share_its_limit_and_the_lower_of_two_counts(tx: Tx) -> None:
    for name, portfolio, own in (("n2", None, None), ("n3", "other", 7)):
        another_number(tx, name)
        numbers.update(tx, name, portfolio=portfolio, daily_limit=own)
    assert conversations.budget_of(tx, "n2") == Budget(N1.account_id, float("inf"), is_known=False)
    allow(tx, "TIER_2K")
    assert conversations.budget_of(tx, "n2") == Budget(N1.account_id, 2000)
    numbers.update(tx, "n2", daily_limit=100)
    assert conversations.budget_of(tx, N1.id) == Budget(N1.account_id, 100, is_own=True)
    assert conversations.budget_of(tx, "n3") == Budget("other", 7, is_own=True)
    allow(tx, "TIER_UNLIMITED")
    numbers.update(tx, "n2", daily_limit=None)
    assert not conversations.budget_of(tx, N1.id).is_limited
    first = broadcast(tx, 2)
    attempts.claim(tx, first, 2, NOW)
    assert conversations.use_of(tx, conversations.budget_of(tx, "n2"), NOW).used == 2
    assert conversations.use_of(tx, conversations.budget_of(tx, "n3"), NOW).used == 0


def test_whom_a_number_has_written_to_counts_in_a_portfolio_that_it_is_moved_to(tx: Tx) -> None:
    another_number(tx, "n2")
    attempts.claim(tx, broadcast(tx, 3), 3, NOW)
    of_other = second(tx, 2)
    tx.execute("UPDATE broadcast SET number_id = 'n2' WHERE id = ?", (of_other,))
    attempts.claim(tx, of_other, 2, NOW)
    erased = "SELECT person_id FROM recipient WHERE broadcast_id != ? LIMIT 1"
    tx.execute(f"UPDATE recipient SET person_id = NULL WHERE person_id = ({erased})", (of_other,))
    numbers.update(tx, N1.id, portfolio="joint", daily_limit=4)
    conversations.join(tx, N1.id, N1.account_id, NOW + HOUR)
    budget = conversations.budget_of(tx, N1.id)
    assert (budget.portfolio, conversations.use_of(tx, budget, NOW + HOUR).used) == ("joint", 3)
    assert conversations.free(tx, budget, 9, NOW + HOUR) == 1
    assert conversations.use_of(tx, conversations.budget_of(tx, "n2"), NOW + HOUR).used == 5
    numbers.update(tx, "n2", portfolio="joint")
    conversations.join(tx, "n2", N1.account_id, NOW + HOUR)
    assert conversations.use_of(tx, budget, NOW + HOUR).used == 5
    conversations.join(tx, "n2", "joint", NOW + HOUR)  # nothing has changed
    assert conversations.use_of(tx, budget, NOW + PERIOD).used == 0


def test_those_who_do_not_count_any_more_are_forgotten(tx: Tx) -> None:
    attempts.claim(tx, broadcast(tx, 5), 5, NOW)
    assert conversations.forget_old(tx, NOW + PERIOD - 1, 100) == 0
    assert conversations.forget_old(tx, NOW + PERIOD, 3) == 3
    assert conversations.forget_old(tx, NOW + PERIOD, 3) == 2


# the hours


def between(tx: Tx, broadcast_id: int, hours: SendBetween) -> None:
    tx.execute("UPDATE broadcast SET send_between = ? WHERE id = ?", (json_of(hours), broadcast_id))


def test_who_is_asleep_waits_for_the_morning_and_the_others_go_on(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 600)
    between(tx, broadcast_id, SendBetween("09:00", "20:00"))  # NOW: noon in Berlin, the night in California
    last = "id IN (SELECT id FROM recipient ORDER BY id DESC LIMIT 3)"
    tx.execute(f"UPDATE recipient SET \"to\" = '+4915112345' || (100 + id % 900) WHERE {last}")
    assert attempts.claim(tx, broadcast_id, 10, NOW) == []  # it looks at some, and not at all
    assert len(attempts.claim(tx, broadcast_id, 10, NOW)) == 3
    assert not attempts.has_due(tx, broadcast_id, NOW)
    (morning,) = tx.execute(
        "SELECT DISTINCT next_attempt_at FROM recipient WHERE status = 'pending'"
    ).fetchone()
    assert iso(morning) == "2026-11-18T17:00:00.000Z"
    assert len(attempts.claim(tx, broadcast_id, 10, morning)) == 10


def test_who_opted_out_is_cancelled_and_not_put_off(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 2)
    between(tx, broadcast_id, SendBetween("09:00", "20:00"))
    (phone,) = tx.execute('SELECT "to" FROM recipient LIMIT 1').fetchone()
    opt_out(tx, phone=phone)
    revision = "SELECT revision FROM broadcast"
    before = tx.execute(revision).fetchone()
    assert attempts.claim(tx, broadcast_id, 10, NOW) == []
    assert [row[0] for row in tx.execute("SELECT status FROM recipient ORDER BY id")] == [
        "cancelled",
        "pending",
    ]
    assert tx.execute(revision).fetchone() > before


def test_a_night_is_not_counted_as_the_age_of_a_retry(tx: Tx) -> None:
    broadcast_id = broadcast(tx, 1)
    (claim,) = attempts.claim(tx, broadcast_id, 1, NOW)
    attempts.record(tx, [ended(claim, S.PENDING)])
    between(tx, broadcast_id, SendBetween("09:00", "20:00"))
    assert attempts.claim(tx, broadcast_id, 1, NOW) == []
    (again,) = attempts.claim(tx, broadcast_id, 1, NOW + 8 * HOUR)
    assert again.first_attempt_at == NOW + 8 * HOUR


# the first few


def with_canary(tx: Tx, count: int, first: int) -> int:
    broadcast_id = broadcast(tx, count)
    tx.execute("UPDATE broadcast SET canary = ? WHERE id = ?", (json_of(Canary(first)), broadcast_id))
    return broadcast_id


def test_nobody_but_the_first_few_is_claimed_until_they_let_it_pass(tx: Tx) -> None:
    broadcast_id = with_canary(tx, 100, 10)
    assert attempts.claim(tx, broadcast_id, 100, NOW) == []
    canaries.begin(tx, broadcast_id, 10)
    first = attempts.claim(tx, broadcast_id, 100, NOW)
    assert len(first) == 10
    assert {each.recipient_id % 10 for each in first} == {6}
    assert attempts.claim(tx, broadcast_id, 100, NOW) == []
    assert canaries.figures(tx, broadcast_id).left == 10
    attempts.record(
        tx, [ended(each, S.SENT) for each in first[:8]] + [ended(each, S.FAILED) for each in first[8:]]
    )
    figures = canaries.figures(tx, broadcast_id)
    assert (figures.people, figures.failed, figures.left) == (10, 2, 0)
    canaries.wait(tx, broadcast_id, Canary(10), NOW)
    assert canaries.phase_of(tx, broadcast_id) == (CanaryPhase.WAITING, NOW + 15 * MINUTE)
    assert attempts.claim(tx, broadcast_id, 100, NOW) == []
    assert due.look_again_at(tx, broadcast_id, NOW) == NOW + 15 * MINUTE
    canaries.let_pass(tx, broadcast_id)
    assert len(attempts.claim(tx, broadcast_id, 100, NOW)) == 90


def test_others_are_the_first_if_all_of_them_opt_out_before_the_send(tx: Tx) -> None:
    broadcast_id = with_canary(tx, 6, 2)
    tx.execute("UPDATE broadcast SET status = 'sending'")
    for left in (6, 4, 2):
        _advance_canary(tx, broadcast_id, NOW)
        first = canaries.figures(tx, broadcast_id)
        assert (first.people, first.left) == (2, 2), left
        for (phone,) in tx.execute(
            f'SELECT "to" FROM recipient WHERE id IN ({canaries.SAMPLE})', (broadcast_id,)
        ):
            opt_out(tx, phone=phone)
        assert attempts.claim(tx, broadcast_id, 10, NOW) == []
    _advance_canary(tx, broadcast_id, NOW)
    assert canaries.phase_of(tx, broadcast_id)[0] is CanaryPhase.PASSED


@pytest.mark.exhaustive(only=True)
def test_the_first_are_chosen_among_some_thousands_of_a_large_broadcast(tx: Tx) -> None:
    broadcast_id = with_canary(tx, 1, 50)
    tx.executemany(
        'INSERT INTO recipient (broadcast_id, "to") VALUES (?, ?)',
        [(broadcast_id, f"+4915{10_000_000 + each}") for each in range(29_999)],
    )
    canaries.begin(tx, broadcast_id, 50)
    ids = [row[0] for row in tx.execute("SELECT recipient_id FROM canary_recipient ORDER BY 1")]
    assert len(ids) == 50
    assert max(b - a for a, b in pairwise(ids)) < 1500


def test_a_broadcast_whose_first_people_sleep_is_looked_at_when_the_first_of_them_wakes_up(tx: Tx) -> None:
    broadcast_id = with_canary(tx, 20, 2)
    between(tx, broadcast_id, SendBetween("09:00", "20:00"))
    canaries.begin(tx, broadcast_id, 2)
    assert attempts.claim(tx, broadcast_id, 20, NOW) == []
    assert attempts.has_due(tx, broadcast_id, NOW)  # the others have not been looked at
    assert due.look_again_at(tx, broadcast_id, NOW) == parse_iso("2026-11-18T17:00:00Z")
    (first, _) = attempts.claim(tx, broadcast_id, 20, NOW + 6 * HOUR)
    assert due.look_again_at(tx, broadcast_id, NOW + 6 * HOUR) == NOW + 6 * HOUR + SECOND
    attempts.record(tx, [ended(first, S.SENT)])


def test_after_a_start_the_first_people_are_judged_when_their_statuses_had_time_to_come(tx: Tx) -> None:
    broadcast_id = with_canary(tx, 20, 2)
    canaries.begin(tx, broadcast_id, 2)
    canaries.wait(tx, broadcast_id, Canary(2, wait_minutes=15), NOW)
    canaries.wait_after_start(tx, NOW + MINUTE)
    assert canaries.phase_of(tx, broadcast_id) == (CanaryPhase.WAITING, NOW + 15 * MINUTE)
    canaries.wait_after_start(tx, NOW + HOUR)
    assert canaries.phase_of(tx, broadcast_id) == (CanaryPhase.WAITING, NOW + HOUR + 5 * MINUTE)
    tx.execute("UPDATE broadcast SET canary = ?", (json_of(Canary(2, wait_minutes=1)),))
    canaries.wait_after_start(tx, NOW + 2 * HOUR)
    assert canaries.phase_of(tx, broadcast_id) == (CanaryPhase.WAITING, NOW + 2 * HOUR + MINUTE)


def test_the_limit_is_the_one_that_was_told_last_and_a_check_without_one_tells_none(tx: Tx) -> None:
    allow(tx, "TIER_250")
    numbers.set_limit_tier(tx, N1.waba_id, "TIER_2K", NOW, NOW + 1)
    another_number(tx, "n2")

    def check(tier: str | None, now: Millis) -> float:
        numbers.set_health(
            tx,
            "n2",
            quality=None,
            limit_tier=tier,
            verified_name=None,
            display_phone=None,
            health=None,
            now=now,
        )
        return conversations.budget_of(tx, N1.id).limit

    assert check("TIER_10K", NOW) == 2000
    assert check(None, NOW + 2) == 2000
    assert check("TIER_10K", NOW + 3) == 10_000
