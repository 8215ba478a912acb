"""Every admin method over a real socket, with and without the needed level."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import click
import pytest

from tests.support.patience import PATIENCE_S
from tests.support.site import configuration, people, site
from tests.support.users import CONNECTED_AS_NOBODY
from wacrmd.admin.client import AdminClient
from wacrmd.admin.methods import registry
from wacrmd.admin.protocol import RpcCode, RpcError
from wacrmd.cli.frame import EXAMPLE
from wacrmd.cli.main import SECTIONS
from wacrmd.domain.actor import Level
from wacrmd.reference.methods import SOCKET_ONLY, commands

pytestmark = pytest.mark.anyio

METHODS = list(registry())
LAST = ("account.rename", "number.remove", "drain")
"""Their examples take away what those of others work on."""


def test_every_method_has_a_command() -> None:
    assert set(commands()) | SOCKET_ONLY == {method.name for method in METHODS}


def every_command() -> Iterator[tuple[str, click.Command]]:
    for section in SECTIONS.values():
        for name, lazy in section.items():
            command = lazy.load()
            if not isinstance(command, click.Group):
                yield name, command
                continue
            context = click.Context(command)
            for verb in command.list_commands(context):
                loaded = command.get_command(context, verb)
                assert loaded is not None
                yield f"{name} {verb}", loaded


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in every_command()])
def test_every_help_has_an_example_that_can_be_typed(name: str, command: click.Command) -> None:
    text = (command.help or "") + EXAMPLE + getattr(command, "example", "")
    line = " ".join(text.split(EXAMPLE, 1)[1].split(EXAMPLE)[0].split())
    assert line.startswith(f"wacrmd {name}"), text
    known = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}
    assert {word for word in line.split() if word.startswith("--")} <= known | {"--json"}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


async def call_all(path: Path, file: Path) -> dict[str, Any]:
    """The result of each method for its example, or the error."""

    def run() -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for method in sorted(METHODS, key=lambda one: one.name in LAST):
            params = dict(method.example)
            if method.name == "backup":
                params["file"] = str(file)
            with AdminClient(path) as client:
                try:
                    if method.stream:
                        answers[method.name] = list(client.stream(method.name, params))
                    else:
                        answers[method.name] = client.call(method.name, params)
                except RpcError as error:
                    answers[method.name] = error
        return answers

    return await anyio.to_thread.run_sync(run)


async def test_every_method_answers_its_example_with_a_result_or_an_error_of_a_service(
    tmp_path: Path,
) -> None:
    """Examples name things that do not exist, so many give an error. It must come from a service, as a sentence."""
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(2))
        await here.until_status(broadcast_id, "sent")
        answers = await call_all(here.socket, tmp_path / "copy.db")
        assert set(answers) == {method.name for method in METHODS}
        for name, answer in answers.items():
            if isinstance(answer, RpcError):
                assert answer.code == RpcCode.REFUSED, (name, str(answer))
                assert answer.reason in ("not_found", "conflict", "bad_request"), (name, str(answer))
        done = {name for name, answer in answers.items() if not isinstance(answer, RpcError)}
        assert done >= {
            "status",
            "doctor",
            "account.list",
            "number.list",
            "number.check",
            "key.create",
            "broadcast.list",
            "broadcast.create",
            "template.sync",
            "optout.add",
            "optout.export",
            "audit",
            "log-level",
            "backup",
        }


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users may enter. Each other run of pytest closes its own folders again."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


OTHER_USER_PROGRAM = (
    CONNECTED_AS_NOBODY
    + """for call in json.loads(sys.argv[2]):
    s.sendall(json.dumps(call).encode() + b"\\n")
    while True:
        line = lines.readline()
        if b'"method":"stream"' not in line:
            break
    sys.stdout.buffer.write(line)
