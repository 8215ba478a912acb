"""Opens a link that logs in, in the browser of this machine, so that no other user of it reads the link.

Everybody sees the arguments of a process. So the browser is given a file that only its user can read, and that leads to the
link. It stays, because nobody knows when the browser has read it; the link works once, and for two minutes.
"""

import os
import tempfile
import webbrowser
from contextlib import suppress
from html import escape
from pathlib import Path

NAME = "wacrmd-dashboard.html"


def open_link(url: str) -> bool:
    """Open it; False where there is no browser. Raises OSError."""
    folder = os.environ.get("XDG_RUNTIME_DIR") or tempfile.mkdtemp(prefix="wacrmd-")
    file = Path(folder) / NAME
    with suppress(FileNotFoundError):
        file.unlink()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as page:
        page.write(
            f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>wacrmd</title>'
            f'<meta http-equiv="refresh" content="0;url={escape(url)}"><a href="{escape(url)}">wacrmd</a>\n'
        )
    return webbrowser.open(file.as_uri())
