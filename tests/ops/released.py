"""Writes `schema-NNNN.sql`: a dump of a database with the newest schema and with rows in its tables.

Run it once for each released schema (`python -m tests.ops.released`). The dumps are kept, and a test upgrades each
of them to the newest schema.
"""

import asyncio
import sqlite3
import tempfile
from pathlib import Path

from tests.support.clock import later
from tests.support.site import people, site
from wacrmd.store.migrate import APPLICATION_ID, migrations

FOLDER = Path(__file__).parent


async def fill(folder: Path) -> None:
    """A site with broadcasts in several states, opt-outs and an audit log."""
    async with site(folder, replied_share=0.5, failed_share=0.2) as here:
        done = await here.send(people(12), name="A finished one")
        await here.until_status(done, "sent")
        await here.sim.idle()
        waiting = await here.send(people(5, start=100), name="A waiting one", scheduled_at=later())
        await here.admin("broadcast.pause", id=waiting)
        await here.admin("optout.add", phone="+14155550123", account="shop")


def dump(database: Path) -> str:
    """The file as SQL, with its schema version and application id."""
    with sqlite3.connect(database) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("DELETE FROM setting WHERE key = 'last_path'")  # it is of this machine
        lines = list(connection.iterdump())
    connection.close()
    return "\n".join(
        [f"PRAGMA application_id = {APPLICATION_ID};", f"PRAGMA user_version = {version};", *lines, ""]
    )


def main() -> None:
    """Write the dump of the newest schema."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(Path(folder)))
        text = dump(Path(folder) / "wacrmd.db")
    (FOLDER / f"schema-{migrations()[-1][0]:04d}.sql").write_text(text)


if __name__ == "__main__":
    main()
