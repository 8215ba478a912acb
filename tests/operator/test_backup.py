"""`wacrmd backup` writes where its user may write, and over nothing that the daemon lives on."""

import os
import re
import stat
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from tests.operator.conftest import Wacrmd
from tests.support.site import people, site
from tests.support.users import listing
from wacrmd.admin.client import AdminClient
from wacrmd.admin.protocol import RpcError
from wacrmd.store import integrity

pytestmark = pytest.mark.anyio


def spelled(folder: Path, name: str) -> dict[str, Path]:
    """Paths that lead to one file of the daemon; the directories and links are made."""
    (folder / "links").mkdir(exist_ok=True)
    link, hard, directory = (folder / "links" / f"{kind}{name}" for kind in ("soft", "hard", "there"))
    link.symlink_to(folder / name)
    directory.symlink_to(folder)
    ways = {"plain": folder / name, "link": link, "directory": directory / name}
    ways |= {"dots": folder / "links" / ".." / name}
    if (folder / name).exists():
        hard.hardlink_to(folder / name)
        ways["hard link"] = hard
    return ways


LIVE = ("wacrmd.db", "wacrmd.db-wal", "wacrmd.db-shm", "wacrmd.db-journal", "wacrmd.db.lock", "wacrmd.db.key")


async def test_no_backup_replaces_a_file_that_the_daemon_lives_on(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(3))
        await here.until_status(broadcast_id, "sent")
        kept = {name: (tmp_path / name).read_bytes() for name in ("wacrmd.db.key", "wacrmd.db.lock")}
        for name in LIVE:
            for way, path in spelled(tmp_path, name).items():
                ways = f"{name} by {way}"
                code, _, err = await wacrmd("backup", "--force", path)
                said = (
                    "no plain file|on which the daemon lives"
                    if way == "link"
                    else "on which the daemon lives"
                )
                assert code == 1, (ways, err)
                assert re.search(said, err), (ways, err)
                with pytest.raises(RpcError, match=said):
                    await here.admin("backup", file=str(path), force=True)
        await here.until_status(await here.send(people(3, start=5)), "sent")
        assert {name: (tmp_path / name).read_bytes() for name in kept} == kept


async def test_an_open_file_that_the_daemon_lives_on_is_not_written(tmp_path: Path) -> None:
    """What a script sends along may be anything."""
    (tmp_path / "full").write_text("precious")
    (tmp_path / "empty").touch()
    async with site(tmp_path) as here:
        socket = here.socket

        def send(*files: tuple[str, int]) -> Any:
            opened = [os.open(tmp_path / name, flags) for name, flags in files]
            try:
                with AdminClient(socket) as client:
                    return client.call("backup", {"file": str(tmp_path / "copy.db"), "force": True}, opened)
            finally:
                for each in opened:
                    os.close(each)

        lock = ("wacrmd.db.lock", os.O_RDWR)
        for sent, said in (
            ([lock], "on which the daemon lives"),
            ([("wacrmd.db", os.O_RDWR)], "on which the daemon lives"),
            ([("empty", os.O_RDWR), lock], "on which the daemon lives"),
            ([("full", os.O_RDWR)], "expected first an empty file"),
            ([("empty", os.O_RDONLY)], "expected first an empty file"),
            ([("empty", os.O_PATH)], "expected first an empty file"),
            ([("/dev/null", os.O_RDWR)], "expected first an empty file"),
        ):
            with pytest.raises(RpcError, match=said):
                await anyio.to_thread.run_sync(send, *sent)
        made = await anyio.to_thread.run_sync(send, ("empty", os.O_RDWR))
        assert made["bytes"] == (tmp_path / "empty").stat().st_size
        assert integrity.check(tmp_path / "empty").problems == []
    assert (tmp_path / "full").read_text() == "precious"


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "link", "link to nothing", "link to a device"])
async def test_force_replaces_plain_files_only(tmp_path: Path, wacrmd: Wacrmd, kind: str) -> None:
    """Root's `backup --force /dev/null` made a file of the machine's `/dev/null`."""
    target = tmp_path / "target"
    if kind == "pipe":
        os.mkfifo(target)
    elif kind == "device":
        if os.geteuid() != 0:
            pytest.skip("only root can make a device")
        os.mknod(target, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    elif kind == "socket":
        os.mknod(target, stat.S_IFSOCK | 0o600)
    else:
        (tmp_path / "other").touch()
        ends = {"link": "other", "link to nothing": "nothing", "link to a device": "/dev/null"}
        target.symlink_to(ends[kind])
    async with site(tmp_path) as here:
        before = listing(tmp_path)
        for more in ((), ("--hand-over",)):
            code, _, err = await wacrmd("backup", "--force", *more, target)
            assert (code, "is no plain file: choose another name" in err) == (1, True), err
        with pytest.raises(RpcError, match="is no plain file"):
            await here.admin("backup", file=str(target), force=True)
        after = listing(tmp_path)
        assert {name: after.get(name) for name in ("target", "other")} == {
            name: before.get(name) for name in ("target", "other")
        }
        assert not here.running.ctx.draining


async def test_the_command_makes_the_file_with_the_rights_of_its_user(tmp_path: Path, wacrmd: Wacrmd) -> None:
    here_too = tmp_path / "new" / "copy.db"
    here_too.parent.mkdir()
    async with site(tmp_path):
        code, out, err = await wacrmd("backup", here_too)
        assert code == 0, err
        assert f"Backup {here_too} is written and checked" in out
        assert stat.S_IMODE(here_too.stat().st_mode) == 0o600
        assert integrity.check(here_too).problems == []
        code, _, err = await wacrmd("backup", here_too)
        assert (code, "choose another name, or say --force" in err) == (1, True)
        before = here_too.stat().st_ino
        assert (await wacrmd("backup", "--force", here_too))[0] == 0
        assert here_too.stat().st_ino != before
        code, _, err = await wacrmd("backup", tmp_path / "none" / "copy.db")
        assert (code, "No such file" in err) == (1, True)
    assert not [name for name in listing(tmp_path) if "partial" in name]


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("name", ["new\nline.db", "nul\0.db", "bell\a.db", "b\udce4d.db"])
async def test_a_path_that_nobody_can_read_is_refused(tmp_path: Path, wacrmd: Wacrmd, name: str) -> None:
    async with site(tmp_path) as here:
        if "\0" not in name:  # which no command line can have
            code, _, err = await wacrmd("backup", str(tmp_path / name))
            assert (code, "control characters" in err) == (2, True), err
        if "\udce4" not in name:
            with pytest.raises(RpcError, match="control characters"):
                await here.admin("backup", file=str(tmp_path / name))
