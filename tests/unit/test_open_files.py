"""How many files may be open, and so how many requests to Meta may be under way."""

import resource
from collections.abc import Iterator

import pytest

from wacrmd import open_files
from wacrmd.config import Config
from wacrmd.services.maintenance import file_checks


@pytest.fixture
def hard_limit() -> Iterator[int]:
    """The hard limit; the soft one is as before after the test."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_is_raised_and_never_lowered(hard_limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard_limit))
    assert open_files.most_requests() == 150, "half of them"
    open_files.raise_limit()
    raised = open_files.limit()
    assert raised == (
        open_files.MAX_FILES
        if hard_limit == resource.RLIM_INFINITY
        else min(hard_limit, open_files.MAX_FILES)
    )
    open_files.raise_limit()
    assert open_files.limit() == raised


def test_the_doctor_names_a_limit_that_is_too_small(hard_limit: int) -> None:
    config = Config()
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard_limit))
    assert file_checks.open_file_limit(config) == []
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, hard_limit))
    (found,) = file_checks.open_file_limit(config)
    assert found.detail.startswith("1000 files may be open, so at most 500 requests to Meta")
    assert found.advice == "Set LimitNOFILE of the service to 1024 or more."
