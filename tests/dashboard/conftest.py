"""A site with the dashboard."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.dashboard.client import PASSWORD, Browser
from tests.support.site import Site, site
from wacrmd.services import passwords

DASHBOARD = '[dashboard]\nbind = "127.0.0.1:0"\n'

Visit = Callable[[], Browser]
VisitAs = Callable[..., Awaitable[Browser]]


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash of a password costs as little as it can, and not 20 ms; tests/browser has the real ones."""
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)
    monkeypatch.setattr(passwords, "ITERATIONS", 1)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A running site whose dashboard has a free port."""
    async with site(tmp_path, extra=DASHBOARD) as made:
        yield made


@pytest.fixture
async def visit(here: Site) -> AsyncIterator[Visit]:
    """Makes browsers that nobody is logged in with."""
    made: list[Browser] = []

    def new() -> Browser:
        made.append(Browser(here))
        return made[-1]

    yield new
    for each in made:
        await each.http.aclose()


@pytest.fixture
async def visit_as(here: Site, visit: Visit) -> VisitAs:
    """Makes a user, or by the role `admin` a link, and a browser that is logged in with it."""

    async def new(role: str, *accounts: str) -> Browser:
        browser = visit()
        if role == "admin":
            answer = await browser.log_in_by_link((await here.admin("dashboard"))["url"])
        else:
            name = f"{role}-{'-'.join(accounts) or 'all'}"
            await here.admin("user.add", name=name, role=role, accounts=list(accounts), password=PASSWORD)
            answer = await browser.log_in(name)
        assert answer.status_code == 303, answer.text
        return browser

    return new
