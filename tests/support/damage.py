"""Database files with something of everything in them, and ways to break a page."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.support.clock import ShiftClock
from tests.support.site import people, site
from wacrmd.clock import HOUR, iso
from wacrmd.store.database import Database

PAGE_BYTES = 4096
SECTOR_BYTES = 512


@dataclass(frozen=True)
class Broken:
    """A way to break a page."""

    name: str

    def apply(self, file: Path, page: int) -> None:
        """Break the page with this number, from 1."""
        with file.open("r+b") as opened:
            start = (page - 1) * PAGE_BYTES
            match self.name:
                case "zeros":
                    opened.seek(start)
                    opened.write(bytes(PAGE_BYTES))
                case "random":
                    opened.seek(start)
                    opened.write(os.urandom(PAGE_BYTES))
                case "sector":
                    opened.seek(start + PAGE_BYTES - SECTOR_BYTES)
                    opened.write(bytes(SECTOR_BYTES))
                case "truncated":
                    opened.truncate(start)


KINDS = [Broken("zeros"), Broken("random"), Broken("truncated")]


@dataclass(frozen=True)
class Sample:
    """A file with finished, unfinished and scheduled broadcasts, to be copied and broken."""

    folder: Path
    unfinished: str
    """The id of a broadcast of which some messages were sent, and some wait."""
    scheduled: str
    sent_to: frozenset[str]
    """Who has a message already."""
    key: str
    """An API key that may do everything."""

    @property
    def pages(self) -> int:
        """How many pages the file has."""
        return (self.folder / "wacrmd.db").stat().st_size // PAGE_BYTES

    def copy(self, folder: Path) -> Path:
        """A copy of the file and its key in another folder; the path of the file."""
        folder.mkdir(exist_ok=True)
        for name in ("wacrmd.db", "wacrmd.db.key"):
            shutil.copy(self.folder / name, folder / name)
        return folder / "wacrmd.db"


async def make_sample(folder: Path) -> Sample:
    """Use a site in `folder`, and stop it in the middle of a broadcast that a person has paused."""
    clock = ShiftClock()
    async with site(folder, clock=clock, messages_per_second=50, replied_share=0.3) as here:
        await here.admin("template.sync")
        finished = await here.send(people(40))
        await here.until_status(finished, "sent")
        await here.admin("optout.add", account="shop", phone="+14152009999")
        hook = {"url": "https://hooks.example.com/in", "events": ["broadcast.sent"]}
        assert (await here.api.post("/api/v1/webhooks", json=hook)).status_code == 201
        scheduled = await here.send(people(20, 2000), scheduled_at=iso(clock.now() + HOUR))
        unfinished = await here.send(people(80, 1000))
        await here.until(unfinished, lambda shown: shown["sent_count"] > 20)
        await here.admin("broadcast.pause", id=unfinished)
        await here.until(unfinished, lambda shown: not here.running.sender.in_flight)
        await here.sim.idle()
        assert (await here.show(unfinished))["pending_count"] > 5
        sent_to = frozenset(each.send.input for each in here.sim.ledger.entries)
        key = here.key
    return Sample(folder, unfinished, scheduled, sent_to, key)


async def forget_pages(database: Database) -> None:
    """Drop what the connections have read, so that the next statement reads the file."""
    assert await database.empty_wal()
    await database.outside_transaction(lambda tx: tx.execute("PRAGMA shrink_memory").fetchall())
    for reader in database._all_readers:
        await reader.run(lambda connection: connection.execute("PRAGMA shrink_memory").fetchall())


def pages_of(file: Path, name: str) -> list[int]:
    """The pages of a table or an index, from its root; needs the table `dbstat` in SQLite."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT pageno FROM dbstat WHERE name = ? ORDER BY path", (name,))
        return [page for (page,) in rows]
