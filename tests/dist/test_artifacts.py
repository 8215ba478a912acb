"""The released files run without Python, pip and environment variables.

Runs with `make dist-test`, which names the directory that `make dist` has filled.
"""

import gzip
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from wacrmd import __version__
from wacrmd.reference import man

ROOT = Path(__file__).parents[2]
DIST = Path(os.environ.get("WACRMD_DIST", "nowhere")).absolute()

pytestmark = pytest.mark.skipif("WACRMD_DIST" not in os.environ, reason="make dist-test runs these")


def run(*command: str | Path, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run in an environment with nothing in it but a place for temporary files."""
    return subprocess.run(
        [str(part) for part in command],
        env={"TMPDIR": str(cwd)},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_the_single_file_runs_the_demo_in_an_empty_environment(tmp_path: Path) -> None:
    executable = tmp_path / "wacrmd"
    shutil.copy2(DIST / "wacrmd", executable)
    done = run(executable, "demo", "--exit", "--recipients", "50", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "each of the 50 people has one message" in done.stdout
    assert "wacrmd and its dashboard agree" in done.stdout
    assert [left.name for left in tmp_path.iterdir()] == ["wacrmd"]


def test_the_single_file_needs_only_the_c_library(tmp_path: Path) -> None:
    """In a root directory with only the file and the C library."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the root directory")
    listed = run("/usr/bin/ldd", DIST / "wacrmd", cwd=tmp_path).stdout
    libraries = {word for line in listed.splitlines() for word in line.split() if word.startswith("/")}
    beside = {
        Path(library).parent / name
        for library in libraries
        for name in ("libm.so.6", "librt.so.1", "libutil.so.1")
    }
    for library in {*map(Path, libraries), *(found for found in beside if found.exists())}:
        target = tmp_path / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, target)
    for folder in ("tmp", "dev", "proc"):
        (tmp_path / folder).mkdir()
    shutil.copy2(DIST / "wacrmd", tmp_path / "wacrmd")
    done = subprocess.run(
        [str(shutil.which("chroot")), str(tmp_path), "/wacrmd", "demo", "--exit", "--recipients", "10"],
        env={},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "each of the 10 people has one message" in done.stdout


def test_the_single_file_pings_systemd_as_its_main_process(tmp_path: Path) -> None:
    """For systemd the unpacker is the main process. The program below it sends the pings, and stops cleanly."""
    config = tmp_path / "config.toml"
    config.write_text(
        f'[storage]\npath = "{tmp_path}/wacrmd.db"\n[admin]\nsocket = "{tmp_path}/admin.sock"\n'
        '[api]\nbind = "127.0.0.1:0"\n[webhooks]\nbind = "127.0.0.1:0"\n[dashboard]\nbind = ""\n'
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "500000"}
        line = f'WATCHDOG_PID=$$ exec "{DIST}/wacrmd" serve --config "{config}"'
        daemon = subprocess.Popen(["/bin/sh", "-c", line], env=environment, stderr=subprocess.DEVNULL)
        try:
            while manager.recv(4096) != b"WATCHDOG=1":
                pass
            daemon.terminate()
            assert daemon.wait(60) == 0
        finally:
            daemon.kill()
            daemon.wait()


def test_the_package_installs_unit_user_configuration_and_executable(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    packages = list(DIST.glob("*.deb"))
    if not packages:
        assert shutil.which("dpkg-deb") is None
        pytest.skip("made without dpkg-deb")
    (package,) = packages
    control = subprocess.run(
        ["dpkg-deb", "--info", package], capture_output=True, text=True, check=True
    ).stdout
    assert f"Version: {__version__}" in control
    subprocess.run(["dpkg-deb", "-R", package, tmp_path], check=True)
    assert (tmp_path / "DEBIAN/conffiles").read_text() == "/etc/wacrmd/config.toml\n"
    for path in (
        "etc/wacrmd/config.toml",
        "usr/lib/systemd/system/wacrmd.service",
        "usr/lib/systemd/system/wacrmd.socket",
        "usr/lib/sysusers.d/wacrmd.conf",
        "usr/lib/tmpfiles.d/wacrmd.conf",
        "usr/share/doc/wacrmd/docs/operations.md",
        "usr/share/doc/wacrmd/examples/nginx/wacrmd.conf",
        "usr/share/doc/wacrmd/examples/prometheus/wacrmd.tests.yml",
        "usr/share/man/man8/wacrmd.8.gz",
        "usr/share/bash-completion/completions/wacrmd",
    ):
        assert (tmp_path / path).is_file(), path
    folder = tmp_path_factory.mktemp("demo")
    done = run(tmp_path / "usr/bin/wacrmd", "demo", "--exit", "--recipients", "5", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "wacrmd and its dashboard agree" in done.stdout
    documents = tmp_path / "usr/share/doc/wacrmd"
    assert broken_links(documents) == []
    manual = gzip.decompress((tmp_path / "usr/share/man/man8/wacrmd.8.gz").read_bytes()).decode()
    assert manual == man.page()


def broken_links(documents: Path) -> list[str]:
    """Links of these documents to files that are not there."""
    found = []
    for page in documents.rglob("*.md"):
        text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                found.append(f"{page.relative_to(documents)}: {target}")
    return found


def test_the_wheel_is_installed_and_runs_the_demo(tmp_path: Path) -> None:
    """As pipx does it: into an environment of its own, with the libraries."""
    (wheel,) = DIST.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    lock = ROOT / "requirements.lock"
    versions = re.findall(r"^[\w.-]+==[^\s;]+", lock.read_text(), re.MULTILINE)
    (tmp_path / "versions").write_text("\n".join(versions))
    pip: list[str | Path] = [tmp_path / "venv/bin/python", "-m", "pip", "install", "--quiet", "--constraint"]
    subprocess.run([*pip, tmp_path / "versions", wheel], check=True, timeout=600)
    done = run(tmp_path / "venv/bin/wacrmd", "demo", "--exit", "--recipients", "20", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "each of the 20 people has one message" in done.stdout
    assert "wacrmd and its dashboard agree" in done.stdout


def test_wheel_and_source_contain_all_needed_files(tmp_path: Path) -> None:
    (wheel,) = DIST.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "wacrmd/store/migrations/0001_initial.sql" in names
    for kind in ("static", "templates"):  # what the dashboard serves
        folder = ROOT / "wacrmd/dashboard" / kind
        files = {str(file.relative_to(ROOT)) for file in folder.rglob("*") if file.is_file()}
        assert files <= set(names)
        assert files
    assert not [name for name in names if name.startswith("tests")]
    (source,) = DIST.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        held = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {
        "pyproject.toml",
        "wacrmd/cli/main.py",
        "contrib/systemd/wacrmd.service",
        "config.example.toml",
    } <= held


def test_the_checksums_are_those_of_the_files() -> None:
    for line in (DIST / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((DIST / name).read_bytes()).hexdigest() == digest
