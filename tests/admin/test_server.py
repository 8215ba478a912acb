"""The admin server with ordinary, slow and hostile clients over a real socket."""

import os
import pwd
import select
import socket
import sys
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from structlog.testing import capture_logs

from tests.admin.harness import Raw, Start
from tests.support.folders import open_to_all
from tests.support.users import CONNECTED_AS_NOBODY
from wacrmd import __version__
from wacrmd.admin.client import AdminClient, NotReachableError
from wacrmd.admin.protocol import MAX_REQUEST, RpcError
from wacrmd.admin.server import MAX_READER_STREAMS
from wacrmd.domain.actor import Level

pytestmark = pytest.mark.anyio


async def call(path: Any, method: str, params: dict[str, Any] | None = None) -> Any:
    def blocking() -> Any:
        with AdminClient(path) as client:
            return client.call(method, params)

    return await anyio.to_thread.run_sync(blocking)


async def fails(path: Any, method: str, params: dict[str, Any] | None = None) -> RpcError:
    with pytest.raises(RpcError) as raised:
        await call(path, method, params)
    return raised.value


LISTENER = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
sys.stdout.buffer.write(s.makefile("rb").readline())
"""


async def test_the_greeting_names_version_and_protocol(start: Start) -> None:
    async with start() as daemon:
        done = await anyio.run_process([sys.executable, "-I", "-c", LISTENER, str(daemon.path)])
        assert done.stdout == f'{{"wacrmd":"{__version__}","protocol":1}}\n'.encode()


async def test_a_call_gets_its_result_and_its_handler_the_caller(start: Start) -> None:
    async with start() as daemon:
        result = await call(daemon.path, "echo", {"to": 5})
        assert result["to"] == 5
        (caller,) = daemon.callers
        assert (caller.uid, caller.pid) == (os.getuid(), os.getpid())


async def test_a_stream_gives_its_items_and_then_a_response(start: Start, raw: Raw) -> None:
    async with start() as daemon, raw(daemon.path) as line:
        await line.send(b'{"jsonrpc":"2.0","id":"w","method":"count","params":{"to":2}}\n')
        item = {"jsonrpc": "2.0", "method": "stream", "params": {"id": "w", "item": 0}}
        assert await line.read() == item
        assert (await line.read())["params"] == {"id": "w", "item": 1}
        assert await line.read() == {"jsonrpc": "2.0", "id": "w", "result": {"items": 2}}


async def test_the_client_iterates_over_a_stream(start: Start) -> None:
    async with start() as daemon:

        def blocking() -> list[Any]:
            with AdminClient(daemon.path) as client:
                return [*client.stream("count", {"to": 100}), client.call("echo", {"to": 1})["to"]]

        assert await anyio.to_thread.run_sync(blocking) == [*range(100), 1]


async def test_a_change_is_audited_without_its_secret(start: Start) -> None:
    async with start() as daemon:
        await call(daemon.path, "name.add", {"name": "Ana", "token": "EAAG-secret", "tags": ["a"]})
        ((user, method, params, result, _),) = daemon.audited
        assert (user, method, result) == (daemon.audited[0][0], "name.add", "ok")
        assert params == {"name": "Ana", "token": "[redacted]", "tags": ["a"]}


@pytest.mark.parametrize(
    ("level", "method", "params", "result"),
    [
        (Level.READ, "name.add", {"name": "Ana"}, "denied"),
        (Level.OPERATE, "name.add", {"name": "A"}, "bad_request"),
        (Level.OPERATE, "name.refuse", {"code": "conflict"}, "conflict"),
        (Level.OPERATE, "name.break", {}, "internal"),
    ],
)
async def test_a_failed_change_is_audited_with_its_error(
    start: Start, level: Level, method: str, params: dict[str, Any], result: str
) -> None:
    async with start(level) as daemon:
        error = await fails(daemon.path, method, params)
        assert error.reason == result
        assert [(one[1], one[3]) for one in daemon.audited] == [(method, result)]
        assert daemon.names == []


async def test_calls_that_only_read_are_not_audited(start: Start) -> None:
    async with start() as daemon:
        await call(daemon.path, "echo", {"to": 1})
        assert daemon.audited == []


async def test_the_value_of_an_unknown_parameter_is_not_audited(start: Start) -> None:
    async with start() as daemon:
        await fails(daemon.path, "name.add", {"name": "Ana", "tokne": "EAAG-secret"})
        assert daemon.audited[0][2] == {"name": "Ana", "tokne": "[redacted]"}


async def test_a_broken_audit_does_not_stop_the_call(start: Start) -> None:
    async with start() as daemon:

        async def failing(*_: object) -> None:
            raise OSError("disk full")

        assert daemon.server is not None
        daemon.server._audit = failing
        with capture_logs() as logs:
            assert await call(daemon.path, "name.add", {"name": "Ana"}) == {"name": "Ana"}
        assert "admin_audit_failed" in [entry["event"] for entry in logs]


async def test_a_denial_names_the_level_that_is_needed_and_what_to_do(start: Start) -> None:
    async with start(Level.READ) as daemon:
        error = await fails(daemon.path, "name.add", {"name": "Ana"})
        assert error.code == -32000
        assert "operate" in error.message
        assert "operator_groups" in error.message


async def test_all_wrong_parameters_are_listed_with_their_paths(start: Start) -> None:
    async with start() as daemon:
        error = await fails(daemon.path, "name.add", {"nam": "x", "tags": ["a", 1]})
        assert error.code == -32602
        listed = {one.path: one.message for one in error.problems}
        assert listed["name"] == "is required"
        assert "did you mean 'name'?" in listed["nam"]
        assert "string" in listed["tags[1]"]


async def test_an_unknown_method_names_the_nearest(start: Start) -> None:
    async with start() as daemon:
        error = await fails(daemon.path, "nmae.add")
        assert error.code == -32601
        assert "did you mean 'name.add'?" in error.message


async def test_an_error_of_a_service_keeps_code_details_and_retry_time(start: Start) -> None:
    async with start() as daemon:
        error = await fails(daemon.path, "name.refuse", {"code": "bad_request"})
        assert [(one.path, one.message) for one in error.problems] == [("a[0]", "is odd"), ("b", "is even")]
        error = await fails(daemon.path, "name.refuse", {"code": "unavailable"})
        assert error.data == {"code": "unavailable", "retry_after_s": 7}


async def test_an_unexpected_exception_is_answered_with_a_reference_only(start: Start) -> None:
    async with start() as daemon:
        with capture_logs() as logs:
            error = await fails(daemon.path, "name.break")
        assert error.code == -32603
        assert "EAAG123" not in error.message + str(error.data)
        (entry,) = [one for one in logs if one["event"] == "admin_method_crashed"]
        assert entry["reference"] == error.data["reference"]
        assert await call(daemon.path, "echo", {"to": 1})


async def test_a_result_that_is_not_json_is_an_internal_error_for_its_caller_only(start: Start) -> None:
    async with start() as daemon:
        assert (await fails(daemon.path, "bytes")).code == -32603
        assert await call(daemon.path, "echo", {"to": 1})


@pytest.mark.parametrize(
    ("sent", "code", "answered_id"),
    [
        (b"{nonsense", -32700, None),
        (b"\xff\xfe", -32700, None),
        (b"[" * 5000, -32700, None),
        (b"[]", -32600, None),
        (b'"text"', -32600, None),
        (b'{"id":1,"method":"echo"}', -32600, 1),
        (b'{"jsonrpc":"2.0","method":"echo"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":true,"method":"echo"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":"%s","method":"echo"}' % (b"a" * 129), -32600, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"to":[1%s]}}' % (b",1" * 60_000), -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":"a","method":"echo","params":[1]}', -32602, "a"),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_an_invalid_line_gets_an_error_and_the_connection_stays_open(
    start: Start, raw: Raw, sent: bytes, code: int, answered_id: Any
) -> None:
    async with start() as daemon, raw(daemon.path) as line:
        await line.send(sent + b"\n")
        answer = await line.read()
        assert (answer["error"]["code"], answer["id"]) == (code, answered_id)
        await line.send(b'\r\n  \n{"jsonrpc":"2.0","id":2,"method":"echo","params":{"to":1}}\r\n')
        assert (await line.read())["id"] == 2


async def test_calls_are_read_however_their_bytes_are_split(start: Start, raw: Raw) -> None:
    async with start() as daemon, raw(daemon.path) as line:
        one = b'{"jsonrpc":"2.0","id":%d,"method":"echo","params":{"to":1}}\n'
        data = b"".join(one % number for number in range(20))
        for begin in range(0, len(data), 7):
            await line.send(data[begin : begin + 7])
        assert {(await line.read())["id"] for _ in range(20)} == set(range(20))


@pytest.mark.parametrize("end", [b"", b"\n"])
async def test_a_line_that_is_too_long_gets_an_error_and_ends_the_connection(
    start: Start, raw: Raw, end: bytes
) -> None:
    async with start() as daemon:
        async with raw(daemon.path) as line:
            await line.send(b"x" * MAX_REQUEST + end)
            assert (await line.read())["error"]["data"]["code"] == "payload_too_large"
            with pytest.raises((EOFError, OSError)):
                await line.read()
        assert await call(daemon.path, "echo", {"to": 1})


async def test_a_line_of_the_maximum_length_is_accepted(start: Start, raw: Raw) -> None:
    async with start() as daemon, raw(daemon.path) as line:
        head = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"to":1}'
        await line.send(head + b" " * (MAX_REQUEST - len(head) - 2) + b"}\n")
        assert (await line.read())["result"]["to"] == 1


async def test_the_client_raises_before_sending_a_line_that_is_too_long(start: Start) -> None:
    async with start() as daemon:
        error = await fails(daemon.path, "name.add", {"name": "x" * MAX_REQUEST})
        assert error.reason == "payload_too_large"


async def test_a_large_result_arrives_whole(start: Start) -> None:
    async with start() as daemon:
        assert len(await call(daemon.path, "large")) == 8 << 20


async def test_a_stream_whose_client_does_not_read_is_ended_and_disconnected(start: Start, raw: Raw) -> None:
    async with start(write_timeout_s=0.2) as daemon, raw(daemon.path) as deaf:
        with capture_logs() as logs:
            await deaf.send(b'{"jsonrpc":"2.0","id":1,"method":"flood"}\n')
            await daemon.ended.wait()
        assert "admin_client_disconnected" in [entry["event"] for entry in logs]
        assert await call(daemon.path, "echo", {"to": 1})
        with pytest.raises((EOFError, OSError)):
            while True:
                await deaf.read()


async def test_a_client_that_does_not_read_its_responses_is_disconnected(start: Start, raw: Raw) -> None:
    async with start(write_timeout_s=0.2) as daemon, raw(daemon.path) as deaf:
        await deaf.send(b'{"jsonrpc":"2.0","id":1,"method":"large"}\n' * 20)
        with pytest.raises((EOFError, OSError)):
            while True:
                await deaf.send(b" " * 65536)
        assert await call(daemon.path, "echo", {"to": 1})


async def test_a_stream_ends_when_its_client_disconnects(start: Start, raw: Raw) -> None:
    async with start() as daemon:
        async with raw(daemon.path) as line:
            await line.send(b'{"jsonrpc":"2.0","id":1,"method":"watch"}\n')
            assert (await line.read())["params"]["item"] == "first"
        await daemon.ended.wait()


async def test_a_change_in_progress_is_finished_and_audited_when_its_client_disconnects(
    start: Start, raw: Raw
) -> None:
    async with start() as daemon:
        async with raw(daemon.path) as line:
            await line.send(b'{"jsonrpc":"2.0","id":1,"method":"name.wait"}\n')
            await daemon.begun.wait()
        assert await call(daemon.path, "echo", {"to": 1})
        daemon.go.set()
        await anyio.wait_all_tasks_blocked()
        assert daemon.names == ["waited"]
        assert [one[3] for one in daemon.audited] == ["ok"]


async def test_an_exception_in_one_connection_ends_only_that_connection(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise RuntimeError("nobody expected this")

    async with start() as daemon:
        with capture_logs() as logs, monkeypatch.context() as patched, pytest.raises(NotReachableError):
            patched.setattr(pwd, "getpwuid", broken)
            await call(daemon.path, "echo", {"to": 1})
        assert "admin_connection_crashed" in [entry["event"] for entry in logs]
        assert await call(daemon.path, "echo", {"to": 1})


async def test_calls_sent_before_a_half_close_are_answered(start: Start, raw: Raw) -> None:
    async with start() as daemon, raw(daemon.path) as line:
        await line.send(b'{"jsonrpc":"2.0","id":1,"method":"name.wait"}\n')
        line.socket.shutdown(socket.SHUT_WR)
        await daemon.begun.wait()
        daemon.go.set()
        assert (await line.read())["result"] == "done"


async def test_a_call_is_answered_while_another_one_waits(start: Start, raw: Raw) -> None:
    async with start() as daemon, raw(daemon.path) as line:
        await line.send(b'{"jsonrpc":"2.0","id":1,"method":"name.wait"}\n')
        await line.send(b'{"jsonrpc":"2.0","id":2,"method":"echo","params":{"to":1}}\n')
        assert (await line.read())["id"] == 2
        daemon.go.set()
        assert (await line.read())["id"] == 1


async def test_streams_above_the_limit_of_a_connection_are_rejected(start: Start, raw: Raw) -> None:
    async with start() as daemon, raw(daemon.path) as line:
        for number in range(5):
            await line.send(b'{"jsonrpc":"2.0","id":%d,"method":"watch"}\n' % number)
        answers = [await line.read() for _ in range(5)]
        assert [one["id"] for one in answers if "error" in one] == [4]


async def test_readers_hold_only_so_many_streams_together(start: Start, raw: Raw) -> None:
    async with start() as daemon, AsyncExitStack() as opened:
        daemon.level = Level.READ
        lines = [
            await opened.enter_async_context(raw(daemon.path)) for _ in range(MAX_READER_STREAMS // 4 + 1)
        ]
        answers = []
        for line in lines:
            for number in range(4):
                await line.send(b'{"jsonrpc":"2.0","id":%d,"method":"watch"}\n' % number)
            answers += [await line.read() for _ in range(4)]
        assert [("error" in each) for each in answers] == [False] * MAX_READER_STREAMS + [True] * 4
        daemon.level = Level.OPERATE
        operator = await opened.enter_async_context(raw(daemon.path))
        await operator.send(b'{"jsonrpc":"2.0","id":1,"method":"watch"}\n')
        assert "params" in await operator.read()


async def test_two_hundred_concurrent_clients_are_served(start: Start, raw: Raw) -> None:
    async with start() as daemon:
        results = []
        here = anyio.Event()
        connected = 0

        async def one(number: int) -> None:
            nonlocal connected
            async with raw(daemon.path) as line:
                connected += 1
                if connected == 200:
                    here.set()
                await here.wait()
                await line.send(b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"to":%d}}\n' % number)
                results.append((await line.read())["result"]["to"])

        async with anyio.create_task_group() as clients:
            for number in range(200):
                clients.start_soon(one, number)
        assert sorted(results) == list(range(200))


async def test_a_connection_above_the_limit_gets_an_error_and_a_freed_slot_is_reused(
    start: Start, raw: Raw
) -> None:
    async with start(max_connections=3) as daemon:
        async with raw(daemon.path), raw(daemon.path), raw(daemon.path):
            error = await fails(daemon.path, "echo", {"to": 1})
            assert "too many connections" in error.message
        await anyio.wait_all_tasks_blocked()
        assert await call(daemon.path, "echo", {"to": 1})


async def test_read_only_clients_cannot_use_the_connections_of_operators(start: Start, raw: Raw) -> None:
    async with start(max_connections=4) as daemon:
        daemon.level = Level.READ
        async with raw(daemon.path), raw(daemon.path), raw(daemon.path):
            assert "too many" in (await fails(daemon.path, "echo", {"to": 1})).message
            daemon.level = Level.OPERATE
            assert await call(daemon.path, "echo", {"to": 1})


async def test_who_connects_behind_a_crowd_does_not_wait_a_turn_of_the_loop_for_each(start: Start) -> None:
    async with start(max_connections=4) as daemon:
        daemon.level = Level.READ
        with ExitStack() as crowd:
            for _ in range(200):
                last = crowd.enter_context(socket.socket(socket.AF_UNIX))
                last.connect(str(daemon.path))
            turns = 0
            while not select.select([last], [], [], 0)[0]:
                await anyio.lowlevel.checkpoint()
                turns += 1
            assert b"too many" in last.recv(1000)
    assert turns < 50


async def test_stopping_answers_running_calls_ends_streams_and_removes_the_socket(
    start: Start, raw: Raw
) -> None:
    async with start() as daemon, raw(daemon.path) as waiting, raw(daemon.path) as watching, raw(daemon.path):
        await waiting.send(b'{"jsonrpc":"2.0","id":1,"method":"name.wait"}\n')
        await watching.send(b'{"jsonrpc":"2.0","id":1,"method":"watch"}\n')
        await watching.read()
        await daemon.begun.wait()
        assert daemon.server is not None
        daemon.server.stop()
        await daemon.ended.wait()
        assert not daemon.served.is_set()
        assert not daemon.path.exists()
        daemon.go.set()
        assert (await waiting.read())["result"] == "done"
        await daemon.served.wait()


async def test_a_change_cancelled_by_the_stop_of_the_daemon_is_audited(start: Start, raw: Raw) -> None:
    async with start() as daemon, raw(daemon.path) as line:
        await line.send(b'{"jsonrpc":"2.0","id":1,"method":"name.wait"}\n')
        await daemon.begun.wait()
    assert [one[3] for one in daemon.audited] == ["interrupted"]
    assert not daemon.path.exists()


async def test_rpc_describe_lists_all_methods_with_level_and_schema(start: Start) -> None:
    async with start() as daemon:
        listed = {one["name"]: one for one in await call(daemon.path, "rpc.describe")}
        assert "rpc.describe" in listed
        added = listed["name.add"]
        assert (added["level"], added["changes"], added["stream"]) == ("operate", True, False)
        assert added["params"]["required"] == ["name"]
        assert added["example"] == {"name": "Jo"}
        assert listed["count"]["stream"] is True


OTHER_USER_PROGRAM = (
    CONNECTED_AS_NOBODY
    + """for call in (b'"name.add","params":{"name":"Ana"}', b'"echo","params":{"to":1}'):
    s.sendall(b'{"jsonrpc":"2.0","id":1,"method":' + call + b'}\\n')
    sys.stdout.buffer.write(lines.readline())
"""
)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_another_user_may_read_and_may_not_change(start: Start) -> None:
    async with start() as daemon:
        open_to_all(daemon.path.parent)
        done = await anyio.run_process([sys.executable, "-I", "-c", OTHER_USER_PROGRAM, str(daemon.path)])
        denied, answered = done.stdout.splitlines()
        assert b'"denied"' in denied
        assert b'"result"' in answered
        assert daemon.names == []
        assert daemon.callers[0].uid == 65534
        assert [one[3] for one in daemon.audited] == ["denied"]
