"""Folders that another user of the machine can get to."""

import tempfile
from pathlib import Path


def open_to_all(folder: Path) -> None:
    """Let everybody pass through `folder` and what pytest made above it, however many levels that are."""
    for directory in (folder, *folder.parents):
        if directory == Path(tempfile.gettempdir()):
            return
        directory.chmod(0o755)
