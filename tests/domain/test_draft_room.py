"""How many drafts, and how large files, an account and each of its people may have."""

import pytest

from wacrmd.domain.draft_room import ADVICE, MAX_BYTES, MAX_DRAFTS, SHARE, WaitingDraft, too_large, too_many

OF_ONE, BYTES_OF_ONE = MAX_DRAFTS // SHARE, MAX_BYTES // SHARE


def drafts(counts: dict[str, int], file_bytes: int = 0) -> list[WaitingDraft]:
    """So many drafts of each person."""
    return [WaitingDraft(0, name, file_bytes) for name, count in counts.items() for _ in range(count)]


FULL = {"bob": OF_ONE, "eve": OF_ONE, "joe": OF_ONE - 1, "kim": OF_ONE - 1, "lee": 2}


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ({}, None),
        ({"ann": OF_ONE - 1}, None),
        ({"ann": OF_ONE}, f"ann has {OF_ONE} drafts already, and nobody may have more"),
        ({"bob": OF_ONE}, None),
        (FULL | {"lee": 1}, None),
        (
            FULL,
            f"There are {MAX_DRAFTS} drafts already (bob has {OF_ONE}, eve has {OF_ONE}, joe has {OF_ONE - 1})",
        ),
    ],
)
def test_who_can_make_another_draft(counts: dict[str, int], problem: str | None) -> None:
    found = too_many(drafts(counts), "ann")
    assert found == (problem and f"{problem}: {ADVICE}")


@pytest.mark.parametrize(
    ("counts", "size", "problem"),
    [
        ({}, BYTES_OF_ONE, None),
        ({}, BYTES_OF_ONE + 1, "the files of all drafts of ann would hold more than 256 MiB"),
        ({"ann": 1}, BYTES_OF_ONE, "the files of all drafts of ann would hold more than 256 MiB"),
        ({"bob": 1}, BYTES_OF_ONE, None),
        ({"bob": 10, "eve": 10, "joe": 11}, 249 << 20, None),
        (
            {"bob": 10, "eve": 10, "joe": 11},
            (249 << 20) + 1,
            (
                "the files of all drafts would hold more than 1024 MiB (joe has 275 MiB, bob has 250 MiB, "
                "eve has 250 MiB)"
            ),
        ),
        (
            {"bob": 9, "eve": 9, "joe": 9, "kim": 4, "lee": 2},
            BYTES_OF_ONE,
            (
                "the files of all drafts would hold more than 1024 MiB (bob has 225 MiB, eve has 225 MiB, "
                "joe has 225 MiB)"
            ),
        ),
    ],
)
def test_which_file_finds_room(counts: dict[str, int], size: int, problem: str | None) -> None:
    found = too_large(drafts(counts, 25 << 20), "ann", size)
    assert found == (problem and f"{problem}: {ADVICE}")
