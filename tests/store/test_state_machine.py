"""Recipients and broadcasts against a model: claims, answers, webhooks in any order, crashes and operators.

Every step runs the real store functions on a real file. What must hold is written as invariants; the test
keeps what Meta has accepted: a message is out from that moment, whether or not its response came.
"""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from tests.store.rows import N1, NOW, UUID, broadcast, database, row
from tests.support.exhaustive import IS_EXHAUSTIVE
from wacrmd.clock import HOUR
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus, Counted
from wacrmd.domain.callback_token import callback_token
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import STAGE, RecipientStatus
from wacrmd.domain.retry import NO_LIMITS, RetryLimits, RetryRequest, RetryRule
from wacrmd.services.broadcast_counts import BroadcastCounts
from wacrmd.store import attempts, broadcast_counts, broadcasts, receipts, recipients, retries
from wacrmd.store.connection import open_reader
from wacrmd.store.database import Tx
from wacrmd.store.rows import json_of

S = RecipientStatus
WAITING = frozenset({S.PENDING, S.SENDING})
PEOPLE = 4
UNDELIVERABLE = MetaError(131026, "Message undeliverable")
META_WAITS = 2500
LIMITS = RetryLimits({UNDELIVERABLE.code: META_WAITS})
STATUSES = st.sampled_from([S.SENT, S.DELIVERED, S.READ, S.REPLIED, S.FAILED])


