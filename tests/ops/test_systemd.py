"""systemd accepts the units, and they restrict the daemon as far as it allows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wacrmd.config import Config
from wacrmd.daemon import DRAIN_S

UNITS = Path(__file__).parents[2] / "contrib" / "systemd"
ANALYZE = shutil.which("systemd-analyze")

needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed here")


def settings(name: str) -> dict[str, list[str]]:
    """The settings of a unit; a key may occur several times."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """Copies of the units whose executable exists here."""
    true = shutil.which("true")
    for name in ("wacrmd.service", "wacrmd.socket"):
        (tmp_path / name).write_text((UNITS / name).read_text().replace("/usr/bin/wacrmd", str(true)))
    return [str(tmp_path / name) for name in ("wacrmd.service", "wacrmd.socket")]


@needs_systemd
def test_systemd_accepts_the_units(units: list[str]) -> None:
    done = subprocess.run(
        [str(ANALYZE), "--man=no", "verify", *units], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "wacrmd" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


@needs_systemd
def test_the_service_has_a_low_exposure_score(units: list[str]) -> None:
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=yes", "--no-pager", units[0]],
        capture_output=True,
        text=True,
        check=False,
    )
    level = re.search(r"Overall exposure level for wacrmd.service: ([\d.]+)", done.stdout)
    assert level is not None, done.stderr
    assert float(level[1]) <= 1.5


@needs_systemd
def test_user_and_directories_are_created_as_the_unit_needs_them(tmp_path: Path) -> None:
    """In a root of its own, as `systemd-sysusers` and `systemd-tmpfiles` do it at an installation."""
    root = f"--root={tmp_path}"
    (tmp_path / "etc").mkdir()
    users = subprocess.run(
        ["systemd-sysusers", root, UNITS / "wacrmd.sysusers"], capture_output=True, text=True, check=False
    )
    assert users.returncode == 0, users.stderr
    assert "wacrmd:" in (tmp_path / "etc/passwd").read_text()
    if os.geteuid() == 0:
        made = subprocess.run(
            ["systemd-tmpfiles", root, "--create", UNITS / "wacrmd.tmpfiles"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        assert (tmp_path / "var/lib/wacrmd/backups").stat().st_mode & 0o777 == 0o700


def calls_in(group: str) -> set[str]:
    """The system calls of a group such as `@system-service`, those of the groups within it too."""
    listed = subprocess.run(
        [str(ANALYZE), "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True
    ).stdout
    words = [line.strip() for line in listed.splitlines()[1:] if line.startswith("    ")]
    inner = [calls_in(word) for word in words if word.startswith("@")]
    return {word for word in words if word[0] not in "@#"}.union(*inner)


REFUSE_EXECUTABLE_MEMORY = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""PR_SET_MDWE (Linux 6.3 and newer; an older one ignores it), then the program: as MemoryDenyWriteExecute does it."""


@pytest.mark.exhaustive(only=True)
@needs_systemd
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed here")
def test_a_whole_run_uses_only_system_calls_that_the_unit_allows(tmp_path: Path) -> None:
    """The demo, including daemon and commands. SQLite calls fchown only as root, and the unit runs as another user."""
    counted = tmp_path / "calls"
    demo = [sys.executable, "-m", "wacrmd.cli.main", "demo", "--exit", "--recipients", "5"]
    done = subprocess.run(
        [
            "strace",
            "-f",
            "-c",
            "-S",
            "name",
            "-o",
            counted,
            sys.executable,
            "-c",
            REFUSE_EXECUTABLE_MEMORY,
            *demo,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in counted.read_text().splitlines()]
    made = {row[-1] for row in rows if len(row) >= 5 and row[0].replace(".", "").isdigit()} - {"total"}
    filters = settings("wacrmd.service")["SystemCallFilter"]
    assert filters == ["@system-service", "~@privileged @resources"]
    allowed = calls_in("@system-service") - calls_in("@privileged") - calls_in("@resources")
    assert len(made) > 50
    assert made - allowed <= ({"fchown"} if os.geteuid() == 0 else set())


def test_a_stop_waits_longer_than_the_drain() -> None:
    """Workers, requests to Meta and callers may each take a whole drain period before systemd kills the daemon."""
    assert int(settings("wacrmd.service")["TimeoutStopSec"][0]) > 4 * DRAIN_S


def test_peer_credentials_are_not_hidden() -> None:
    assert "PrivateUsers" not in settings("wacrmd.service")


def test_units_and_configuration_name_the_same_paths() -> None:
    config, service = Config(), settings("wacrmd.service")
    assert config.storage.path.parent == Path("/var/lib") / service["StateDirectory"][0]
    assert config.admin.socket.parent == Path("/run") / service["RuntimeDirectory"][0]
    assert settings("wacrmd.socket")["ListenStream"] == [
        str(each.bind) for each in (config.api, config.webhooks, config.dashboard)
    ]
    for directory in ("/var/lib/wacrmd", "/etc/wacrmd"):
        assert f"\nd {directory} " in (UNITS / "wacrmd.tmpfiles").read_text()
