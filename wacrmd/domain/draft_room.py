"""How much room the drafts of an account have, and how much of it one person or API key; pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

MAX_DRAFTS = 200
"""Drafts of an account that were not sent."""
MAX_BYTES = 1 << 30
"""Of their files together. The people whom checks find in these need about as much again."""
SHARE = 4
"""One person or key may have this part of both: else the drafts of one leave no room for colleagues."""
MAX_NAMED = 3

ADVICE = "send some of them, or throw them away"


@dataclass(frozen=True, slots=True)
class WaitingDraft:
    """A draft that was not sent."""

    broadcast_id: int
    made_by: str
    file_bytes: int


def too_many(waiting: Iterable[WaitingDraft], made_by: str) -> str | None:
    """Why this person or key cannot make another draft; None: it can be made."""
    makers = Counter(each.made_by for each in waiting)
    most = MAX_DRAFTS // SHARE
    if makers[made_by] >= most:
        return f"{made_by} has {most} drafts already, and nobody may have more: {ADVICE}"
    if makers.total() >= MAX_DRAFTS:
        named = ", ".join(f"{name} has {count}" for name, count in makers.most_common(MAX_NAMED))
        return f"There are {MAX_DRAFTS} drafts already ({named}): {ADVICE}"
    return None


def too_large(others: Iterable[WaitingDraft], made_by: str, file_bytes: int) -> str | None:
    """Why a draft of this person cannot have a file of this size beside the other drafts; None: it can."""
    makers = Counter[str]()
    for each in others:
        makers[each.made_by] += each.file_bytes
    most = MAX_BYTES // SHARE
    if makers[made_by] + file_bytes > most:
        return f"the files of all drafts of {made_by} would hold more than {most >> 20} MiB: {ADVICE}"
    if makers.total() + file_bytes > MAX_BYTES:
        named = ", ".join(f"{name} has {size >> 20} MiB" for name, size in makers.most_common(MAX_NAMED))
        return f"the files of all drafts would hold more than {MAX_BYTES >> 20} MiB ({named}): {ADVICE}"
    return None
