"""Drafts in time: old ones go, a drain holds them, and a backup sends none."""

from functools import partial
from pathlib import Path

import pytest

from tests.drafts.drafting import BY_HAND, TEMPLATES, csv_of, drafting, rows_of
from tests.ops.test_restore import config_file
from tests.support.clock import ShiftClock
from tests.support.site import site
from wacrmd import periodic_jobs
from wacrmd.cli.main import main
from wacrmd.clock import DAY
from wacrmd.domain.draft import DraftState
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.services.drafts import read, send
from wacrmd.services.drafts.worker import DraftWorker
from wacrmd.services.maintenance.retention import prune
from wacrmd.store import drafts
from wacrmd.store.backups import copy
from wacrmd.views.drafts import WorkView

pytestmark = pytest.mark.anyio


async def test_drafts_that_nobody_changes_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        periodic_jobs, "maintenance", lambda *_: []
    )  # it prunes as well, once the clock is ahead
    clock = ShiftClock()
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES, clock=clock) as here:
        await here.api.post("/api/v1/templates/sync")
        ann = drafting(here)
        old, sent = await ann.new(csv_of(3)), await ann.new(csv_of(3))
        await ann.checked(sent)
        await ann.send(sent)
        await here.until_status(sent, "sent")
        clock.advance(89 * DAY)
        new = await ann.new(csv_of(3))
        assert "draft" not in await prune(ann.ctx)
        clock.advance(2 * DAY)
        assert (await prune(ann.ctx))["draft"] == 1
        with pytest.raises(Refusal):
            await ann.show(old)
        await DraftWorker(ann.ctx).send_all()
        assert (await ann.show(new)).state is DraftState.EDITING
        assert await ann.ctx.db.read(lambda tx: rows_of(tx, "draft")) == 2
        assert await ann.ctx.db.read(lambda tx: rows_of(tx, "draft_piece")) == 1
        clock.advance(366 * DAY)
        await prune(ann.ctx)
        assert await ann.ctx.db.read(lambda tx: rows_of(tx, "draft", "state = 'sent'")) == 0


async def test_a_drain_holds_a_draft_and_a_backup_of_it_sends_nothing(tmp_path: Path) -> None:
    clock, backup = ShiftClock(), tmp_path / "backup.db"
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    async with site(old, extra=BY_HAND, templates=TEMPLATES, clock=clock) as here:
        await here.api.post("/api/v1/templates/sync")
        ann = drafting(here)
        draft, other = await ann.new(csv_of(20)), await ann.new(csv_of(5))
        for each in (draft, other):
            await ann.checked(each)
        await here.admin("drain", wait_s=1)
        with pytest.raises(Refusal) as refused:
            await send.request_send(ann.ctx, ann.actor, draft)
        assert refused.value.code is ErrorCode.UNAVAILABLE
        broadcast, _ = await read.draft_of(ann.ctx, ann.actor, draft)
        now = clock.now()
        marked = partial(drafts.request_send, broadcast_id=broadcast.id, by="ann", now=now)
        assert await ann.ctx.db.write(marked)  # as if the drain had begun a moment later
        await DraftWorker(ann.ctx).send_all()
        shown = await ann.show(draft)
        assert (shown.state, shown.progress and shown.progress.total) == (DraftState.PREPARING, 20)
        copy(here.running.ctx.db.path, backup)
        await here.admin("undrain")
        await ann.until(draft, DraftState.SENT)
        await here.until_status(draft, "sent")
    (new / "wacrmd.db.key").touch(mode=0o600)
    (new / "wacrmd.db.key").write_bytes((old / "wacrmd.db.key").read_bytes())
    assert main(["restore", str(backup), "--config", str(config_file(tmp_path, new / "wacrmd.db"))]) == 0
    async with site(new, extra=BY_HAND, templates=TEMPLATES, clock=clock) as here:
        ann = drafting(here)
        shown = await ann.until(draft, DraftState.EDITING)
        assert shown.problem
        assert "Restored from backup.db" in shown.problem
        shown = await ann.show(other)
        assert shown.state is DraftState.CHECKED
        assert shown.problem
        assert "Restored from backup.db" in shown.problem
        assert len(here.sim.ledger) == 0
        assert (await here.admin("check-db"))["problems"] == []


async def test_no_transaction_of_a_takeover_makes_many_recipients(tmp_path: Path) -> None:
    """Sends and webhooks wait for one step at most."""
    async with site(tmp_path, extra=BY_HAND, templates=TEMPLATES) as here:
        await here.api.post("/api/v1/templates/sync")
        ann = drafting(here)
        draft = await ann.new(csv_of(1100))
        await ann.checked(draft)
        await here.admin("drain", wait_s=1)
        broadcast, _ = await read.draft_of(ann.ctx, ann.actor, draft)
        marked = partial(drafts.request_send, broadcast_id=broadcast.id, by="ann", now=ann.ctx.clock.now())
        await ann.ctx.db.write(marked)
        steps = [0]
        while not (
            step := await ann.ctx.db.write(lambda tx: send.take_over(tx, ann.ctx, broadcast.id))
        ).is_last:
            steps.append(step.people)
            shown = await ann.show(draft)
            assert shown.progress == WorkView(done=sum(steps), total=1100), "also while the worker waits"
        assert steps == [0, *[send.STEP_PEOPLE] * 4, 100]
        assert step.is_sent
        again = await ann.ctx.db.write(lambda tx: send.take_over(tx, ann.ctx, broadcast.id))
        assert (again.is_last, again.is_sent) == (True, False)
        assert (await here.show(draft))["total_recipients"] == 1100
