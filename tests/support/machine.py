"""A machine with a booted systemd, in namespaces of its own: what it writes goes to memory and ends with it.

Its root is an overlay of this machine's. It shares the network, so that the simulated Meta reaches it, and `/srv/shared`
with other machines.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import wacrmd
from tests.support.patience import PATIENCE_S

TOP = Path(wacrmd.__file__).parents[1]
SYSTEMD = Path("/usr/lib/systemd/systemd")
CGROUPS = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
TOOLS = ("unshare", "nsenter", "pivot_root", "setpriv", "systemctl", "systemd-sysusers", "systemd-tmpfiles")
MASKED = (
    "systemd-tmpfiles-setup.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-udevd.service",
    "systemd-udev-trigger.service",
    "systemd-udevd-kernel.socket",
    "systemd-udevd-control.socket",
    "systemd-sysctl.service",
    "systemd-modules-load.service",
    "systemd-random-seed.service",
    "systemd-update-utmp.service",
    "systemd-remount-fs.service",
    "systemd-logind.service",
)
"""Units that look after hardware, or after files that belong to this machine."""

BOOT = """
set -e
here=$1 shared=$2
mkdir "$here/memory"
mount -t tmpfs tmpfs "$here/memory"
cd "$here/memory"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mount -t proc proc root/proc
mount -t sysfs -o ro sysfs root/sys
mount -t tmpfs tmpfs root/sys/fs/cgroup && umount root/sys/fs/cgroup
mount -t cgroup2 cgroup2 root/sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs root/run
mount --rbind /dev root/dev
mkdir -p root/srv/shared root/srv/admin root/opt/python root/old
mount --bind "$shared" root/srv/shared
mount --bind "$here/admin" root/srv/admin
mount --bind "$3" root/opt/python
shift 3
count=0
for path; do
    mkdir root/opt/path.$count
    mount --bind "$path" root/opt/path.$count
    count=$((count + 1))
done
rm -rf root/etc/systemd/system/*.wants
for unit in $MASKED; do ln -sf /dev/null root/etc/systemd/system/$unit; done
cp -r "$here/bin/." root/usr/local/bin/
printf '[Unit]\\nDescription=A machine of the tests\\n' > root/etc/systemd/system/tests.target
cd root
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=tests PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    $SYSTEMD --system --unit=tests.target --log-level=warning --log-target=console --show-status=no
"""
STAND_INS = {
    "sudo": """
if [ "$1" = -u ]; then user=$2; shift 2; exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@"; fi
exec "$@"
""",
    "scp": """
for last; do :; done
while [ $# -gt 1 ]; do cp "$1" /srv/shared/; shift; done
[ "$last" = new.example.com: ]
""",
    "wacrmd": """
export PYTHONPATH=@PATHS@ PYTHONDONTWRITEBYTECODE=1 LD_LIBRARY_PATH=/opt/python/lib
exec /opt/python/bin/@PYTHON@ -m wacrmd.cli.entry "$@"
""",
}
"""Commands that this machine may not have, and the executable."""


@dataclass
class Machine:
    """A booted machine; commands run on it as root, in `admin`."""

    pid: int
    admin: Path
    """`/srv/admin` on the machine."""

    def run(self, script: str, *, folder: str = "/srv/admin", check: bool = True) -> str:
        """Run lines of a shell; what they have written, and fail if one of them does."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-u", "-i", "-r"]
        variables = ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        done = subprocess.run(
            [*enter, *variables, "sh", "-ec", f"cd {folder}\n{script}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=2 * PATIENCE_S,
        )
        if check and done.returncode:
            log = self.run("journalctl --no-pager -u wacrmd -n 30 2>/dev/null || true", check=False)
            raise AssertionError(f"{script}\nended with {done.returncode}:\n{done.stdout}\n{log}")
        return done.stdout


@contextmanager
def booted(folder: Path, shared: Path) -> Iterator[Machine]:
    """A machine in the new directory `folder`; what is in `shared` it has in `/srv/shared`. It ends with the block."""
    for each in (folder, folder / "admin", folder / "bin"):
        each.mkdir()
    paths = [path for path in dict.fromkeys([str(TOP), *sys.path]) if path and Path(path).is_dir()]
    paths = [path for path in paths if not Path(path).is_relative_to(sys.base_prefix)]
    words = {
        "@PATHS@": ":".join(f"/opt/path.{number}" for number in range(len(paths))),
        "@PYTHON@": Path(sys.executable).resolve().name,
    }
    for name, script in STAND_INS.items():
        if name != "sudo" or shutil.which("sudo") is None:
            for word, value in words.items():
                script = script.replace(word, value)  # noqa: PLW2901 - step by step
            (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}")
            (folder / "bin" / name).chmod(0o755)
    group = (
        next(each for each in CGROUPS if (each / "cgroup.procs").exists())
        / f"tests.{os.getpid()}.{folder.name}"
    )
    group.mkdir()
    script = f"echo $$ > {shlex.quote(str(group / 'cgroup.procs'))} && exec " + shlex.join(
        [
            *(
                "unshare",
                "--mount",
                "--pid",
                "--cgroup",
                "--uts",
                "--ipc",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                BOOT,
            ),
            *("boot", str(folder), str(shared), sys.base_prefix, *paths),
        ]
    )
    environment = os.environ | {"MASKED": " ".join(MASKED), "SYSTEMD": str(SYSTEMD)}
    log = (folder / "console.log").open("wb")
    process = subprocess.Popen(
        ["sh", "-c", script], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
    )
    try:
        machine = Machine(_first_process(process), folder / "admin")
        deadline = time.monotonic() + PATIENCE_S
        while "running" not in machine.run("systemctl is-system-running || true", folder="/", check=False):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no systemd has booted: {(folder / 'console.log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield machine
    finally:
        with suppress(ProcessLookupError):
            os.kill(_first_process(process), signal.SIGKILL)  # and with it all processes of the machine
        process.wait()
        log.close()
        _remove(group)


def _first_process(process: subprocess.Popen[bytes]) -> int:
    """The machine's process 1, by its number here; that of `unshare` until it has begun."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            if found := children.read_text().split():
                return int(found[0])
        if process.poll() is not None:
            break
        time.sleep(0.01)
    return process.pid


def _remove(group: Path) -> None:
    """Remove a control group and those in it, once its processes have ended."""
    deadline = time.monotonic() + PATIENCE_S
    while group.exists() and time.monotonic() < deadline:
        for each in sorted(group.rglob("*/"), reverse=True):
            with suppress(OSError):
                each.rmdir()
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)


@cache
def can_boot() -> bool:
    """Whether a systemd can be booted here: as root, with all that takes."""
    return os.geteuid() == 0 and SYSTEMD.exists() and all(map(shutil.which, TOOLS))


needs_boot = pytest.mark.skipif(not can_boot(), reason="no systemd can be booted here")
