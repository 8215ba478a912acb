"""Callback tokens: ours are read back, and no other text is accepted as one."""

import pytest

from wacrmd.domain.callback_token import callback_token, parse_callback_token

UUID = "7d0a4b7e-2a52-4d4e-9f5d-0f3c3f6f2c11"


def test_a_token_names_broadcast_recipient_and_attempt() -> None:
    assert callback_token(UUID, 17, 2) == f"wacrmd:{UUID}:17:2"
    assert parse_callback_token(callback_token(UUID, 17, 2)) == (UUID, 17, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wacrmd",
        f"wacrmd:{UUID}:17",
        f"wacrmd:{UUID}:17:2:3",
        f"WACRMD:{UUID}:17:2",
        f"other:{UUID}:17:2",
        f"wacrmd:{UUID}:x:2",
        f"wacrmd:{UUID}:17:x",
        f"wacrmd:{UUID}::2",
        f"wacrmd:{UUID}:17:",
        f"wacrmd:{UUID}:-1:2",
        f"wacrmd {UUID} 17 2",
    ],
)
def test_callback_data_of_another_app_is_not_a_token(text: str) -> None:
    assert parse_callback_token(text) is None


@pytest.mark.parametrize("text", [f"wacrmd:{UUID}:{10**18}:1", f"wacrmd:{UUID}:1:{10**18}"])
def test_a_number_above_any_row_id_is_not_a_token(text: str) -> None:
    """SQLite raises for integers beyond 64 bits. The webhook would fail, and Meta would repeat it for days."""
    assert parse_callback_token(text) is None


def test_the_largest_row_id_is_accepted() -> None:
    assert parse_callback_token(f"wacrmd:{UUID}:{10**18 - 1}:1") == (UUID, 10**18 - 1, 1)
