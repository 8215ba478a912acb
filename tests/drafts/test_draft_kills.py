"""A daemon that is killed while a draft is uploaded, checked or taken over, or between: nobody is lost or there twice."""

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.drafts.drafting import BY_HAND, TEMPLATES, csv_of
from tests.e2e.process import Daemon
from tests.support.clock import later
from tests.support.patience import PATIENCE_S
from tests.support.site import ACCESS_TOKEN, APP_SECRET, phones
from wacrmd.admin.client import AdminClient
from wacrmd.errors import WacrmdError
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio

PEOPLE = 20_000
TO_UPLOAD, CHECKING, CHECKED, PREPARING = "editing", "checking", "checked", "preparing"
KILLS = (TO_UPLOAD, CHECKING, CHECKED, PREPARING, PREPARING)
"""In which state of the draft the daemon is killed."""


class Person:
    """Somebody who makes a draft that starts in a year, and goes on where the daemon is when it is there again."""

    def __init__(self, daemon: Daemon, file: Path) -> None:
        self.daemon = daemon
        self.file = file
        self.draft = ""

    async def until(self, state: str) -> dict[str, Any]:
        """Do what is to be done until the draft is in this state."""
        while (shown := await self.show())["state"] != state:
            match shown["state"]:
                case "checked":
                    assert shown["check"]["accepted"] == PEOPLE, shown["check"]
                    await self.daemon.admin("draft.send", id=self.draft)
                case "editing" if shown["file"] is None:
                    await self.upload()
                case "editing":
                    assert shown["problem"] is None, shown
                    await self.daemon.admin("draft.check", id=self.draft)
        return shown

    async def show(self) -> dict[str, Any]:
        """The draft, which is made at first."""
        if not self.draft:
            new = {"account": "shop", "template_name": "order_update", "scheduled_at": later()}
            self.draft = (await self.daemon.admin("draft.create", **new))["id"]
        shown: dict[str, Any] = await self.daemon.admin("draft.show", id=self.draft)
        return shown

    async def upload(self) -> None:
        """Upload the file."""

        def call() -> None:
            with AdminClient(self.daemon.folder / "admin.sock") as client, self.file.open("rb") as opened:
                client.call("draft.upload", {"id": self.draft, "name": "people.csv"}, [opened.fileno()])

        await anyio.to_thread.run_sync(call)

    async def upload_in_vain(self) -> None:
        """Upload it to a daemon that is killed meanwhile."""
        with suppress(WacrmdError, OSError):
            await self.upload()


@pytest.mark.exhaustive(only=True)
async def test_a_daemon_that_is_killed_takes_each_person_over_once(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    file = tmp_path / "people.csv"
    file.write_bytes(csv_of(PEOPLE))
    options = Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN, templates=TEMPLATES)
    taken: list[int] = []
    async with Simulator.running(options) as sim:
        daemon = Daemon(tmp_path, sim)
        config = tmp_path / "config.toml"
        config.write_text(config.read_text() + BY_HAND.partition("[meta]")[0])
        await daemon.set_up()
        await daemon.admin("template.sync", account="shop")
        person = Person(daemon, file)
        try:
            with anyio.fail_after(PATIENCE_S * 2):
                for state in KILLS:
                    shown = await person.show()
                    if shown["state"] in ("sent", state if state == PREPARING else ""):
                        await anyio.sleep(chance.uniform(0, 0.1))
                    else:
                        await person.until(state)
                    async with anyio.create_task_group() as tasks:
                        if state == TO_UPLOAD:
                            tasks.start_soon(person.upload_in_vain)
                        await anyio.sleep(chance.uniform(0, 0.1))
                        await daemon.kill()
                    taken.append(len(recipients_in(tmp_path, person.draft)))
                    await daemon.restart()
                await person.until("sent")
            shown = await daemon.admin("broadcast.show", id=person.draft)
            problems = (await daemon.admin("check-db"))["problems"]
        finally:
            await daemon.kill()
    told = f"seed {seed}, recipients after the kills: {taken}"
    assert problems == [], told
    assert (shown["status"], shown["total_recipients"]) == ("scheduled", PEOPLE), told
    assert recipients_in(tmp_path, person.draft) == phones(PEOPLE), told
    assert len(sim.ledger) == 0, told


def recipients_in(folder: Path, draft: str) -> list[str]:
    """The addresses of the recipients of a draft, in their order."""
    with closing(sqlite3.connect(folder / "wacrmd.db")) as db:
        rows = db.execute(
            'SELECT "to" FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id WHERE b.uuid = ? ORDER BY r.id',
            (draft,),
        )
        return [to for (to,) in rows]
