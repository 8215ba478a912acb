"""Logging in and out, as people do it."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenWindow
from tests.browser.window import DASHBOARD, PASSWORD, PHONE
from tests.support.site import Site, site

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def here(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The site at which all of them log in."""
    async with site(tmp_path_factory.mktemp("site"), extra=DASHBOARD) as made:
        await made.admin("user.add", name="ann", role="operator", accounts=[], password=PASSWORD)
        yield made


async def expect_heading(page: Page, words: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(words)


async def test_a_link_logs_in_and_leaves_no_token_behind(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    link = (await here.admin("dashboard"))["url"]
    await ann.page.goto(link)
    await expect(ann.page.get_by_role("heading", name="Broadcasts")).to_be_visible()
    await ann.page.go_back()
    assert link.partition("#")[2] not in ann.page.url


async def test_a_link_that_was_used_says_what_to_do(here: Site, window: OpenWindow) -> None:
    first, second = await window(here), await window(here)
    link = (await here.admin("dashboard"))["url"]
    await first.page.goto(link)
    await expect(first.page.get_by_role("heading", name="Broadcasts")).to_be_visible()
    second.watched.expect(401)
    await second.page.goto(link)
    await expect(second.page.get_by_role("alert")).to_contain_text(
        "ask for another one with `wacrmd dashboard`"
    )


async def test_a_password_leads_to_the_page_that_was_wanted(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    await ann.page.goto("/broadcasts?status=paused")
    await ann.page.get_by_label("Name").fill("ann")
    await ann.page.get_by_label("Password").fill("something else")
    ann.watched.expect(401)
    await ann.page.get_by_role("button", name="Log in", exact=True).click()
    await expect(ann.page.get_by_role("alert")).to_have_text("Name or password is wrong")
    await ann.page.get_by_label("Name").fill("ann")
    await ann.page.get_by_label("Password").fill(PASSWORD)
    await ann.page.get_by_role("button", name="Log in", exact=True).click()
    await expect(ann.page).to_have_url(f"{ann.url}/broadcasts?status=paused")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_login_and_logout(here: Site, window: OpenWindow, scripts: bool) -> None:
    ann = await window(here, scripts=scripts)
    await ann.log_in("ann")
    await expect_heading(ann.page, "Broadcasts")
    await ann.page.get_by_role("button", name="Log out").click()
    await expect(ann.page).to_have_url(f"{ann.url}/login")
    await ann.page.go_back()
    await expect(ann.page).to_have_url(f"{ann.url}/login?next=/broadcasts")


async def test_without_scripts_the_token_of_a_link_is_pasted(here: Site, window: OpenWindow) -> None:
    ann = await window(here, scripts=False)
    await ann.log_in_by_link()
    await expect_heading(ann.page, "Broadcasts")


async def test_the_keyboard_alone_logs_in(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    await ann.page.goto("/login")
    keys = ann.page.keyboard
    await keys.type("ann")
    await keys.press("Tab")
    await keys.type(PASSWORD)
    await keys.press("Enter")
    await expect(ann.page.get_by_role("heading", name="Broadcasts")).to_be_visible()
    await keys.press("Tab")
    await expect(ann.page.get_by_role("link", name="To the content")).to_be_focused()
    await keys.press("Enter")
    await keys.press("Tab")
    await expect(ann.page.locator("main :focus")).to_have_count(1)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_on_a_phone_the_menu_is_folded(here: Site, window: OpenWindow, scripts: bool) -> None:
    ann = await window(here, scripts=scripts, viewport=PHONE)
    await ann.log_in("ann")
    menu = ann.page.get_by_role("navigation", name="Pages", exact=True)
    await expect(menu).to_be_hidden()
    header = await ann.page.locator("header.site").bounding_box()
    assert header
    assert header["height"] < PHONE["height"] / 8
    await ann.page.get_by_text("Menu", exact=True).click()
    await expect(ann.page.get_by_role("button", name="Log out")).to_be_visible()
    await menu.get_by_role("link", name="Templates").click()
    await expect(ann.page.get_by_role("heading", name="Templates", level=1)).to_be_visible()
    await expect(menu).to_be_hidden()


async def test_who_logs_out_in_one_tab_is_logged_out_in_the_other(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    await ann.log_in("ann")
    other = await ann.context.new_page()
    await other.goto("/broadcasts")
    await ann.page.get_by_role("button", name="Log out").click()
    await expect(ann.page).to_have_url(f"{ann.url}/login")
    await other.reload()
    await expect_heading(other, "Log in to wacrmd")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_link_in_a_mail_leads_to_its_page(here: Site, window: OpenWindow, scripts: bool) -> None:
    """The browser holds the cookie back from what another site leads to (SameSite=Strict)."""
    ann = await window(here, scripts=scripts)
    await ann.log_in("ann")
    mail = await ann.context.new_page()
    await mail.set_content(f'<a href="{ann.url}/broadcasts?status=paused">Look at this</a>')
    async with mail.expect_response("**/login?next=**") as held_back:
        await mail.get_by_text("Look at this").click()
    assert (await held_back.value).status == 200, "without the cookie"
    await expect(mail).to_have_url(f"{ann.url}/broadcasts?status=paused")
    await expect_heading(mail, "Broadcasts")


async def test_a_user_changes_the_password_and_stays_logged_in(here: Site, window: OpenWindow) -> None:
    await here.admin("user.add", name="ben", role="viewer", password=PASSWORD)
    ben = await window(here)
    await ben.log_in("ben")
    await ben.page.get_by_role("link", name="My account: ben (viewer)").click()
    await expect_heading(ben.page, "My account")
    await ben.page.get_by_role("link", name="Change the password").click()
    await ben.page.get_by_label("Present password").fill(PASSWORD)
    await ben.page.get_by_label("Another password").fill("another horse battery")
    await ben.page.get_by_role("button", name="Change it").click()
    await expect(ben.page.get_by_role("status")).to_contain_text("It is changed")
    await ben.page.reload()
    await expect_heading(ben.page, "Your password")


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_secret_has_a_button_to_copy_it_where_that_works(
    here: Site, window: OpenWindow, scripts: bool
) -> None:
    root = await window(here, scripts=scripts)
    await root.log_in_by_link()
    await root.page.goto("/keys/new")
    await root.page.get_by_label("The app that uses it").fill("till")
    await root.page.get_by_label("see broadcasts and single messages", exact=True).check()
    await root.page.get_by_role("button", name="Create the key").click()
    await expect(root.page.get_by_role("textbox", name="The key of till")).to_have_value(
        re.compile("^wacrm_live_")
    )
    await expect(root.page.get_by_role("button", name="Copy")).to_have_count(1 if scripts else 0)
