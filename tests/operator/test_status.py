"""`wacrmd status` and `wacrmd doctor`."""

import json
import resource
import stat
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.operator.conftest import Wacrmd
from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.receiver import receiver
from tests.support.site import PHONE_NUMBER_ID, Site, configuration, people, site
from wacrmd.clock import MINUTE, SECOND
from wacrmd.domain.webhook_delivery import LONG_WAIT, MANY, MANY_WAIT, PendingDeliveries
from wacrmd.services.maintenance.doctor import run_checks
from wacrmd.services.maintenance.status import read_status
from wacrmd.services.meta_webhook_liveness import MAX_SILENCE

pytestmark = pytest.mark.anyio


async def test_status_shows_the_work_and_the_holds_with_reasons(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path, clock=ShiftClock(stopped=True), messages_per_second=10) as here:
        found = await here.admin("status")
        assert found["healthy"] is True
        assert found["workers"]["alive"] == found["workers"]["total"] == 4
        assert found["database"]["wal_bytes"] > 0
        assert found["uncertain"] == {"recipients": 0, "broadcasts": []}
        broadcast_id = await here.send(people(40))
        await here.until(broadcast_id, lambda shown: shown["sent_count"] > 0)
        found = await here.admin("status")
        assert found["summary"].startswith("Sending 1 broadcast")
        assert found["pending"]["recipients"] > 0
        assert found["pending"]["oldest_due_since"]
        (number,) = found["numbers"]
        assert (number["rate_now"], number["messages_per_second"]) == (10, 10)
        await here.admin("broadcast.pause", id=broadcast_id)
        found = await here.admin("status")
        assert found["healthy"] is True, "somebody wanted it"
        (held,) = found["held"]
        assert (held["what"], held["id"], held["reason"]) == ("broadcast", broadcast_id, "paused_by_operator")
        assert held["since"]
        code, out, _ = await wacrmd("status")
        assert code == 0
        assert out.startswith("Healthy: ")
        assert f"broadcast {broadcast_id[:8]}" in out
        assert PHONE_NUMBER_ID in out
        code, out, _ = await wacrmd("status", "--json")
        assert json.loads(out)["held"] == [held]


async def test_a_broadcast_that_is_paused_or_resumed_meanwhile_is_shown_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path, clock=ShiftClock(stopped=True), messages_per_second=1) as here:
        broadcast_id = await here.send(people(40))
        db, calls = here.running.ctx.db, 0
        read = db.read

        async def read_then_change(work: Any) -> Any:
            nonlocal calls
            found, calls = await read(work), calls + 1
            monkeypatch.setattr(db, "read", read)
            await here.admin(f"broadcast.{'pause' if calls % 2 else 'resume'}", id=broadcast_id)
            monkeypatch.setattr(db, "read", read_then_change)
            return found

        for _ in range(2):
            monkeypatch.setattr(db, "read", read_then_change)
            status = await read_status(here.running.ctx)
            monkeypatch.setattr(db, "read", read)
            assert [each.uuid for each in status.broadcasts] == [broadcast_id]
            await here.admin("broadcast.pause", id=broadcast_id)


async def test_a_rejected_token_is_a_problem_and_uncertain_recipients_are_listed(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path, close_after_share=1.0, webhooks=False) as here:
        uncertain_id = await here.send(people(3))
        await here.until(uncertain_id, lambda shown: shown["uncertain_count"] == 3)
        here.sim.change(close_after_share=0.0, access_token="EAAanother")
        broadcast_id = await here.send(people(2, start=3))
        await here.until(broadcast_id, lambda shown: shown["hold"] is not None)
        found = await here.admin("status")
        assert found["healthy"] is False
        assert {one["what"] for one in found["held"]} == {"broadcast", "number"}
        assert found["uncertain"]["recipients"] == 3
        assert found["uncertain"]["broadcasts"][0]["id"] == uncertain_id
        _, out, _ = await wacrmd("status")
        assert out.startswith("Needs attention: ")
        assert f"3 in {uncertain_id[:8]}" in out


