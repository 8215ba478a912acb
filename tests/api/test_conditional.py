"""Polling a broadcast: the same ETag for the same answer only, and 304 for who has it already."""

from functools import partial
from pathlib import Path

import pytest

from tests.support.clock import ShiftClock, later
from tests.support.site import Site, people, site
from tests.support.statements import recorded
from wacrmd.api.conditional import is_known
from wacrmd.clock import SECOND, Millis
from wacrmd.domain.drain import Drain
from wacrmd.store import broadcasts
from wacrmd.store.database import Tx
from wacrmd.store.outage import Cause

pytestmark = pytest.mark.anyio

LATER = later()


def path(broadcast_id: str) -> str:
    return f"/api/v1/broadcasts/{broadcast_id}"


async def etag_of(here: Site, broadcast_id: str) -> str:
    etag: str = (await here.api.get(path(broadcast_id))).headers["etag"]
    return etag


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ('"9"', True),
        ('W/"9"', True),
        ('"8", "9"', True),
        ('"8",W/"9" , "a,b"', True),
        ("*", True),
        (" * ", True),
        ("", False),
        ("9", False),
        ('"8"', False),
        ('"99"', False),
        ('"9', False),
        ('"8,"9', False),
        ('"9-a1b2"', False),
        ('w/"8"', False),
    ],
)
def test_an_entity_tag_is_compared_weakly(given: str, known: bool) -> None:
    assert is_known(given, '"9"') is known


async def test_an_unchanged_broadcast_is_a_304_without_a_body(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(3), scheduled_at=LATER)
        first = await here.api.get(path(broadcast_id))
        assert first.headers["etag"] == f'"{first.json()["data"]["revision"]}"'
        for given in (first.headers["etag"], f'"0", W/{first.headers["etag"]}', "*"):
            again = await here.api.get(
                path(broadcast_id), headers={"If-None-Match": given, "X-Request-Id": "mine"}
            )
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            assert again.headers["cache-control"] == first.headers["cache-control"] == "no-cache"
            assert again.headers["x-request-id"] == "mine"
            assert "content-type" not in again.headers
        assert int(again.headers["x-ratelimit-remaining"]) == int(first.headers["x-ratelimit-remaining"]) - 3
        other = await here.api.get(path(broadcast_id), headers={"If-None-Match": '"0"'})
        assert (other.status_code, other.json()) == (200, first.json())


async def test_several_header_lines_are_one_list(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(1), scheduled_at=LATER)
        lines = [("If-None-Match", '"0"'), ("If-None-Match", await etag_of(here, broadcast_id))]
        assert (await here.api.get(path(broadcast_id), headers=lines)).status_code == 304


async def test_head_gives_the_etag_too(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(1), scheduled_at=LATER)
        etag = await etag_of(here, broadcast_id)
        answer = await here.api.head(path(broadcast_id))
        assert (answer.status_code, answer.headers["etag"], answer.content) == (200, etag, b"")
        answer = await here.api.head(path(broadcast_id), headers={"If-None-Match": etag})
        assert (answer.status_code, answer.headers["etag"]) == (304, etag)


async def test_a_304_is_only_for_who_may_read_the_broadcast(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(1), scheduled_at=LATER)
        any_tag = {"If-None-Match": "*"}
        none = await here.api.get(path(broadcast_id), headers={**any_tag, "Authorization": "Bearer no"})
        assert none.status_code == 401
        scopeless = await here.admin("key.create", account="shop", name="x", scopes=["templates:read"])
        key = {"Authorization": f"Bearer {scopeless['key']}"}
        assert (await here.api.get(path(broadcast_id), headers={**any_tag, **key})).status_code == 403
        unknown = await here.api.get(path("6f1e2d3c-0000-4000-8000-000000000001"), headers=any_tag)
        assert unknown.status_code == 404


