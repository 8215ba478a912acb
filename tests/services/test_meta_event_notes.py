"""Notes about parts of webhooks that were not applied: few rows, however many parts there are."""

from wacrmd.services.meta_event_notes import MAX_NOTES, MAX_PARTS, SEVERAL, MetaEventNotes, UnappliedPart


def part(subject: int) -> UnappliedPart:
    return UnappliedPart("messages", str(subject), "ignored", "unknown")


def test_each_part_is_one_note_with_its_count() -> None:
    notes = MetaEventNotes()
    for _ in range(3):
        notes.add(part(1), 2)
    assert notes.take() == [("messages", "1", {"ignored": "unknown", "count": 6})]
    assert notes.take() == []


def test_the_most_frequent_are_noted_and_the_others_summed_up() -> None:
    for parts in (MAX_NOTES - 1, MAX_NOTES, MAX_NOTES + 1, 5000):
        notes = MetaEventNotes()
        for each in range(parts):
            notes.add(part(each), 1)
        notes.add(part(7), 9)
        taken = notes.take()
        assert len(taken) == min(parts, MAX_NOTES)
        assert taken[0] == ("messages", "7", {"ignored": "unknown", "count": 10})
        assert sum(detail["count"] for *_, detail in taken) == parts + 9
        assert (taken[-1][0] == SEVERAL) is (parts > MAX_NOTES)


def test_no_more_than_some_are_kept_in_memory() -> None:
    notes = MetaEventNotes()
    for each in range(3 * MAX_PARTS):
        notes.add(part(each), 1)
    assert len(notes._counts) == MAX_PARTS
    assert sum(detail["count"] for *_, detail in notes.take()) == 3 * MAX_PARTS
