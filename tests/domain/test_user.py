"""What users of the dashboard may do, and how long they stay logged in."""

import pytest

from wacrmd.clock import DAY, HOUR, Millis
from wacrmd.domain.actor import Level
from wacrmd.domain.user import LoginSession, Role, may


@pytest.mark.parametrize(
    ("operation", "level", "roles"),
    [
        ("broadcast.list", Level.READ, "viewer sender operator admin"),
        ("broadcast.pause", Level.OPERATE, "sender operator admin"),
        ("draft.send", Level.OPERATE, "sender operator admin"),
        ("number.pause", Level.OPERATE, "operator admin"),
        ("key.add", Level.ADMIN, "admin"),
    ],
)
def test_each_role_may_what_its_level_lets_do_and_a_sender_broadcasts(
    operation: str, level: Level, roles: str
) -> None:
    assert [role for role in Role if may(role, operation, level)] == roles.split()


def test_a_user_of_the_machine_has_the_role_of_the_level() -> None:
    assert [Role.of_level(each) for each in Level] == [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    assert [Role.of_level(each).level for each in Level] == list(Level)


@pytest.mark.parametrize(
    ("user_id", "used_at", "ends_at"),
    [
        ("u1", 0, 12 * HOUR),
        ("u1", 5 * DAY, 5 * DAY + 12 * HOUR),
        ("u1", 7 * DAY - 1, 7 * DAY),
        (None, 0, 12 * HOUR),
        (None, 11 * HOUR, 12 * HOUR),
    ],
)
def test_a_session_ends_when_it_rests_or_is_old(
    user_id: str | None, used_at: Millis, ends_at: Millis
) -> None:
    start = 1_795_000_000_000
    session = LoginSession(
        id=1,
        user_id=user_id,
        name="ann",
        role=Role.VIEWER,
        account_ids=(),
        uid=None,
        created_at=start,
        used_at=start + used_at,
    )
    assert session.ends_at() == start + ends_at
