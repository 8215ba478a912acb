"""`wacrmd repair` makes a whole file of a damaged one: it loses no row that can be read, and nobody gets a message twice."""

import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.ops.rotation import NO_MOUNT
from tests.support.clock import ManualClock
from tests.support.damage import KINDS, PAGE_BYTES, Broken, Sample, make_sample, pages_of
from tests.support.site import people, site
from wacrmd.cli.main import main
from wacrmd.cli.repair import MEANING
from wacrmd.clock import HOUR
from wacrmd.domain.drain import Drain, HandOver
from wacrmd.errors import DatabaseContentError, DatabaseUnusableError
from wacrmd.store import drains, integrity
from wacrmd.store.connection import open_writer
from wacrmd.store.damage import WITHOUT_DATA
from wacrmd.store.file_lock import lock_database
from wacrmd.store.file_swap import check_finished
from wacrmd.store.repair import NEWEST, Repaired, RowsLostError, repair

pytestmark = pytest.mark.exhaustive(only=True)

TOP = Path(__file__).parents[2]
NOW = ManualClock().wall()
ZEROS = KINDS[0]
EVERY_KIND = bool(os.environ.get("EVERY_KIND"))
"""Whether each page is broken in each way; otherwise each in one way, in turns."""

Rows = dict[str, set[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def sample(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> Sample:
    return await make_sample(tmp_path_factory.mktemp("sample"))


def rows_of(file: Path, without: frozenset[str] = frozenset(WITHOUT_DATA)) -> Rows:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: set(connection.execute(f'SELECT * FROM "{name}"'))
            for (name,) in tables
            if name not in without
        }


def values(file: Path, statement: str) -> set[Any]:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return {value for (value,) in connection.execute(statement)}


def contents(folder: Path) -> dict[str, bytes]:
    """The files of the database but for locks and SQLite's index of the log."""
    return {
        each.name: each.read_bytes()
        for each in folder.iterdir()
        if (not each.name.endswith((".lock", "-shm", ".key")) and not each.name.endswith("-wal"))
        or (each.name.endswith("-wal") and each.stat().st_size)
    }


def broken(sample: Sample, folder: Path, name: str, kind: Broken = ZEROS, nth: int = 0) -> Path:
    """A copy of the sample with a broken page of a table or index: the root, or the nth below it."""
    file = sample.copy(folder)
    kind.apply(file, pages_of(file, name)[nth])
    return file


def config_of(file: Path) -> Path:
    config = file.with_name("config.toml")
    config.write_text(f'[storage]\npath = "{file}"\n[backup]\ndirectory = "backups"\n')
    return config


@pytest.mark.anyio
async def test_each_broken_page_is_repaired_without_loss_or_the_loss_is_told_first(
    sample: Sample, tmp_path: Path
) -> None:
    whole, ends = rows_of(sample.folder / "wacrmd.db"), Counter[str]()
    schema = set(pages_of(sample.folder / "wacrmd.db", "sqlite_schema"))
    pages = range(1, sample.pages + 1)
    for at, page in enumerate(pages):
        for turn, kind in enumerate((*KINDS, Broken("sector"))):
            if not (EVERY_KIND or at % 4 == turn):
                continue
            folder = tmp_path / f"{page}-{kind.name}"
            file = sample.copy(folder)
            kind.apply(file, page)
            before = contents(folder)
            try:
                done = repair(file, accept_loss=False, now=NOW)
                assert rows_of(file) == whole or done.broken == "table person"
                ends["whole"] += 1
            except RowsLostError as told:
                assert contents(folder) == before
                done = repair(file, accept_loss=True, now=NOW)
                check_after_loss(file, whole, told.lost.rows)
                ends["lost"] += 1
            except DatabaseUnusableError as error:
                assert "restore" in str(error) or "empty" in str(error)
                assert page in schema or kind.name == "truncated"
                assert contents(folder) == before
                ends["refused"] += 1
                continue
            assert integrity.check(file).problems == []
            if done.kept is not None:
                assert done.kept.read_bytes() == before["wacrmd.db"]
                assert file.stat().st_mode & 0o777 == 0o600
            assert {each for each in contents(folder) if each not in before} <= {
                f"wacrmd.db.damaged-{done.kept.name[-16:]}" if done.kept else ""
            }
            shutil.rmtree(folder)
    assert ends["whole"] > len(pages) / 5
    assert ends["lost"] > len(pages) / 10


def check_after_loss(file: Path, whole: Rows, told: dict[str, int | None]) -> None:
    """Nothing is invented, who has opted out stays so or is told, and nothing unfinished goes on by itself."""
    left = rows_of(file)
    for table in (
        whole.keys()
        - {"broadcast", "person", "person_address", "setting", "billed_broadcast", "billed_day"}
        - told.keys()
    ):
        assert left[table] <= whole[table] or (
            table == "recipient" and told.keys() & {"broadcast", "pricing"}
        )
    waiting = "SELECT id FROM recipient WHERE status IN ('pending', 'sending')"
    assert len(left["recipient"]) <= len(whole["recipient"])
    assert values(file, "SELECT status FROM broadcast WHERE name != 'lost'") <= {"sent", "paused"}
    assert values(file, waiting) <= {row[0] for row in whole["recipient"] if row[6] == "pending"}
    assert len(left["optout"]) == len(whole["optout"]) or told.get("optout", 0) != 0


@pytest.mark.anyio
@pytest.mark.parametrize("index", ["recipient_due", "recipient_count", "broadcast_status"])
async def test_after_a_broken_index_everybody_who_waits_gets_the_message_once(
    sample: Sample, tmp_path: Path, index: str
) -> None:
    file = broken(sample, tmp_path / "site", index)
    done = repair(file, accept_loss=False, now=NOW)
    assert (done.broken, done.lost.rows) == (f"index {index}", {})
    async with site(file.parent, key=sample.key) as here:
        assert (await here.admin("status"))["healthy"]
        before = await here.show(sample.unfinished)
        await here.admin("broadcast.resume", id=sample.unfinished)
        shown = await here.until_status(sample.unfinished, "sent")
        got = [each.send.input for each in here.sim.ledger.entries]
        assert len(got) == len(set(got)) == before["pending_count"]
        assert not sample.sent_to & set(got)
        assert shown["sent_count"] == before["sent_count"] + before["pending_count"]


@pytest.mark.anyio
async def test_after_a_loss_unfinished_broadcasts_wait_for_a_person_and_nobody_gets_it_twice(
    sample: Sample, tmp_path: Path
) -> None:
    file = broken(sample, tmp_path / "site", "recipient", nth=-1)
    with pytest.raises(RowsLostError) as told:
        repair(file, accept_loss=False, now=NOW)
    lost = told.value.lost.rows["recipient"]
    assert lost
    done = repair(file, accept_loss=True, now=NOW)
    assert (done.lost.rows["recipient"], done.consequences.paused) == (lost, 2)
    async with site(file.parent, key=sample.key) as here:
        here.clock.advance(2 * HOUR)
        await here.running.scheduler.passed.wait()
        for each in (sample.unfinished, sample.scheduled):
            shown = await here.show(each)
            assert shown["status"] == "paused"
            assert "wacrmd repair could not save all of it" in shown["hold"]["detail"]
        assert len(here.sim.ledger) == 0
        await here.admin("broadcast.resume", id=sample.unfinished)
        await here.until_status(sample.unfinished, "sent")
        got = [each.send.input for each in here.sim.ledger.entries]
        assert len(got) == len(set(got))
        assert not sample.sent_to & set(got)


@pytest.mark.anyio
async def test_the_recipients_of_a_lost_broadcast_are_kept_and_who_waits_is_cancelled(
    sample: Sample, tmp_path: Path
) -> None:
    file = broken(sample, tmp_path / "site", "broadcast")
    before = values(file, "SELECT id FROM recipient")
    done = repair(file, accept_loss=True, now=NOW)
    assert (done.lost.rows["broadcast"], done.consequences.removed) == (3, {})
    assert values(file, "SELECT id FROM recipient") == before
    async with site(file.parent, key=sample.key) as here:
        shown = await here.show(sample.unfinished)
        assert (shown["status"], shown["pending_count"]) == ("cancelled", 0)
        assert shown["sent_count"] > 20
        assert shown["cancelled_count"] > 5
        here.clock.advance(2 * HOUR)
        await here.running.scheduler.passed.wait()
        assert len(here.sim.ledger) == 0


def test_recipients_are_kept_when_no_index_tells_the_uuid_of_their_broadcast(
    sample: Sample, tmp_path: Path
) -> None:
    file = broken(sample, tmp_path / "site", "broadcast")
    ZEROS.apply(file, pages_of(sample.folder / "wacrmd.db", "sqlite_autoindex_broadcast_1")[0])
    before = values(file, "SELECT id FROM recipient")
    done = repair(file, accept_loss=True, now=NOW)
    assert done.lost.rows["broadcast"] == 3
    assert done.consequences.removed == {}
    assert values(file, "SELECT id FROM recipient") == before
    assert values(file, "SELECT status FROM broadcast") == {"cancelled"}
    assert not values(file, "SELECT id FROM recipient WHERE status = 'pending'")


@pytest.mark.anyio
async def test_an_opt_out_whose_row_is_lost_is_known_by_its_index(sample: Sample, tmp_path: Path) -> None:
    file = broken(sample, tmp_path / "site", "optout")
    with pytest.raises(RowsLostError, match="table optout"):
        repair(file, accept_loss=False, now=NOW)
    assert repair(file, accept_loss=True, now=NOW).lost.rows == {}
    async with site(file.parent, key=sample.key) as here:
        answer = await here.post([{"to": "+14152009999"}, {"to": "+14152009998"}])
        assert (answer.json()["data"]["accepted"], answer.json()["data"]["suppressed"]) == (1, 1)


@pytest.mark.anyio
async def test_an_opt_out_is_known_when_the_addresses_are_lost(sample: Sample, tmp_path: Path) -> None:
    file = sample.copy(tmp_path / "site")
    for page in pages_of(file, "person_address")[:-1]:
        ZEROS.apply(file, page)
    assert repair(file, accept_loss=True, now=NOW).lost.rows["person_address"]
    async with site(file.parent, key=sample.key) as here:
        answer = await here.post([{"to": "+14152009999"}, {"to": "+14152009998"}])
        assert (answer.json()["data"]["accepted"], answer.json()["data"]["suppressed"]) == (1, 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "table", ["number", "account", "api_key", "webhook_endpoint", "pricing", "broadcast"]
)
async def test_a_daemon_starts_healthy_without_rows_of(sample: Sample, tmp_path: Path, table: str) -> None:
    file = broken(sample, tmp_path / "site", table)
    repair(file, accept_loss=True, now=NOW)
    async with site(file.parent, key=sample.key if table == "account" else "") as here:
        assert (await here.admin("status"))["database"]["outage"] is None
        if table == "account":
            await here.admin("account.rename", name=here.account["name"], new="shop")
        await here.admin("template.sync")
        await here.until_status(await here.send(people(3, 7000)), "sent")


def test_a_page_that_the_disk_has_not_written_makes_recipients_uncertain(
    sample: Sample, tmp_path: Path
) -> None:
    """The row is old and whole: only the index knows of the attempt."""
    old = sample.copy(tmp_path / "old")
    file = sample.copy(tmp_path / "new")
    with closing(sqlite3.connect(file)) as connection, connection:
        sent = connection.execute(
            "UPDATE recipient SET status = 'sent', attempt = 1, claimed_at = 1, sent_at = 1, wamid = 'w' || id"
            " WHERE id IN (SELECT max(id) FROM recipient WHERE status = 'pending') RETURNING id"
        ).fetchall()
    put_back("recipient", old, file)
    with pytest.raises(RowsLostError):
        repair(file, accept_loss=False, now=NOW)
    done = repair(file, accept_loss=True, now=NOW)
    assert done.consequences.uncertain == 1
    assert values(file, "SELECT id FROM recipient WHERE status = 'uncertain'") == {sent[0][0]}


def test_a_broadcast_that_was_paused_does_not_go_on_because_its_row_is_older(
    sample: Sample, tmp_path: Path
) -> None:
    old, file = sample.copy(tmp_path / "old"), sample.copy(tmp_path / "new")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "UPDATE broadcast SET status = 'paused', hold_reason = 'paused_by_operator' WHERE status = 'scheduled'"
        )
    put_back("broadcast", old, file)
    with pytest.raises(RowsLostError):
        repair(file, accept_loss=False, now=NOW)
    assert repair(file, accept_loss=True, now=NOW).consequences.paused == 2


def test_opt_outs_of_which_only_an_index_with_a_condition_is_left_are_told(
    sample: Sample, tmp_path: Path
) -> None:
    """The disk has not written the rows, nor the other index: these agree, and lack the newest opt-outs."""
    old, file = sample.copy(tmp_path / "old"), sample.copy(tmp_path / "new")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO optout (account_id, person_id, phone, source, at, said_at)"
            " SELECT account_id, id, '+14152000001', 'api', 1, 1 FROM person"
            " WHERE id NOT IN (SELECT person_id FROM optout) LIMIT 3"
        )
    for name in ("optout", "sqlite_autoindex_optout_1"):
        put_back(name, old, file)
    with pytest.raises(RowsLostError) as told:
        repair(file, accept_loss=False, now=NOW)
    assert told.value.lost.rows == {"optout": 3}