async def test_a_number_is_named_by_its_phone_and_its_label(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        await here.admin("number.set", id=PHONE_NUMBER_ID, label="Main", display_phone="+15550783881")
        name = f"+15550783881, Main (id {PHONE_NUMBER_ID})"
        await here.admin("number.pause", id=PHONE_NUMBER_ID)
        broadcast_id = await here.send(people(3))
        shown = await here.until(broadcast_id, lambda shown: shown["hold"] is not None)
        assert shown["hold"]["detail"].startswith(f"Number {name} is paused")
        _, out, _ = await wacrmd("status")
        assert f"held  number {name}: " in out
        _, out, _ = await wacrmd("doctor")
        assert f"number {name}\n" in out


async def test_a_webhook_that_is_behind_is_named_until_it_has_caught_up(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    clock = ShiftClock()
    extra = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\ntimeout_s = 300'
    async with site(tmp_path, clock=clock, extra=extra) as here, receiver() as app:
        app.answers["/hook"] = 500
        made = []
        for path in ("hook", "quick"):
            fields = {"url": f"{app.url}/{path}", "events": ["contact.opted_out"]}
            made.append((await here.api.post("/api/v1/webhooks", json=fields)).json()["data"])
        await here.api.post("/api/v1/optouts", json={"phone": "+14155550199"})
        await app.until(lambda: len(app.at("/hook")) == len(app.at("/quick")) == 1)
        assert (await here.admin("status"))["healthy"] is True
        clock.advance(LONG_WAIT + SECOND)
        await app.until(lambda: len(app.at("/hook")) == 2)
        found = await here.admin("status")
        assert found["healthy"] is False
        (warning,) = found["warnings"]
        name = made[0]["id"][:8]
        assert warning.startswith(f"Webhook {name} of shop is behind: 1 pending, the oldest since 20")
        assert "; every attempt has failed since 20" in warning
        assert f"wacrmd webhook deliveries {name}" in warning
        (check,) = [each for each in (await here.admin("doctor"))["checks"] if each["check"] == "deliveries"]
        assert (check["about"], check["state"]) == ("webhooks", "warn")
        assert name in check["detail"]
        metrics = (await here.api.get("/metrics")).text
        assert "wacrmd_webhooks_behind 1.0" in metrics
        assert "wacrmd_webhook_deliveries_pending 1.0" in metrics
        app.answers["/hook"] = 200
        clock.advance(MINUTE)
        await app.until(lambda: len(app.at("/hook")) == 3)
        await eventually_caught_up(here)
        assert (await here.admin("status"))["healthy"] is True


async def test_a_webhook_that_was_disabled_is_named_by_the_doctor(tmp_path: Path) -> None:
    extra = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]'
    async with site(tmp_path, extra=extra) as here, receiver() as app:
        app.answers["/hook"] = 410
        fields = {"url": f"{app.url}/hook", "events": ["contact.opted_out"]}
        made = (await here.api.post("/api/v1/webhooks", json=fields)).json()["data"]
        await here.api.post("/api/v1/optouts", json={"phone": "+14155550199"})
        with anyio.fail_after(PATIENCE_S):
            while (await here.admin("webhook.list"))[0]["is_active"]:
                pass

        async def named() -> list[str]:
            checks = (await here.admin("doctor"))["checks"]
            return [each["detail"] for each in checks if each["check"] == "disabled"]

        name = made["id"][:8]
        assert await named() == [f"Webhook {name} of shop is disabled: The endpoint answered 410 Gone"]
        await here.admin("webhook.set", id=name, active=True)
        assert await named() == []


async def eventually_caught_up(here: Site) -> None:
    with anyio.fail_after(PATIENCE_S):
        while (await here.admin("status"))["webhooks"]["deliveries_pending"]:
            pass


@pytest.mark.parametrize(
    ("count", "waits", "is_active", "is_behind"),
    [
        (1, LONG_WAIT, True, False),
        (1, LONG_WAIT + 1, True, True),
        (1, LONG_WAIT + 1, False, False),
        (MANY - 1, MANY_WAIT + 1, True, False),
        (MANY, MANY_WAIT, True, False),
        (MANY, MANY_WAIT + 1, True, True),
        (MANY, MANY_WAIT + 1, False, False),
    ],
)
def test_when_a_webhook_is_behind(count: int, waits: int, *, is_active: bool, is_behind: bool) -> None:
    pending = PendingDeliveries("9c1e", "shop", is_active, None, count=count, since=1000)
    assert pending.is_behind(waits) is is_behind


async def test_missing_webhooks_are_a_warning_until_one_comes(tmp_path: Path, wacrmd: Wacrmd) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, webhooks=False) as here:
        await here.until_status(await here.send(people(3)), "sent")
        assert (await here.admin("status"))["warnings"] == []
        clock.advance(MAX_SILENCE + MINUTE)
        (warning,) = (await here.admin("status"))["warnings"]
        assert "Meta has sent no status" in warning
        found = await here.admin("doctor")
        assert "silence" in {one["check"] for one in found["checks"]}
        here.sim.change(webhooks=True)
        broadcast_id = await here.send(people(1, start=9))
        await here.until(broadcast_id, lambda shown: shown["delivered_count"] == 1)
        assert (await here.admin("status"))["warnings"] == []


