"""The alerts fire when they should, by Prometheus' own tool where it is installed (docs/metrics.md)."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.exhaustive(only=True)

FOLDER = Path(__file__).parents[2] / "contrib/prometheus"
RULES = FOLDER / "wacrmd.rules.yml"
TESTS = sorted(FOLDER.glob("*.tests.yml"))
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize("command", [("check", "rules", RULES), ("test", "rules", *TESTS)])
def test_promtool_accepts_the_rules_and_their_tests(command: tuple[str | Path, ...]) -> None:
    done = subprocess.run([str(PROMTOOL), *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    fired = re.findall(r"alertname: (\w+)\n +exp_alerts:", "".join(each.read_text() for each in TESTS))
    assert len(alerts) == len(set(alerts)) > 10
    assert set(fired) == set(alerts)
