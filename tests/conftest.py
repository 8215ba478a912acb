"""Fixtures and settings for all tests."""

import gc
import os
import signal
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.certificates import certificate
from tests.support.exhaustive import IS_EXHAUSTIVE, evenly
from wacrmd import log

# The time of an example depends more on the load of the machine than on the code.
settings.register_profile("wacrmd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wacrmd")

# Until all tests are collected almost nothing that is made becomes garbage: to look for it took a tenth of the collection.
gc.disable()

# What a script runs in its background ignores Ctrl-C, and what nohup runs the end of the terminal; so would all processes
# that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run does not have."""
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    chosen = {item for of_one in cases.values() for item in _chosen(of_one)}
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]


def _chosen(cases: list[pytest.Item]) -> list[pytest.Item]:
    """Which cases of one test are run: the long run has the marked tests, the short one those that are not for the long run
    alone, and of some a part."""
    marks = [mark.kwargs for mark in cases[0].iter_markers("exhaustive")]
    if IS_EXHAUSTIVE:
        return cases if marks else []
    if any(mark.get("only") for mark in marks):
        return []
    return evenly(cases, min([mark["enough"] for mark in marks if "enough" in mark], default=len(cases)))


@pytest.fixture
def anyio_backend() -> str:
    """The daemon runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True, scope="session")
def authorities() -> Iterator[None]:
    """The authorities that tests and their processes trust: one of their own, for no test calls a public server.

    To load those of the public ones took half of the processor time that a test with a daemon needs.
    """
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o755)  # some processes run as another user
        patch.setenv("SSL_CERT_FILE", str(certificate(Path(folder), "localhost")))
        yield


@pytest.fixture(autouse=True, scope="session")
def lasting() -> None:
    """What was made until here, thousands of tests and the modules, stays until the end: no collection looks at it again.

    It took a sixth of the processor time of a run.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Every test begins with the lowest level."""
    before = log.level()
    log.set_level("debug")
    yield
    log.set_level(before)


@pytest.fixture(autouse=True, scope="module")
def leaks() -> Iterator[None]:
    """What a module leaves open is reported in that module, and not wherever the garbage is collected next."""
    yield
    gc.collect()
    if not gc.get_freeze_count():  # after a test for which it was frozen, and is not any more
        gc.freeze()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("only root can mount a small file system, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
