"""Kills a key rotation after each line of its code, and says what is then in the files (`python -m tests.ops.rotation`).

A program of its own, because it forks: each try is a process that has imported everything.

Arguments: the folder with `wacrmd.db` and `wacrmd.db.key`, and how to look at what a kill has left:

- `kill`: at the folder as it is;
- `power IMAGE`: at what is on the disk. The folder is the root of a file system in the file IMAGE, which is copied at the
  moment of the kill, without what was not synced.

Prints one JSON object for each line.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import anyio

from wacrmd import key_file
from wacrmd.clock import SystemClock
from wacrmd.errors import WacrmdError, sole_error
from wacrmd.services.daemon_clock import DaemonClock
from wacrmd.services.maintenance import database_key
from wacrmd.store import database, encrypted_secrets
from wacrmd.store.database import Database

FILES = {module.__file__ for module in (key_file, database_key, encrypted_secrets, database)}


def killed(work: Callable[[], object], *, after: int, look: Callable[[], object] = lambda: None) -> bool:
    """Do the work in a process that is stopped before the line that is the `after`th one to be run for the first time.

    Then it is killed, after `look`. False if there are fewer lines.
    """
    child = os.fork()
    if child == 0:
        lines: set[tuple[str, int]] = set()

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            if frame.f_code.co_filename not in FILES:
                return None
            line = frame.f_code.co_filename, frame.f_lineno
            if event == "line" and line not in lines:
                lines.add(line)
                if len(lines) == after:
                    os.kill(os.getpid(), signal.SIGSTOP)
            return trace

        threading.settrace(trace)
        sys.settrace(trace)
        work()
        os._exit(0)
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        look()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return True
    if status:
        raise SystemExit("the rotation failed by itself")
    return False


def found(folder: Path) -> dict[str, Any]:
    """What a start would find: the key of the database, and the secrets by their contexts; or the error."""

    async def look() -> dict[str, Any]:
        async with Database.open(folder / "wacrmd.db", DaemonClock(SystemClock())) as db:
            vault = await database_key.open_vault(db, folder / "wacrmd.db.key")
            secrets = await db.read(encrypted_secrets.all_of)
            texts = [[each.context, vault.decrypt(each.encrypted, each.context)] for each in secrets]
            return {"key": vault.fingerprint, "secrets": texts}

    def tell() -> None:
        try:
            with sole_error():
                answer = anyio.run(look)
        except WacrmdError as error:
            answer = {"error": str(error)}
        os.write(writing, json.dumps(answer).encode())

    reading, writing = os.pipe()
    killed(tell, after=-1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer: dict[str, Any] = json.loads(pipe.read())
    return answer


def rotate(folder: Path) -> None:
    """The whole rotation."""
    database_key.rotate(folder / "wacrmd.db", folder / "wacrmd.db.key", SystemClock())


def mounted(image: Path, folder: Path) -> None:
    """Mount a file system; its journal is replayed."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)


def main(folder: Path, image: Path | None, step: int) -> None:
    """Every `step`-th line of the rotation, until it has no more."""
    original = folder.with_name("original")
    shutil.copytree(folder, original, ignore=shutil.ignore_patterns("lost+found"))
    after, is_killed = 1, True
    while is_killed:
        crashed = folder.with_name("crashed.img")
        is_killed = killed(
            partial(rotate, folder),
            after=after,
            look=partial(shutil.copyfile, image, crashed) if image else lambda: None,
        )
        left = folder
        if image and is_killed:
            left = folder.with_name("crashed")
            mounted(crashed, left)
        first = found(left)
        killed(partial(rotate, left), after=-1)  # again, to its end
        last = found(left)
        sys.stdout.write(
            json.dumps({"line": after, "killed": is_killed, "first": first, "last": last}) + "\n"
        )
        if left != folder:
            subprocess.run(["umount", left], check=True)
        for file in folder.glob("wacrmd*"):
            file.unlink()
        for file in original.iterdir():
            shutil.copy2(file, folder)
        os.sync() if image else None
        after += step


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[3]) if sys.argv[2] == "power" else None, int(sys.argv[4]))
