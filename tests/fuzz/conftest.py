"""The site that the tests of a module share."""

from collections.abc import Iterator

import pytest

from tests.fuzz.fuzzed_site import FuzzedSite, running


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, authorities: None) -> Iterator[FuzzedSite]:
    """A running site."""
    with running(tmp_path_factory.mktemp("site")) as found:
        yield found
