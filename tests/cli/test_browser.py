"""`wacrmd dashboard --open`: the browser gets the link, and no other user of the machine sees it."""

from pathlib import Path

import pytest

from wacrmd.cli.browser import open_link

LINK = "http://127.0.0.1:8082/login#t0ken-_&<x>"


@pytest.mark.parametrize("has_runtime_directory", [True, False])
def test_the_link_is_in_a_file_of_ones_own_and_not_in_the_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_runtime_directory: bool
) -> None:
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {seen}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.setattr("webbrowser._tryorder", None)  # it asks for BROWSER once
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if has_runtime_directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    else:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    for _ in range(2):
        assert open_link(LINK)
    (argument,) = seen.read_text().splitlines()
    assert "t0ken" not in argument
    file = Path(argument.removeprefix("file://"))
    assert file.stat().st_mode & 0o077 == 0
    assert 'url=http://127.0.0.1:8082/login#t0ken-_&amp;&lt;x&gt;"' in file.read_text()
