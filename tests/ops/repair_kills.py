"""Ends a repair at lines of the swap of files, and says what is left.

`python -m tests.ops.repair_kills N FOLDER [FROM]`: before each `N`th line. A program of its own, because it forks.

In the folder is a damaged `wacrmd.db` with its log, and the process is killed. With FROM they are in that folder, and a
file system is mounted at the first one: what is looked at is a copy of its disk, in which all that was not synced is
missing, as after a power cut.

Prints one JSON object for each line: what a start would find (`left`), and what is there after a second repair.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

from tests.ops.rotation import begin_run_of_machine, killed, made, mounted
from wacrmd import new_file
from wacrmd.errors import DatabaseContentError
from wacrmd.store import file_swap, integrity
from wacrmd.store.repair import repair

FILES = {module.__file__ for module in (file_swap, new_file)}
NAMES = ("wacrmd.db", "wacrmd.db-wal")
NOW = 1_700_000_000_000


def state(folder: Path, before: dict[str, bytes]) -> str:
    """What a start would find. Raises AssertionError for what would be no whole state."""
    file = folder / "wacrmd.db"
    try:
        file_swap.check_finished(file)
    except DatabaseContentError:
        return "interrupted"
    assert file.exists(), "an empty database would be made"
    if file.read_bytes() == before["wacrmd.db"]:
        assert (folder / "wacrmd.db-wal").read_bytes() == before["wacrmd.db-wal"], (
            "the newest writes are lost"
        )
        return "old"
    assert not (folder / "wacrmd.db-wal").exists(), "the log of another file"
    return "new"


def main(step: int, folder: Path, image: Path | None) -> None:
    """One repair for every `step`-th line, until it has no more."""
    before = {name: (folder / name).read_bytes() for name in NAMES}
    after, is_killed = 1, True
    while is_killed:
        crashed, left = folder.with_name("crashed.img"), folder
        begin_run_of_machine("first")
        is_killed = killed(
            partial(repair, folder / "wacrmd.db", accept_loss=False, now=NOW),
            after=after,
            look=partial(shutil.copyfile, image, crashed) if image else lambda: None,
            files=FILES,
        )
        if image and is_killed:
            left = folder.with_name("crashed")
            mounted(crashed, left)
            begin_run_of_machine("second")
        found = state(left, before)
        file = left / "wacrmd.db"
        killed(partial(repair, file, accept_loss=False, now=NOW + 1000), after=-1)
        with closing(sqlite3.connect(file)) as connection:
            (name,) = connection.execute("SELECT name FROM account").fetchone()
        log, problems = Path(f"{file}-wal").exists(), integrity.check(file).problems
        result = {"line": after, "left": found, "name": name, "problems": problems, "log": log}
        sys.stdout.write(json.dumps(result) + "\n")
        if left != folder:
            subprocess.run(["umount", left], check=True)
        for each in folder.glob("*wacrmd*"):
            each.unlink()
        for name, content in before.items():
            (folder / name).write_bytes(content)
        if image:
            os.sync()
        after += step


if __name__ == "__main__":
    target = Path(sys.argv[2])
    main(int(sys.argv[1]), target, made(target, Path(sys.argv[3]), NAMES) if len(sys.argv) > 3 else None)
