"""What is wrong with a page fails a test by itself."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Route

from tests.browser import axe
from tests.browser.conftest import OpenWindow
from tests.browser.window import DASHBOARD, Window
from tests.support.patience import eventually
from tests.support.site import Site, site
from wacrmd.dashboard.guard import POLICY


@pytest.fixture(scope="module")
async def here(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The site that all these tests look at, without changing it."""
    async with site(tmp_path_factory.mktemp("site"), extra=DASHBOARD) as made:
        yield made


pytestmark = pytest.mark.anyio

CASES = {
    "an inline script": ("<script>document.title = 'ran'</script>", "Content Security Policy"),
    "a style attribute": ("<p style='color: red'>x</p>", "Content Security Policy"),
    "an event handler": ("<img src='data:,' onerror='document.title = 1'>", "Content Security Policy"),
    "something from elsewhere": ("<link rel=stylesheet href='http://127.0.0.1:9/x.css'>", "elsewhere: GET"),
    "a file that is missing": ("<script src='/static/0/none.js'></script>", "status 404"),
}


async def forget(someone: Window) -> None:
    """Forget the errors, also those that one and the same cause brings later."""
    await someone.context.close()
    someone.watched.problems.clear()


@pytest.mark.parametrize("case", CASES)
async def test_an_error_in_a_page_is_noticed(here: Site, window: OpenWindow, case: str) -> None:
    text, expected = CASES[case]
    someone = await window(here)

    async def answer(route: Route) -> None:
        await route.fulfill(
            content_type="text/html",
            body=f"<!doctype html>{text}",
            headers={"Content-Security-Policy": POLICY},
        )

    await someone.context.route("**/case", answer)
    await someone.page.goto("/case")
    await eventually(lambda: any(expected in each for each in someone.watched.problems))
    with pytest.raises(AssertionError, match=expected):
        someone.watched.check()
    await forget(someone)


async def test_an_error_of_a_script_is_noticed(here: Site, window: OpenWindow) -> None:
    someone = await window(here)
    await someone.page.goto("/login")
    await someone.page.evaluate("() => { setTimeout(() => { throw new Error('broken') }) }")
    await eventually(lambda: someone.watched.problems)
    with pytest.raises(AssertionError, match="broken"):
        someone.watched.check()
    await forget(someone)


async def test_a_status_that_is_expected_and_does_not_come_is_noticed(here: Site, window: OpenWindow) -> None:
    someone = await window(here)
    someone.watched.expect(422)
    await someone.page.goto("/login")
    with pytest.raises(AssertionError, match="did not come"):
        someone.watched.check()
    someone.watched.expected.clear()


@pytest.mark.exhaustive(only=True)
async def test_axe_finds_what_is_wrong_in_the_dark(here: Site, window: OpenWindow) -> None:
    someone = await window(here, color_scheme="dark")
    await someone.page.set_content(
        "<style>@media (prefers-color-scheme: dark) { html { background: #000; color: #222 } }</style><p>dark on dark</p>"
    )
    found = str(await axe.findings(someone.page))
    assert "color-contrast" in found
    assert "document-title" in found
