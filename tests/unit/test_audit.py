"""What `make audit` makes of pip-audit's reports."""

import re
from typing import Any

import pytest

from tests import audit

CLEAN = {"name": "h11", "version": "0.16.0", "vulns": []}
SKIPPED = {"name": "yarl", "skip_reason": "Dependency not found"}
VULNERABLE = {
    "name": "h2",
    "version": "4.0.0",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["4.4.1"]}],
}


@pytest.mark.parametrize(
    ("listed", "answered", "vulnerable", "lines"),
    [
        ([CLEAN], True, False, []),
        ([CLEAN, VULNERABLE], True, True, ["h2 4.0.0: PYSEC-2026-1, CVE-2026-1; repaired in 4.4.1"]),
        ([CLEAN, CLEAN, SKIPPED], True, False, ["yarl: not checked: Dependency not found"]),
        ([SKIPPED, SKIPPED], False, False, ["yarl: not checked: Dependency not found"] * 2),
    ],
)
def test_a_database_that_knows_nothing_counts_as_not_reached(
    listed: list[dict[str, Any]], answered: bool, vulnerable: bool, lines: list[str]
) -> None:
    report = {"dependencies": listed}
    assert audit.is_answered(report) == answered
    assert audit.is_vulnerable(report) == vulnerable
    assert audit.found(report) == lines


@pytest.mark.exhaustive(only=True)
def test_without_a_database_it_says_so_and_does_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(databases=["none"]) == 0
    first, reason = capsys.readouterr().out.splitlines()
    assert first == "NOT CHECKED: no database of vulnerabilities has answered; repeat it where one can"
    assert re.fullmatch(r"  none: .+", reason)
