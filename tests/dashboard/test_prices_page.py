"""Prices in the dashboard: an administrator enters one, imports a list or removes one; a wrong list changes nothing."""

from html import unescape
from typing import Any

import anyio
import httpx
import pytest

from tests.dashboard.client import SAME_ORIGIN, Browser, Form
from tests.dashboard.conftest import VisitAs
from tests.support.site import Site
from wacrmd.clock import DAY, iso

pytestmark = pytest.mark.anyio

LIST = 'country,category,price,currency\nUS,marketing,0.0125,USD\n"AT, CH",utility,0.123,EUR\n*,utility,0.06,EUR\n'
NEW, IMPORT, REMOVE = "/costs/prices/new", "/costs/prices/import", "/costs/prices/remove"


async def send_file(browser: Browser, content: bytes, **fields: str) -> httpx.Response:
    files = {"file": ("prices.csv", content, "text/csv")}
    return await browser.http.post(IMPORT, files=files, data=fields, headers=SAME_ORIGIN)


async def prices_of(here: Site) -> list[tuple[str | None, str | None, dict[str, str]]]:
    """Of each list: of which account, from when on, and its prices."""
    found = await here.admin("price.list")
    return [
        (
            each["account"],
            each["valid_from"] and each["valid_from"][:10],
            {
                f"{one['country']} {one['category']}": f"{one['amount']} {one['currency']}"
                for one in each["prices"]
            },
        )
        for each in found
    ]


WHOLE = {
    "US marketing": "0.0125 USD",
    "AT utility": "0.123 EUR",
    "CH utility": "0.123 EUR",
    "* utility": "0.06 EUR",
}


