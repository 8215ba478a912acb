"""Commands that read a file or standard input: one without an end is refused, and fills neither the disk nor the memory."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.exhaustive(only=True)

MOST_ON_DISK = 300 << 20
MOST_IN_MEMORY = 1 << 30
ENDLESS = "/dev/zero"

COPIED = {
    "media": (["media", "upload"], "holds more than 100 MiB: Meta takes no larger file"),
    "people": (
        ["broadcast", "create", "--template", "x", "--yes", "--csv"],
        "holds more than 64 MiB: split it",
    ),
    "draft": (["draft", "upload", "4b6d"], "holds more than 64 MiB: split it"),
    "collected": (["draft", "add-recipients", "4b6d"], "holds more than 64 MiB: split it"),
    "optouts": (["optout", "import"], "holds more than 256 MiB: split it"),
    "prices": (["price", "import"], "holds more than 488 KiB: is it a price list?"),
}
READ = {
    "content": (["message", "send", "+14155550123", "--template", "x", "--content"], 1, "more than 1 MiB"),
    "mapping": (["draft", "change", "4b6d", "--mapping"], 1, "more than 1 MiB"),
    "templates": (["simulate", "--templates-file"], 2, "more than 16 MiB"),
    "token": (["simulate", "--access-token-file"], 2, "more than 16 MiB"),
    "configuration": (["check-config", "--config"], 78, "found one of more than 1 MiB"),
    "socket": (["--config", ENDLESS, "status"], 78, "cannot be used"),
}


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_ON_DISK, MOST_ON_DISK))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_IN_MEMORY, MOST_IN_MEMORY))


def _run(tmp_path: Path, arguments: list[str], stdin: int = subprocess.DEVNULL) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WACRMD_")}
    line = [sys.executable, "-m", "wacrmd.cli.main", *arguments]
    done = subprocess.run(
        line,
        stdin=stdin,
        capture_output=True,
        text=True,
        env=environment | {"TMPDIR": str(tmp_path)},
        preexec_fn=_limited,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", COPIED)
def test_what_a_command_copies_has_an_end(tmp_path: Path, name: str) -> None:
    line, refusal = COPIED[name]
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as endless:
        assert endless.stdout is not None
        code, said = _run(tmp_path, [*line, "-"], endless.stdout.fileno())
        endless.kill()
    assert (code, f"standard input {refusal}" in said) == (1, True), said
    assert list(tmp_path.iterdir()) == []


def test_a_device_without_an_end_is_no_file_for_a_header(tmp_path: Path) -> None:
    code, said = _run(tmp_path, ["media", "upload", ENDLESS])
    assert (code, f"{ENDLESS} holds more than 100 MiB" in said) == (1, True), said


@pytest.mark.parametrize("name", READ)
def test_what_a_command_keeps_in_memory_has_an_end(tmp_path: Path, name: str) -> None:
    line, expected, refusal = READ[name]
    code, said = _run(tmp_path, [*line, ENDLESS] if ENDLESS not in line else line)
    assert (code, refusal in said) == (expected, True), said


def test_json_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "content.json"
    file.write_text("[" * 500_000)
    code, said = _run(
        tmp_path, ["message", "send", "+14155550123", "--template", "x", "--content", str(file)]
    )
    assert (code, f"{file}: expected JSON that is not nested so deeply" in said) == (1, True), said
