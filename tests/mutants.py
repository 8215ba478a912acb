"""Changes the pure modules in one place at a time, and counts the changes that no test notices.

mutmut makes the mutants and runs their tests; `[tool.mutmut]` in pyproject.toml names the modules and the tests.

    python -m tests.mutants                               # all of them
    python -m tests.mutants 'wacrmd.sender.decision.*'    # some of them
"""

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "mutants"
MUTMUT = Path(sys.executable).with_name("mutmut")
KILLED = {"killed", "timeout"}
NOT_RUN = {"not checked"}


def missing() -> list[str]:
    """Modules and tests that `[tool.mutmut]` names and that do not exist; a moved module must not drop out unnoticed."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    named = settings["only_mutate"] + settings["pytest_add_cli_args_test_selection"]
    return [pattern for pattern in named if not any(ROOT.glob(pattern))]


def run(names: list[str], jobs: int, timeout_s: float) -> None:
    """Make the mutants and test them; CalledProcessError or TimeoutExpired if that fails."""
    # mutmut keeps results, and does not see that a test has changed
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run(
        [MUTMUT, "run", "--max-children", str(jobs), *names],
        cwd=ROOT,
        check=True,
        timeout=timeout_s,
        stdout=None if sys.stdout.isatty() else subprocess.PIPE,  # a line for every mutant
        stderr=None if sys.stdout.isatty() else subprocess.STDOUT,
        text=True,
    )


def results() -> dict[str, str]:
    """The result of each mutant that was tested, by its name."""
    done = subprocess.run(
        [MUTMUT, "results", "--all", "true"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    found = dict(line.strip().split(": ") for line in done.stdout.splitlines())
    return {name: result for name, result in found.items() if result not in NOT_RUN}


def module_of(mutant: str) -> str:
    """`wacrmd.sender.decision` of `wacrmd.sender.decision.x_decide__mutmut_1`; methods begin with `xǁ`."""
    return re.split(r"\.xǁ|\.x_", mutant)[0]


def report(found: dict[str, str]) -> str:
    """The survivors by name, then a line for each module, then one for all."""
    counts: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for name, result in found.items():
        counts[module_of(name)][result in KILLED] += 1
    survivors = [f"{name}: {result}" for name, result in sorted(found.items()) if result not in KILLED]
    return "\n".join(
        [
            *survivors,
            "",
            f"{'module':40} {'killed':>7} {'survived':>9}",
            *(f"{module:40} {each[True]:7} {each[False]:9}" for module, each in sorted(counts.items())),
            f"{'all':40} {len(found) - len(survivors):7} {len(survivors):9}   {killed_percent(found):.1f} % killed",
        ]
    )


def killed_percent(found: dict[str, str]) -> float:
    """The share of mutants that the tests noticed, in percent."""
    return 100 * sum(result in KILLED for result in found.values()) / len(found)


def main() -> int:
    """The command: exit code 0 when enough mutants were killed."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="patterns of mutants; without any, all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--min-percent", type=float, default=90.0)
    parser.add_argument("--timeout-s", type=float, default=1800.0)
    chosen = parser.parse_args()
    if gone := missing():
        sys.stderr.write(
            f"[tool.mutmut] in pyproject.toml names files that do not exist: {', '.join(gone)}\n"
        )
        return 2
    try:
        run(chosen.names, chosen.jobs, chosen.timeout_s)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        output = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
        sys.stderr.write(f"{output[-5000:]}\n{error}\n")
        return 2
    found = results()
    sys.stdout.write(report(found) + "\nmutmut show NAME prints one of them.\n")
    return int(killed_percent(found) < chosen.min_percent)


if __name__ == "__main__":
    sys.exit(main())
