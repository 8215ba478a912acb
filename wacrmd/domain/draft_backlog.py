"""What there is to do for drafts: how many are in which state, and since when the oldest of them waits; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from wacrmd.clock import MINUTE, Millis, iso
from wacrmd.domain.draft import DraftState
from wacrmd.errors import counted

WORK: Mapping[DraftState, str] = {
    DraftState.CHECKING: "to be checked",
    DraftState.PREPARING: "to be sent",
    DraftState.RETURNING: "to be taken back",
    DraftState.DISCARDED: "to be deleted",
}
"""The states in which the daemon has something to do, and what."""
OPEN = (DraftState.COLLECTING, DraftState.EDITING, DraftState.CHECKED)
"""The states in which a person or a program has."""

MAX_WAIT: Millis = 10 * MINUTE
"""What has waited so long is behind: those of 100,000 people take minutes."""


@dataclass(frozen=True, slots=True)
class DraftBacklog:
    """The drafts that are neither sent nor deleted."""

    counts: Mapping[str, int]
    """By state."""
    waiting_since: Millis | None
    """Since when the oldest waits for the daemon; None if none does."""

    @staticmethod
    def is_behind(age: Millis) -> bool:
        """Whether the oldest has waited too long; `age` is for how long the daemon has run since it began to."""
        return age >= MAX_WAIT

    def text(self) -> str:
        """What waits for the daemon and since when; or how many drafts there are."""
        waiting = [f"{self.counts[each]} {what}" for each, what in WORK.items() if self.counts.get(each)]
        if self.waiting_since is None:
            return f"{counted(sum(self.counts.get(each, 0) for each in OPEN), 'draft')}, none waits"
        total = sum(self.counts.get(each, 0) for each in WORK)
        verb = "waits" if total == 1 else "wait"
        return f"{counted(total, 'draft')} {verb} ({', '.join(waiting)}), the oldest since {iso(self.waiting_since)}"


def reason(*, is_draining: bool, shares: list[tuple[int, int]]) -> tuple[str, str]:
    """Why drafts wait, and what to do; `shares` are (done, total) of what is being worked on."""
    if is_draining:
        return "the daemon drains", "They go on by themselves when it does not drain any more: wacrmd undrain"
    if shares:
        done = ", ".join(f"{100 * done // total if total else 0} %" for done, total in shares)
        return (
            f"one after the other is done, now at {done}",
            "If this does not grow: systemctl restart wacrmd",
        )
    return "nothing works on them", "The log says why (draft_worker_crashed). After a restart they go on."
