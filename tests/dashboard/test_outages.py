"""The dashboard while the database cannot be written or read."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.dashboard.client import Browser
from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.support.damage import PAGE_BYTES
from tests.support.disk import fill
from tests.support.patience import eventually
from tests.support.site import Site, site
from wacrmd.clock import MINUTE
from wacrmd.dashboard import patience
from wacrmd.store import database
from wacrmd.store.connection import BUSY_TIMEOUT_MS

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]


@pytest.fixture
async def here(small_disk: Path) -> AsyncIterator[Site]:
    """A site on a small disk."""
    async with site(small_disk, extra=DASHBOARD) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/optouts/new", {"account": "shop", "phone": "+14155550100", "detail": "phoned the shop"}),
        ("/keys/new", {"account": "shop", "name": "a-new-till", "scopes": "broadcasts:send"}),
        ("/users/new", {"name": "newcomer", "role": "viewer", "password": "correct horse battery"}),
    ],
)
async def test_a_full_disk_leaves_in_a_form_what_was_typed(
    here: Site, visit_as: VisitAs, path: str, fields: dict[str, str]
) -> None:
    admin = await visit_as("admin")
    ballast = fill(Path(here.running.ctx.config.storage.path).parent)

    refused = await admin.submit(path, fields)

    assert refused.status_code == 503
    assert "the disk is full" in refused.text
    assert fields.get("detail", fields.get("name", "")) in refused.text
    assert "correct horse battery" not in refused.text, "a password is not written back"

    ballast.unlink()
    assert (await admin.submit(path, fields)).status_code == 303, "the same form can be sent again"


async def test_while_another_program_locks_the_database_a_form_waits_once_and_keeps_what_was_typed(
    here: Site, visit_as: VisitAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Session, change and audit waited one after the other, up to 42 s."""
    monkeypatch.setattr(patience, "WAIT_S", 0.5)
    monkeypatch.setattr(database, "STALL_S", 0.2)
    fields = {"account": "shop", "phone": "+14155550100", "detail": "phoned the shop"}
    admin = await visit_as("admin")
    here.clock.advance(2 * MINUTE)  # the session is to be touched

    with closing(sqlite3.connect(here.running.ctx.config.storage.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        refused = await admin.submit("/optouts/new", fields)
        waited = time.monotonic() - began
        assert (await admin.get("/optouts")).status_code == 200, "pages can be read"
        other.execute("ROLLBACK")

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert "another program has locked the database" in refused.text
    assert "phoned the shop" in refused.text
    assert waited < BUSY_TIMEOUT_MS / 1000, "not even as long as one statement waits"
    await eventually(lambda: here.running.ctx.db.outage is None)
    assert await here.admin("optout.list") == [], "what was refused is not done later"

    assert (await admin.submit("/optouts/new", fields)).status_code == 303


async def test_who_looks_cannot_be_known_while_the_database_is_damaged(here: Site, visit_as: VisitAs) -> None:
    ann = await visit_as("viewer")
    _break_sessions(here)

    for path in ("/broadcasts", "/login"):
        page = await ann.get(path)
        assert page.status_code == 503
        assert "the database file is damaged" in page.text
        assert "You are no user here" not in page.text


async def test_no_page_is_put_into_another_one(here: Site, visit_as: VisitAs) -> None:
    """A part that asks each second how far something is: what it asks about is gone, or the database is."""
    ann = await visit_as("sender", "shop")
    gone = f"/broadcasts/new/{'0' * 8}-0000-4000-8000-{'0' * 12}"

    for part in ("people/progress", "sending/progress"):
        asked = await _part(ann, f"{gone}/{part}")
        assert asked.text == ""
        assert asked.headers["hx-refresh"] == "true", "the page is loaded again, and says that it is gone"

    _break_sessions(here)
    asked = await _part(ann, f"{gone}/people/progress")
    assert (asked.status_code, asked.text) == (204, ""), "the page stays, and asks again"


async def _part(browser: Browser, path: str) -> httpx.Response:
    """What a page gets that asks for a part of itself."""
    return await browser.get(path, **{"HX-Request": "true"})


def _break_sessions(here: Site) -> None:
    """Write nonsense over the table of sessions in the file."""
    file = here.running.ctx.config.storage.path
    with closing(sqlite3.connect(file)) as opened:
        pages = opened.execute(
            "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'login_session'"
        ).fetchall()
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Path(file).open("r+b") as raw:
        for (page,) in pages:
            raw.seek((page - 1) * PAGE_BYTES)
            raw.write(b"\xff" * PAGE_BYTES)
