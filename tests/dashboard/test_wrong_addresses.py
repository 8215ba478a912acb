"""An address that was cut, typed wrongly, or kept too long: a page in plain words, with a way on."""

from uuid import uuid4

import pytest

from tests.dashboard.client import Browser
from tests.dashboard.conftest import VisitAs
from tests.support.site import Site, people

pytestmark = pytest.mark.anyio

WRONG = (
    "/broadcasts?status=zz",
    "/broadcasts?cursor=x",
    "/broadcasts/{id}?hours=99999",
    "/broadcasts/{id}/recipients?status=zz",
    "/broadcasts/{id}/recipients?code=x",
    "/broadcasts/{id}/recipients?cursor=x",
    "/broadcasts/new?page=x",
    "/broadcasts/new?page=99",
    "/templates?page=999",
    "/templates?page=zz",
    "/templates?status=%00",
    "/keys?page=999",
    "/users?page=999",
    "/optouts?source=zz",
    "/optouts?cursor=x",
    "/audit?before=zz",
    "/audit?since=zz",
    "/audit?via=mail",
    "/webhooks/{hook}?status=zz",
    "/webhooks/{hook}?cursor=x",
)
WORDS_OF_PROGRAMS = (
    "expected",
    "cursor",
    "parameter",
    "literal",
    "integer",
    "before:",
    "since:",
    "None",
    "next_cursor",
)


def main_of(page: str) -> str:
    """What the page is about, without its frame."""
    return page.split('id="main"', 1)[1].split("</main>", maxsplit=1)[0]


async def looked_at(browser: Browser, address: str) -> str:
    """What the page says that is shown for this address."""
    answer = await browser.get(address)
    assert answer.status_code in (200, 400), (address, answer.text)
    return main_of(answer.text)


async def test_a_wrong_address_is_answered_in_plain_words_with_a_way_on(
    here: Site, visit_as: VisitAs
) -> None:
    admin = await visit_as("admin")
    broadcast = await here.send(people(1))
    hook = await here.admin(
        "webhook.add", account="shop", url="https://app.example/x", events=["broadcast.sent"]
    )
    for pattern in WRONG:
        address = pattern.replace("{id}", broadcast).replace("{hook}", hook["id"])
        said = await looked_at(admin, address)
        if "hours" not in address and "%00" not in address:
            assert "The address of this page is not right" in said, (address, said)
            assert f'href="{address.partition("?")[0]}"' in said, (address, said)
        assert not [word for word in WORDS_OF_PROGRAMS if word in said], (address, said)


async def test_what_is_gone_says_so_and_where_to_go(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    gone = uuid4()
    broadcast = await here.send(people(1))
    for path, words, way in (
        (f"/broadcasts/{gone}", "A draft may have been thrown away", "/broadcasts"),
        (f"/broadcasts/new/{gone}/people", "A draft may have been thrown away", "/broadcasts"),
        (f"/broadcasts/{broadcast}/recipients/99999", "This person is not here", "/broadcasts"),
        ("/numbers/123", "This number is not here", "/numbers"),
        (f"/webhooks/{gone}", "This webhook is not here", "/webhooks"),
        (f"/keys/{gone}/revoke", "This key is not here", "/keys"),
        ("/users/nobody/settings", "This user is not here", "/users"),
        ("/keys?account=nope", "This account is not here", "/keys"),
    ):
        answer = await admin.get(path)
        assert answer.status_code == 404
        said = main_of(answer.text)
        assert words in said, said
        assert "not found" not in said
        assert f'href="{way}"' in said


async def test_a_number_that_is_in_no_list_of_people_says_so(here: Site, visit_as: VisitAs) -> None:
    broadcast = await here.send(people(1))
    viewer = await visit_as("viewer")
    answer = await viewer.submit(f"/broadcasts/{broadcast}/recipients", {"to": "+4915123456789"})
    assert answer.status_code == 404
    assert "Nobody with this number is in this broadcast" in answer.text
