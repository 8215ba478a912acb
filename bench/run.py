"""`python -m bench`: runs the scripts, prints the table of targets, and writes it to bench/RESULTS.md."""

import argparse
import datetime as dt
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import uvloop

from bench import accept, day, fairness, fanout, large, pages, webhooks, yardsticks
from bench.scale import QUICK, Numbers, Scale
from bench.table import table

LOAD = "load average before "
BUSY = "with a busy core: "
"""Before the name of a number that was measured so."""

RESULTS = Path(__file__).with_name("RESULTS.md")
NOTES = Path(__file__).with_name("NOTES.md")

Script = Callable[[Scale, Path], Awaitable[Numbers]]

SCRIPTS: dict[str, tuple[Script, bool]] = {
    "yardsticks.insert": (yardsticks.insert, True),
    "yardsticks.request": (yardsticks.request, True),
    "yardsticks.start": (yardsticks.start, False),
    "accept.idle": (accept.idle, True),
    "accept.busy": (accept.busy, True),
    "fanout.paced": (fanout.paced, True),
    "fanout.top": (fanout.top, True),
    "fanout.flood": (fanout.flood, True),
    "fanout.first": (fanout.first, True),
    "fanout.peers": (fanout.peers, True),
    "fairness.many": (fairness.many, True),
    "fairness.beside": (fairness.beside, True),
    "fairness.hang": (fairness.hang, True),
    "webhooks.single": (webhooks.single, True),
    "webhooks.batched": (webhooks.batched, True),
    "webhooks.overload": (webhooks.overload, True),
    "large.start": (large.start, True),
    "pages.pages": (pages.pages, False),
    "pages.live": (pages.live, False),
    "pages.crowd": (pages.crowd, False),
    "day.nothing": (day.nothing, False),
    "large.year": (large.year, True),
    "day.default_rate": (day.default_rate, False),
    "day.memory": (day.memory, False),
}
"""Each script, and whether it runs several times (the others measure long enough by themselves)."""

NOISY = ("yardsticks", "accept", "fanout", "fairness", "webhooks")
"""The scripts that are measured again with a busy core."""


@contextmanager
def busy_core() -> Iterator[None]:
    """Another program keeps one core busy meanwhile, and gives way only a little (nice 5)."""
    with subprocess.Popen(["nice", "-n", "5", "yes"], stdout=subprocess.DEVNULL) as program:
        try:
            yield
        finally:
            program.kill()


def measure(name: str, scale: Scale) -> Numbers:
    """Run one script, the repeated ones `scale.runs` times: the median of each number."""
    script, repeated = SCRIPTS[name]
    measured: list[Numbers] = []
    for run in range(scale.runs if repeated else 1):
        folder = Path(tempfile.mkdtemp(prefix="wacrmd-bench-"))

        async def once(folder: Path = folder) -> Numbers:
            return await script(scale, folder)

        began = time.monotonic()
        try:
            measured.append(uvloop.run(once()))
        except BaseException:
            log = folder / "daemon.log"
            print(log.read_text()[-2000:] if log.exists() else "", file=sys.stderr)
            raise
        finally:
            shutil.rmtree(folder)
        numbers = ", ".join(f"{key} {value:,.2f}" for key, value in measured[-1].items())
        print(f"{name} {run + 1}: {numbers} ({time.monotonic() - began:.0f} s)", flush=True)
    return {key: statistics.median(one[key] for one in measured) for key in measured[0]}


def machine() -> list[str]:
    """What it was measured on."""
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ] or ["unknown processor"]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) * 1024 / 1e9
    libraries = ("uvloop", "httptools", "Hypercorn", "aiosqlite", "orjson")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in libraries)
    return [
        f"- {processors[0]}, {len(processors)} cores, {memory:.0f} GB; Linux {platform.release()}",
        f"- Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}",
        f"- one durable commit takes {_commit_ms():.2f} ms here (WAL, synchronous=FULL, median of 200)",
    ]


def load(numbers: Numbers) -> list[str]:
    """What else the machine did: other programs' work takes from every figure."""
    loads = [value for name, value in numbers.items() if name.startswith(LOAD)]
    return [f"- load average before the scripts: {min(loads):.1f} to {max(loads):.1f}"] if loads else []