async def test_what_has_not_changed_is_not_counted_again(tmp_path: Path) -> None:
    with recorded() as statements:
        async with site(tmp_path) as here:
            broadcast_id = await here.send(people(20))
            await here.until_status(broadcast_id, "sent")
            await here.sim.idle()
            etag = await etag_of(here, broadcast_id)
            statements.clear()
            again = await here.api.get(path(broadcast_id), headers={"If-None-Match": etag})
            assert again.status_code == 304
            assert (await here.api.get("/api/v1/broadcasts")).status_code == 200
            await here.admin("broadcast.list")
            await here.admin("broadcast.show", id=broadcast_id)
            # Scheduler and media worker look every few seconds which broadcasts have work, whoever asks for what.
            asked = [sql for sql in statements if "FROM broadcast b " not in sql]
            assert [sql for sql in asked if "FROM recipient" in sql] == []


async def test_each_change_of_recipients_changes_the_etag(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(2), scheduled_at=LATER)
        seen = [await etag_of(here, broadcast_id)]
        for action in ("pause", "resume", "cancel"):
            assert (await here.api.post(f"{path(broadcast_id)}/{action}")).status_code == 200
            seen.append(await etag_of(here, broadcast_id))
            assert (await here.api.post(f"{path(broadcast_id)}/{action}")).status_code == 200
            assert await etag_of(here, broadcast_id) == seen[-1], "repeating it changes nothing"
        revisions = [int(etag.strip('"')) for etag in seen]
        assert revisions == sorted(set(revisions))


async def test_a_hold_from_elsewhere_changes_the_etag_and_not_the_revision(tmp_path: Path) -> None:
    """No row of the broadcast changes here, and each hold is another answer."""
    async with site(tmp_path, clock=ShiftClock(stopped=True)) as here:
        number, ctx = here.number["id"], here.running.ctx
        await here.admin("number.pause", id=number, reason="lunch")
        broadcast_id = await here.send(people(2))
        etags, shown = [await etag_of(here, broadcast_id)], [await here.show(broadcast_id)]
        ctx.drain = Drain(1)  # no worker starts, so that nothing is sent from here on
        for advice in ("the disk is full", "the disk answers with errors", None):
            if number:
                await here.admin("number.resume", id=number)
                number = ""
            if advice is None:
                ctx.db.outages.end(Cause.UNREADABLE)
            else:
                ctx.db.outages.begin(Cause.UNREADABLE, advice)
            answer = await here.api.get(path(broadcast_id), headers={"If-None-Match": ", ".join(etags)})
            assert answer.status_code == 200
            shown.append(answer.json()["data"])
            etags.append(answer.headers["etag"])
        ctx.drain = None
        reasons = [each["hold"]["reason"] for each in shown]
        assert reasons == ["number_paused", "storage", "storage", "draining"]
        assert etags[0].startswith(f'"{shown[0]["revision"]}-')
        assert len({each["revision"] for each in shown[1:]}) == 1
        assert len(set(etags)) == len(etags)


async def test_a_restore_gives_no_revision_a_second_time(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(3))
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        before = await here.show(broadcast_id)
        now = here.clock.now()
        await here.running.ctx.db.write(partial(broadcasts.pause_restored, detail="restored", now=now))
        after = await here.show(broadcast_id)
        assert after["revision"] > before["revision"] + 1_000_000
        assert after == before | {"revision": after["revision"]}


async def test_a_second_restore_of_a_backup_gives_none_either(tmp_path: Path) -> None:
    """Each gets other changes afterwards, up to a hundred in a second here."""
    async with site(tmp_path) as here:
        await here.send(people(3), scheduled_at=LATER)
        now, seen = here.clock.now(), list[set[int]]()

        def restore_and_change(tx: Tx, at: Millis) -> None:
            tx.execute("SAVEPOINT backup")
            broadcasts.pause_restored(tx, "restored", at)
            (revision,) = tx.execute("SELECT revision FROM broadcast").fetchone()
            seen.append({revision + changes for changes in range(100)})
            tx.execute("ROLLBACK TO backup")

        for at in (now, now + SECOND):
            await here.running.ctx.db.write(partial(restore_and_change, at=at))
        assert not seen[0] & seen[1]
