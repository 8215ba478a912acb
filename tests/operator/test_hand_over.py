"""A database that is handed over to a copy: of the two only one sends, at every moment and after every restart."""

import signal
import sys
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.operator.conftest import Wacrmd
from tests.support.clock import ShiftClock
from tests.support.meta import metadata, post_change, seconds_now
from tests.support.patience import PATIENCE_S, eventually
from tests.support.receiver import receiver
from tests.support.site import Site, people, phones, site
from tests.support.users import listing
from wacrmd.admin.protocol import RpcError
from wacrmd.cli.main import main
from wacrmd.clock import HOUR
from wacrmd.store import backups, drains
from wacrmd.store.connection import open_reader

pytestmark = pytest.mark.anyio

ALLOW_LOOPBACK = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n'


def sent_to(here: Site) -> Counter[str]:
    return Counter(entry.send.input for entry in here.sim.ledger.entries)


def restored(backup: Path, folder: Path, key: Path) -> Path:
    """The backup as the database of another machine, with its key."""
    folder.mkdir()
    (folder / "wacrmd.db.key").touch(mode=0o600)
    (folder / "wacrmd.db.key").write_bytes(key.read_bytes())
    config = folder / "config.toml"
    config.write_text(f'[storage]\npath = "{folder}/wacrmd.db"\n')
    assert main(["restore", str(backup), "--config", str(config)]) == 0
    return folder


@pytest.mark.exhaustive(only=True)
async def test_a_broadcast_is_moved_half_way_and_each_person_gets_it_once(
    tmp_path: Path, wacrmd: Wacrmd, capfd: pytest.CaptureFixture[str]
) -> None:
    clock, copy = ShiftClock(), tmp_path / "move.db"
    async with site(tmp_path, clock=clock, messages_per_second=200) as here:
        broadcast_id = await here.send(people(300))
        await here.until(broadcast_id, lambda shown: shown["sent_count"] > 20)
        code, out, err = await wacrmd("backup", "--hand-over", copy)
        assert (code, "is written and checked" in out) == (0, True), err
        assert "disable --now wacrmd.socket wacrmd.service" in err
        first = sent_to(here)
        await here.running.scheduler.passed.wait()
        assert sent_to(here) == first
    for _ in range(2):  # also after restarts, with whatever the old machine still starts
        async with site(tmp_path, clock=clock, messages_per_second=5000, key=here.key) as here:
            await here.running.scheduler.passed.wait()
            await here.running.scheduler.passed.wait()
            assert sent_to(here) == Counter()
            await refuses_all_that_is_new(here, broadcast_id)
            await says_so(here, copy)
    restored(copy, tmp_path / "new", tmp_path / "wacrmd.db.key")
    assert "Nothing was sent after it was handed over" in capfd.readouterr().err
    async with site(tmp_path / "new", clock=clock, messages_per_second=5000) as here:
        assert (await here.show(broadcast_id))["status"] == "paused"
        await here.admin("broadcast.resume", id=broadcast_id)
        done = await here.until_status(broadcast_id, "sent")
        assert (done["sent_count"], done["uncertain_count"]) == (300, 0)
        assert first + sent_to(here) == Counter(phones(300))


async def refuses_all_that_is_new(here: Site, broadcast_id: str) -> None:
    """What would be stored only here: Meta repeats it, and apps and operators are told."""
    assert (await here.post(people(1))).status_code == 503
    assert (await here.api.post("/api/v1/optouts", json={"phone": phones(1)[0]})).status_code == 503
    assert await reply(here, "wamid.NEW") == 503
    for method, params in (
        ("optout.add", {"phone": phones(1)[0], "account": "shop"}),
        ("broadcast.cancel", {"id": broadcast_id}),
        ("broadcast.retry", {"id": broadcast_id, "failed": True}),
        ("undrain", {}),
        ("drain", {"off": True}),
        ("backup", {"file": "/nowhere/else.db", "hand_over": True}),
    ):
        with pytest.raises(RpcError, match="handed over to"):
            await here.admin(method, **params)


async def reply(here: Site, wamid: str) -> int:
    """Post a person's message as Meta does; the status of the answer."""
    message = {
        "id": wamid,
        "from": "14155550100",
        "timestamp": str(seconds_now()),
        "type": "text",
        "text": {"body": "Thanks"},
    }
    value = {"metadata": metadata(), "messages": [message]}
    return (await post_change(here.hook, "messages", value)).status_code


