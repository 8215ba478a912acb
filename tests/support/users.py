"""Another user of the machine, whose directories root goes through; tests as root only."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

import wacrmd as product
from tests.support.fork_server import WACRMD, fork_server
from tests.support.patience import PATIENCE_S

USER = 64_991
"""A user without an entry in /etc/passwd, as of a container."""
CONNECTED_AS_NOBODY = """
import json, os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
lines = s.makefile("rb")
lines.readline()
"""
"""How a program of root's begins that speaks to the admin socket of its first argument as another user."""

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root can be another user"
)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary directory where everybody may enter. Those of pytest are closed again whenever a run of it begins."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def folder_of_user(folder: Path) -> Path:
    """A new directory of the user, where everybody may enter."""
    folder.mkdir(mode=0o755)
    os.chown(folder, USER, USER)
    return folder


def plant(link: Path, target: Path) -> None:
    """Let the user set a symbolic link."""
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        return
    try:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        link.symlink_to(target)
        os._exit(0)
    finally:
        os._exit(1)


def wacrmd(*arguments: object, script: str = WACRMD) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return fork_server(reachable()).run(script, *arguments, cwd="/", timeout=PATIENCE_S)


@contextmanager
def serving(config: Path) -> Iterator[None]:
    """Inside the block a daemon runs that root has started, if it can start."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as lines, Path(os.devnull).open("w") as nowhere:
        process = fork_server(reachable()).start(
            WACRMD, "serve", "--config", config, stdout=nowhere.fileno(), stderr=writing, cwd="/"
        )
        os.close(writing)
        for line in lines:
            if '"daemon_ready"' in line:
                break
        try:
            yield
        finally:
            process.terminate()
            lines.read()
            process.wait(PATIENCE_S)


@cache
def reachable() -> tuple[str, ...]:
    """What runs a command so that every user can read the Python that runs it; empty where everybody can anyway.

    A Python in root's closed home is mounted, for the command alone, into an open directory of the same name.
    """
    needed = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), Path(product.__file__).parents[1]}
    closed = {
        folder: path
        for path in needed
        for folder in reversed(path.parents)
        if not folder.stat().st_mode & 0o001
    }
    if not closed:
        return ()
    steps = ["aside=$(mktemp -d)"]
    for folder, path in closed.items():
        inside, outside = shlex.quote(str(path)), shlex.quote(str(folder))
        steps += [
            f"mount --bind {inside} $aside",
            f"mount -t tmpfs -o mode=755 tmpfs {outside}",
            f"mkdir -p {inside}",
            f"mount --move $aside {inside}",
        ]
    wrapped = ("unshare", "--mount", "sh", "-c", " && ".join([*steps, "rmdir $aside", 'exec "$@"']), "sh")
    if subprocess.run([*wrapped, "true"], check=False, capture_output=True).returncode:
        pytest.skip("other users cannot reach this Python, and nothing can be mounted here")
    return wrapped


def listing(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Each file below a folder with mode, owner, number of names and content: equal if nothing was done to any."""
    return {
        str(file.relative_to(folder)): (
            (status := file.lstat()).st_mode,
            status.st_uid,
            status.st_nlink,
            file.read_bytes() if file.is_file() else b"",
        )
        for file in sorted(folder.rglob("*"))
    }