def _commit_ms() -> float:
    times = []
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "probe.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE probe (value INTEGER)")
        for value in range(200):
            began = time.perf_counter()
            connection.execute("INSERT INTO probe VALUES (?)", (value,))
            times.append((time.perf_counter() - began) * 1000)
        connection.close()
    return statistics.median(times)


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "an unpacked tree"


def results(numbers: Numbers, scale: Scale, machine_lines: list[str]) -> str:
    """The whole of RESULTS.md."""
    now = dt.datetime.now(dt.UTC)
    runs = f"Medians of {scale.runs} runs" if scale.runs > 1 else "One run of each"
    about = (
        "Made by `make bench`. The project has set the targets itself. All figures are with"
        " `synchronous=FULL`, and with each attempt on disk before its request leaves. A minimal server in place of Meta"
        " (100 ms latency) and the load run in separate processes on the same cores. *Against bare work* says how much more"
        " that is than the same work without wacrmd, in the same run: compare this, not the figures, with another machine."
        f" {runs}."
    )
    parts = [
        "# How fast wacrmd is",
        "",
        about,
        "",
        f"Measured {now:%Y-%m-%d %H:%M} UTC at {_commit()}:",
        "",
        *machine_lines,
        *load(numbers),
        "",
        *table(numbers),
        *noisy_table(numbers),
    ]
    if NOTES.exists():
        parts += ["", NOTES.read_text().rstrip()]
    return "\n".join(parts) + "\n"


def noisy_table(numbers: Numbers) -> list[str]:
    """The rows that were measured with a busy core."""
    noisy = {name.removeprefix(BUSY): value for name, value in numbers.items() if name.startswith(BUSY)}
    if not noisy:
        return []
    return [
        "",
        "## With one core kept busy",
        "",
        "Another program computes on one core all the time (`nice -n 5 yes`), as on a machine that has other work.",
        "",
        *table(noisy),
    ]


def measure_all(chosen: list[str], scale: Scale, *, noisy: bool) -> Numbers:
    """The numbers of these scripts; then, if `noisy`, once more those of `NOISY` with a busy core."""
    numbers: Numbers = {}
    for name in chosen:
        numbers[LOAD + name] = os.getloadavg()[0]
        numbers |= measure(name, scale)
    for name in chosen if noisy else ():
        if name.split(".")[0] in NOISY:
            with busy_core():
                numbers |= {BUSY + key: value for key, value in measure(name, replace(scale, runs=1)).items()}
    return numbers


def main() -> None:
    """Run what the arguments choose."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"scripts, or their first part: {', '.join(SCRIPTS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, one run; writes no file")
    parser.add_argument(
        "--noisy", action="store_true", help="measure again with a busy core, as a full run does"
    )
    parser.add_argument("--runs", type=int, help="how often each script runs")
    parser.add_argument("--save", type=Path, help="add the numbers to this JSON file")
    parser.add_argument("--report", type=Path, help="measure nothing; write RESULTS.md from such a file")
    parser.add_argument("--minutes", type=float, help="how long the day at the default rate lasts")
    given = parser.parse_args()
    scale = QUICK if given.quick else Scale()
    if given.runs:
        scale = replace(scale, runs=given.runs)
    if given.minutes:
        scale = replace(scale, day_minutes=given.minutes)
    chosen = [
        name for name in SCRIPTS if not given.only or name in given.only or name.split(".")[0] in given.only
    ]
    if not chosen:
        parser.error(f"expected some of {', '.join(SCRIPTS)}")
    numbers: Numbers = {}
    if given.report:
        numbers = json.loads(given.report.read_text())
    else:
        numbers = measure_all(chosen, scale, noisy=given.noisy or not (given.only or given.quick))
    if given.save:
        before = json.loads(given.save.read_text()) if given.save.exists() else {}
        given.save.write_text(json.dumps(before | numbers, indent=1))
    about = machine()
    print("\n".join(["", *about, *load(numbers), "", *table(numbers), *noisy_table(numbers)]))
    if given.report or not (given.only or given.quick):
        RESULTS.write_text(results(numbers, scale, about))
        print(f"\nwritten to {RESULTS}")


if __name__ == "__main__":
    main()
