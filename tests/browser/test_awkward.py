"""Names and notes that people really write, or that somebody writes on purpose: each column of each list stays in sight."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.pages import OUT_OF_SIGHT
from tests.browser.shop import PNG
from tests.browser.window import DASHBOARD, DESK, PASSWORD, PHONE, Window
from tests.support.clock import ShiftClock
from tests.support.site import NOBODY, NUMBER, PHONE_NUMBER_ID, people, phones, site

pytestmark = pytest.mark.anyio

ACCOUNT = "n" * 63
ARABIC = [
    {"type": "BODY", "text": "\u0645\u0631\u062d\u0628\u0627 {{1}}!\nOrder 7 is ready."},
    {"type": "FOOTER", "text": "\u0645\u062a\u062c\u0631 2."},
    {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "\u0646\u0639\u0645!"}]},
]
LISTS = (
    "broadcasts",
    "templates",
    "numbers",
    "costs",
    "optouts",
    "media",
    "settings",
    "webhooks",
    "keys",
    "users",
    "audit",
    "status",
)


@pytest.fixture(scope="module")
async def visitor(
    browser: Browser, anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Window]:
    """An administrator at a site whose names have no space and are as long as they may be."""
    template = {"name": "t" * 500, "language": "en_US", "category": "MARKETING", "status": "APPROVED"}
    body = {"type": "BODY", "text": "Hello {{1}}, " + "x" * 300}
    async with site(
        tmp_path_factory.mktemp("awkward"),
        extra=DASHBOARD + '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n',
        clock=ShiftClock(),
        templates=(
            {"id": "1", **template, "components": [body]},
            {"id": "2", **template, "name": "arabic", "language": "ar", "components": ARABIC},
        ),
    ) as here:
        await here.admin("account.add", name=ACCOUNT)
        await here.admin("number.set", id=PHONE_NUMBER_ID, label="L" * 100)
        await here.admin("number.add", **NUMBER | {"account": ACCOUNT, "phone_number_id": "1002"})
        await here.admin("template.sync", account="shop")
        made = await here.send(people(3), name="N" * 200, template_name=str(template["name"]))
        await here.until_status(made, "sent")
        await here.admin("optout.add", account="shop", phone=phones(1)[0], detail="d" * 400)
        await here.admin("webhook.add", account=ACCOUNT, url=NOBODY + "p" * 500)
        await here.api.post("/api/v1/media", files={"file": ("m" * 190 + ".png", PNG, "image/png")})
        rules = [{"codes": [131049, 131026], "after_hours": 24, "times": 2}]
        await here.admin("account.set", name=ACCOUNT, retry_rules=rules)
        await here.admin(
            "price.import", account=ACCOUNT, csv=f"country,category,price,currency\nDE,{'c' * 60},1,EUR\n"
        )
        await here.admin("key.create", account=ACCOUNT, name="k" * 64, scopes=["broadcasts:send"])
        await here.admin("user.add", name="z" * 64, role="viewer", accounts=[ACCOUNT], password=PASSWORD)
        opened = await Window.open(browser, here)
        await opened.log_in_by_link()
        yield opened
        await opened.context.close()
        opened.watched.check()


@pytest.mark.exhaustive(only=True)
@pytest.mark.parametrize("name", LISTS)
async def test_a_long_word_pushes_nothing_out_of_sight(visitor: Window, name: str) -> None:
    await visitor.page.goto(f"/{name}")
    for size in (DESK, PHONE):
        await visitor.page.set_viewport_size(size)
        await visitor.page.evaluate(
            "document.querySelectorAll('main details').forEach(each => { each.open = true; })"
        )
        assert await visitor.page.evaluate(OUT_OF_SIGHT) == 0


PLACES = """(element) => {
    const text = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), places = {}, range = document.createRange();
    while (text.nextNode()) [...text.currentNode.data].forEach((each, at) => {
        range.setStart(text.currentNode, at);
        range.setEnd(text.currentNode, at + 1);
        const box = range.getBoundingClientRect();
        if (box.width) places[each] = box.x + box.width / 2;
    });
    return places;
}"""
"""Where each character stands; of several the last."""


@pytest.mark.exhaustive(only=True)
async def test_a_message_from_right_to_left_stands_as_on_the_phone(visitor: Window) -> None:
    """Each line has the direction of its own language: a mark at its end is on the left, and one of English on the right."""
    await visitor.page.goto("/templates?name=arabic")
    await visitor.page.set_viewport_size(DESK)
    bubble = visitor.page.get_by_role("group", name="The message as WhatsApp shows it")
    body = await bubble.locator("p").first.evaluate(PLACES)
    assert body["!"] < body["1"] < body["\u0645"]
    assert body["O"] < body["7"] < body["."]
    footer = await bubble.locator("p").nth(1).evaluate(PLACES)
    assert footer["."] < footer["2"] < footer["\u0645"]
    button = await bubble.get_by_role("listitem").evaluate(PLACES)
    assert button["!"] < button["\u0646"]
