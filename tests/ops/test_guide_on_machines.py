"""docs/operations.md, word by word, on machines with a booted systemd: nobody gets a message twice, nothing is lost."""

import re
import shlex
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from tests.docs.pages import markdown_files
from tests.e2e.process import free_ports
from tests.support.machine import TOP, Machine, booted, needs_boot
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import (
    ACCESS_TOKEN,
    APP_SECRET,
    PHONE_NUMBER_ID,
    VERIFY_TOKEN,
    WABA_ID,
    people,
    phones,
)
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio

TEXT = (TOP / "docs/operations.md").read_text()
COUNT = 1000
SETTLE_S = 2.0
"""How long is looked whether a daemon that must not send sends: at its rate that would be hundreds of messages."""


def section(title: str) -> str:
    """The text below a heading."""
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(title: str) -> list[str]:
    """The shell commands below a heading, block by block."""
    return re.findall(r"```sh\n(.*?)```", section(title), re.DOTALL)


def test_whatever_stops_the_daemon_names_its_socket() -> None:
    """Otherwise the next request starts it again."""
    stops = [
        line
        for file in (*markdown_files(), *(TOP / "contrib").rglob("*"))
        if file.is_file() and file.suffix not in (".gz", ".json")
        for line in file.read_text(errors="replace").splitlines()
        if re.search(r"systemctl (stop|disable)\b.*wacrmd", line)
    ]
    assert len(stops) > 6
    for line in stops:
        assert "wacrmd.socket wacrmd.service" in line, line


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """What machines have in common: files that are copied from one to the other."""
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


