"""Whatever the daemon does to a broadcast or to its recipients, the revision of the broadcast rises."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.ops.everything import LOST, Everything
from tests.ops.finished import store_finished
from tests.support.clock import ShiftClock
from tests.support.receiver import receiver
from tests.support.revisions import watched
from tests.support.site import site
from wacrmd.clock import DAY

pytestmark = pytest.mark.anyio

EXTRA = """
[dashboard]
bind = "127.0.0.1:0"
[outbound_webhooks]
allow_private = ["127.0.0.0/8"]
[backup]
directory = "backups"
"""


@pytest.mark.exhaustive(only=True)
async def test_every_transaction_that_changes_something_raises_the_revision(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, extra=EXTRA) as here:
        await here.admin("webhook.add", account="shop", url="http://127.0.0.1:9/hook")
    store_finished(tmp_path / "wacrmd.db", clock.now() - 1000 * DAY, broadcasts=1, size=50)
    with watched() as unraised:
        async with receiver() as local, site(tmp_path, clock=clock, extra=EXTRA) as here:
            local.answers = {"/fails": 500, "/gone": 410}
            await Everything(here, clock, local, tmp_path, EXTRA).run()
        async with site(tmp_path, clock=clock, extra=EXTRA):
            pass
    assert [each for each in unraised if LOST not in each] == []
    assert unraised.transactions > 30


def test_a_change_at_the_same_revision_is_found(tmp_path: Path) -> None:
    with watched() as unraised, closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as tx:
        tx.executescript((Path("wacrmd/store/migrations/0001_initial.sql")).read_text())
        for change in ("name = 'other'", "name = 'third', revision = revision + 1", "counts = '{}'"):
            tx.execute("BEGIN IMMEDIATE")
            tx.execute(
                "INSERT OR IGNORE INTO broadcast (id, uuid, account_id, number_id, name, template_name,"
                " template_language, status, created_at, updated_at)"
                " VALUES (1, 'u', 'a', 'n', 'first', 'hello', 'en_US', 'sending', 1, 1)"
            )
            tx.execute("COMMIT")
            tx.execute("BEGIN IMMEDIATE")
            tx.execute(f"UPDATE broadcast SET {change}")
            tx.execute("COMMIT")
    assert ["other" in statements for statements in unraised] == [True]
