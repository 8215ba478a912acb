"""What happens to a daemon in one of its lives, beside the SIGKILL that ends it."""

import errno
import fcntl
import os
import random
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread

from tests.e2e.process import free_ports, spawn
from tests.e2e.torture.machine import FAKETIME, Machine
from tests.support.patience import PATIENCE_S

IN_USE = 75
"""The exit code of a daemon whose file another one uses."""

CLOCKS_S = (-2 * 365 * 86400, -86400, -3600, 3600, 86400, 400 * 86400)


@dataclass
class Mishaps:
    """The mishaps that this machine can cause, chosen by `random`; `problems` gets what must not have happened."""

    daemon: Machine
    random: random.Random
    problems: list[str]
    skipped: list[str] = field(default_factory=list)
    """Those that this machine cannot cause, and why."""

    def __post_init__(self) -> None:
        self._first: list[int] | None = None
        """The mishaps that have not happened yet; None before the first one is chosen."""
        self._shim = self._compile()
        if FAKETIME is None:
            self.skipped.append(
                "another time, rules of retries: libfaketime is not installed (Debian: faketime)"
            )

    def choose(self) -> tuple[str, AbstractAsyncContextManager[None]]:
        """A mishap, and the life of a daemon in which it happens: it runs within the block, and is dead after it."""
        mishaps: list[tuple[str, float, Callable[[], AbstractAsyncContextManager[None]]]] = [
            ("killed", 8, self._plain),
            ("stopped and continued", 2, self._stopped),
            ("a second one on the file", 2, self._second),
            ("nobody reads its log", 1, self._unread),
            ("its file moved away", 1, self._moved),
        ]
        if self._shim is not None:
            mishaps.append(("without power", 3, self._without_power))
        if FAKETIME is not None:
            mishaps.append(("with another time", 2, self._another_time))
        if self._first is None:
            self._first = self.random.sample(range(len(mishaps)), len(mishaps))
        if self._first:  # each once
            at = self._first.pop()
        else:
            at = self.random.choices(range(len(mishaps)), [weight for _, weight, _ in mishaps])[0]
        name, _, life = mishaps[at]
        return name, life()

    # --- lives ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _plain(self) -> AsyncIterator[None]:
        self.daemon.start()
        yield
        await self._end()

    @asynccontextmanager
    async def _stopped(self) -> AsyncIterator[None]:
        """SIGSTOP for a while, also longer than Meta's answers are waited for."""

        async def stop() -> None:
            if self.daemon.process is not None:
                self.daemon.process.send_signal(signal.SIGSTOP)
                await anyio.sleep(self.random.choice((0.1, 0.5, 2.5)))
                self.daemon.process.send_signal(signal.SIGCONT)

        self.daemon.start()
        async with self._during(stop):
            yield

    @asynccontextmanager
    async def _second(self) -> AsyncIterator[None]:
        """A second daemon with its own configuration is started on a link to the file, and must not start."""
        self.daemon.start()
        async with self._during(self._start_second):
            yield

    async def _start_second(self) -> None:
        if not await self.daemon.ready():
            return
        link = self.daemon.folder / "link.db"
        if not link.is_symlink():
            link.symlink_to("wacrmd.db")
        config = self.daemon.folder / "second.toml"
        text = (self.daemon.folder / "config.toml").read_text()
        first = [self.daemon.api_port, self.daemon.webhook_port]
        for ours, theirs in zip(first, free_ports(2), strict=True):
            text = text.replace(f":{ours}", f":{theirs}")
        config.write_text(text.replace("/wacrmd.db", "/link.db").replace("/admin.sock", "/second.sock"))
        second = spawn(config, self.daemon.folder / "second.log")
        try:
            with anyio.move_on_after(PATIENCE_S):
                await anyio.to_thread.run_sync(second.wait, abandon_on_cancel=True)
        finally:
            second.kill()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(second.wait)
        if second.returncode != IN_USE and self.daemon.is_running:
            self.problems.append(f"a second daemon on the file ended with {second.returncode}, not {IN_USE}")

    @asynccontextmanager
    async def _unread(self) -> AsyncIterator[None]:
        ours, theirs = os.pipe()
        try:
            fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
            self.daemon.start(log=theirs)
            yield
            await self._end()
        finally:
            os.close(ours)
            os.close(theirs)

    @asynccontextmanager
    async def _moved(self) -> AsyncIterator[None]:
        """The file is renamed under the daemon, and has its name again before the next start."""
        file, away = self.daemon.folder / "wacrmd.db", self.daemon.folder / "away.db"

        async def move() -> None:
            if await self.daemon.ready():
                file.rename(away)

        self.daemon.start()
        try:
            async with self._during(move):
                yield
        finally:
            if away.exists():  # also when the run is ended meanwhile
                away.rename(file)

    @asynccontextmanager
    async def _another_time(self) -> AsyncIterator[None]:
        self.daemon.start(wrong_by_s=self.random.choice(CLOCKS_S))
        yield
        await self._end()

    @asynccontextmanager
    async def _without_power(self) -> AsyncIterator[None]:
        """What the daemon has not synchronised is gone when it ends."""
        folder = self.daemon.folder
        copies = folder / "synchronised"
        copies.mkdir(exist_ok=True)
        names = ("wacrmd.db", "wacrmd.db-wal")
        for name in names:
            (copies / name).unlink(missing_ok=True)
            if (folder / name).exists():
                shutil.copyfile(folder / name, copies / name)
        self.daemon.start(
            {"LD_PRELOAD": str(self._shim), "POWER_FILE": str(folder / names[0]), "POWER_COPY": str(copies)}
        )
        yield
        await self._end()
        (folder / "wacrmd.db-shm").unlink(missing_ok=True)
        for name in names:
            (folder / name).unlink(missing_ok=True)
            if (copies / name).exists():
                shutil.copyfile(copies / name, folder / name)

    @asynccontextmanager
    async def _during(self, mishap: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """The rest of a life, in which this happens at a random moment; then the daemon is killed."""

        async def happen() -> None:
            await anyio.sleep(self.random.uniform(0.0, 1.5))
            await mishap()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(happen)
            yield
            tasks.cancel_scope.cancel()
        await self._end()

    async def _end(self) -> None:
        """SIGKILL; a daemon that had ended by itself is a finding."""
        ended = await self.daemon.kill()
        if ended is not None:
            self.problems.append(f"the daemon ended by itself with {ended}")

    def _compile(self) -> Path | None:
        source = Path(__file__).with_name("power.c")
        target = self.daemon.folder / "power.so"
        line = ["cc", "-shared", "-fPIC", "-O1", "-o", str(target), str(source), "-ldl", "-lpthread"]
        try:
            subprocess.run(line, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.skipped.append(
                f"power cuts: {os.strerror(errno.ENOENT) if isinstance(error, OSError) else error}: cc"
            )
            return None
        return target
