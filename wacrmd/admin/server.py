"""The admin socket's server: takes connections, runs methods, tells the audit; knows no service."""

import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from wacrmd import __version__
from wacrmd.admin import protocol
from wacrmd.admin.connection import Connection, SendItem
from wacrmd.admin.identity import Caller, Peer, peer_of, user_name
from wacrmd.admin.pace import Pace
from wacrmd.admin.protocol import MAX_DESCRIPTORS, Request, RpcCode, RpcError
from wacrmd.admin.registry import Method, Registry
from wacrmd.admin.wire import Wire
from wacrmd.domain.actor import Level
from wacrmd.domain.summed_calls import EXPORTS_AT_ONCE, SummedCalls
from wacrmd.errors import ErrorCode, Refusal, WacrmdError
from wacrmd.fields import JsonObject
from wacrmd.http.sockets import Listener
from wacrmd.log import get_logger
from wacrmd.operations.inputs import OpenFiles
from wacrmd.views.errors import ErrorBody

C = TypeVar("C")

Audit = Callable[[Caller, str, JsonObject, str, int], Awaitable[None]]
"""`await audit(caller, method, redacted params, result, calls)`; result: `ok`, `denied`, `interrupted`, a code."""

MAX_CONNECTIONS = 256
RESERVED_CONNECTIONS = 32
"""Of those, how many mere readers may never take: they must not be able to lock an operator out."""

MAX_READER_STREAMS = 32
"""How many streams all readers together may hold: an export of thousands of rows costs as much as many calls."""

WRITE_TIMEOUT_S = 10.0
"""How long a client may leave a line unread before its connection is cut."""

_AUDIT_TIMEOUT_S = 5.0
_ACCEPTED_AT_ONCE = 64
_ACCEPT_PAUSE_S = 0.2
_SUM_UP_S = 1.0
_OK, _INTERRUPTED = "ok", "interrupted"

SEVERAL = Caller(pid=0, uid=-1, gid=-1, user="(several users)", level=Level.READ)
"""Stands for the users of denied calls that are not told apart."""

log = get_logger(__name__)


