"""No page shows anybody a link or a button that would be refused."""

import re
from html import unescape

import pytest

from tests.dashboard.client import Browser
from tests.dashboard.conftest import VisitAs
from tests.support.site import Site, people

pytestmark = pytest.mark.anyio

LINK = re.compile(r'<a [^>]*href="(/[^"#]*)')
FORM = re.compile(
    r'<form [^>]*method="post"[^>]* action="([^"]+)"|<form [^>]*action="([^"]+)"[^>]* method="post"'
)
KINDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/|$)")
"""Ids: one page of each kind is enough."""


async def crawl(browser: Browser) -> tuple[dict[str, int], set[str]]:
    """Each kind of page that is reached by links, with its status; and the actions of the forms on them."""
    found: dict[str, int] = {}
    actions: set[str] = set()
    waiting = ["/broadcasts"]
    while waiting:
        path = waiting.pop()
        kind = KINDS.sub("*", path.partition("?")[0])
        if kind in found:
            continue
        answer = await browser.get(path)
        found[kind] = answer.status_code
        waiting += [unescape(link) for link in LINK.findall(answer.text)]
        actions |= {KINDS.sub("*", unescape(one or other)) for one, other in FORM.findall(answer.text)}
    return found, actions


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize(
    ("role", "accounts", "sees", "may"),
    [
        ("viewer", (), {"/audit", "/status", "/users"}, set[str]()),
        ("viewer", ("shop",), {"/keys", "/webhooks"}, set[str]()),
        ("sender", ("shop",), {"/templates", "/numbers", "/optouts"}, set[str]()),
        ("operator", (), {"/optouts/import", "/optouts/new"}, {"/templates/sync", "/status/check"}),
        (
            "admin",
            (),
            {"/keys/new", "/users/new", "/numbers/new", "/status/drain"},
            {"/keys/new", "/status/reload"},
        ),
    ],
)
async def test_every_link_leads_to_a_page(
    here: Site, visit_as: VisitAs, role: str, accounts: tuple[str, ...], sees: set[str], may: set[str]
) -> None:
    await here.send(people(2))
    await here.admin("webhook.add", account="shop", url="http://example.invalid/", events=["broadcast.sent"])
    await here.admin("optout.add", account="shop", phone="+14155550123")
    found, actions = await crawl(await visit_as(role, *accounts))
    assert set(found.values()) == {200}, found
    assert sees <= found.keys()
    assert may <= actions
    if role in ("viewer", "sender"):
        ours = ("/templates", "/numbers", "/optouts", "/webhooks", "/keys", "/users", "/audit", "/status")
        assert not [each for each in actions if each.startswith(ours)]
    assert ("/users" in found) == (not accounts)
