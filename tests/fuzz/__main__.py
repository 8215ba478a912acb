"""The command `make fuzz`: the fuzz tests again and again with new examples, on all cores, until the time is up."""

import argparse
import itertools
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fuzz.effort import VARIABLE

HERE = Path(__file__).parent
REPORTS = Path(".hypothesis/reports")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


_SAYS_NOTHING = (pytest.ExitCode.OK, pytest.ExitCode.INTERRUPTED, pytest.ExitCode.NO_TESTS_COLLECTED)
"""All passed, Ctrl-C was pressed, or all of the file have failed before."""


@dataclass
class Run:
    """All rounds of one call; a round is one file of tests with one seed."""

    deadline: float
    rounds: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    """For each failed test how to repeat it."""
    broken: list[str] = field(default_factory=list)
    """Rounds that did not run at all."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, files: Iterator[tuple[int, Path]]) -> None:
        """Do rounds until the time is up."""
        while time.monotonic() < self.deadline:
            with self._lock:
                seed, file = next(files)
            self._round(file, seed)

    def _round(self, file: Path, seed: int) -> None:
        """Run the tests of a file, but those that have failed before: these would only fail again."""
        deselected = [f"--deselect={name}" for name in self.failed]
        process = subprocess.Popen(
            [*_pytest(file, seed), *deselected],
            env={**os.environ, VARIABLE: "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            output, _ = process.communicate(timeout=max(self.deadline - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            process.terminate()
            process.communicate()
            return
        with self._lock:
            self._note(file, seed, process.returncode, output)

    def _note(self, file: Path, seed: int, code: int, output: str) -> None:
        self.rounds[file.name] += 1
        if code in _SAYS_NOTHING:
            return
        report = REPORTS / f"{file.stem}-{seed}.txt"
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(output, encoding="utf-8")
        names = _FAILED.findall(output)
        repeat = f"{VARIABLE}=1 {' '.join(_pytest(file, seed))}"
        for name in names:
            self.failed.setdefault(name, f"{repeat}\n    the report is in {report}")
        if not names:
            self.broken.append(f"{file.name} ended with {code}: {report}")
        _say(f"{', '.join(names) or file.name} failed: {report}")


def _pytest(file: Path, seed: int) -> list[str]:
    options = ["-p", "no:cacheprovider", "--show-capture=no", f"--hypothesis-seed={seed}"]
    return [sys.executable, "-m", "pytest", os.path.relpath(file), *options]


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def main() -> int:
    """Exit code 0 when nothing failed."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="that of the first round")
    parser.add_argument("names", nargs="*", help="parts of the names of files; default: all")
    chosen = parser.parse_args()
    files = [
        file
        for file in sorted(HERE.glob("test_*.py"))
        if not chosen.names or any(part in file.name for part in chosen.names)
    ]
    if not files:
        parser.error(f"no file of {HERE} has such a name")
    _say(
        f"{len(files)} files of tests for {chosen.minutes:g} minutes, {chosen.jobs} at a time, first seed {chosen.seed}"
    )
    run = Run(time.monotonic() + 60 * chosen.minutes)
    rounds = zip(itertools.count(chosen.seed), itertools.cycle(files))
    workers = [threading.Thread(target=run.work, args=(rounds,)) for _ in range(chosen.jobs)]
    for each in workers:
        each.start()
    try:
        for each in workers:
            each.join()
    except KeyboardInterrupt:  # which all rounds get as well
        run.deadline = 0.0
        for each in workers:
            each.join()
    _say(
        f"{run.rounds.total()} rounds: {', '.join(f'{name} {count}' for name, count in sorted(run.rounds.items()))}"
    )
    for name, repeat in run.failed.items():
        _say(f"FAILED {name}\n  repeat it with\n    {repeat}")
    for text in run.broken:
        _say(text)
    if not run.failed and not run.broken:
        _say("nothing failed" if run.rounds else "no round came to its end: give it more minutes")
    return 1 if run.failed or run.broken else 0


if __name__ == "__main__":
    sys.exit(main())
