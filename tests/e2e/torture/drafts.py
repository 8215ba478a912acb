"""Somebody who makes drafts, uploads their files, and sends them: again and again, until the daemon has answered."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from tests.e2e.torture.machine import Machine
from tests.e2e.torture.plans import Plans
from tests.e2e.torture.report import Posted
from wacrmd.admin.client import AdminClient
from wacrmd.errors import WacrmdError

UNDER_WAY = ("checking", "preparing", "returning")
SIZES = (1, 700, 2500)


@dataclass
class Drafts:
    """Makes one draft after the other; `posted` gets each that is to be sent, `new_people` are numbers of nobody else."""

    daemon: Machine
    random: random.Random
    posted: list[Posted]
    new_people: Callable[[int], list[dict[str, Any]]]
    plans: Plans

    async def keep_drafting(self) -> None:
        """One draft after the other, each until the daemon has said that it is sent."""
        while True:
            to = [each["to"] for each in self.new_people(self.random.choice(SIZES))]
            file = self.daemon.folder / "people.csv"
            await anyio.to_thread.run_sync(
                file.write_text, "\n".join(["phone,name", *(f"{phone},Jo" for phone in to), ""])
            )
            posted = Posted(None, to, tries=1)
            self.posted.append(posted)
            draft = await self._again_and_again(self._create)
            while posted.broadcast_id is None:
                try:
                    await self._go_on(draft, file, posted)
                except (WacrmdError, OSError):  # the daemon is gone, or its file
                    await anyio.sleep(0.05)
            await anyio.sleep(self.random.random())

    async def settled(self) -> bool:
        """Whether no draft is being checked, prepared or taken back."""
        found = await self.daemon.admin("draft.list", limit=1000)
        return not any(each["state"] in UNDER_WAY for each in found)

    async def _again_and_again(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                return await step()
            except (WacrmdError, OSError):
                await anyio.sleep(0.05)

    async def _create(self) -> str:
        made = await self.daemon.admin(
            "draft.create", account="shop", template_name="hello", **self.plans.some()
        )
        return str(made["id"])

    async def _go_on(self, draft: str, file: Path, posted: Posted) -> None:
        """The next step of a draft; another person may do the same, so each may be asked for twice."""
        shown = await self.daemon.admin("draft.show", id=draft)
        match shown["state"]:
            case "editing" if shown["file"] is None or self.random.random() < 0.1:
                await anyio.to_thread.run_sync(self._upload, draft, file)
            case "editing":
                await self.daemon.admin("draft.check", id=draft)
            case "checked" | "preparing" | "sent":
                await self.daemon.admin("draft.send", id=draft)
                posted.broadcast_id = draft
            case _:
                await anyio.sleep(0.02)

    def _upload(self, draft: str, file: Path) -> None:
        with (
            AdminClient(self.daemon.folder / "admin.sock", connect_timeout_s=10) as client,
            file.open("rb") as opened,
        ):
            client.call("draft.upload", {"id": draft, "name": "people.csv"}, [opened.fileno()])
