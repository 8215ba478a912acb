"""Requests about one person reach the files of drafts, however their number is written there."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.drafts.drafting import BY_HAND, TEMPLATES, drafting
from tests.ops.test_data_subjects import everything
from tests.support.site import phones, site
from wacrmd.domain.draft import Again, DraftState
from wacrmd.services.drafts import again

pytestmark = pytest.mark.anyio

PERSON, OTHER, THIRD = phones(3)
USER_ID = f"US.77{PERSON[1:]}"
"""By which the simulated Meta names that person too."""


async def test_export_and_erasure_reach_drafts(tmp_path: Path) -> None:
    written = f"({PERSON[2:5]}) {PERSON[5:8]}-{PERSON[8:]}"
    file = (
        f'phone,name,order\n{OTHER},Olga,1\n"{written}",Jane Roe,2\n12,Jane Roe {PERSON},3\n{THIRD},Tom,4\n'
    )
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES) as here:
        await here.api.post("/api/v1/templates/sync")
        await here.admin("account.set", name="shop", country="US")
        ann = drafting(here)
        sent = await here.send([{"to": PERSON, "params": ["Jane Roe", "x"]}], template_name="order_update")
        await here.until_status(sent, "sent")
        by_number = await ann.new(file.encode())
        by_user_id = await ann.new(f"to,name,order\n{USER_ID},Jane Roe,2\n{OTHER},Olga,1\n".encode())
        from_broadcast = (await again.again(ann.ctx, ann.actor, sent, Again.ALL)).uuid
        drafts = (by_number, by_user_id, from_broadcast)
        for draft in drafts:
            assert (await ann.checked(draft)).state is DraftState.CHECKED
        exported = (await here.admin("export-person", phone=PERSON))["drafts"]
        assert {each["draft_id"] for each in exported} == set(drafts)
        assert "Olga" not in json.dumps(exported)
        done = await here.admin("erase", phone=PERSON, forget_optout=True)
        assert done["erased"]["draft"] == len(exported)
        left = await here.running.ctx.db.read(everything)
        assert "Jane Roe" not in left
        assert PERSON[1:] not in left
        assert USER_ID not in left
        assert (await here.admin("export-person", phone=PERSON))["drafts"] == []
        assert (await ann.send(by_number)).state is DraftState.SENT
        shown = await here.until_status(by_number, "sent")
        assert shown["total_recipients"] == 2
        assert (await ann.send(from_broadcast)).state is DraftState.EDITING
        shown_draft = await ann.checked(by_user_id)
        assert shown_draft.check is not None
        assert shown_draft.check.accepted == 1
    for name in ("wacrmd.db", "wacrmd.db-wal"):
        path = tmp_path / name
        if path.exists():
            with closing(path.open("rb")) as raw:
                assert b"Jane Roe" not in raw.read()
