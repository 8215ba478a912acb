"""Compares the lock files with a database of known vulnerabilities: `make audit`.

pip-audit asks. It takes a database that answers nothing for one without an entry; here that is told apart.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
DATABASES = ("pypi", "osv")
"""The services that pip-audit can ask, in this order."""
TIMEOUT_S = 300

Report = dict[str, Any]


def asked(lock: str, database: str) -> Report | str:
    """What a database knows about the libraries of a lock file, in pip-audit's JSON; or why there is no answer."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(ROOT / lock),
        "--require-hashes",
        "--disable-pip",
    ]
    options = ["--vulnerability-service", database, "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT_S} s"
    try:
        report: Report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return (done.stderr.strip().splitlines() or ["pip-audit has said nothing"])[-1]
    return report if is_answered(report) else "it knows none of the libraries"


def is_answered(report: Report) -> bool:
    """Whether the database knew most of the libraries; one that knows none of them is no such database."""
    skipped = [each for each in report["dependencies"] if "skip_reason" in each]
    return len(skipped) < len(report["dependencies"]) / 2


def found(report: Report) -> list[str]:
    """A line for each known vulnerability, and for each library that could not be looked up."""
    lines = []
    for each in report["dependencies"]:
        if "skip_reason" in each:
            lines.append(f"{each['name']}: not checked: {each['skip_reason']}")
        for vuln in each.get("vulns", ()):
            names = ", ".join([vuln["id"], *vuln.get("aliases", ())])
            repaired = ", ".join(vuln.get("fix_versions", ())) or "no version yet"
            lines.append(f"{each['name']} {each['version']}: {names}; repaired in {repaired}")
    return lines


def is_vulnerable(report: Report) -> bool:
    """Whether a library has a known vulnerability."""
    return any(each.get("vulns") for each in report["dependencies"])


def main(databases: Sequence[str] = DATABASES) -> int:
    """Exit code 1 for a known vulnerability; 0 if there is none, and where no database can be reached."""
    reasons = []
    for database in databases:
        answers: dict[str, Report] = {}
        for lock in LOCKS:
            answer = asked(lock, database)
            if isinstance(answer, str):
                reasons.append(f"{database}: {answer}")
                break
            answers[lock] = answer
        else:
            for lock, report in answers.items():
                lines = found(report) or [
                    f"no known vulnerability in {len(report['dependencies'])} libraries"
                ]
                sys.stdout.write("".join(f"{lock}: {line}\n" for line in lines))
            return int(any(map(is_vulnerable, answers.values())))
    sys.stdout.write("NOT CHECKED: no database of vulnerabilities has answered; repeat it where one can\n")
    sys.stdout.write("".join(f"  {reason}\n" for reason in reasons))
    return 0


if __name__ == "__main__":
    sys.exit(main())