def test_a_file_that_cannot_be_opened_is_not_called_broken(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a directory that cannot be written: whoever restores a backup then loses what is whole."""
    file = sample.copy(tmp_path / "site")
    file.with_name("wacrmd.db-wal").mkdir()
    for command in (["--config", str(config_of(file)), "repair"], ["check-db", str(file)]):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert "check its directory and permissions" in said
        assert "restore" not in said


def test_a_text_that_is_not_utf_8_is_found(sample: Sample, tmp_path: Path) -> None:
    """A daemon that reads it holds everything and says to repair: then that must not find the file undamaged."""
    file = sample.copy(tmp_path / "site")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "UPDATE recipient SET params = CAST(x'5b22ff225d' AS TEXT) WHERE id = (SELECT min(id) + 3 FROM recipient)"
        )
    with pytest.raises(RowsLostError, match="table recipient") as told:
        repair(file, accept_loss=False, now=NOW)
    assert told.value.lost.rows == {"recipient": 1}


def test_a_page_that_was_written_to_a_wrong_place_is_told(sample: Sample, tmp_path: Path) -> None:
    """An empty page of a table without ids looks as if it never had rows."""
    file = sample.copy(tmp_path / "site")
    (empty,), (place, *_) = pages_of(file, "inbound_message_context"), pages_of(file, "inbound_message")
    content = bytearray(file.read_bytes())
    start, source = (place - 1) * PAGE_BYTES, (empty - 1) * PAGE_BYTES
    content[start : start + PAGE_BYTES] = content[source : source + PAGE_BYTES]
    rows = len(rows_of(file)["inbound_message"])
    file.write_bytes(content)
    with pytest.raises(RowsLostError) as told:
        repair(file, accept_loss=False, now=NOW)
    assert told.value.lost.rows == {"inbound_message": rows}


def test_a_broken_name_in_the_list_of_indexes_is_mended_and_of_tables_is_not(
    sample: Sample, tmp_path: Path
) -> None:
    file = sample.copy(tmp_path / "site")
    content = file.read_bytes()
    file.write_bytes(content.replace(b"account_event_received", b"account_evgnt_received", 1))
    assert repair(file, accept_loss=False, now=NOW).lost.rows == {}
    assert integrity.check(file).problems == []
    file.write_bytes(
        content.replace(b"tableaccount_eventaccount_event", b"tableaccount_evgntaccount_evgnt", 1)
    )
    with pytest.raises(DatabaseUnusableError, match="account_event is missing"):
        repair(file, accept_loss=True, now=NOW)


def put_back(table: str, old: Path, file: Path) -> None:
    """The pages of a table are those of another file, as if a disk had not written them since."""
    with old.open("rb") as before, file.open("r+b") as after:
        for page in pages_of(file, table):
            before.seek((page - 1) * PAGE_BYTES)
            after.seek((page - 1) * PAGE_BYTES)
            after.write(before.read(PAGE_BYTES))


def test_a_handed_over_file_stays_so_and_one_that_may_be_is_drained(sample: Sample, tmp_path: Path) -> None:
    whole = sample.copy(tmp_path / "handed-over")
    drain = Drain(NOW, for_good=True, handed_over=HandOver("/copy.db", NOW))
    with closing(sqlite3.connect(whole)) as connection, connection:
        drains.store(connection, drain)
    unknown = tmp_path / "unknown.db"
    shutil.copy(whole, unknown)
    for file, table in ((whole, "recipient_due"), (unknown, "setting")):
        ZEROS.apply(file, pages_of(file, table)[0])
        done = repair(file, accept_loss=True, now=NOW)
        with closing(sqlite3.connect(file)) as connection:
            assert drains.stored(connection) == (drain if file == whole else Drain(NOW, for_good=True))
        assert done.consequences.is_drained == (file == unknown)


def test_no_id_is_given_twice(sample: Sample, tmp_path: Path) -> None:
    file = sample.copy(tmp_path / "site")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'recipient'")
    ZEROS.apply(file, pages_of(file, "recipient_due")[0])
    repair(file, accept_loss=False, now=NOW)
    statement = "SELECT seq FROM sqlite_sequence WHERE name = 'recipient'"
    assert values(file, statement) == {5000}
    ZEROS.apply(file, pages_of(file, "sqlite_sequence")[0])
    repair(file, accept_loss=False, now=NOW)
    assert values(file, statement).pop() > 5000


def test_rows_that_contradict_each_other_are_mended(sample: Sample, tmp_path: Path) -> None:
    file = sample.copy(tmp_path / "site")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE broadcast SET counts = '{}', counts_revision = revision")
    done = repair(file, accept_loss=False, now=NOW)
    assert done.broken is not None
    assert "the kept counts" in done.broken
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE recipient SET person_id = 99999 WHERE id = 7")
    with pytest.raises(RowsLostError, match="row 7 refers to a missing row of person"):
        repair(file, accept_loss=False, now=NOW)
    assert repair(file, accept_loss=True, now=NOW).lost.rows == {"recipient": 1}
    assert integrity.check(file).problems == []


def test_a_file_behind_a_link_is_repaired_where_it_is(sample: Sample, tmp_path: Path) -> None:
    place = broken(sample, tmp_path / "disk[1]", "recipient_due")
    link = tmp_path / "wacrmd.db"
    link.symlink_to(place)
    done = repair(link, accept_loss=False, now=NOW)
    assert link.is_symlink()
    assert done.kept is not None
    assert done.kept.parent == place.parent
    assert integrity.check(place).problems == []
    assert repair(link, accept_loss=False, now=NOW) == Repaired()


def after_a_kill(sample: Sample, folder: Path) -> Path:
    """A file whose newest write is in its log, with a broken index."""
    source, file = sample.copy(folder / "source"), folder / "site" / "wacrmd.db"
    file.parent.mkdir()
    with closing(open_writer(source)) as connection:
        connection.execute("UPDATE account SET name = 'newest'")
        for end in ("", "-wal", "-shm"):
            shutil.copy(f"{source}{end}", f"{file}{end}")
    ZEROS.apply(file, pages_of(sample.folder / "wacrmd.db", "recipient_due")[0])
    return file


def test_what_is_only_in_the_log_is_kept(sample: Sample, tmp_path: Path) -> None:
    file = after_a_kill(sample, tmp_path)
    before = contents(file.parent)
    done = repair(file, accept_loss=False, now=NOW)
    assert values(file, "SELECT name FROM account") == {"newest"}
    assert done.kept is not None
    assert values(done.kept, "SELECT name FROM account") == {"newest"}
    assert (
        before["wacrmd.db-wal"] == Path(f"{done.kept}-wal").read_bytes()
        if Path(f"{done.kept}-wal").exists()
        else True
    )
    assert not Path(f"{file}-wal").exists()


def check_ends(*line: str | Path) -> None:
    """What each end of a repair has left, told by tests/ops/repair_kills.py, is one of three states."""
    done = subprocess.run(line, check=False, capture_output=True, text=True, cwd=TOP)
    if NO_MOUNT in done.stderr or "unshare failed" in done.stderr:
        pytest.skip("no file system can be made and mounted here")
    assert done.returncode == 0, done.stderr
    told = [json.loads(each) for each in done.stdout.splitlines()]
    left, states = {each["left"] for each in told}, {"old", "new", "interrupted"}
    assert left == states, told
    assert {(each["name"], tuple(each["problems"]), each["log"]) for each in told} == {("newest", (), False)}


def test_a_kill_at_any_line_of_the_swap_leaves_the_old_state_or_the_new_one_or_says_so(
    sample: Sample, tmp_path: Path
) -> None:
    after_a_kill(sample, tmp_path)
    check_ends(sys.executable, "-m", "tests.ops.repair_kills", "1", tmp_path / "site")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_so_does_a_power_cut(sample: Sample, tmp_path: Path) -> None:
    after_a_kill(sample, tmp_path)
    own_mounts = ("unshare", "--mount")  # they end with the process
    check_ends(
        *(*own_mounts, sys.executable, "-m", "tests.ops.repair_kills", "1"),
        *(tmp_path / "disk", tmp_path / "site"),
    )


def test_a_full_disk_loses_no_row(sample: Sample, tmp_path: Path) -> None:
    file = broken(sample, tmp_path / "site", "recipient_due")
    before = contents(file.parent)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (100_000, 300_000, 400_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(DatabaseUnusableError, match="is full"):
                repair(file, accept_loss=True, now=NOW)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert contents(file.parent) == before
    assert repair(file, accept_loss=False, now=NOW).kept is not None


def test_a_file_that_is_put_back_after_an_interrupted_repair_is_never_replaced(
    sample: Sample, tmp_path: Path
) -> None:
    file = sample.copy(tmp_path / "site")
    (file.parent / "wacrmd.db.repaired-20200101T000000Z").write_bytes(b"old")
    (file.parent / "wacrmd.db.damaged-20200101T000000Z").write_bytes(b"old")
    check_finished(file)
    assert repair(file, accept_loss=False, now=NOW) == Repaired()
    assert not list(file.parent.glob("*.repaired-*"))
    file.unlink()
    check_finished(file)
    with pytest.raises(DatabaseUnusableError, match="there is no"):
        repair(file, accept_loss=False, now=NOW)


@pytest.mark.anyio
async def test_no_daemon_starts_while_a_repair_is_interrupted(tmp_path: Path) -> None:
    for each in ("repaired", "damaged"):
        (tmp_path / f"wacrmd.db.{each}-20200101T000000Z").touch()
    (tmp_path / "wacrmd.db-wal").write_bytes(b"of the damaged file")
    with pytest.raises(DatabaseContentError, match="was interrupted: run wacrmd repair, which completes it"):
        async with site(tmp_path):
            pass
    assert not (tmp_path / "wacrmd.db").exists()


def test_the_command_says_what_it_did(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sample.copy(tmp_path / "site")
    command = ["repair", "--config", str(config_of(file))]
    assert main(command) == 0
    assert "is undamaged: nothing was changed" in capsys.readouterr().out
    with lock_database(file):
        assert main(command) == 75
    assert f"process {os.getpid()}" in capsys.readouterr().err
    ZEROS.apply(file, pages_of(file, "recipient_due")[0])
    assert main(command) == 0
    said = capsys.readouterr()
    assert "is repaired (index recipient_due), and nothing is lost: start the daemon" in said.out
    assert re.search(r"kept as .*wacrmd\.db\.damaged-\d{8}T\d{6}Z", said.err)
    assert main(["check-db", str(file)]) == 0


def test_the_command_tells_a_loss_and_names_the_newest_backup(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = broken(sample, tmp_path / "site", "setting")
    assert MEANING.keys() - {NEWEST} <= rows_of(sample.folder / "wacrmd.db").keys()
    (file.parent / "backups").mkdir()
    for day in (1, 2):
        (file.parent / f"backups/wacrmd-2026010{day}T033000Z.db").touch()
    command = ["repair", "--config", str(config_of(file)), "--json"]
    assert main(command) == 1
    said = capsys.readouterr()
    assert "setting an unknown number. Nothing was changed" in said.err
    assert "wacrmd-20260102T033000Z.db" in said.err
    assert "so it is drained for good" in said.err
    assert not said.out
    assert main([*command, "--accept-loss"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["lost"], told["paused"], told["changed"]) == ({"setting": None}, 2, True)
    assert told["drained"]
    assert Path(told["kept"]).exists()
