"""The manual page wacrmd(8) has every command, and nothing in it is taken for a request of roff."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wacrmd.cli.exit_codes import CONFIG
from wacrmd.reference import man
from wacrmd.reference.methods import commands


def test_it_has_every_command_with_its_options_and_the_exit_codes() -> None:
    page = man.page().replace("\\-", "-")
    for name in commands():
        assert f"\nwacrmd {name.replace('.', ' ')}" in page
    assert "wacrmd serve" in page
    assert "wacrmd simulate [OPTION]..." in page
    assert page.isascii()
    assert "--rejected" in page
    assert f".B {CONFIG}\n" in page


def test_texts_are_no_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(man, "FILES", {".hidden": "'quoted' and \\fBbold", "-x": "y"})
    page = man.page()
    assert ".B \\&.hidden\n\\&'quoted' and \\efBbold\n" in page
    assert ".B \\-x\n" in page


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_shows_it_without_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "wacrmd.8"
    file.write_text(man.page())
    done = subprocess.run(
        ["man", "--warnings", "-l", file],
        env={"MANWIDTH": "120", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in done.stderr.splitlines() if "adjust" not in line] == []
    shown = " ".join(re.sub(r".\x08", "", done.stdout).split())
    assert "wacrmd broadcast create --csv FILE --template NAME" in shown
