"""The machine of the daemon, on which days can pass while it is off: for the daemon, and for the simulated Meta."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.process import Daemon
from wacrmd.simulator import Simulator

FAKETIME = next(
    (
        path
        for path in (
            "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
            "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
        )
        if Path(path).exists()
    ),
    None,
)
"""Debian's libfaketime, which shows a process another time; None where it is not installed."""

NIGHT_S = 25 * 3600
"""Longer than Meta wants to be left alone after any code (docs/meta.md, Errors)."""


class Machine(Daemon):
    """A daemon that can be off for a day."""

    def __init__(self, folder: Path, sim: Simulator, **options: Any) -> None:
        super().__init__(folder, sim, **options)
        self._sim = sim
        self.ahead_s = 0
        """How much later it is here than it really is."""

    def sleep_until_tomorrow(self) -> None:
        """A day passes; the daemon must be off."""
        if self.process is not None:
            raise RuntimeError("the daemon runs")
        if FAKETIME is None:
            raise RuntimeError("there is no libfaketime")
        self.ahead_s += NIGHT_S
        self._sim.change(date_ahead_s=float(self.ahead_s))

    def start(self, environ: Mapping[str, str] = {}, *, log: int | None = None, wrong_by_s: int = 0) -> None:
        """Start the process at the time that it is here, or with a clock that is wrong."""
        ahead_s = self.ahead_s + wrong_by_s
        if ahead_s:
            # libfaketime comes first: behind the shim of the power cuts it crashes
            preloaded = " ".join(filter(None, (FAKETIME, environ.get("LD_PRELOAD"))))
            environ = {
                **environ,
                "LD_PRELOAD": preloaded,
                "FAKETIME": f"{ahead_s:+d}",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        super().start(environ, log=log)
