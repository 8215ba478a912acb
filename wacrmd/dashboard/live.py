"""Pages that move by themselves: server-sent events for all browsers that look at the same, from one reading of it.

One task looks after all that is looked at. It makes the parts of a page anew when something has changed, at most once a
second, and so seldom that this costs little (`live_parts.SHARE`, `ALL_SHARE`). What differs from the time before is sent,
and replaces the elements in the page. A stream that waits is an event and a few hundred bytes: it holds no thread and no
connection to the database. An event's id says what the browser has seen, so one that comes back gets nothing twice.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Hashable, Sequence

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from wacrmd.dashboard.live_parts import Source, Topic, next_of
from wacrmd.domain.user import LoginSession
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.log import get_logger
from wacrmd.services.access.login import ended_among
from wacrmd.services.broadcasts.details import Speeds
from wacrmd.services.context import Context

ALL_SHARE = 0.01
"""The part of a core that all sources together may cost."""

WRITE_S = 0.0002
"""What it costs to write an event to one browser."""

TICK_S = 0.1
"""Changes are looked at this often: while messages are sent, hundreds a second are reported."""

CHECK_S = 2.0
"""How soon a stream ends after its session."""

HEARTBEAT_S = 20.0
"""Proxies close a connection on which nothing is sent for about a minute."""

LONGEST_S = 900.0
"""A stream ends then, and the browser comes back: so a reverse proxy is asked again who its user is."""

PER_SESSION = 4
"""Streams of one session; the oldest ends for a new one. Browsers open no more than six connections to a host."""

PER_USER = 20
"""Streams of one user in all browsers; the oldest ends for a new one. Somebody with a link is of this machine."""

MAX_STREAMS = 200

RETRY_MS = (2_000, 8_000)
"""When a browser comes back after its stream broke off: not all of them at once."""

EVENT_STREAM = "text/event-stream"
END = b"event: end\ndata: .\n\n"
"""Lets the page close its stream for good."""

log = get_logger(__name__)


class _Stream:
    """One browser that looks at a page."""

    def __init__(self, session: LoginSession, topics: list[Topic], seen: list[str]) -> None:
        self.session = session
        self.topics = topics
        self.woken = asyncio.Event()
        self.is_over = False
        """It ends, and the browser may come back."""
        self.is_ended = False
        """It ends, and the page stays as it is."""
        self._seen = seen

    def end(self) -> None:
        """Let it end for good."""
        self.is_over = self.is_ended = True
        self.woken.set()

    def break_off(self) -> None:
        """Let it end; the browser comes back after a while."""
        self.is_over = True
        self.woken.set()

    def events(self) -> bytes:
        """What the browser has not seen."""
        found = b""
        for place, topic in enumerate(self.topics):
            if topic.version and self._seen[place] != topic.version:
                found += topic.since(self._seen[place])
                self._seen[place] = topic.version
        return b"id: %s\nevent: change\n%s\n" % (".".join(self._seen).encode(), found) if found else b""


class Live:
    """The streams of a dashboard."""

    def __init__(self, ctx: Context) -> None:
        self.speeds = Speeds()
        self._ctx = ctx
        self._topics: dict[Hashable, Topic] = {}
        self._streams: dict[_Stream, None] = {}  # the oldest is first
        self._turns: dict[Hashable, float] = {}
        """When something was last read for a user."""
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    def answer(self, session: LoginSession, sources: Sequence[Source], seen: str | None) -> "EventStream":
        """The events of a page, from the versions of its sources that the browser has seen, joined by dots.

        Raises Refusal while there are too many, and while the daemon drains.
        """
        if self._ctx.draining:
            raise Refusal(ErrorCode.UNAVAILABLE, "The daemon drains: nothing is sent now")
        if len(self._streams) >= MAX_STREAMS:
            raise Refusal(ErrorCode.UNAVAILABLE, "Too many pages are open that update by themselves")
        versions = (seen or "").split(".")
        if len(versions) != len(sources):
            versions = [""] * len(sources)
        return EventStream(self._events(session, sources, versions))

    async def _events(
        self, session: LoginSession, sources: Sequence[Source], seen: list[str]
    ) -> AsyncGenerator[bytes, None]:
        stream = _Stream(session, [self._topic(each) for each in sources], seen)
        ends_at = anyio.current_time() + LONGEST_S
        self._add(stream)
        try:
            yield b"retry: %d\n\n" % random.randint(*RETRY_MS)  # noqa: S311 - it spreads, and keeps nothing secret
            while not stream.is_over and anyio.current_time() < ends_at:
                stream.woken.clear()
                if events := stream.events():
                    yield events
                with anyio.move_on_after(HEARTBEAT_S) as waiting:
                    await stream.woken.wait()
                if waiting.cancelled_caught:
                    yield b":\n\n"
            if events := stream.events():
                yield events
            if stream.is_ended:
                yield END
        finally:
            self._remove(stream)

    def _topic(self, source: Source) -> Topic:
        topic = self._topics.get(source.key)
        if topic is None:
            topic = self._topics[source.key] = Topic(source, self._ctx.changes)
        return topic

    def _add(self, stream: _Stream) -> None:
        user = stream.session.user_id
        lasting = [each for each in self._streams if not each.is_over]
        of_session = [each for each in lasting if _is_same(each.session, stream.session)]
        of_user = [each for each in lasting if user is not None and each.session.user_id == user]
        for own, most in ((of_session, PER_SESSION), (of_user, PER_USER)):
            for each in own[: max(0, len(own) + 1 - most)]:
                each.end()
        self._streams[stream] = None
        for topic in stream.topics:
            topic.watchers.add(stream.woken)
        self._woken.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def _remove(self, stream: _Stream) -> None:
        del self._streams[stream]
        for topic in stream.topics:
            topic.watchers.discard(stream.woken)
            if not topic.watchers:
                topic.close()
                self._topics.pop(topic.source.key, None)
        if not self._streams and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        """Look after the sources while somebody looks at them."""
        try:
            with self._ctx.changes.watch_all() as self._woken:
                await self._look()
        except Exception:
            log.exception("live_pages_crashed", streams=len(self._streams))
        finally:
            if self._task is asyncio.current_task():
                self._task = None
                for each in self._streams:
                    each.break_off()

    async def _look(self) -> None:
        check_at = rests_until = anyio.current_time()
        # The task may be cancelled during a read, which is completed all the same.
        while self._task is asyncio.current_task() and not self._ctx.draining:
            if self._woken.is_set():
                self._woken.clear()
                for each in self._topics.values():
                    each.note_change()
            if anyio.current_time() >= check_at:
                await self._end_strangers()
                check_at = anyio.current_time() + CHECK_S
            began_at = anyio.current_time()
            users = self._users()
            topic = next_of(users, self._turns, began_at)
            due_at = max(topic.due_at(), rests_until)
            if began_at >= due_at:
                await self._read(topic)
                ended_at = anyio.current_time()
                cost_s = ended_at - began_at + WRITE_S * len(topic.watchers)
                topic.rest(cost_s, ended_at)
                rests_until = ended_at + cost_s / ALL_SHARE
                self._turns |= dict.fromkeys(users[topic], ended_at)
                continue
            with anyio.move_on_after(min(due_at, check_at) - began_at):
                await self._woken.wait()
                await anyio.sleep(TICK_S)
        if self._task is asyncio.current_task():
            # The last that pages show until they come back is that nothing is sent.
            for topic in list(self._topics.values()):
                await self._read(topic)

    def _users(self) -> dict[Topic, set[Hashable]]:
        """Who looks at each source; the turns of users who look at nothing any more are forgotten."""
        users: dict[Topic, set[Hashable]] = {each: set() for each in self._topics.values()}
        for stream in self._streams:
            for topic in stream.topics:
                users[topic].add(_user(stream.session))
        looking = set().union(*users.values())
        self._turns = {user: turn for user, turn in self._turns.items() if user in looking}
        return users

    async def _read(self, topic: Topic) -> None:
        try:
            await topic.read()
        except Refusal as refusal:
            # The broadcast is gone, or the file cannot be read now: the page says what it is when it is loaded again.
            log.warning("live_page_ended", reason=refusal.message)
            for each in self._streams:
                if topic in each.topics:
                    each.end()

    async def _end_strangers(self) -> None:
        """End the streams whose sessions have ended."""
        sessions = {_key(each.session): each.session for each in self._streams}
        ended = {_key(each) for each in await ended_among(self._ctx, sessions.values())}
        for each in self._streams:
            if _key(each.session) in ended:
                each.end()


class EventStream(StreamingResponse):
    """An answer of server-sent events. What it holds is given back as soon as the browser has gone."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        headers = {
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }  # nginx holds answers back otherwise
        super().__init__(events, media_type=EVENT_STREAM, headers=headers)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer (ASGI 3)."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._events.aclose()


def _key(session: LoginSession) -> Hashable:
    return session.id, session.user_id  # a session by a reverse proxy has no id of its own


def _user(session: LoginSession) -> Hashable:
    return session.user_id or session.uid  # who came by a link is a user of the machine


def _is_same(one: LoginSession, other: LoginSession) -> bool:
    return _key(one) == _key(other)
