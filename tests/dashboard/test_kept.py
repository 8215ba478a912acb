"""What is kept for the next page: for one session, once or for some minutes, and not without a limit."""

from dataclasses import replace

from wacrmd.dashboard.kept import LASTS, MAX_BYTES, MAX_VALUES, Kept
from wacrmd.domain.user import LoginSession, Role

SESSION = LoginSession(
    id=1, user_id="u", name="Ann", role=Role.VIEWER, account_ids=(), uid=None, created_at=0, used_at=0
)


def test_a_value_is_for_its_session_and_taken_once() -> None:
    kept = Kept()
    key = kept.add(SESSION, "secret", 0)
    assert kept.take(replace(SESSION, id=2), key, 0) is None
    assert kept.look(replace(SESSION, name="Ben"), key, 0) is None
    assert kept.look(SESSION, key, 0) == kept.take(SESSION, key, 0) == "secret"
    assert kept.take(SESSION, key, 0) is None
    assert kept.take(SESSION, None, 0) is None
    assert "secret" not in repr(kept)


def test_old_values_and_the_oldest_of_too_many_go() -> None:
    kept = Kept()
    first = kept.add(SESSION, 0, 0)
    assert kept.look(SESSION, first, LASTS) is None
    first = kept.add(SESSION, 0, 0)
    for each in range(MAX_VALUES):
        last = kept.add(SESSION, each, 0, size=1)
    assert (kept.look(SESSION, first, 0), kept.look(SESSION, last, 0)) == (None, MAX_VALUES - 1)
    kept.add(SESSION, "large", 0, size=MAX_BYTES)
    assert kept.look(SESSION, last, 0) is None