class Sending(RuleBasedStateMachine):
    """One broadcast to a few people."""

    in_flight: Bundle[Claim] = Bundle("in_flight")
    out: Bundle[tuple[Claim, str]] = Bundle("out")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="wacrmd-states-"))
        self._open = database(self.folder)
        self.tx = self._open.__enter__()
        self.reader = open_reader(self.folder / "wacrmd.db")
        self.counts = BroadcastCounts()
        self.counted: list[tuple[int, int, Counted]] = []
        self.now = NOW
        self.claimed: set[tuple[int, int]] = set()
        self.dead: set[tuple[int, int]] = set()
        self.known: dict[int, S] = {}
        self.not_before: dict[int, int] = {}
        """When Meta allows what a person has asked for."""
        self.named: set[str] = set()
        """Messages whose ids are known: Meta's answer had it, or a status with our token."""
        self.wamids = 0

    def teardown(self) -> None:
        self.reader.close()
        self._open.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @initialize(target=out)
    def accept(self) -> tuple[Claim, str]:
        """One message has failed already, and one is out: random steps alone seldom come so far."""
        self.id = broadcast(self.tx, PEOPLE)
        self.tx.execute("UPDATE broadcast SET retry_rules = ?", (json_of((RetryRule((131026,), 1, 2),)),))
        failed, taken = attempts.claim(self.tx, self.id, 2, self.now)
        self.claimed |= {(each.recipient_id, each.attempt) for each in (failed, taken)}
        self.record(failed, S.FAILED, None, UNDELIVERABLE)
        self.wamids += 1
        self.named.add("w1")
        self.record(taken, S.SENT, "w1")
        return taken, "w1"

    # --- the sender ---------------------------------------------------------------------------------------

    @rule(target=in_flight, limit=st.integers(1, PEOPLE))
    def claim(self, limit: int) -> MultipleResults[Claim]:
        self.now += 1000
        before = {r: self.status(r) for r in self.ids()}
        claims = attempts.claim(self.tx, self.id, limit, self.now)
        sending = self.state() is BroadcastStatus.SENDING
        for claim in claims:
            assert sending
            assert before[claim.recipient_id] is S.PENDING
            assert (claim.recipient_id, claim.attempt) not in self.claimed, "claimed twice"
            assert STAGE.get(self.known.get(claim.recipient_id, S.PENDING), 0) < STAGE[S.DELIVERED], (
                "known as delivered, and claimed again"
            )
            assert self.now >= self.not_before.pop(claim.recipient_id, 0), "before Meta allows it"
            self.claimed.add((claim.recipient_id, claim.attempt))
        return multiple(*claims)

    @rule(target=out, claim=consumes(in_flight))
    def meta_accepts(self, claim: Claim) -> tuple[Claim, str]:
        """From here on the message is out. The result comes later, or never."""
        self.wamids += 1
        return claim, f"w{self.wamids}"

    @rule(taken=out)
    def response_comes(self, taken: tuple[Claim, str]) -> None:
        claim, wamid = taken
        if (claim.recipient_id, claim.attempt) not in self.dead:
            self.named.add(wamid)
            self.record(claim, S.SENT, wamid)

    @rule(
        claim=consumes(in_flight),
        kind=st.sampled_from([S.PENDING, S.FAILED, S.UNCERTAIN]),
        error=st.sampled_from([UNDELIVERABLE, None]),
    )
    def attempt_fails_or_is_unknown(self, claim: Claim, kind: S, error: MetaError | None) -> None:
        """Without an error of Meta it fails, or is tried again although the outcome is unknown."""
        if (claim.recipient_id, claim.attempt) not in self.dead:
            self.record(claim, kind, None, error if kind is not S.UNCERTAIN else None)

    @rule(policy=st.sampled_from(list(UncertainPolicy)))
    def crash(self, policy: UncertainPolicy) -> None:
        """The process dies with all that it had in flight; a new one starts."""
        self.dead |= self.claimed
        attempts.expire_leases(self.tx, policy, self.now, max_retries=3)
        broadcasts.recipients_changed(self.tx, [self.id], self.now)
        assert not self.count("sending")

    # --- Meta's webhooks ----------------------------------------------------------------------------------

    @rule(taken=out, status=STATUSES, token=st.booleans())
    def webhook(self, taken: tuple[Claim, str], status: S, token: bool) -> None:
        claim, wamid = taken
        before = {r: self.status(r) for r in self.ids()}
        done = receipts.apply(self.tx, [self.receipt(claim, wamid, status, token=token)], self.now)
        broadcasts.recipients_changed(self.tx, done.broadcasts, self.now)
        after = self.status(claim.recipient_id)
        self.check_forward(claim.recipient_id, before[claim.recipient_id], after)
        if token:
            self.named.add(wamid)
        if wamid in self.named and STAGE.get(status, 0) >= STAGE[S.DELIVERED]:
            assert STAGE.get(after, 0) >= STAGE[status], f"{status} of a known message, and it is {after}"

    @rule(first=out, second=out, statuses=st.lists(STATUSES, min_size=2, max_size=6), tokens=st.booleans())
    def batched_webhook(
        self, first: tuple[Claim, str], second: tuple[Claim, str], statuses: list[S], tokens: bool
    ) -> None:
        both = (first, second)
        batch = [
            self.receipt(*both[index % 2], status, token=tokens) for index, status in enumerate(statuses)
        ]
        backwards = self.statuses_after(list(reversed(batch)))
        done = receipts.apply(self.tx, batch, self.now)
        broadcasts.recipients_changed(self.tx, done.broadcasts, self.now)
        if tokens:
            self.named |= {wamid for _, wamid in both}
        if {wamid for _, wamid in both} <= self.named:
            assert {each: self.status(each) for each in self.ids()} == backwards, "the order decided"
        again = receipts.apply(self.tx, batch, self.now)
        assert again.applied == 0, "the same webhook counted twice"

    def statuses_after(self, batch: list[Receipt]) -> dict[int, S]:
        """The recipients' statuses after this webhook; its changes are rolled back."""
        self.tx.execute("SAVEPOINT webhook")
        receipts.apply(self.tx, batch, self.now)
        found = {each: self.status(each) for each in self.ids()}
        self.tx.execute("ROLLBACK TO webhook")
        self.tx.execute("RELEASE webhook")
        return found

    # --- operators ----------------------------------------------------------------------------------------

    @rule()
    def pause(self) -> None:
        was = self.state()
        done = broadcasts.pause(self.tx, self.id, HoldReason.PAUSED_BY_OPERATOR, "by me", self.now)
        assert done == (was is BroadcastStatus.SENDING)

    @rule()
    def resume(self) -> None:
        was = self.state()
        assert broadcasts.resume(self.tx, self.id, self.now) == (was is BroadcastStatus.PAUSED)
        attempts.reset_retry_age(self.tx, [self.id])
        broadcasts.recipients_changed(self.tx, [self.id], self.now)

    @precondition(lambda self: self.wamids > 2)
    @rule()
    def cancel(self) -> None:
        was = self.state()
        done = broadcasts.cancel(self.tx, self.id, self.now)
        assert done == (was in (BroadcastStatus.SENDING, BroadcastStatus.PAUSED))

    @rule(
        statuses=st.sets(st.sampled_from([S.FAILED, S.UNCERTAIN]), min_size=1),
        later=st.sampled_from([None, 0, 3]),
        moved=st.booleans(),
    )
    def retry(self, statuses: set[S], later: int | None, *, moved: bool) -> None:
        """Now, or with a time, which moves those who wait for such a retry; and perhaps with another time at once."""
        state = self.state()
        if state is BroadcastStatus.CANCELLED:
            return
        for recipient_id in self.ids():
            if self.status(recipient_id) in statuses:
                self.known.pop(recipient_id, None)
        failed = {
            each: row(self.tx, each)["failed_at"]
            for each in self.ids()
            if row(self.tx, each)["error_code"] == UNDELIVERABLE.code
        }
        at = None if later is None else self.now + later * 1000
        wanted = RetryRequest(frozenset(statuses), at=at)
        requeued = retries.requeue(self.tx, self.id, wanted, self.now, LIMITS).ids
        for each in requeued:
            failed_at = failed.get(each)
            self.not_before[each] = failed_at + META_WAITS if isinstance(failed_at, int) else 0
        if requeued and state is BroadcastStatus.SENT:
            broadcasts.reopen(self.tx, self.id, self.now)
        broadcasts.recipients_changed(self.tx, [self.id], self.now)
        if moved:
            self.move(0)

    @rule(later=st.integers(0, 3))
    def move_retries(self, later: int) -> None:
        self.move(later)

    def move(self, later: int) -> None:
        """Another time for all who wait for a retry changes nobody's status, and sends to nobody new."""
        if self.state() is BroadcastStatus.CANCELLED:
            return
        before = {each: row(self.tx, each) for each in self.ids()}
        wanted = RetryRequest(frozenset({S.PENDING}), at=self.now + later * 1000)
        done = retries.requeue(self.tx, self.id, wanted, self.now, LIMITS)
        after = {each: row(self.tx, each) for each in self.ids()}
        changed = {each for each in before if before[each] != after[each]}
        assert (done.ids, done.moved >= len(changed)) == ([], True)
        for each in changed:
            kept = {"next_attempt_at", "first_attempt_at"}
            assert {k: v for k, v in before[each].items() if k not in kept} == {
                k: v for k, v in after[each].items() if k not in kept
            }
            assert (before[each]["status"], before[each]["attempt"]) != ("pending", 0), (
                "the first message is no retry"
            )

    @rule()
    def retry_not_delivered(self) -> None:
        state = self.state()
        if state is BroadcastStatus.CANCELLED:
            return
        wanted = RetryRequest(frozenset({S.SENT}), not_delivered_after=0)
        requeued = retries.requeue(self.tx, self.id, wanted, self.now).ids
        if requeued and state is BroadcastStatus.SENT:
            broadcasts.reopen(self.tx, self.id, self.now)
        broadcasts.recipients_changed(self.tx, [self.id], self.now)

    @rule()
    def retry_by_rules(self) -> None:
        """In the daemon this belongs to the transaction that records the failure."""
        state = self.state()
        before = {each: row(self.tx, each)["rule_retries"] for each in self.ids()}
        failed = {
            each for each in self.ids() if row(self.tx, each)["error_code"] and self.status(each) is S.FAILED
        }
        again = retries.apply_rules(self.tx, self.ids(), NO_LIMITS, self.now - HOUR)
        usable = {each for each in failed if before[each] != 2}
        assert set(again) == (set() if state is BroadcastStatus.CANCELLED else usable)
        for each in again:
            self.known.pop(each, None)
            self.not_before.pop(each, None)
        broadcasts.recipients_changed(self.tx, [self.id], self.now)

    @rule()
    def give_up(self) -> None:
        recipients.give_up_uncertain(self.tx, self.id, self.now)
        broadcasts.recipients_changed(self.tx, [self.id], self.now)
        assert not self.count("uncertain")

    # --- counts that are kept -----------------------------------------------------------------------------

    @rule()
    def count_uncounted(self) -> None:
        """The periodic job reads. Other changes may come before it writes."""
        found = broadcast_counts.uncounted(self.reader, self.now, 10)
        counts = broadcast_counts.count(self.reader, [self.id])
        self.counted += [(broadcast_id, revision, counts[broadcast_id]) for broadcast_id, revision in found]

    @rule()
    def keep_counted(self) -> None:
        broadcast_counts.keep(self.tx, self.counted)

    @rule()
    def rolled_back(self) -> None:
        """A transaction that shows its own counts fails; the next one gives the same revision to other counts."""
        self.tx.execute("BEGIN")
        self.tx.execute("UPDATE recipient SET status = 'cancelled' WHERE status = 'pending'")
        broadcasts.recipients_changed(self.tx, [self.id], self.now)
        self.counts.counted(self.tx, [self.found(self.tx)])
        self.tx.execute("ROLLBACK")
        broadcasts.recipients_changed(self.tx, [self.id], self.now)

    # --- invariants ---------------------------------------------------------------------------------------

    @invariant()
    def counts_are_those_of_the_rows(self) -> None:
        self.reader.execute("BEGIN")
        shown = self.counts.counted(self.reader, [self.found(self.reader)])
        assert shown == broadcast_counts.count(self.reader, [self.id])
        self.reader.execute("ROLLBACK")

    @invariant()
    def counts_add_up(self) -> None:
        progress = broadcast_counts.progress(self.tx, self.id)
        apart = ("sent", "failed", "pending", "uncertain", "cancelled")
        assert (
            sum(getattr(progress, f"{name}_count") for name in apart) == progress.total_recipients == PEOPLE
        )
        ladder = [progress.sent_count, progress.delivered_count, progress.read_count, progress.replied_count]
        assert ladder == sorted(ladder, reverse=True)

    @invariant()
    def sent_is_when_nothing_waits(self) -> None:
        waits = any(self.status(recipient_id) in WAITING for recipient_id in self.ids())
        match self.state():
            case BroadcastStatus.SENT:
                assert not waits
            case BroadcastStatus.SENDING | BroadcastStatus.PAUSED:
                assert waits
            case BroadcastStatus.CANCELLED:
                assert not self.count("pending")

    @invariant()
    def nobody_waits_for_a_time_before_meta_allows_it(self) -> None:
        for recipient_id, at in self.not_before.items():
            found = row(self.tx, recipient_id)
            next_at = found["next_attempt_at"]
            assert found["status"] != "pending" or (isinstance(next_at, int) and next_at >= at)

    @invariant()
    def a_delivered_message_stays_delivered(self) -> None:
        """A status from delivered on is never undone, and the message is never sent again (see `claim`)."""
        for recipient_id in self.ids():
            status = self.status(recipient_id)
            if STAGE.get(self.known.get(recipient_id, S.PENDING), 0) >= STAGE[S.DELIVERED]:
                assert STAGE.get(status, 0) >= STAGE[self.known[recipient_id]]
            self.known[recipient_id] = status

    @invariant()
    def a_reason_stands_beside_each_failure(self) -> None:
        for recipient_id in self.ids():
            columns = row(self.tx, recipient_id)
            if columns["status"] in ("failed", "uncertain"):
                assert columns["error_title"]
            if columns["status"] in STAGE:
                assert columns["error_code"] is None

    # --- helpers ------------------------------------------------------------------------------------------

    def ids(self) -> list[int]:
        return (
            [r for (r,) in self.tx.execute("SELECT id FROM recipient ORDER BY id")]
            if hasattr(self, "id")
            else []
        )

    def status(self, recipient_id: int) -> S:
        return S(str(row(self.tx, recipient_id)["status"]))

    def state(self) -> BroadcastStatus:
        return self.found(self.tx).status

    def found(self, tx: Tx) -> Broadcast:
        found = broadcasts.get(tx, self.id)
        assert found is not None
        return found

    def count(self, status: str) -> int:
        (count,) = self.tx.execute("SELECT count(*) FROM recipient WHERE status = ?", (status,)).fetchone()
        return int(count)

    def record(self, claim: Claim, status: S, wamid: str | None, error: MetaError | None = None) -> None:
        self.dead.add((claim.recipient_id, claim.attempt))  # a response comes once
        before = self.status(claim.recipient_id)
        result = AttemptResult(
            claim.recipient_id,
            self.id,
            claim.attempt,
            status,
            self.now,
            self.now,
            "a note",
            wamid,
            error=error,
            next_attempt_at=self.now,
        )
        attempts.record(self.tx, [result])
        if wamid:
            receipts.apply_unmatched(self.tx, [wamid], self.now)
        broadcasts.recipients_changed(self.tx, [self.id], self.now)
        if before not in WAITING:
            self.check_forward(claim.recipient_id, before, self.status(claim.recipient_id))

    def check_forward(self, recipient_id: int, before: S, after: S) -> None:
        if before in STAGE and after in STAGE:
            assert STAGE[after] >= STAGE[before]
        if before in STAGE and STAGE[before] >= STAGE[S.DELIVERED]:
            assert after in STAGE
        assert after not in WAITING or before in WAITING

    def receipt(self, claim: Claim, wamid: str, status: S, *, token: bool) -> Receipt:
        callback = callback_token(UUID, claim.recipient_id, claim.attempt) if token else None
        error = UNDELIVERABLE if status is S.FAILED else None
        return Receipt(N1, wamid, status, self.now, callback=callback, error=error)


Sending.TestCase.settings = settings(
    max_examples=60 if IS_EXHAUSTIVE else 20,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestSending = pytest.mark.exhaustive(Sending.TestCase)
