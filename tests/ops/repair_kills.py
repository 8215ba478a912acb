"""Kills a repair at each line of the swap of files, and says what is left (`python -m tests.ops.repair_kills FOLDER`).

A program of its own, because it forks. In the folder is a damaged `wacrmd.db` with its log. Prints one JSON object for
each line: what a start would find (`left`), and what is there after a second repair.
"""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

from tests.ops.rotation import killed
from wacrmd import new_file
from wacrmd.errors import DatabaseContentError
from wacrmd.store import file_swap, integrity
from wacrmd.store.repair import repair

FILES = {module.__file__ for module in (file_swap, new_file)}


def state(file: Path, before: dict[str, bytes]) -> str:
    """What a start would find. Raises AssertionError for what would be no whole state."""
    try:
        file_swap.check_finished(file)
    except DatabaseContentError:
        return "interrupted"
    if all(Path(f"{file}{end}").read_bytes() == content for end, content in before.items() if file.exists()):
        assert file.exists(), "an empty database would be made"
        return "old"
    assert not Path(f"{file}-wal").exists(), "the log of another file"
    return "new"


def main(folder: Path) -> None:
    """One repair for each line, until it has no more."""
    original = folder.with_name("original")
    shutil.copytree(folder, original)
    file = folder / "wacrmd.db"
    before = {end: Path(f"{file}{end}").read_bytes() for end in ("", "-wal")}
    after, is_killed = 1, True
    while is_killed:
        work = partial(repair, file, accept_loss=False, now=1_700_000_000_000)
        is_killed = killed(work, after=after, files=FILES)
        left = state(file, before)
        killed(partial(repair, file, accept_loss=False, now=1_700_000_001_000), after=-1)
        with closing(sqlite3.connect(file)) as connection:
            (name,) = connection.execute("SELECT name FROM account").fetchone()
        result = {
            "line": after,
            "left": left,
            "name": name,
            "problems": integrity.check(file).problems,
            "log": Path(f"{file}-wal").exists(),
        }
        sys.stdout.write(json.dumps(result) + "\n")
        shutil.rmtree(folder)
        shutil.copytree(original, folder)
        after += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
