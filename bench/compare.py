"""`python -m bench.compare OTHER`: measures two checkouts in turn, and prints how their numbers differ.

Whatever else the machine does meanwhile then slows both, so the ratios hold where single figures would not. Each
round begins with the one that ended the round before: a machine that becomes faster or slower favours neither.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.run import LOAD
from bench.scale import Numbers

HERE = Path(__file__).resolve().parents[1]
SHORT = ("accept.idle", "fanout.paced", "webhooks.single", "webhooks.batched", "fanout.first")


def measure(checkout: Path, arguments: list[str]) -> Numbers:
    """One run of the checkout's own scripts, with the Python of its own `.venv` where there is one."""
    own = checkout / ".venv/bin/python"
    python = own if own.exists() else Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "numbers.json"
        command = [str(python), "-m", "bench", *arguments, "--runs", "1", "--save", str(saved)]
        subprocess.run(command, cwd=checkout, check=True, stdout=sys.stderr)
        numbers: Numbers = json.loads(saved.read_text())
    return {name: value for name, value in numbers.items() if not name.startswith(LOAD)}


def table(before: list[Numbers], now: list[Numbers]) -> list[str]:
    """Every number that both have: medians, and the median of the ratios of runs that followed each other."""
    lines = ["| number | before | now | change |", "|---|---|---|---|"]
    for name in sorted(before[0].keys() & now[0].keys()):
        was, is_ = [one[name] for one in before], [one[name] for one in now]
        ratios = [b / a for a, b in zip(was, is_, strict=True) if a]
        change = f"{(statistics.median(ratios) - 1) * 100:+.0f} %" if ratios else ""
        lines.append(f"| {name} | {statistics.median(was):,.2f} | {statistics.median(is_):,.2f} | {change} |")
    return lines


def main() -> None:
    """Measure both checkouts `rounds` times."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("other", type=Path, help="the checkout to compare with: the version before")
    parser.add_argument("only", nargs="*", default=SHORT, help=f"scripts; by default {', '.join(SHORT)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    given = parser.parse_args()
    arguments = [*given.only, *(["--quick"] if given.quick else [])]
    taken: defaultdict[Path, list[Numbers]] = defaultdict(list)
    checkouts = (given.other.resolve(), HERE)
    for turn in range(given.rounds):
        for checkout in checkouts[:: 1 if turn % 2 == 0 else -1]:
            taken[checkout].append(measure(checkout, arguments))
    print("\n".join(table(taken[checkouts[0]], taken[checkouts[1]])))


if __name__ == "__main__":
    main()
