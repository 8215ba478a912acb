"""Templates of every kind in the steps of a new broadcast: filled there, or said at once to be for a program."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.client import Browser
from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.wizard import at, checked, made, send, upload
from tests.support.patience import eventually
from tests.support.site import Site, site

pytestmark = pytest.mark.anyio

LIST = b"phone;name\n+4915123456789;Jana\n"


def _template(name: str, *parts: dict[str, Any]) -> dict[str, Any]:
    body = {"type": "BODY", "text": f"This is {name}."}
    return {"name": name, "language": "en_US", "components": [body, *parts]}


def _buttons(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(buttons)}


CARD = {"components": [{"type": "BODY", "text": "A card"}]}
OFFER = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Today", "has_expiration": True}}
TEMPLATES = (
    _template("picture", {"type": "HEADER", "format": "IMAGE"}),
    _template("linked", _buttons({"type": "URL", "text": "Buy", "url": "https://shop.example/{{1}}"})),
    _template("coupon", _buttons({"type": "COPY_CODE", "example": "SAVE"})),
    _template("survey", _buttons({"type": "QUICK_REPLY", "text": "No"}, {"type": "FLOW", "text": "Begin"})),
    _template("cards", {"type": "CAROUSEL", "cards": [CARD, CARD]}),
    _template("hurry", OFFER),
    _template("products", _buttons({"type": "MPM", "text": "See"})),
)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with these templates."""
    async with site(tmp_path, extra=DASHBOARD, templates=TEMPLATES) as made_site:
        await made_site.admin("template.sync")
        yield made_site


async def _listed(browser: Browser, template: str) -> str:
    """The address of a draft with a list."""
    draft = await made(browser, template)
    assert (await upload(browser, draft, LIST)).status_code == 303
    return draft


async def test_a_flow_is_sent_without_a_value(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await _listed(browser, "survey")
    assert "Next: look at the message" in await checked(browser, draft, {"phone": "1"})
    assert (await send(browser, draft)).headers["location"] == f"{draft}/sending"
    await eventually(lambda: len(here.sim.ledger.entries) == 1)


async def test_a_picture_that_is_missing_is_asked_for_and_then_sent(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await _listed(browser, "picture")
    asked = f'has an image above its text, the same for everybody: <a href="{draft}/message">'
    assert asked in (await at(browser, f"{draft}/people")).text
    page = await checked(browser, draft, {"phone": "1"})
    assert "the message needs its image: give it in the step “Message”" in page
    await browser.change(f"{draft}/message/header", {"link": "https://shop.example/tulips.jpg"})
    page = await checked(browser, draft, {"phone": "1"})
    assert "above its text, the same" not in page
    assert "Next: look at the message" in page


@pytest.mark.parametrize(
    ("template", "words"), [("linked", "Buy: https://shop.example/{{1}}"), ("coupon", "Copy code")]
)
async def test_a_button_is_named_by_what_stands_on_it(visit_as: VisitAs, template: str, words: str) -> None:
    browser = await visit_as("operator")
    draft = await _listed(browser, template)
    page = (await at(browser, f"{draft}/people")).text.replace("<wbr>", "")
    assert f'<legend class="dim">{words}</legend>' in page


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("cards", "It has a carousel"),
        ("hurry", "It has an offer that ends at a time"),
        ("products", "It has a button that shows products"),
    ],
)
async def test_what_only_a_program_can_fill_is_said_first(
    visit_as: VisitAs, template: str, words: str
) -> None:
    browser = await visit_as("operator")
    page = (await at(browser, f"/broadcasts/new?name={template}")).text
    assert f"{words}: only a program can fill that, so it cannot be sent from here." in page
    assert f"Use {template}" not in page