async def says_so(here: Site, copy: Path) -> None:
    shown = await here.show((await here.admin("broadcast.list"))[0]["id"])
    assert shown["hold"]["reason"] == "handed_over"
    assert str(copy) in shown["hold"]["detail"]
    status = await here.admin("status")
    assert (status["healthy"], status["drain"]["handed_over"]["file"]) == (False, str(copy))
    assert "handed over" in status["summary"]
    ready = await here.api.get("/readyz")
    assert (ready.status_code, "handed over" in ready.text) == (503, True)
    assert "wacrmd_handed_over 1.0" in (await here.api.get("/metrics")).text
    (check,) = [each for each in (await here.admin("doctor"))["checks"] if each["check"] == "drain"]
    assert "systemctl disable --now wacrmd.socket wacrmd.service" in check["advice"]
    entries = await here.admin("audit", since="1h")
    assert {"backup", "optout.add"} <= {entry["method"] for entry in entries}


@pytest.mark.exhaustive(only=True)
async def test_what_was_answered_before_is_in_the_copy_and_what_was_not_is_in_neither(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    copy = tmp_path / "move.db"
    async with site(tmp_path) as here:
        taken: set[str] = set()
        refused: set[str] = set()

        async def opt_out(numbers: list[str]) -> None:
            for phone in numbers:
                answer = await here.api.post("/api/v1/optouts", json={"phone": phone})
                (taken if answer.status_code < 300 else refused).add(phone)

        async def receive(numbers: range) -> None:
            for number in numbers:
                wamid = f"wamid.{number}"
                (taken if await reply(here, wamid) == 200 else refused).add(wamid)

        async with anyio.create_task_group() as tasks:
            for part in range(4):
                tasks.start_soon(opt_out, phones(75, start=1000 * part))
                tasks.start_soon(receive, range(1000 * part, 1000 * part + 75))
            await eventually(lambda: len(taken) >= 40)
            code, _, err = await wacrmd("backup", "--hand-over", copy)
            assert code == 0, err
        original = await here.running.ctx.db.read(stored)
    assert refused
    connection = open_reader(copy)
    assert stored(connection) == original == taken
    connection.close()


def stored(tx: Any) -> set[str]:
    """The opt-outs and replies in a database."""
    found = {row[0] for row in tx.execute("SELECT phone FROM optout")}
    return found | {row[0] for row in tx.execute("SELECT id FROM inbound_message")}


async def test_waiting_webhooks_to_apps_are_delivered_by_the_copy_alone(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    clock = ShiftClock()
    async with receiver() as app:
        app.answers["/"] = 500
        async with site(tmp_path, clock=clock, extra=ALLOW_LOOPBACK) as here:
            await here.admin("webhook.add", account="shop", url=app.url + "/", events=["broadcast.sent"])
            await here.until_status(await here.send(people(2)), "sent")
            await app.until(lambda: len(app.requests) == 1)
            code, _, err = await wacrmd("backup", "--hand-over", tmp_path / "move.db")
            assert code == 0, err
            app.answers["/"] = 200
            clock.advance(HOUR)
            await here.running.scheduler.passed.wait()
            await here.running.scheduler.passed.wait()
            assert len(app.requests) == 1
        restored(tmp_path / "move.db", tmp_path / "new", tmp_path / "wacrmd.db.key")
        async with site(tmp_path / "new", clock=clock, extra=ALLOW_LOOPBACK):
            await app.until(lambda: len(app.requests) == 2)
        assert app.requests[0].event == app.requests[1].event


async def test_a_hand_over_that_cannot_be_made_changes_nothing(
    tmp_path: Path, wacrmd: Wacrmd, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken.db").touch()
    async with site(tmp_path) as here:
        for target in (tmp_path / "taken.db", tmp_path / "none" / "move.db", tmp_path / "wacrmd.db.key"):
            code, _, err = await wacrmd("backup", "--hand-over", target)
            assert code == 1, err
        with pytest.raises(RpcError, match="exists"):
            await here.admin("backup", file=str(tmp_path / "taken.db"), hand_over=True)
        assert not here.running.ctx.draining
        await here.until_status(await here.send(people(2)), "sent")
        # once it has begun, the daemon stays drained, and the database is its own
        monkeypatch.setattr(backups, "_copied", fails)
        for call in (
            partial(wacrmd, "backup", "--hand-over", tmp_path / "move.db"),
            partial(told, wacrmd, here, tmp_path / "move.db"),
        ):
            code, _, err = await call()
            assert (code, "no space" in err) == (1, True), err
            drain = await here.running.ctx.db.read(drains.stored)
            assert drain is not None
            assert drain.handed_over is None
            assert here.running.ctx.drain == drain
            assert here.running.ctx.db.outage is None
        assert not [each async for each in anyio.Path(tmp_path).glob("*move*")]
        monkeypatch.undo()
        await here.admin("undrain")
        await here.until_status(await here.send(people(2)), "sent")


def fails(*_: object) -> None:
    raise OSError(28, "no space left")


async def told(_: Wacrmd, here: Site, file: Path) -> tuple[int, str, str]:
    """The hand-over of a script, whose file the daemon writes itself."""
    try:
        await here.admin("backup", file=str(file), hand_over=True)
    except RpcError as error:
        return 1, "", str(error)
    return 0, "", ""


async def test_a_hand_over_waits_for_requests_in_flight_or_is_not_made(
    tmp_path: Path, wacrmd: Wacrmd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt without a result would be uncertain in the copy, and its result only here."""
    monkeypatch.setattr("wacrmd.services.maintenance.drain.HAND_OVER_WAIT_S", 0.2)
    async with site(tmp_path, hold_answers=True) as here:
        broadcast_id = await here.send(people(4))
        await here.until(broadcast_id, lambda _: here.running.ctx.throughput.in_flight == 4)
        code, _, err = await wacrmd("backup", "--hand-over", tmp_path / "move.db")
        assert (code, "4 requests to Meta are still in flight, so nothing was handed over" in err) == (
            1,
            True,
        )
        assert not (tmp_path / "move.db").exists()
        here.sim.change(hold_answers=False)
        code, _, err = await wacrmd("backup", "--hand-over", tmp_path / "move.db")
        assert code == 0, err


async def test_a_database_is_taken_back_only_by_name(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path, messages_per_second=100) as here:
        broadcast_id = await here.send(people(60))
        await here.until(broadcast_id, lambda shown: shown["sent_count"] > 5)
        assert (await wacrmd("backup", "--hand-over", tmp_path / "move.db"))[0] == 0
        code, _, err = await wacrmd("undrain")
        assert (code, "wacrmd undrain --take-back" in err) == (1, True)
        assert (await wacrmd("undrain", "--take-back", "--yes"))[:2] == (
            0,
            "The drain has ended: broadcasts go on.\n",
        )
        await here.until_status(broadcast_id, "sent")
        assert sent_to(here) == Counter(phones(60))
        assert here.running.ctx.db.outage is None
        assert await here.running.ctx.db.read(drains.stored) is None


@pytest.mark.exhaustive(only=True)
async def test_of_several_hand_overs_at_once_one_is_made(tmp_path: Path, wacrmd: Wacrmd) -> None:
    """Two copies that may send would send to everybody twice."""
    async with site(tmp_path, messages_per_second=200, latency_ms=200) as here:
        broadcast_id = await here.send(people(100))
        await here.until(broadcast_id, lambda _: here.running.ctx.throughput.in_flight > 0)
        found = list[tuple[int, str, str]]()

        async def hand_over(number: int) -> None:
            found.append(await told(wacrmd, here, tmp_path / f"move-{number}.db"))

        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(hand_over, number)
        assert sorted(code for code, *_ in found) == [0, 1, 1, 1], found
        assert all("handed over to" in err for code, _, err in found if code), found
        assert await reply(here, "wamid.LATE") == 503, "the refused ones have not opened it again"
        (copy,) = [each async for each in anyio.Path(tmp_path).glob("move-*.db")]
        await here.running.scheduler.passed.wait()
        await refuses_all_that_is_new(here, broadcast_id)
        await says_so(here, Path(copy))
        await here.admin("undrain", take_back=True)
        await here.until_status(broadcast_id, "sent")


def slow_copies(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Each copy of a database waits: an event that it has begun, and one that it may end."""
    began, may_end, copied = threading.Event(), threading.Event(), backups._copied

    def slowly(*arguments: Any) -> Any:
        began.set()
        assert may_end.wait(PATIENCE_S)
        return copied(*arguments)

    monkeypatch.setattr(backups, "_copied", slowly)
    return began, may_end


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_command_that_is_interrupted_hands_nothing_over_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """By Ctrl-C, or because the connection to the machine was lost."""
    began, may_end = slow_copies(monkeypatch)
    target = tmp_path / "elsewhere" / "move.db"
    target.parent.mkdir()
    line = [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(tmp_path / "admin.sock"), "backup"]
    async with site(tmp_path) as here:
        async with await anyio.open_process([*line, "--hand-over", str(target)]) as command:
            await anyio.to_thread.run_sync(began.wait)
            command.send_signal(number)
            assert command.stderr is not None
            said = b"".join([piece async for piece in command.stderr])
        assert (command.returncode, b"wacrmd undrain --take-back" in said) == (130, True), said
        assert not list(listing(target.parent))
        may_end.set()

        async def is_own() -> bool:
            drain = await here.running.ctx.db.read(drains.stored)
            return drain is not None and drain.handed_over is None

        with anyio.fail_after(PATIENCE_S):
            while not await is_own():  # noqa: ASYNC110 - it is read from the file
                await anyio.sleep(0.02)
        await here.admin("undrain")
        await here.until_status(await here.send(people(2)), "sent")


@pytest.mark.parametrize("take_back", [True, False])
async def test_a_drain_is_not_ended_while_the_copy_is_made(
    tmp_path: Path, wacrmd: Wacrmd, monkeypatch: pytest.MonkeyPatch, take_back: bool
) -> None:
    """The copy would get its name afterwards, and both would send."""
    began, may_end = slow_copies(monkeypatch)
    async with site(tmp_path) as here, anyio.create_task_group() as tasks:
        tasks.start_soon(told, wacrmd, here, tmp_path / "move.db")
        await anyio.to_thread.run_sync(began.wait)
        with pytest.raises(RpcError, match="being handed over to"):
            await here.admin("undrain", take_back=take_back)
        assert (await here.admin("drain", for_good=True))["for_good"]
        may_end.set()
    connection = open_reader(tmp_path / "wacrmd.db")
    drain = drains.stored(connection)
    connection.close()
    assert drain is not None
    assert drain.handed_over is not None


async def test_a_copy_that_was_put_in_place_by_hand_and_has_sent_is_no_fresh_copy_any_more(
    tmp_path: Path, wacrmd: Wacrmd, capfd: pytest.CaptureFixture[str]
) -> None:
    """A backup of it must not say that nothing was sent since the hand-over."""
    async with site(tmp_path) as here:
        assert (await wacrmd("backup", "--hand-over", tmp_path / "move.db"))[0] == 0
    (tmp_path / "wacrmd.db").rename(tmp_path / "old.db")
    (tmp_path / "move.db").rename(tmp_path / "wacrmd.db")
    async with site(tmp_path, messages_per_second=1, key=here.key) as here:
        await here.send(people(50))
        assert (await wacrmd("backup", tmp_path / "plain.db"))[0] == 0
        capfd.readouterr()
    restored(tmp_path / "plain.db", tmp_path / "new", tmp_path / "wacrmd.db.key")
    err = capfd.readouterr().err
    assert "Resume those of which nothing was sent after the backup" in err


@pytest.mark.parametrize("how", ["drained", "handed over"])
async def test_a_plain_backup_of_a_drained_database_is_drained_too(
    tmp_path: Path, wacrmd: Wacrmd, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    """It may be restored by mistake in place of the copy that sends."""
    async with site(tmp_path) as here:
        if how == "drained":
            await here.admin("drain", for_good=True)
        else:
            assert (await wacrmd("backup", "--hand-over", tmp_path / "move.db"))[0] == 0
        assert (await wacrmd("backup", tmp_path / "plain.db"))[0] == 0
        capfd.readouterr()
    restored(tmp_path / "plain.db", tmp_path / "new", tmp_path / "wacrmd.db.key")
    wanted = "wacrmd undrain" if how == "drained" else "wacrmd undrain --take-back"
    assert wanted in capfd.readouterr().err
    async with site(tmp_path / "new", key=here.key) as here:
        assert here.running.ctx.draining
