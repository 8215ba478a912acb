"""A file system that is filled."""

from contextlib import suppress
from pathlib import Path


def fill(folder: Path) -> Path:
    """Write until nothing more fits."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 8, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return ballast