async def test_the_doctor_finds_no_problem_on_a_healthy_site(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        url = f"http://{here.running.meta_webhooks_address}"
        here.running.ctx.control.reread = lambda: configuration(
            tmp_path, here.sim.url, f'[webhooks]\npublic_url = "{url}"\n'
        )
        await here.admin("reload")
        await here.admin("number.check", id=PHONE_NUMBER_ID, subscribe=True)
        code, out, _ = await wacrmd("doctor", "--json")
        found = json.loads(out)
        checks = {(one["about"], one["check"]): one["state"] for one in found["checks"]}
        assert code == 0, [one for one in found["checks"] if one["state"] == "fail"]
        assert checks["webhooks", "verification"] == checks["webhooks", "events"] == "ok"
        assert (
            checks["webhooks", "exposure"] == checks["Meta", "reachable"] == checks["Meta", "clock"] == "ok"
        )
        assert checks["database", "database"] == checks["files", "key file"] == "ok"
        assert checks["files", "database"] == "ok", "made for the daemon's user alone"
        assert {state for (about, _), state in checks.items() if about.startswith("number ")} <= {
            "ok",
            "warn",
        }
        code, out, _ = await wacrmd("doctor")
        assert code == 0
        assert "FAIL" not in out


async def test_without_a_daemon_the_doctor_checks_configuration_and_file(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path):
        pass
    file = tmp_path / "config.toml"
    file.write_text(f'[storage]\npath = "{tmp_path}/wacrmd.db"\n[admin]\nsocket = "{tmp_path}/admin.sock"\n')
    (tmp_path / "wacrmd.db.key").chmod(0o640)
    code, out, _ = await wacrmd("--config", file, "doctor")
    assert code == 69
    assert "systemctl start wacrmd" in out
    assert "chmod 600" in out
    assert "no damage found" in out
    file.write_text(f'[storage]\npath = "{tmp_path}/none/wacrmd.db"\n')
    code, out, _ = await wacrmd("--config", file, "doctor", "--json")
    assert code == 69
    assert f"there is no {tmp_path}/none" in {one["detail"] for one in json.loads(out)["checks"]}
    file.write_text("[sender]\nworkers = 0\n")
    assert (await wacrmd("--config", file, "doctor"))[0] == 78


async def test_the_doctor_also_answers_when_no_more_files_can_be_opened(tmp_path: Path) -> None:
    """A check that needs one fails, and no other: this is when the doctor is needed."""
    async with site(tmp_path) as here:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limit[1]))
        try:
            found = {(one.about, one.name): one for one in (await run_checks(here.running.ctx)).checks}
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        assert found["files", "open files"].detail.startswith("no more files and connections can be opened")
        assert "Too many open files" in found["Meta", "reachable"].detail
        assert ("workers", "workers") in found


async def test_the_doctor_lists_problems_with_advice(tmp_path: Path, wacrmd: Wacrmd) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, quality_rating="RED") as here:
        here.sim.change(access_token="EAAanother")
        (tmp_path / "wacrmd.db.key").chmod(0o644)
        clock.leap(10 * MINUTE)
        url = f"http://{here.running.api_address}"
        here.running.ctx.control.reread = lambda: configuration(
            tmp_path, here.sim.url, f'[webhooks]\npublic_url = "{url}"\n[sender]\nmax_retries = 9\n'
        )
        await here.admin("reload")
        here.running.ctx.control.reread = lambda: configuration(
            tmp_path, here.sim.url, "[sender]\nworkers = 0\n"
        )
        code, out, _ = await wacrmd("doctor", "--json")
        assert code == 1
        found = {
            (one["about"].split()[0], one["check"]): one
            for one in json.loads(out)["checks"]
            if one["state"] == "fail"
        }
        assert set(found) == {
            ("configuration", "configuration"),
            ("files", "key file"),
            ("Meta", "clock"),
            ("webhooks", "verification"),
            ("webhooks", "events"),
            ("webhooks", "exposure"),
            ("number", "token"),
        }
        assert all(one["advice"] for one in found.values())
        assert stat.S_IMODE((tmp_path / "wacrmd.db.key").stat().st_mode) == 0o644
        code, out, _ = await wacrmd("doctor")
        assert code == 1
        assert "chmod 600" in out
        assert "7 failed" in out
