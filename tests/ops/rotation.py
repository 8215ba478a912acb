"""Kills a key rotation after each line of its code, and says what is then in the files (`python -m tests.ops.rotation`).

A program of its own, because it forks: each try is a process that has imported everything.

Arguments: a folder, how to kill, and `N`: before each `N`th line.

- `kill N`: in the folder are `wacrmd.db` and `wacrmd.db.key`.
- `power N FROM`: a file system is mounted at the folder, with these two files from the folder FROM. What is looked at is
  a copy of its disk at the moment of the kill, in which all that was not synced is missing.

Prints one JSON object for each line.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterable
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

NO_MOUNT = "no file system can be mounted here"
FILES = {module.__file__ for module in (key_file, database_key, encrypted_secrets, database)}


def killed(
    work: Callable[[], object],
    *,
    after: int,
    look: Callable[[], object] = lambda: None,
    files: Collection[str | None] = FILES,
) -> bool:
    """Do the work in a process that is stopped before the line of `files` that is the `after`th one to be run for the
    first time.

    Then it is killed, after `look`. False if there are fewer lines.
    """
    child = os.fork()
    if child == 0:
        lines: set[tuple[str, int]] = set()

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            if frame.f_code.co_filename not in files:
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
    """Mount a file system; its journal is replayed. Nothing is written but what is synced."""
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-o", "loop,commit=600", image, folder], check=False).returncode:
        raise SystemExit(NO_MOUNT)


def made(folder: Path, files: Path, names: Iterable[str] = ("wacrmd.db", "wacrmd.db.key")) -> Path:
    """A file system with these files of another folder, mounted at `folder`; its disk."""
    image = folder.with_name("disk.img")
    with image.open("wb") as file:
        file.truncate(16 << 20)
    if subprocess.run(["mkfs.ext4", "-q", "-F", image], check=False).returncode:
        raise SystemExit(NO_MOUNT)
    mounted(image, folder)
    for name in names:
        shutil.copy2(files / name, folder)
    os.sync()
    return image


def begin_run_of_machine(name: str) -> None:
    """A power cut ends one: only in the same run is the index of a log believed (`wacrmd/store/log_check.py`)."""
    os.environ["WACRMD_BOOT_ID"] = name


def main(folder: Path, step: int, image: Path | None) -> None:
    """Every `step`-th line of the rotation, until it has no more."""
    original = folder.with_name("original")
    shutil.copytree(folder, original, ignore=shutil.ignore_patterns("lost+found"))
    after, is_killed = 1, True
    while is_killed:
        crashed = folder.with_name("crashed.img")
        begin_run_of_machine("first")
        is_killed = killed(
            partial(rotate, folder),
            after=after,
            look=partial(shutil.copyfile, image, crashed) if image else lambda: None,
        )
        left = folder
        if image and is_killed:
            left = folder.with_name("crashed")
            mounted(crashed, left)
            begin_run_of_machine("second")
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
        if image:
            os.sync()
        after += step


if __name__ == "__main__":
    target = Path(sys.argv[1])
    main(target, int(sys.argv[3]), made(target, Path(sys.argv[4])) if sys.argv[2] == "power" else None)