class Server(Generic[C]):
    """Serves one registry on one listener; `context` is handed to every handler as it is."""

    def __init__(
        self,
        registry: Registry[C],
        context: C,
        *,
        audit: Audit,
        level_of: Callable[[Peer], Level],
        max_connections: int = MAX_CONNECTIONS,
        write_timeout_s: float = WRITE_TIMEOUT_S,
    ) -> None:
        self._registry = registry
        self._context = context
        self._audit = audit
        self._level_of = level_of
        self._max_connections = max_connections
        self._max_readers = max_connections - min(RESERVED_CONNECTIONS, max_connections // 4)
        self._write_timeout_s = write_timeout_s
        self._connections: set[Connection] = set()
        self._open = 0
        self._reader_streams = 0
        self._stopping = anyio.Event()
        self._denials = SummedCalls(lambda caller: caller.uid, SEVERAL)
        self._exports = SummedCalls(lambda caller: caller.uid, SEVERAL, EXPORTS_AT_ONCE)
        self._pace = Pace()

    async def serve(self, listener: Listener) -> None:
        """Serve until `stop`, then until the last ordinary call is answered; cancelling ends it at once.

        The listener is closed in either case, and its file removed.
        """
        listener.socket.setblocking(False)
        async with anyio.create_task_group() as connections:
            try:
                async with anyio.create_task_group() as accepting:
                    accepting.start_soon(self._cancel_on_stop, accepting.cancel_scope)
                    accepting.start_soon(self._sum_up)
                    while True:
                        for accepted in await _accept(listener.socket):
                            self._start_connection(accepted, connections)
            finally:
                listener.close()
            for connection in self._connections:
                connection.finish()
        await self._audit_sums(None)

    def stop(self) -> None:
        """Take no more connections or calls, end streams, let calls that have begun be answered."""
        self._stopping.set()

    async def _cancel_on_stop(self, scope: anyio.CancelScope) -> None:
        await self._stopping.wait()
        scope.cancel()

    async def _sum_up(self) -> None:
        while True:
            await anyio.sleep(_SUM_UP_S)
            await self._audit_sums(anyio.current_time())

    async def _audit_sums(self, now_s: float | None) -> None:
        for calls, result in ((self._denials, protocol.DENIED), (self._exports, _OK)):
            for each in calls.due(now_s):
                await self._enter(each.caller, each.method, {}, result, each.calls)

    async def _turn(self, caller: Caller) -> None:
        """Return when the next connection or call of this caller may be served."""
        if caller.level is Level.READ:
            await anyio.sleep(self._pace.delay_s(caller.uid, anyio.current_time()))

    def _start_connection(self, accepted: socket.socket, connections: TaskGroup) -> None:
        try:
            peer = peer_of(accepted)
        except OSError:
            accepted.close()
            return
        level = self._level_of(peer)
        if self._open >= (self._max_readers if level is Level.READ else self._max_connections):
            log.warning(
                "admin_connection_rejected", uid=peer.uid, pid=peer.pid, open=self._open, summed=peer.uid
            )
            _reject_connection(accepted)
            return
        self._open += 1
        connections.start_soon(self._serve_connection, accepted, peer, level)

    async def _serve_connection(self, accepted: socket.socket, peer: Peer, level: Level) -> None:
        try:
            with accepted, closing(Wire(accepted, MAX_DESCRIPTORS if level is Level.ADMIN else 0)) as wire:
                caller = Caller(peer.pid, peer.uid, peer.gid, await user_name(peer.uid), level)
                await self._turn(caller)
                connection = Connection(
                    wire,
                    caller,
                    turn=self._turn,
                    streams=self._streams,
                    perform=self._perform,
                    write_timeout_s=self._write_timeout_s,
                )
                self._connections.add(connection)
                try:
                    if not self._stopping.is_set():
                        await connection.run(protocol.greeting(__version__))
                finally:
                    self._connections.discard(connection)
        except Exception:
            # Whatever a client provokes ends its own connection and nothing else.
            log.exception("admin_connection_crashed", uid=peer.uid, pid=peer.pid, summed=peer.uid)
        finally:
            self._open -= 1

    def _streams(self, request: Request) -> bool:
        """Whether this call is one that streams; an unknown method is an ordinary call."""
        try:
            return self._registry.find(request.method).stream
        except RpcError:
            return False

    async def _perform(self, request: Request, caller: Caller, send: SendItem) -> bytes:
        """Run one call, tell the audit if it is for it, and return the line of the answer."""
        try:
            method = self._registry.find(request.method)
        except RpcError as error:
            return protocol.encode_error(request.id, error)
        try:
            answer, result = await self._run(method, request, caller, send), _OK
        except RpcError as error:
            answer, result = protocol.encode_error(request.id, error), error.reason
        except BaseException:
            await self._write_audit(method, request, caller, _INTERRUPTED)
            raise
        await self._write_audit(method, request, caller, result)
        return answer

    async def _run(self, method: Method[C], request: Request, caller: Caller, send: SendItem) -> bytes:
        """The line of the result; raises RpcError for everything that becomes an error answer."""
        try:
            _check_level(method, caller)
            params = method.validate(request.params, self._context)
            if isinstance(params, OpenFiles):
                params.attach(request.descriptors)
            outcome = method.handler(self._context, params, caller)
            if isinstance(outcome, Awaitable):
                return protocol.encode_result(request.id, await outcome)
            count = 0
            async with self._counted(caller), contextlib.aclosing(outcome) as items:
                async for item in items:
                    await send(protocol.encode_item(request.id, item))
                    count += 1
            return protocol.encode_result(request.id, {"items": count})
        except RpcError:
            raise
        except Refusal as refusal:
            raise _refused(refusal) from None
        except WacrmdError as error:
            log.warning("admin_method_failed", method=method.name, error=str(error), summed=method.name)
            raise RpcError(RpcCode.REFUSED, str(error), {"code": ErrorCode.UNAVAILABLE}) from None
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("admin_method_crashed", method=method.name, reference=reference, uid=caller.uid)
            raise RpcError(
                RpcCode.INTERNAL_ERROR,
                f"{method.name} failed inside the daemon: look for reference {reference} in its log",
                {"code": ErrorCode.INTERNAL, "reference": reference},
            ) from None

    @contextlib.asynccontextmanager
    async def _counted(self, caller: Caller) -> AsyncIterator[None]:
        """Count the stream that is sent within the block; raises RpcError if readers hold too many."""
        is_reader = caller.level is Level.READ
        if is_reader and self._reader_streams >= MAX_READER_STREAMS:
            raise RpcError(
                RpcCode.REFUSED,
                f"users who may only read hold {MAX_READER_STREAMS} streams together: try again later",
                {"code": ErrorCode.RATE_LIMITED},
            )
        self._reader_streams += is_reader
        try:
            yield
        finally:
            self._reader_streams -= is_reader

    async def _write_audit(self, method: Method[C], request: Request, caller: Caller, result: str) -> None:
        is_denied = result == protocol.DENIED
        is_refused_export = method.exports and not is_denied and result not in (_OK, _INTERRUPTED)
        if not method.is_audited or is_refused_export:  # such an export took nothing away
            return
        sums = self._denials if is_denied else self._exports if method.exports else None
        shown = sums.admit(caller, method.name, anyio.current_time()) if sums is not None else caller
        if shown is None:
            return
        # Without parameters: nobody may write into the database whose call is denied.
        params = {} if is_denied else method.audited(request.params)
        await self._enter(shown, method.name, params, result, 1)

    async def _enter(self, caller: Caller, method: str, params: JsonObject, result: str, calls: int) -> None:
        """Write an entry in the audit."""
        # Shielded: a call that has begun is audited, also while the daemon stops.
        with anyio.move_on_after(_AUDIT_TIMEOUT_S, shield=True) as scope:
            try:
                await self._audit(caller, method, params, result, calls)
            except Exception:
                log.exception("admin_audit_failed", method=method, uid=caller.uid, result=result)
        if scope.cancelled_caught:
            log.error("admin_audit_failed", method=method, uid=caller.uid, result=result)


async def _accept(listening: socket.socket) -> list[socket.socket]:
    """The next connections; none where there was no room for one at the moment.

    Several at once: behind a thousand that strangers have opened and left, an operator waits no thousand turns of the loop.
    """
    await anyio.wait_readable(listening)
    accepted: list[socket.socket] = []
    while len(accepted) < _ACCEPTED_AT_ONCE:
        try:
            each, _ = listening.accept()
        except BlockingIOError:
            break
        except ConnectionAbortedError:
            continue
        except OSError as error:
            # Out of descriptors or memory: those who are connected go on, and the next waits in the backlog.
            log.warning("admin_accept_failed", error=str(error), summed=True)
            if not accepted:
                await anyio.sleep(_ACCEPT_PAUSE_S)
            break
        each.setblocking(False)
        accepted.append(each)
    return accepted


def _reject_connection(accepted: socket.socket) -> None:
    """Say why in one line, which an empty socket buffer always holds, and close."""
    error = RpcError(
        RpcCode.REFUSED,
        "too many connections to the admin socket: close some, or try again later",
        {"code": ErrorCode.UNAVAILABLE},
    )
    with accepted, contextlib.suppress(OSError):
        accepted.send(protocol.encode_error(None, error))


def _refused(refusal: Refusal) -> RpcError:
    """A service's refusal as the answer of a call."""
    data = ErrorBody.of(refusal).to_object()["error"]
    message = data.pop("message")
    if refusal.retry_after_s is not None:
        data["retry_after_s"] = refusal.retry_after_s
    return RpcError(RpcCode.REFUSED, message, data)


def _check_level(method: Method[Any], caller: Caller) -> None:
    if caller.level >= method.level:
        return
    raise RpcError(
        RpcCode.REFUSED,
        f"{method.name} needs the level {method.level.word}, and user {caller.user} has {caller.level.word}: "
        "use sudo, or ask the administrator to add you to a group in [admin] "
        + ("admin_groups" if method.level is Level.ADMIN else "operator_groups"),
        {"code": protocol.DENIED, "level": method.level.word},
    )
