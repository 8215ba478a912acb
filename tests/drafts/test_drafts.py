"""A draft from its file to the broadcast: upload, mapping, check, preview, send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.drafts.drafting import BY_HAND, TEMPLATES, Drafting, csv_of, drafting
from tests.support.site import site
from wacrmd.domain.draft import DraftState
from wacrmd.services.drafts import rows, send

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def person(tmp_path: Path) -> AsyncIterator[Drafting]:
    """Somebody who makes drafts at a site whose templates are known."""
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES) as here:
        answer = await here.api.post("/api/v1/templates/sync")
        assert answer.status_code == 200, answer.text
        yield drafting(here)


async def test_a_file_becomes_one_broadcast(tmp_path: Path) -> None:
    async with person(tmp_path) as ann:
        draft = await ann.new(csv_of(2500))
        shown = await ann.checked(draft)
        assert shown.state is DraftState.CHECKED, shown.problem
        assert shown.check is not None
        assert (shown.check.rows, shown.check.accepted, shown.check.problems) == (2500, 2500, [])
        preview = await rows.row(ann.ctx, ann.actor, draft, 1700)
        assert preview.text == "Hi Person 1700, order A-1700"
        assert (await ann.here.api.get("/api/v1/broadcasts")).json()["data"] == []
        assert len((await ann.here.api.get("/api/v1/broadcasts?status=draft")).json()["data"]) == 1
        assert len(ann.here.sim.ledger) == 0
        sent = await ann.send(draft)
        assert sent.state is DraftState.SENT, sent.problem
        shown_by_api = await ann.here.until_status(draft, "sent")
        assert (shown_by_api["total_recipients"], shown_by_api["sent_count"]) == (2500, 2500)
        assert len({each.send.input for each in ann.here.sim.ledger.entries}) == 2500
        again = await send.request_send(ann.ctx, ann.actor, draft)
        assert (again.status, again.state, again.recipients) == ("sent", "sent", 2500)
