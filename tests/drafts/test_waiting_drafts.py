"""An operator sees how many drafts there are, which wait for the daemon, and why."""

from functools import partial
from pathlib import Path

import pytest

from tests.drafts.drafting import csv_of, drafting
from tests.ops.test_metrics import values
from tests.support.patience import eventually
from tests.support.site import Site, site
from wacrmd.domain.draft import DraftState
from wacrmd.domain.draft_backlog import MAX_WAIT
from wacrmd.services.drafts import read, worker
from wacrmd.store import drafts

pytestmark = pytest.mark.anyio


async def found_by_doctor(here: Site) -> tuple[str, str, str]:
    (check,) = [each for each in (await here.admin("doctor"))["checks"] if each["about"] == "drafts"]
    return check["state"], check["detail"], check["advice"] or ""


async def test_a_draft_that_waits_is_in_doctor_status_and_metrics_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LOOK_AGAIN_S", 3600.0)  # what wakes it is all that counts
    async with site(tmp_path) as here:
        ann = drafting(here)
        await ann.new(csv_of(2))
        assert await found_by_doctor(here) == ("ok", "1 draft, none waits", "")
        draft = await ann.new(csv_of(2))
        await here.admin("drain", wait_s=0)
        await here.admin("draft.check", id=draft)
        await eventually(lambda: not here.running.ctx.drafts.checks.is_set())
        here.clock.advance(MAX_WAIT)
        state, detail, advice = await found_by_doctor(here)
        assert (state, "1 draft waits (1 to be checked)" in detail) == ("warn", True)
        assert detail.endswith(": the daemon drains")
        assert "wacrmd undrain" in advice
        assert not any("draft" in each for each in (await here.admin("status"))["warnings"])
        await here.admin("undrain")
        await ann.until(draft, DraftState.CHECKED)
        broadcast, _ = await read.draft_of(ann.ctx, ann.actor, draft)
        unseen = partial(drafts.want_check, broadcast_id=broadcast.id, now=here.clock.now())
        await here.running.ctx.db.write(unseen)
        here.clock.advance(MAX_WAIT)
        _, detail, _ = await found_by_doctor(here)
        assert detail.endswith(": nothing works on them")
        status = await here.admin("status")
        assert (status["healthy"], any("nothing works on them" in each for each in status["warnings"])) == (
            False,
            True,
        )
        seen = await values(here)
        assert seen["wacrmd_drafts{state=editing}"] == seen["wacrmd_drafts{state=checking}"] == 1
        assert seen["wacrmd_oldest_waiting_draft_age_seconds"] >= MAX_WAIT / 1000
        here.running.ctx.drafts.checks.set()
        await ann.until(draft, DraftState.CHECKED)
        assert (await found_by_doctor(here))[:2] == ("ok", "2 drafts, none waits")
        assert (await values(here))["wacrmd_oldest_waiting_draft_age_seconds"] == 0
