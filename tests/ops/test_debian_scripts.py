"""The maintainer scripts of the Debian package, with Debian's own helper in a directory that stands for the root."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CONTRIB = Path(__file__).parents[2] / "contrib"
HELPER = shutil.which("deb-systemd-helper")

pytestmark = [
    pytest.mark.skipif(HELPER is None, reason="deb-systemd-helper is Debian's (init-system-helpers)"),
    pytest.mark.exhaustive(only=True),
]

NOTED = '#!/bin/sh\necho "$(basename "$0") $*" >>"$NOTES"\n'
"""In place of programs that concern the whole machine."""


@dataclass
class Machine:
    """A root directory with the units of the package, and notes of what was asked of systemd."""

    root: Path

    def __post_init__(self) -> None:
        for folder in (
            "usr/lib/systemd/system",
            "etc/systemd/system",
            "var/lib/wacrmd",
            "run/systemd/system",
        ):
            (self.root / folder).mkdir(parents=True)
        (self.root / "lib").symlink_to("usr/lib")
        self.said = ""
        self.tools = self.root.with_name("tools")
        self.tools.mkdir()
        self.put_units()
        for name in ("systemd-sysusers", "systemd-tmpfiles", "systemctl", "deb-systemd-invoke"):
            (self.tools / name).write_text(NOTED)
            (self.tools / name).chmod(0o755)

    def put_units(self) -> None:
        for unit in ("wacrmd.service", "wacrmd.socket"):
            shutil.copy(CONTRIB / "systemd" / unit, self.root / "usr/lib/systemd/system" / unit)

    def run(self, *line: str) -> list[str]:
        """Run a script, or Debian's helper; what it asked systemd for."""
        notes = self.root / "notes"
        notes.write_text("")
        environ = os.environ | {
            "DPKG_ROOT": str(self.root),
            "NOTES": str(notes),
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "DPKG_MAINTSCRIPT_PACKAGE": "wacrmd",
        }
        done = subprocess.run(line, env=environ, check=True, capture_output=True, text=True, timeout=60)
        self.said = done.stderr
        asked = [
            each
            for each in notes.read_text().splitlines()
            if each.startswith(("deb-systemd-invoke", "systemctl"))
        ]
        return [each for each in asked if "daemon-reload" not in each]

    def script(self, name: str, *arguments: str) -> list[str]:
        return self.run("/bin/sh", str(CONTRIB / "debian" / name), *arguments)

    def install(self, before: str = "") -> list[str]:
        self.put_units()
        return self.script("postinst", "configure", before)

    def remove(self) -> None:
        assert self.script("prerm", "remove") == ["deb-systemd-invoke stop wacrmd.socket wacrmd.service"]
        for unit in ("wacrmd.service", "wacrmd.socket"):
            (self.root / "usr/lib/systemd/system" / unit).unlink()
        self.script("postrm", "remove")

    def enabled(self) -> set[str]:
        """The units that systemd would start, as links say that lead somewhere."""
        links = (self.root / "etc/systemd/system").glob("*.wants/*")
        return {link.name for link in links if (self.root / str(link.readlink()).lstrip("/")).exists()}

    def disable(self, unit: str) -> None:
        """As `systemctl disable` does."""
        for link in (self.root / "etc/systemd/system").glob(
            "*.wants/*"
        ):  # a name would only match what exists
            if link.name == unit:
                link.unlink()

    def enable_socket(self) -> None:
        """As `systemctl enable` does."""
        wants = self.root / "etc/systemd/system/sockets.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / "wacrmd.socket").symlink_to("/usr/lib/systemd/system/wacrmd.socket")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "root")


RESTARTED = ["deb-systemd-invoke restart wacrmd.socket", "deb-systemd-invoke restart wacrmd.service"]
"""The helper leaves alone what is disabled, and starts what is enabled and does not run."""


def test_the_service_is_enabled_and_started_by_the_first_installation(machine: Machine) -> None:
    assert machine.install() == RESTARTED
    assert machine.enabled() == {"wacrmd.service"}


def test_after_a_removal_an_installation_enables_and_starts_it_again(machine: Machine) -> None:
    machine.install()
    machine.remove()
    assert machine.install("0.1.0") == RESTARTED  # dpkg names the version whose configuration is still there
    assert machine.enabled() == {"wacrmd.service"}


def test_an_enabled_socket_is_enabled_after_a_removal_too(machine: Machine) -> None:
    machine.install()
    machine.enable_socket()
    machine.remove()
    assert machine.enabled() == set()
    machine.install("0.1.0")
    assert machine.enabled() == {"wacrmd.service", "wacrmd.socket"}


def test_an_upgrade_leaves_alone_what_the_administrator_has_disabled(machine: Machine) -> None:
    machine.install()
    machine.disable("wacrmd.service")
    machine.install("0.1.0")
    assert machine.enabled() == set()
    machine.remove()
    machine.install("0.1.0")
    assert machine.enabled() == set()


def test_a_purge_forgets_all_but_the_data(machine: Machine) -> None:
    machine.install()
    machine.enable_socket()
    machine.remove()
    machine.script("postrm", "purge")
    assert [link.name for link in (machine.root / "etc/systemd/system").rglob("wacrmd*")] == []
    assert [each.name for each in (machine.root / "var/lib").rglob("wacrmd.*")] == []
    assert (machine.root / "var/lib/wacrmd").is_dir()
    machine.install()
    assert machine.enabled() == {"wacrmd.service"}


def test_an_upgrade_says_so_when_the_service_does_not_start_again(machine: Machine) -> None:
    (machine.tools / "deb-systemd-invoke").write_text("#!/bin/sh\n[ $2 = wacrmd.socket ]\n")
    machine.install(before="0.0.9")
    assert machine.said == (
        "wacrmd: wacrmd.service does not start; wacrmd check-config or journalctl -u wacrmd -e says why\n"
    )