async def test_a_list_is_imported_replaced_and_removed(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    page = (await admin.get("/costs")).text
    assert f'href="{IMPORT}"' in page
    assert f'href="{NEW}"' in page
    said = await admin.follow(await send_file(admin, LIST.encode()))
    assert (
        "Stored: 4 prices in EUR, USD, of all accounts without a list of their own. They hold always." in said
    )
    assert await prices_of(here) == [(None, None, WHOLE)]
    for text in ("4 prices", "those of today", "Austria", "all others", "0.0125"):
        assert text in said

    other = b"country;category;price\nUS;marketing;0,02\n"
    said = await admin.follow(await send_file(admin, other, currency="usd", account="shop", day="2031-01-01"))
    assert "of account shop. They hold from 2031-01-01 on." in said
    assert (await prices_of(here))[-1] == ("shop", "2031-01-01", {"US marketing": "0.02 USD"})
    await admin.follow(await send_file(admin, other, currency="USD", always="1"))
    assert (await prices_of(here))[0] == (None, None, {"US marketing": "0.02 USD"})

    asked = unescape(await _asked(admin, {"from": "2031-01-01", "account": "shop"}))
    assert "Remove the price list of account shop from 2031-01-01 on?" in asked
    assert len(await prices_of(here)) == 2
    fields = Form(asked, REMOVE).fields
    assert "Removed: the price list of account shop" in await admin.change(REMOVE, fields)
    gone = await admin.submit(REMOVE, fields)
    assert gone.status_code == 404
    assert "Removed: the price list." in await admin.change(REMOVE, {"from": "always", "sure": "1"})
    assert await prices_of(here) == []
    entries = await here.admin("audit", via="dashboard")
    assert [each["method"] for each in entries if each["result"] == "ok"][1:] == [
        *["price.import"] * 3,
        *["price.remove"] * 2,
    ]


async def _asked(browser: Browser, fields: dict[str, str]) -> str:
    answer = await browser.submit(REMOVE, fields)
    assert answer.status_code == 200
    return answer.text


async def test_what_is_wrong_in_a_list_is_said_by_line_and_nothing_is_stored(
    here: Site, visit_as: VisitAs
) -> None:
    admin = await visit_as("admin")
    await admin.follow(await send_file(admin, LIST.encode()))
    wrong = LIST + "DE,marketing,1.234,EUR\nNarnia,utility,0.1,EUR\nFR,marketng,0.1,EUR\nIT,utility,,EUR\n"
    answer = await send_file(admin, wrong.encode(), account="shop", currency="EUR")
    page = unescape(answer.text)
    assert answer.status_code == 422
    assert "Nothing was imported: correct 4 lines." in page
    for line, why in (
        ("line 5", "may be 1234 or 1.234"),
        ("line 6", "'Narnia' is no country"),
        ("line 7", "did you mean 'marketing'?"),
        ("line 8", "is no price"),
    ):
        assert why in page.split(f'<th scope="row">{line}</th>')[1].split("</tr>")[0]
    assert '<option value="shop" selected>' in page, "what was entered is still there"
    many = "country,category,price,currency\n" + "X,utility,0.1,EUR\n" * 300
    page = (await send_file(admin, many.encode())).text
    assert "these are the first 100 lines to correct" in page
    for content, fields, status, said in (
        (b"", {}, 422, "it is empty"),
        (b"\xff\x00\xff", {}, 422, "file-error"),
        (b"a,b\n1,2\n", {}, 422, "expected a header with country"),
        (bytes(600_000), {}, 413, "is it a price list?"),
        (LIST.encode(), {"currency": "euros"}, 422, "currency-error"),
        (LIST.encode(), {"day": "tomorrow"}, 422, "day-error"),
        (LIST.encode(), {"day": "2031-01-01", "always": "1"}, 422, "day-error"),
        (LIST.encode(), {"account": "nobody"}, 404, "Not found"),
    ):
        answer = await send_file(admin, content, **fields)
        assert (answer.status_code, said in answer.text) == (status, True), (content[:20], fields)
    assert await prices_of(here) == [(None, None, WHOLE)]


async def test_one_price_is_entered_and_the_others_of_the_list_stay(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    one: dict[str, Any] = {"country": "US", "category": "marketing", "price": "0.0125", "currency": "usd"}
    said = await admin.change(NEW, one)
    assert "Stored: 1 price in USD" in said
    assert await prices_of(here) == [(None, None, {"US marketing": "0.0125 USD"})]
    await admin.follow(await send_file(admin, LIST.encode(), always="1"))

    # from today on: what was sent before keeps its price
    await admin.change(NEW, one | {"price": "0,02"})
    today = iso(here.clock.now())[:10]
    dearer = WHOLE | {"US marketing": "0.02 USD"}
    assert sorted(await prices_of(here), key=str) == sorted(
        [(None, None, WHOLE), (None, today, dearer)], key=str
    )
    # the first list is corrected
    await admin.change(
        NEW, one | {"country": "*", "category": "utility", "price": "0.07", "currency": "EUR", "always": "1"}
    )
    lists = {since: prices for _, since, prices in await prices_of(here)}
    assert lists == {None: WHOLE | {"* utility": "0.07 EUR"}, today: dearer}
    # from a day on
    later = iso(here.clock.now() + 40 * DAY)[:10]
    await admin.change(NEW, one | {"country": "DE", "day": later})
    lists = {since: prices for _, since, prices in await prices_of(here)}
    assert lists[later] == dearer | {"DE marketing": "0.0125 USD"}

    # an account without a list of its own begins with the one for all
    await admin.change(NEW, one | {"country": "FR", "account": "shop"})
    (own,) = [prices for account, _, prices in await prices_of(here) if account == "shop"]
    assert own == dearer | {"FR marketing": "0.0125 USD"}


async def test_a_price_that_cannot_be_is_said_beside_its_field(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    one = {"country": "US", "category": "marketing", "price": "0.0125", "currency": "USD"}
    for given, field in (
        ({"price": "1.234"}, "price"),
        ({"price": "cheap"}, "price"),
        ({"price": ""}, "price"),
        ({"currency": ""}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"price": "€0.1"}, "price"),
        ({"day": "soon"}, "day"),
        ({"day": "2031-01-01", "always": "1"}, "day"),
    ):
        answer = await admin.submit(NEW, one | given)
        assert (answer.status_code, f'id="{field}-error"' in answer.text) == (422, True), given
    assert await prices_of(here) == []


async def test_others_see_the_prices_and_change_none(here: Site, visit_as: VisitAs) -> None:
    await here.admin("price.import", csv=LIST)
    for role, accounts in (("viewer", ()), ("operator", ()), ("sender", ("shop",))):
        browser = await visit_as(role, *accounts)
        page = (await browser.get("/costs")).text
        assert ("Austria" in page, "/costs/prices/" in page) == (True, False)
        for answer in (
            await browser.get(NEW),
            await browser.get(IMPORT),
            await browser.submit(
                NEW, {"country": "US", "category": "utility", "price": "1", "currency": "USD"}
            ),
            await send_file(browser, b"country,category,price,currency\nUS,utility,1.0000,USD\n"),
            await browser.submit(REMOVE, {"from": "always", "sure": "1"}),
        ):
            assert answer.status_code == 403
    assert await prices_of(here) == [(None, None, WHOLE)]


async def test_prices_that_are_entered_at_the_same_moment_are_all_stored(
    here: Site, visit_as: VisitAs
) -> None:
    countries, admins = ("DE", "FR", "IT", "ES", "PL", "AT"), [await visit_as("admin") for _ in range(3)]
    async with anyio.create_task_group() as tasks:
        for at, country in enumerate(countries):
            one = {
                "country": country,
                "category": "utility",
                "price": "0,1",
                "currency": "EUR",
                "always": "1",
            }
            tasks.start_soon(admins[at % 3].submit, NEW, one)
    ((_, _, stored),) = await prices_of(here)
    assert set(stored) == {f"{country} utility" for country in countries}


async def test_what_is_wrong_runs_from_left_to_right_whatever_it_quotes(visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    content = "country,category,price,currency\n\u05d9\u05e9\u05e8\u05d0\u05dc,marketing,0.05,USD\n"
    page = unescape((await send_file(admin, content.encode())).text)
    assert "<bdi dir=\"ltr\">'\u05d9\u05e9\u05e8\u05d0\u05dc' is no country" in page
