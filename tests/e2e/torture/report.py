"""What a run has done and found so far."""

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Posted:
    """One POST of a client: its recipients, its idempotency key if any, and the responses."""

    key: str | None
    to: list[str]
    tries: int = 0
    broadcast_id: str | None = None
    refused: int | None = None


@dataclass
class Call:
    """A call to a daemon that may die meanwhile."""

    error: Exception | None = None


@dataclass
class Report:
    """What was done and found; `problems` is empty if every promise was kept."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    mishaps: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    ended_by: str | None = None
    """The signal that ended the run early."""
    client_errors: Counter[str] = field(default_factory=Counter)
    """Exceptions of the clients' libraries that are no errors of HTTP."""
    posts: int = 0
    repeated: int = 0
    unanswered: int = 0
    broadcasts: int = 0
    recipients: int = 0
    taken: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    """To which endpoint these messages went."""
    singles: Counter[int] = field(default_factory=Counter)
    """How single messages were answered."""
    nights: int = 0
    """Days that passed while the daemon was off."""
    requeued: int = 0
    """Who was sent to again because a person asked for it."""
    by_rule: int = 0
    """How often a rule sent again."""
    again: int = 0
    """Messages that Meta took after one to the same recipient had failed."""
    opted_out: int = 0
    """Who opted out after a message had failed."""
    billed: int = 0
    money: Counter[str] = field(default_factory=Counter)
    """By currency, in millionths."""
    summed: int = 0
    """Messages in the statistics."""
    final: Counter[str] = field(default_factory=Counter)
    issued: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    twice: int = 0
    duration_s: float = 0.0
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def may_fail(self, *usual: type[Exception]) -> Iterator[Call]:
        """A call of a client: whatever ends it, the client goes on. What is not usual is counted: a library may trip over
        a peer that dies."""
        call = Call()
        try:
            yield call
        except Exception as error:  # noqa: BLE001 - httpx may raise AttributeError and others
            call.error = error
            if not isinstance(error, usual):
                self.client_errors[f"{type(error).__name__}: {error}"] += 1

    @contextmanager
    def ends_early(self, what: str) -> Iterator[None]:
        """A part of the run: an error in it is a problem, and what was measured until then is worth more than the rest."""
        try:
            yield
        except Exception:  # noqa: BLE001 - an unknown error must not lose the report
            self.problems.append(f"{what}:\n{traceback.format_exc()}")

    def text(self) -> str:
        """The report as text."""
        statuses = ", ".join(f"{name} {count}" for name, count in sorted(self.final.items()))
        issued = ", ".join(f"{name} {count}" for name, count in sorted(self.issued.items()))
        outcomes = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        kills = ", ".join(f"{count} while {name}" for name, count in sorted(self.kills.items()))
        mishaps = ", ".join(f"{count} {name}" for name, count in sorted(self.mishaps.items()))
        money = ", ".join(f"{micros / 1e6:.4f} {currency}" for currency, micros in sorted(self.money.items()))
        lines = [
            f"seed {self.seed}, {self.duration_s:.0f} s"
            + (f", ended by {self.ended_by}" if self.ended_by else ""),
            f"kills           {self.kills.total()} ({kills})",
            f"daemons         {mishaps}",
            *(f"left out        {each}" for each in self.skipped),
            *(f"clients         {count} times {error}" for error, count in self.client_errors.items()),
            f"POSTs           {self.posts}, of these {self.repeated} repeated, {self.unanswered} never answered",
            f"broadcasts      {self.broadcasts} with {self.recipients} recipients",
            f"Meta's answers  {outcomes}",
            f"messages taken  {self.taken} ({', '.join(f'{n} by /{way}' for way, n in sorted(self.ways.items()))})",
            f"single messages {', '.join(f'{n} answered {status}' for status, n in sorted(self.singles.items()))}",
            f"sent again      {self.again} messages: {self.requeued} times by hand, {self.by_rule} times by a rule",
            f"opted out       {self.opted_out} people to whom a message had failed",
            f"days passed     {self.nights}",
            f"Meta's bill     {self.billed} messages, {money}",
            f"statistics      {self.summed} messages",
            f"statuses posted {issued}",
            f"recipients now  {statuses}",
            "                (of those that are uncertain, Meta has no message)",
            f"lost            {self.lost}",
            f"sent twice      {self.twice}",
            f"wrong           {len(self.problems)}",
        ]
        return "\n".join(lines + [f"  {problem}" for problem in self.problems[:40]])
