"""The lock files contain every dependency, pinned and hashed, and nothing about the machine that made them."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PROJECT["project"]["dependencies"]
LOCKS = {
    "requirements.lock": RUNTIME,
    "requirements-dev.lock": RUNTIME + PROJECT["dependency-groups"]["dev"],
}


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_pinned(lock: str) -> None:
    wanted = {re.split(r"[><=!~;\[ ]", line, maxsplit=1)[0].lower() for line in LOCKS[lock]}
    assert wanted - pins(lock).keys() == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_contains_only_pins_and_hashes(lock: str) -> None:
    allowed = re.compile(r"#.*|[a-z0-9][a-z0-9._-]*==\S+ (; [^\\]+ )?\\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    lines = (ROOT / lock).read_text().splitlines()
    assert [line for line in lines if not allowed.fullmatch(line)] == []
    assert not any("/" in line for line in lines)


def test_the_dev_lock_has_the_versions_of_the_runtime_lock() -> None:
    runtime, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: dev.get(name) for name in runtime} == runtime
