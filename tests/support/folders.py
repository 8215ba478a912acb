"""Folders that other users of the machine may enter."""

import tempfile
from pathlib import Path


def open_to_all(folder: Path) -> None:
    """Let everybody enter `folder` and the folders of pytest above it."""
    for directory in (folder, *folder.parents):
        if directory == Path(tempfile.gettempdir()):
            return
        directory.chmod(0o755)
