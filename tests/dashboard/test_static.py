"""The files that pages load."""

import hashlib
import re
from pathlib import Path

import pytest

import wacrmd.dashboard
from tests.dashboard.conftest import Visit
from wacrmd.dashboard.render import static_files

FOLDER = Path(wacrmd.dashboard.__file__).parent
OWN = {"app.js", "chart.js", "style.css"}


def test_copied_files_are_those_of_the_list() -> None:
    rows = re.findall(
        r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", (FOLDER / "VENDORED.md").read_text(), re.MULTILINE
    )
    found = {name: hashlib.sha256(file.content).hexdigest() for name, file in static_files().items()}
    assert dict(rows) == {name: digest for name, digest in found.items() if name not in OWN}


def test_templates_and_styles_load_nothing_from_elsewhere_and_hold_no_script() -> None:
    for file in [*(FOLDER / "templates").rglob("*.html"), *(FOLDER / "static").glob("*.css")]:
        text = file.read_text()
        assert not re.search(r"https?://|//[a-z]+\.", text), file
        assert not re.search(r"<script(?! src=)|\bon[a-z]+\s*=|\bstyle\s*=|<style|javascript:", text), file
        assert "| safe" not in text, file


@pytest.mark.anyio
async def test_a_file_is_kept_by_browsers_and_another_digest_is_not_found(visit: Visit) -> None:
    browser = visit()
    url = static_files()["app.js"].url
    assert "immutable" in (await browser.get(url)).headers["cache-control"]
    assert (await browser.get("/static/0/app.js")).status_code == 404
    assert (await browser.get("/static/0/..%2fapp.py")).status_code == 404
