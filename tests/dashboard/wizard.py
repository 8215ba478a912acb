"""The steps of a new broadcast, by plain forms and links."""

from collections.abc import Mapping

import anyio
import httpx

from tests.dashboard.client import SAME_ORIGIN, Browser
from tests.support.patience import PATIENCE_S

MAPPING = {"phone": "1", "fill.body.1": "2", "fill.body.2": "3"}


async def at(browser: Browser, path: str) -> httpx.Response:
    """A page that must be there."""
    answer = await browser.get(path)
    assert answer.status_code == 200, (path, answer.headers.get("location"), answer.text)
    return answer


async def made(browser: Browser, template: str = "order_update") -> str:
    """The address of a new draft."""
    number = (
        (await at(browser, "/broadcasts/new?account=shop")).text.split('name="from" value="')[1].split('"')[0]
    )
    fields = {"account": "shop", "template_name": template, "template_language": "en_US", "from": number}
    answer = await browser.submit("/broadcasts/new", fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).removesuffix("/people")


async def upload(browser: Browser, draft: str, content: bytes, name: str = "people.csv") -> httpx.Response:
    """Upload a file."""
    files = {"file": (name, content, "text/csv")}
    return await browser.http.post(f"{draft}/people/file", files=files, headers=SAME_ORIGIN)


async def checked(browser: Browser, draft: str, mapping: Mapping[str, str] = MAPPING) -> str:
    """The page of people after the check."""
    answer = await browser.submit(f"{draft}/people", dict(mapping))
    assert answer.status_code == 303, answer.text

    page = await at(browser, f"{draft}/people")
    with anyio.fail_after(PATIENCE_S):
        while "being checked" in page.text:
            await anyio.sleep(0.05)
            page = await at(browser, f"{draft}/people")
    return page.text


def version(page: str) -> str:
    """What the review says that it shows."""
    return page.split('name="version" value="')[1].split('"', maxsplit=1)[0]


async def send(browser: Browser, draft: str, **fields: str) -> httpx.Response:
    """Press Send on the review as it is now."""
    page = (await at(browser, f"{draft}/review")).text
    given = {"version": version(page), "name": "Spring sale", "when": "now"} | fields
    return await browser.submit(f"{draft}/send", given)
