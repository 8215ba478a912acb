"""Numbers of bytes as people read them."""

import pytest

from wacrmd.errors import sized


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (1 << 20, "1 MiB"),
        (64 << 20, "64 MiB"),
        (500 << 20, "500 MiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 50, "1024 TiB"),
    ],
)
def test_a_size_has_the_unit_that_fits(count: int, said: str) -> None:
    assert sized(count) == said
