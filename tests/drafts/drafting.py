"""Drafts of a site, made as the dashboard makes them."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio

from tests.support.patience import PATIENCE_S
from tests.support.site import Site, phones
from wacrmd.domain.actor import Actor
from wacrmd.domain.draft import DraftState
from wacrmd.services.broadcasts.input import BroadcastInput
from wacrmd.services.context import Context
from wacrmd.services.drafts import check, manage, read, send
from wacrmd.store.database import Tx
from wacrmd.views.drafts import DraftView

BY_HAND = "[templates]\nsync_interval_minutes = 0\n[meta]\ncheck_interval_minutes = 0"
TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "name": "order_update",
        "language": "en_US",
        "components": [{"type": "BODY", "text": "Hi {{1}}, order {{2}}"}],
    },
    {
        "name": "sale",
        "language": "en_US",
        "parameter_format": "NAMED",
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hi {{first_name}}, {{percent}} off"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Stop"},
                    {"type": "URL", "text": "Shop", "url": "https://shop.example/{{1}}"},
                ],
            },
        ],
    },
    {"name": "plain", "language": "en_US", "components": [{"type": "BODY", "text": "Hello"}]},
)


def csv_of(count: int, start: int = 0) -> bytes:
    """A file of that many people for `order_update`."""
    lines = [f"{phone},Person {at},A-{at}" for at, phone in enumerate(phones(count, start))]
    return "\n".join(["phone,name,order", *lines, ""]).encode()


async def in_pieces(raw: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    """The bytes as a browser may send them."""
    for at in range(0, len(raw), size):
        yield raw[at : at + size]


@dataclass
class Drafting:
    """A person who makes drafts at a site."""

    here: Site
    actor: Actor

    @property
    def ctx(self) -> Context:
        """The daemon's parts."""
        return self.here.running.ctx

    async def new(self, raw: bytes | None = None, **fields: Any) -> str:
        """A draft with this file; its id."""
        given = {"template_name": "order_update", "template_language": "en_US"} | fields
        made = await manage.create(self.ctx, self.actor, BroadcastInput(**given))
        if raw is not None:
            await self.put(made.uuid, raw)
        return made.uuid

    async def put(self, draft: str, raw: bytes, size: int = 50_000) -> DraftView:
        """Give it this file."""
        return await manage.put_csv(self.ctx, self.actor, draft, in_pieces(raw, size), name="people.csv")

    async def show(self, draft: str) -> DraftView:
        """The draft as it is."""
        return await read.show(self.ctx, self.actor, draft)

    async def until(self, draft: str, *states: DraftState) -> DraftView:
        """The draft once it is in one of these states."""
        row_id = await self.ctx.db.read(partial(_row_id, uuid=draft))
        with anyio.fail_after(PATIENCE_S), self.ctx.changes.watch(row_id) as changed:
            while True:
                changed.clear()
                shown = await self.show(draft)
                if shown.state in states:
                    return shown
                await changed.wait()

    async def checked(self, draft: str) -> DraftView:
        """The draft after a check, however that ends."""
        await check.start(self.ctx, self.actor, draft)
        return await self.until(draft, DraftState.CHECKED, DraftState.EDITING)

    async def send(self, draft: str) -> DraftView:
        """The draft after it was sent, or was sent back."""
        await send.request_send(self.ctx, self.actor, draft)
        return await self.until(draft, DraftState.SENT, DraftState.EDITING)


def drafting(here: Site) -> Drafting:
    """A person who makes drafts."""
    return Drafting(here, Actor.operator("ann").within(here.account["id"]))


def rows_of(tx: Tx, table: str, condition: str = "1", values: Iterable[object] = ()) -> int:
    """How many rows a table has."""
    found: int = tx.execute(f"SELECT count(*) FROM {table} WHERE {condition}", tuple(values)).fetchone()[0]
    return found


def _row_id(tx: Tx, uuid: str) -> int:
    row_id: int = tx.execute("SELECT id FROM broadcast WHERE uuid = ?", (uuid,)).fetchone()[0]
    return row_id
