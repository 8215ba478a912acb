"""Meta's limit against a model: claims, results, replies and crashes in any order, and never one person too many."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from tests.store.rows import N1, NOW, broadcast, database
from tests.support.exhaustive import IS_EXHAUSTIVE
from wacrmd.clock import DAY, HOUR
from wacrmd.domain.attempt import AttemptResult, Claim, UncertainPolicy
from wacrmd.domain.messaging_limit import PERIOD
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store import attempts, conversations, inbound_messages
from wacrmd.store.database import Tx

S = RecipientStatus
LIMIT = 3
PEOPLE = 5


class Limited(RuleBasedStateMachine):
    """Two broadcasts to the same people and a few more, under a limit."""

    in_flight: Bundle[Claim] = Bundle("in_flight")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="wacrmd-limit-"))
        self._open = database(self.folder)
        self.tx: Tx = self._open.__enter__()
        self.now = NOW
        self.out: dict[tuple[int, int], tuple[int, int]] = {}
        """(person, when) of each attempt whose message Meta has, or may have, and that answers nobody."""
        self.wrote: dict[int, int] = {}
        self.wamids = 0

    def teardown(self) -> None:
        self._open.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        self.tx.execute("UPDATE number SET daily_limit = ?", (LIMIT,))
        self.broadcasts = [
            broadcast(self.tx, PEOPLE),
            broadcast(self.tx, PEOPLE, uuid="6f1e2d3c-0000-4000-8000-000000000002"),
        ]
        self.people = [
            row[0] for row in self.tx.execute("SELECT DISTINCT person_id FROM recipient ORDER BY 1")
        ]
        self.tx.execute(
            "UPDATE recipient SET person_id = person_id - ? WHERE broadcast_id = ? AND id % 2",
            (PEOPLE, self.broadcasts[1]),
        )

    @rule(target=in_flight, which=st.integers(0, 1), limit=st.integers(1, PEOPLE), later=st.integers(0, 13))
    def claim(self, which: int, limit: int, later: int) -> MultipleResults[Claim]:
        self.now += later * HOUR
        claims = attempts.claim(self.tx, self.broadcasts[which], limit, self.now)
        for each in claims:
            person = self.person(each)
            if self.now - self.wrote.get(person, 0) >= DAY:
                self.out[each.recipient_id, each.attempt] = (person, self.now)
        return multiple(*claims)

    @rule(claim=consumes(in_flight), status=st.sampled_from([S.SENT, S.FAILED, S.PENDING, S.UNCERTAIN]))
    def end(self, claim: Claim, status: S) -> None:
        self.wamids += 1
        current = self.tx.execute(
            "SELECT attempt, status FROM recipient WHERE id = ?", (claim.recipient_id,)
        ).fetchone()
        wamid = f"w{self.wamids}" if status is S.SENT else None
        result = AttemptResult(
            *(claim.recipient_id, claim.broadcast_id, claim.attempt, status, self.now, self.now, "note"),
            wamid=wamid,
        )
        attempts.record(self.tx, [result])
        if status in (S.FAILED, S.PENDING) and current == (claim.attempt, "sending"):
            self.out.pop((claim.recipient_id, claim.attempt), None)

    @rule(policy=st.sampled_from(list(UncertainPolicy)))
    def crash(self, policy: UncertainPolicy) -> None:
        attempts.expire_leases(self.tx, policy, self.now, max_retries=3)

    @rule(which=st.integers(0, 2 * PEOPLE - 1))
    def reply(self, which: int) -> None:
        person = self.people[which]
        self.wamids += 1
        inbound_messages.add(
            self.tx,
            message_id=f"in{self.wamids}",
            number_id=N1.id,
            person_id=person,
            wa_id=None,
            user_id=None,
            recipient_id=None,
            at=self.now,
            now=self.now,
        )
        self.wrote[person] = self.now

    @rule()
    def a_day_passes(self) -> None:
        self.now += PERIOD
        due = self.tx.execute(
            "SELECT count(DISTINCT person_id) FROM recipient WHERE status = 'pending' AND broadcast_id = ?",
            (self.broadcasts[0],),
        ).fetchone()[0]
        assert conversations.free(self.tx, self.budget, PEOPLE, self.now) == min(LIMIT, PEOPLE)
        claims = attempts.claim(self.tx, self.broadcasts[0], 2 * PEOPLE, self.now)
        assert len(claims) >= min(due, LIMIT)
        for each in claims:
            self.out[each.recipient_id, each.attempt] = (self.person(each), self.now)

    @invariant()
    def never_one_too_many(self) -> None:
        counted = {person for person, at in self.out.values() if at > self.now - DAY}
        assert len(counted) <= LIMIT
        if hasattr(self, "broadcasts"):
            assert conversations.use_of(self.tx, self.budget, self.now).used >= len(counted)

    @property
    def budget(self) -> conversations.Budget:
        return conversations.budget_of(self.tx, N1.id)

    def person(self, claim: Claim) -> int:
        found: int = self.tx.execute(
            "SELECT person_id FROM recipient WHERE id = ?", (claim.recipient_id,)
        ).fetchone()[0]
        return found


TestLimited = pytest.mark.exhaustive(Limited.TestCase)
TestLimited.settings = settings(
    max_examples=400 if IS_EXHAUSTIVE else 40, stateful_step_count=30, deadline=None
)
