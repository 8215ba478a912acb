"""Pages that move by themselves: what browsers get, from how many readings, and when it ends."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest

from tests.dashboard.client import Browser
from tests.dashboard.conftest import Visit, VisitAs
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import Site, people
from wacrmd.clock import HOUR, iso
from wacrmd.dashboard import live, live_parts
from wacrmd.dashboard.live_parts import LONGEST_PAUSE_S, MIN_INTERVAL_S, POLL_S, Topic, next_of
from wacrmd.dashboard.pages.broadcasts import ListSource
from wacrmd.domain.drain import Drain
from wacrmd.services.changes import Changes

pytestmark = pytest.mark.anyio

ACCEPT = {"Accept": "text/event-stream", "Sec-Fetch-Site": "same-origin"}


class Stream:
    """The events of a page as its browser gets them."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.lines = answer.aiter_lines()

    async def event(self) -> dict[str, str]:
        """The next event: its fields, with all lines of its data; empty at the end of the stream."""
        found: dict[str, str] = {}
        with anyio.fail_after(PATIENCE_S):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if line:
                    found[name] = f"{found.get(name, '')}{value}\n" if name == "data" else value
                elif found.keys() & {"event", "data"}:
                    return found
        return {}


@asynccontextmanager
async def stream(browser: Browser, path: str, **headers: str) -> AsyncIterator[Stream]:
    """The stream of a page."""
    async with browser.http.stream("GET", path, headers=ACCEPT | headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield Stream(answer)


async def path_of(browser: Browser, page: str) -> str:
    """The address of the stream that a page opens."""
    (found,) = re.findall(r'sse-connect="([^"]+)"', (await browser.get(page)).text)
    path: str = found.replace("&amp;", "&")
    return path


async def scheduled(here: Site, count: int = 2, **more: Any) -> str:
    return await here.send(people(count), scheduled_at=iso(here.clock.now() + HOUR), **more)


async def test_a_page_gets_what_is_new_since_it_was_loaded(here: Site, visit_as: VisitAs) -> None:
    made, browser = await scheduled(here), await visit_as("operator")
    async with stream(browser, await path_of(browser, f"/broadcasts/{made}")) as events:
        await here.admin("broadcast.pause", id=made)
        event = await events.event()
        assert event["event"] == "change"
        assert "paused" in event["data"]
        assert f'action="/broadcasts/{made}/resume"' in event["data"]
        # Only now it is sure that the state before was read: the browser may come just after a change.
        await here.admin("broadcast.resume", id=made)
        event = await events.event()
        assert f'action="/broadcasts/{made}/pause"' in event["data"]
        assert 'id="funnel"' not in event["data"], "what is the same is not sent"
    async with stream(browser, f"/broadcasts/{made}/live", **{"Last-Event-ID": event["id"]}) as events:
        await here.admin("broadcast.pause", id=made)
        again = await events.event()
        assert "paused" in again["data"]
    async with stream(browser, f"/broadcasts/{made}/live?seen=another") as events:
        whole = await events.event()
        assert whole["id"].split(".")[0] == again["id"].split(".")[0]
        assert 'id="funnel"' in whole["data"], "who has seen something else gets all"


async def test_the_list_gets_cells_that_change_and_new_broadcasts(here: Site, visit_as: VisitAs) -> None:
    made, browser = await scheduled(here), await visit_as("operator")
    async with stream(browser, await path_of(browser, "/broadcasts?status=")) as events:
        await here.admin("broadcast.pause", id=made)
        assert "paused" in (await events.event())["data"]
        await here.admin("broadcast.resume", id=made)
        data = (await events.event())["data"]
        assert f'id="s-{made}"' in data
        assert f'id="d-{made}"' not in data
        assert "<table" not in data
        other = await scheduled(here, name="Another")
        data = (await events.event())["data"]
        assert "<table" in data
        assert data.index(other) < data.index(made)


async def test_a_broadcast_is_followed_to_its_end(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(hold_answers=True)
    made, browser = await here.send(people(3)), await visit_as("viewer")
    async with stream(browser, await path_of(browser, f"/broadcasts/{made}")) as events:
        here.sim.change(hold_answers=False)
        data = ""
        while "finished" not in data:
            data = (await events.event())["data"]
        await here.sim.idle()
    assert "/pause" not in data


async def test_all_who_see_the_same_share_one_reading(
    here: Site, visit_as: VisitAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PER_SESSION", 20)
    made, browser = await scheduled(here), await visit_as("operator")
    path, read = await path_of(browser, f"/broadcasts/{made}"), 0
    original = Topic.read

    async def counted(topic: Topic) -> None:
        nonlocal read
        read += 1
        await original(topic)

    monkeypatch.setattr(Topic, "read", counted)
    got = 0

    async def follow() -> None:
        nonlocal got
        async with stream(browser, path) as events:
            await events.event()
            got += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(follow)
        await eventually(lambda: here.running.ctx.changes._watchers)
        await here.admin("broadcast.pause", id=made)
    assert got == 20
    assert read <= 4
    await eventually(lambda: not here.running.ctx.changes._watchers)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("user.set", {"role": "operator"}),
        ("user.set", {"accounts": ["shop"]}),
        ("user.logout", {}),
        ("user.remove", {}),
    ],
)
async def test_a_stream_ends_with_its_session(
    here: Site, visit_as: VisitAs, method: str, change: dict[str, Any]
) -> None:
    browser = await visit_as("viewer")
    path = await path_of(browser, "/broadcasts")
    async with stream(browser, path) as events:
        await here.admin(method, name="viewer-all", **change)
        assert (await events.event())["event"] == "end"
        assert await events.event() == {}
    async with stream(browser, path) as events:
        assert (await events.event())["event"] == "end", "a page that asks again stops asking"


async def test_a_stream_ends_when_its_session_is_too_old(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("viewer")
    async with stream(browser, await path_of(browser, "/broadcasts")) as events:
        here.clock.advance(12 * HOUR)
        assert (await events.event())["event"] == "end", "looking on does not prolong a session"


async def test_a_session_has_few_streams_and_the_oldest_ends(here: Site, visit_as: VisitAs) -> None:
    made, browser = await scheduled(here), await visit_as("viewer")
    path = await path_of(browser, f"/broadcasts/{made}")
    async with AsyncExitStack() as stack:
        oldest, *_, newest = [
            await stack.enter_async_context(stream(browser, path)) for _ in range(live.PER_SESSION + 1)
        ]
        assert (await oldest.event())["event"] == "end"
        await here.admin("broadcast.pause", id=made)
        assert "paused" in (await newest.event())["data"]


async def test_one_user_leaves_streams_to_others(
    here: Site, visit_as: VisitAs, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of twenty browsers with four pages would be 80 of 200, with 80 addresses to be read one after the other."""
    monkeypatch.setattr(live, "PER_USER", 5)
    made, first, second, other = (
        await scheduled(here),
        await visit_as("viewer"),
        visit(),
        await visit_as("operator"),
    )
    await second.log_in("viewer-all")
    path = await path_of(first, f"/broadcasts/{made}")
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(stream(browser, path))
            for browser in (other, first, first, first, second, second, second)
        ]
        assert (await opened[1].event())["event"] == "end"
        await here.admin("broadcast.pause", id=made)
        for each in (opened[0], *opened[2:]):
            while "paused" not in (event := await each.event())["data"]:
                assert event["event"] == "change"


async def test_the_many_pages_of_one_user_hold_up_no_other(
    here: Site, visit_as: VisitAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages are due all the while, and are read one after the other: users take turns, not pages."""
    for place, name, value in (
        (live, "PER_SESSION", 20),
        (live, "ALL_SHARE", 1.0),
        (live_parts, "SHARE", 1.0),
        (live_parts, "MIN_INTERVAL_S", 0.0),
        (ListSource, "poll_s", 0.0),
    ):
        monkeypatch.setattr(place, name, value)
    reads: Counter[Hashable] = Counter()
    read = ListSource.read

    async def counted(self: ListSource) -> Any:
        reads[self.key] += 1
        return await read(self)

    monkeypatch.setattr(ListSource, "read", counted)
    greedy, other = await visit_as("viewer"), await visit_as("operator")
    async with AsyncExitStack() as stack:
        for number in range(12):
            path = await path_of(greedy, f"/broadcasts?text={number}")
            await stack.enter_async_context(stream(greedy, path))
        path = await path_of(other, "/broadcasts")
        before = reads.total()
        await stack.enter_async_context(stream(other, path))
        await eventually(lambda: reads.total() >= before + 60)
        (of_other,) = (count for key, count in reads.items() if "text=" not in str(key))
    assert of_other >= 20, reads


async def test_a_head_opens_no_stream(here: Site, visit_as: VisitAs) -> None:
    made, browser = await scheduled(here), await visit_as("viewer")
    path = await path_of(browser, f"/broadcasts/{made}")
    with anyio.fail_after(PATIENCE_S):
        assert (await browser.http.head(path, headers=ACCEPT)).status_code == 303
    assert not here.running.ctx.changes._watchers


async def test_there_are_not_more_streams_than_allowed(
    here: Site, visit_as: VisitAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 1)
    made, browser = await scheduled(here), await visit_as("viewer")
    path = await path_of(browser, f"/broadcasts/{made}")
    async with stream(browser, path):
        assert (await browser.get(path, **ACCEPT)).status_code == 503
    await eventually(lambda: not here.running.ctx.changes._watchers)
    async with stream(browser, path):
        pass


async def test_the_last_that_a_page_shows_before_a_drain_is_the_drain(here: Site, visit_as: VisitAs) -> None:
    here.clock.stop()
    made, browser = await here.send(people(200)), await visit_as("operator")
    await here.until(made, lambda shown: 0 < shown["sent_count"] < 200)
    for page in (f"/broadcasts/{made}", "/broadcasts"):
        async with stream(browser, await path_of(browser, page)) as events:
            here.running.ctx.drain = Drain(here.clock.now())
            seen = ""
            while event := await events.event():
                seen += event.get("data", "")
            assert "stopped for a restart" in seen
            assert "people a second" not in seen.rpartition('id="speed"')[2].partition("</p>")[0]
        here.running.ctx.drain = None


async def test_streams_end_at_once_when_the_daemon_drains(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("viewer")
    path = await path_of(browser, "/broadcasts")
    async with stream(browser, path) as events:
        here.running.ctx.drain = Drain(here.clock.now())
        here.running.ctx.changes.wake_all()
        assert await events.event() == {}, "it breaks off, so that the browser comes back"
    assert (await browser.get(path, **ACCEPT)).status_code == 503
    here.running.ctx.drain = None


async def test_a_reader_who_is_no_stream_is_led_to_the_page(here: Site, visit_as: VisitAs) -> None:
    made, browser = await scheduled(here), await visit_as("viewer")
    for path in ("/broadcasts", f"/broadcasts/{made}"):
        answer = await browser.get(f"{path}/live", Accept="text/html")
        assert (answer.status_code, answer.headers["location"]) == (303, path)


class Numbers:
    """A source that shows the next number each time."""

    key = "numbers"
    poll_s = POLL_S

    def __init__(self, broadcast_id: int | None) -> None:
        self.broadcast_id = broadcast_id

    async def read(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def whole(self, _: Any) -> list[Any]:
        """Nothing."""
        return []


@pytest.mark.parametrize("cost_s", [0.0, 0.005, 0.03, 0.2, 5.0])
async def test_what_costs_more_is_read_more_seldom(cost_s: float) -> None:
    topic = Topic(Numbers(None), Changes())
    assert topic.due_at() < 0
    await topic.read()
    topic.rest(cost_s, now=100.0)
    assert topic.due_at() == max(100 + POLL_S, 100 + min(cost_s * 100, LONGEST_PAUSE_S))
    topic.note_change()
    assert topic.due_at() == 100 + min(max(MIN_INTERVAL_S, cost_s * 100), LONGEST_PAUSE_S)


def test_of_those_that_are_due_it_is_the_turn_of_who_waits_longest() -> None:
    def topic(due_at: float) -> Topic:
        made = Topic(Numbers(None), Changes())
        made._due_at = due_at
        return made

    early, late, shared, not_due = topic(1.0), topic(2.0), topic(3.0), topic(11.0)
    users = {early: {"ann"}, late: {"bob"}, shared: {"ann", "cleo"}, not_due: {"dan"}}
    assert next_of(users, {"ann": 5.0, "bob": 6.0, "cleo": 7.0}, 10.0) is early
    assert next_of(users, {"ann": 9.0, "bob": 8.0, "cleo": 9.0}, 10.0) is late
    assert next_of(users, {"ann": 9.0, "bob": 8.0, "cleo": 7.0}, 10.0) is shared
    assert next_of(users, {"ann": 9.0, "bob": 8.0}, 10.0) is shared, "cleo has had no turn yet"
    assert next_of({not_due: set(), late: {"bob"}}, {}, 0.0) is late


async def test_a_change_of_another_broadcast_is_none_of_this_one() -> None:
    changes = Changes()
    topic = Topic(Numbers(7), changes)
    await topic.read()
    topic.rest(0, now=0.0)
    changes.publish([8])
    topic.note_change()
    assert topic.due_at() == POLL_S
    changes.publish([7])
    topic.note_change()
    assert topic.due_at() == MIN_INTERVAL_S
    topic.close()
    assert not changes._watchers