"""
)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_a_user_without_a_group_may_read_everything_and_change_nothing(public: Path) -> None:
    async with site(public, extra='[admin]\nsocket_mode = "0666"\n') as here:
        before = len(await here.admin("audit"))
        calls = [
            {"jsonrpc": "2.0", "id": at, "method": method.name, "params": method.example}
            for at, method in enumerate(METHODS)
        ]
        done = await anyio.run_process(
            [sys.executable, "-I", "-c", OTHER_USER_PROGRAM, str(here.socket), json.dumps(calls)]
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        for method, answer in zip(METHODS, answers, strict=True):
            denied = answer.get("error", {}).get("data", {}).get("code") == "denied"
            assert denied is (method.level > Level.READ), method.name
            if denied:
                assert f"needs the level {method.level.word}" in answer["error"]["message"]
        rows = (await here.admin("audit", limit=1000))[before:]
        assert {row["uid"] for row in rows} == {65534}
        denied_ones = [row["method"] for row in rows if row["result"] == "denied"]
        assert denied_ones == [method.name for method in METHODS if method.changes]
        exported = {row["method"] for row in rows if row["result"] == "ok"}
        assert exported <= {method.name for method in METHODS if method.exports}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_an_operator_may_operate_and_not_administer(public: Path) -> None:
    """Members of a supplementary group get their level as soon as a reload names the group."""
    program = OTHER_USER_PROGRAM.replace("os.setgroups([])", "os.setgroups([4242])")
    async with site(public, extra='[admin]\nsocket_mode = "0666"\n') as here:
        calls = [
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "optout.add",
                "params": {"account": "shop", "phone": "+14155550123"},
            },
            {"jsonrpc": "2.0", "id": 2, "method": "account.add", "params": {"name": "mine"}},
        ]

        async def ask() -> list[dict[str, Any]]:
            done = await anyio.run_process(
                [sys.executable, "-I", "-c", program, str(here.socket), json.dumps(calls)]
            )
            return [json.loads(line) for line in done.stdout.splitlines()]

        before = await ask()
        assert {answer["error"]["data"]["code"] for answer in before} == {"denied"}
        here.running.ctx.control.reread = lambda: configuration(
            public, here.sim.url, '[admin]\noperator_groups = ["4242"]\n'
        )
        await here.admin("reload")
        added, denied = await ask()
        assert added["result"]["phone"] == "+14155550123"
        assert "admin_groups" in denied["error"]["message"]
        assert [one["name"] for one in await here.admin("account.list")] == ["shop"]


async def test_the_socket_can_be_used_with_raw_lines(tmp_path: Path) -> None:
    """As in docs/admin.md: the greeting, a call, its response, a stream and its end."""

    def speak() -> list[dict[str, Any]]:
        with socket.socket(socket.AF_UNIX) as connected:
            connected.connect(str(tmp_path / "admin.sock"))
            connected.settimeout(PATIENCE_S)
            with connected.makefile("rwb") as lines:
                received = [json.loads(lines.readline())]
                lines.write(
                    b'{"jsonrpc":"2.0","id":1,"method":"broadcast.list","params":{"status":"sending"}}\n'
                )
                lines.flush()
                received.append(json.loads(lines.readline()))
                lines.write(b'{"jsonrpc":"2.0","id":"x","method":"optout.export","params":{}}\n')
                lines.flush()
                received += [json.loads(lines.readline()) for _ in range(3)]
        return received

    async with site(tmp_path):
        greeting, answer, *stream = await anyio.to_thread.run_sync(speak)
        assert greeting["protocol"] == 1
        assert answer == {"jsonrpc": "2.0", "id": 1, "result": []}
        assert [one.get("method") for one in stream] == ["stream", "stream", None]
        assert stream[0]["params"]["id"] == stream[2]["id"] == "x"


@pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed")
async def test_the_socket_can_be_used_with_socat(tmp_path: Path) -> None:
    line = '{"jsonrpc":"2.0","id":1,"method":"status"}'
    async with site(tmp_path) as here:
        shell = f"echo '{line}' | socat -t 10 - UNIX-CONNECT:{here.socket} | tail -1"
        done = await anyio.run_process(["sh", "-c", shell], stderr=subprocess.DEVNULL)
        assert json.loads(done.stdout)["result"]["healthy"] is True


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    "line", ["account remove ", "number show ", "broadcast show ", "key list --account "]
)
async def test_the_shell_completes_names_and_ids_that_the_daemon_knows(tmp_path: Path, line: str) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(1))
        known = {"account": "shop", "key": "shop", "number": here.number["phone_number_id"]}
        environ = os.environ | {
            "_WACRMD_COMPLETE": "bash_complete",
            "COMP_WORDS": f"wacrmd {line}",
            "COMP_CWORD": str(len(line.split()) + 1),
            "WACRMD_SOCKET": str(here.socket),
        }
        command = [sys.executable, "-m", "wacrmd.cli.main"]
        done = await anyio.run_process(command, env=environ, check=False)
        wanted = known.get(line.split(maxsplit=1)[0], broadcast_id)
        assert f"plain,{wanted}" in done.stdout.decode().splitlines()
        environ["WACRMD_SOCKET"] = str(tmp_path / "none.sock")
        done = await anyio.run_process(command, env=environ, check=False)
        assert (done.stdout.strip(), done.stderr) == (b"", b"")


@pytest.mark.exhaustive(only=True)
async def test_two_hundred_clients_and_one_that_does_not_read_are_served(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(str(here.socket))
        deaf.setblocking(False)
        call = b'{"jsonrpc":"2.0","id":1,"method":"rpc.describe"}\n'
        try:
            while True:
                deaf.send(call)
        except BlockingIOError:
            pass
        broadcast_id = await here.send(people(50))
        limiter = anyio.CapacityLimiter(200)
        answers: list[Any] = []

        def ask() -> None:
            with AdminClient(here.socket, connect_timeout_s=PATIENCE_S) as client:
                answers.append(client.call("broadcast.show", {"id": broadcast_id})["id"])

        async with anyio.create_task_group() as clients:
            for _ in range(200):
                clients.start_soon(lambda: anyio.to_thread.run_sync(ask, limiter=limiter))
        assert answers == [broadcast_id] * 200
        await here.until_status(broadcast_id, "sent")
        deaf.close()