class Owner:
    """Runs a machine as an administrator does, with the commands of the guide."""

    def __init__(self, machine: Machine, sim: Simulator, ports: list[int]) -> None:
        self.machine, self.sim = machine, sim
        self.api_port, self.webhook_port = ports
        self.key = ""

    async def run(self, script: str, folder: str = "/srv/admin", *, check: bool = True) -> str:
        """Run lines of a shell."""

        def run() -> str:
            return self.machine.run(script, folder=folder, check=check)

        return await anyio.to_thread.run_sync(run)

    async def install(self) -> None:
        """Install the single executable as the guide says, with the ports and the Meta of the test."""
        admin = self.machine.admin
        shutil.copytree(TOP / "contrib", admin / "contrib")
        (admin / "dist").mkdir()
        shutil.copy(admin.parent / "bin" / "wacrmd", admin / "dist" / "wacrmd")
        shutil.copy(TOP / "config.example.toml", admin)
        for file, changes in (
            ("config.example.toml", {"https://graph.facebook.com": self.sim.url}),
            ("contrib/systemd/wacrmd.socket", {}),
        ):
            text = (admin / file).read_text()
            changes |= {"127.0.0.1:8080": f"127.0.0.1:{self.api_port}"}
            for old, new in {**changes, "127.0.0.1:8081": f"127.0.0.1:{self.webhook_port}"}.items():
                assert old in text
                text = text.replace(old, new)
            (admin / file).write_text(text)
        (commands,) = [each for each in blocks("Install") if "dist/wacrmd" in each]
        await self.run(commands)

    async def add_number(self) -> None:
        """Account, number and key."""
        for name, text in (
            ("access-token", ACCESS_TOKEN),
            ("app-secret", APP_SECRET),
            ("verify-token", VERIFY_TOKEN),
        ):
            (self.machine.admin / name).write_text(text)
        files = " ".join(f"--{name}-file {name}" for name in ("access-token", "app-secret", "verify-token"))
        await self.run("sudo wacrmd account add shop")
        await self.run(
            f"sudo wacrmd number add --account shop --phone-number-id {PHONE_NUMBER_ID} --waba-id {WABA_ID} {files}"
        )
        shown = await self.run(
            "sudo wacrmd --json key create --account shop --name crm --scope broadcasts:send"
        )
        self.key = httpx.Response(200, text=shown).json()["key"]

    def client(self) -> httpx.AsyncClient:
        """A local app."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.api_port}", headers=headers, timeout=PATIENCE_S
        )

    async def request_of_meta(self) -> int | None:
        """One request on the port for webhooks; its status, None if nobody listens."""
        try:
            async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
                return (await client.get(f"http://127.0.0.1:{self.webhook_port}/webhooks/meta")).status_code
        except httpx.ConnectError:
            return None


@pytest.mark.exhaustive(only=True)
@needs_boot
async def test_the_move_to_another_machine(tmp_path: Path, shared: Path) -> None:
    """In the middle of a broadcast, with wacrmd.socket, and with one request too many on the old machine.

    At first its socket is forgotten: that starts the old daemon, which sends nothing.
    """
    prepare, leave, arrive = blocks("Moving to another machine")
    (use_socket,) = [each for each in blocks("Stop") if "enable wacrmd.socket" in each]
    options = Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)
    async with Simulator.running(options) as sim:
        with ExitStack() as stack:
            old = Owner(stack.enter_context(booted(tmp_path / "old", shared)), sim, free_ports(2))
            new = Owner(stack.enter_context(booted(tmp_path / "new", shared)), sim, free_ports(2))
            await new.install()
            await new.run(prepare)
            await old.install()
            await old.run(use_socket)
            sim.change(webhook_url=f"http://127.0.0.1:{old.webhook_port}/webhooks/meta")
            await old.add_number()
            async with old.client() as api:
                body = {"template_name": "hello", "recipients": people(COUNT)}
                answer = await api.post("/api/v1/broadcasts", json=body)
                assert answer.status_code == 202, answer.text
                broadcast_id = answer.json()["data"]["broadcast_id"]
            await eventually(lambda: sim.ledger.counts()["total"] > COUNT // 10)

            (disable,) = re.findall(r".*disable --now wacrmd.socket wacrmd.service.*", leave)
            await old.run(leave.replace("disable --now wacrmd.socket ", "disable --now "))
            first = sim.ledger.counts()["total"]
            assert COUNT // 10 < first < COUNT
            assert await old.request_of_meta() == 403
            assert "handed over to /var/lib/wacrmd/backups/move.db" in await old.run("wacrmd status")
            await old.run(disable)
            assert await old.request_of_meta() is None
            await anyio.sleep(SETTLE_S)
            assert sim.ledger.counts()["total"] == first

            (shared / "config.toml").write_text(
                (shared / "config.toml")
                .read_text()
                .replace(f":{old.api_port}", f":{new.api_port}")
                .replace(f":{old.webhook_port}", f":{new.webhook_port}")
            )
            said = await new.run(arrive, "/srv/shared")
            assert broadcast_id in said
            new.key = old.key
            await anyio.sleep(SETTLE_S)
            assert sim.ledger.counts()["total"] == first
            sim.change(webhook_url=f"http://127.0.0.1:{new.webhook_port}/webhooks/meta")
            (resume,) = re.findall(
                r"`(sudo wacrmd broadcast resume) ID`", section("Moving to another machine")
            )
            await new.run(f"{resume} {broadcast_id}")
            async with new.client() as api:
                shown: dict[str, Any] = {"status": "", "delivered_count": 0}
                with anyio.fail_after(2 * PATIENCE_S):
                    while shown["status"] != "sent" or shown["delivered_count"] < COUNT:
                        await anyio.sleep(0.2)
                        shown = (await api.get(f"/api/v1/broadcasts/{broadcast_id}")).json()["data"]
            assert (shown["sent_count"], shown["failed_count"]) == (COUNT, 0)
        assert Counter(entry.send.input for entry in sim.ledger.entries) == Counter(phones(COUNT))


@needs_boot
@pytest.mark.exhaustive(only=True)  # that of the move installs, backs up and restores as well
async def test_backup_restore_and_the_key_as_the_guide_says(tmp_path: Path, shared: Path) -> None:
    """With the unit as it is shipped: a /tmp of its own, and a file system that it may only read."""
    (restore,) = [each for each in blocks("Restore drill") if "damaged" in each]
    (to_credstore,) = [each for each in blocks("The key") if "credstore" in each]
    (rotate,) = [each for each in blocks("The key") if "rotate" in each]
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        with booted(tmp_path / "here", shared) as machine:
            here = Owner(machine, sim, free_ports(2))
            await here.install()
            await here.add_number()
            # the command writes where the daemon cannot
            made = await here.run(
                "umask 022; for folder in /tmp /root /srv/admin /var/lib/wacrmd/backups; do"
                " sudo wacrmd backup $folder/by-hand.db; stat -c '%U %a' $folder/by-hand.db; done"
            )
            assert re.findall(r"^(\w+ \d+)$", made, re.MULTILINE) == ["root 600"] * 3 + ["wacrmd 600"]
            # what the daemon would write into its own /tmp is refused
            call = '{"jsonrpc":"2.0","id":1,"method":"backup","params":{"file":"/tmp/vanishes.db"}}'
            script = (
                "import socket; s = socket.socket(socket.AF_UNIX);"
                f" s.connect('/run/wacrmd/admin.sock'); s.sendall({call!r}.encode() + b'\\n');"
                " f = s.makefile(); print(f.readline(), f.readline())"
            )
            python = "LD_LIBRARY_PATH=/opt/python/lib /opt/python/bin/python3 -c"
            assert "has a /tmp of its own" in await here.run(f"{python} {shlex.quote(script)}")
            assert "no such file" in await here.run("ls /tmp/vanishes.db 2>&1 | tr N n || true")

            before = await here.run("sudo wacrmd --json account list")
            await here.run(
                restore.replace("wacrmd.db-shm /var/lib/wacrmd/damaged/", "wacrmd.db-shm damaged || true")
            )
            assert await here.run("sudo wacrmd --json account list") == before
            for commands in (to_credstore, rotate):
                await here.run(commands)
                state = await here.run("sudo wacrmd doctor || true; ls /var/lib/wacrmd /etc/credstore")
                assert "key file" in state
                await here.run(f"sudo wacrmd number check {PHONE_NUMBER_ID} --subscribe")
            assert "wacrmd.db.key" not in state


@needs_boot
@pytest.mark.exhaustive(only=True)  # that of the move has a socket too
async def test_an_enabled_socket_is_started_and_stopped_with_the_service(
    tmp_path: Path, shared: Path
) -> None:
    stop, start, use_socket = blocks("Stop")
    async with Simulator.running(Options()) as sim:
        with booted(tmp_path / "here", shared) as machine:
            here = Owner(machine, sim, free_ports(2))
            await here.install()
            active = "systemctl is-active wacrmd.socket wacrmd.service || true"
            assert await here.run(active) == "inactive\nactive\n"
            known = await here.run("cat /var/lib/wacrmd/wacrmd.db.lock; cat /proc/sys/kernel/random/boot_id")
            assert len(set(known.replace("-", "").split())) == 1, "the service knows the run of the machine"
            for commands, state, answer in (
                (stop, "inactive\ninactive\n", None),
                (start, "inactive\nactive\n", 403),
                (use_socket, "active\nactive\n", 403),
                (stop, "inactive\ninactive\n", None),
                (start, "active\nactive\n", 403),
                ("sudo systemctl disable --now wacrmd.socket wacrmd.service", "inactive\ninactive\n", None),
            ):
                await here.run(commands)
                assert await here.request_of_meta() == answer
                assert await here.run(active) == state
