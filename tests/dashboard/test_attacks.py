"""Attacks on every page and action there is: without a session, with a viewer's, from another page, with another account's.

They go through `PAGES`, so what is added is attacked by itself.
"""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from tests.dashboard.client import PASSWORD, Browser, Form
from tests.dashboard.conftest import DASHBOARD
from tests.support.site import NUMBER, Site, people, phones, site
from wacrmd.clock import DAY, MINUTE, iso
from wacrmd.dashboard.app import PAGES
from wacrmd.dashboard.turns import AT_ONCE, MAX_WAITING
from wacrmd.domain.user import LINK_LASTS, MAX_LINKS, MAX_SESSIONS
from wacrmd.services.audit import write_sums

pytestmark = pytest.mark.anyio

FOREIGN: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {},
)
"""What the browser says of a form on a page of somebody else; the oldest browsers say nothing."""

UNTOUCHED = {"login_session", "login_link", "known_browser", "audit", "known_time"}
"""Tables that change without an action."""

NOTES = {
    "broadcast": {"counts", "counts_revision"},  # kept every few seconds, so that pages need not count
    "api_key": {"last_used_at", "last_used_from"},  # stored every minute
}
"""Columns that the daemon's own periodic jobs write, whatever anybody does: on a slow machine in the middle of a test."""

NOTED_SETTINGS = ("last_check",)
"""Settings that are such notes."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the site that all tests share."""
    return "asyncio"


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A site with two accounts, each with a broadcast that waits."""
    extra = f"{DASHBOARD}[templates]\nsync_interval_minutes = 0\n[meta]\ncheck_interval_minutes = 0\n"
    async with site(tmp_path_factory.mktemp("attacks"), extra=extra) as made:
        await made.admin("account.add", name="rival")
        rival = {"account": "rival", "phone_number_id": "2", "waba_id": "99", "label": "rival-number"}
        await made.admin("number.add", **NUMBER | rival)
        await made.admin("template.sync", account="shop")
        await made.admin("user.add", name="viewer", role="viewer", password=PASSWORD)
        await made.admin("user.add", name="ann", role="operator", accounts=["rival"], password=PASSWORD)
        yield made


@pytest.fixture(scope="module")
async def broadcast(here: Site) -> str:
    """A broadcast of the account shop that waits for tomorrow."""
    return await here.send(people(3), name="secret-offer", scheduled_at=iso(here.clock.wall() + DAY))


@pytest.fixture
async def stranger(here: Site) -> AsyncIterator[Browser]:
    """A browser that nobody is logged in with."""
    browser = Browser(here)
    yield browser
    await browser.http.aclose()


LOG_OUT_EVERYWHERE = "/account/logout"
"""What everybody may do."""


def paths(method: str, broadcast: str) -> list[str]:
    """The paths of all pages, or of all actions, with ids of things that exist where it is known which."""

    def filled(path: str) -> str:
        path = path.replace("{id}", broadcast)
        return re.sub(r"{[^}]*}", "1", path)

    return [filled(path) for each, path, _ in PAGES if each == method]


async def state(here: Site) -> dict[str, list[Any]]:
    """All rows of all tables that only an action changes."""

    def read(tx: Any) -> dict[str, list[Any]]:
        found = {}
        for (table,) in tx.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        ).fetchall():
            if table in UNTOUCHED:
                continue
            columns = [
                f'"{name}"'
                for (name,) in tx.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
                if name not in NOTES.get(table, ())
            ]
            found[table] = tx.execute(f'SELECT {", ".join(columns)} FROM "{table}"').fetchall()
        found["setting"] = [row for row in found["setting"] if row[0] not in NOTED_SETTINGS]
        return found | {"user": tx.execute("SELECT id, name, role, password FROM user").fetchall()}

    return await here.running.ctx.db.read(read)


async def as_user(here: Site, name: str) -> Browser:
    browser = Browser(here)
    assert (await browser.log_in(name)).status_code == 303
    return browser


async def test_without_a_session_every_page_leads_to_the_login(
    here: Site, stranger: Browser, broadcast: str
) -> None:
    for path in paths("GET", broadcast):
        answer = await stranger.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login?next="), path
        assert "secret-offer" not in answer.text


async def test_without_a_session_every_action_is_refused(
    here: Site, stranger: Browser, broadcast: str
) -> None:
    before = await state(here)
    for path in paths("POST", broadcast):
        assert (await stranger.submit(path, {"confirm": "1"})).status_code == 403, path
    assert await state(here) == before


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_no_action_is_done_because_another_page_asks_for_it(
    here: Site, broadcast: str, headers: dict[str, str]
) -> None:
    browser = await as_user(here, "viewer")
    before = await state(here)
    for path in [*paths("POST", broadcast), "/logout", "/login", "/login/link"]:
        answer = await browser.http.post(path, data={"confirm": "1"}, headers=headers)
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers
    assert await state(here) == before
    assert (await browser.get("/broadcasts")).status_code == 200
    await browser.http.aclose()


async def test_a_viewer_changes_nothing_with_any_action(here: Site, broadcast: str) -> None:
    browser = await as_user(here, "viewer")
    before = await state(here)
    for path in paths("POST", broadcast):
        if path == LOG_OUT_EVERYWHERE:
            continue
        answer = await browser.submit(path, {"confirm": "1", "template": "hello", "phone": phones(1)[0]})
        assert answer.status_code in (400, 403, 404, 409), (path, answer.status_code)
    assert await state(here) == before
    done = [each for each in await here.admin("audit", limit=1000) if each["user"] == "viewer"]
    assert {each["result"] for each in done if each["method"] not in ("login", "logout")} <= {"denied"}
    await browser.http.aclose()


async def test_a_user_of_another_account_sees_and_changes_nothing(here: Site, broadcast: str) -> None:
    browser = await as_user(here, "ann")
    before = await state(here)
    secrets = ("secret-offer", *phones(3), here.number["id"], here.account["id"])
    for path in paths("GET", broadcast):
        answer = await browser.get(path)
        shown = answer.text.replace(broadcast, "")
        assert answer.status_code < 500, path
        assert not any(secret in shown for secret in secrets), path
        async with browser.http.stream("GET", path, headers={"Accept": "text/event-stream"}) as live:
            is_open = live.headers.get("content-type", "").startswith("text/event-stream")
            assert not (is_open and broadcast in path), path
    for path in paths("POST", broadcast):
        answer = await browser.submit(path, {"confirm": "1", "account": "shop"})
        assert answer.status_code < 500, path
    after = await state(here)
    own = {each["id"] for each in await here.admin("account.list") if each["name"] == "rival"}
    for table in before:
        gone = [row for row in before[table] if row not in after[table] and not own & set(map(str, row))]
        new = [row for row in after[table] if row not in before[table] and not own & set(map(str, row))]
        assert not gone, (table, gone)
        assert table != "broadcast" or not new
    await browser.http.aclose()


async def test_a_planted_cookie_is_no_session_and_becomes_none(here: Site, stranger: Browser) -> None:
    """Fixation: whoever plants a cookie would know the session of whoever logs in with it."""
    stranger.http.cookies.set("wacrmd_session", "planted" * 6, domain="127.0.0.1")
    stranger.http.cookies.set("wacrmd_browser", "planted" * 6, domain="127.0.0.1")
    assert (await stranger.get("/broadcasts")).status_code == 303
    assert (await stranger.log_in("viewer")).status_code == 303
    cookies = dict(stranger.http.cookies)
    assert "planted" not in "".join(cookies.values())
    assert (await stranger.get("/broadcasts")).status_code == 200
    stranger.http.cookies.set("wacrmd_session", "planted" * 6, domain="127.0.0.1")
    assert (await stranger.get("/broadcasts")).status_code == 303


async def test_a_stolen_cookie_ends_with_the_logout_and_with_the_next_login(here: Site) -> None:
    for leave in ("logout", "login"):
        browser, thief = await as_user(here, "viewer"), Browser(here)
        thief.http.cookies.set("wacrmd_session", browser.http.cookies["wacrmd_session"])
        assert (await thief.get("/broadcasts")).status_code == 200
        if leave == "logout":
            await browser.submit("/logout")
        else:
            token = "wacrmd_session"
            stolen = browser.http.cookies[token]
            browser.http.cookies.delete(token)
            login = await browser.login_token()
            browser.http.cookies.set(token, stolen, domain="127.0.0.1")
            await browser.submit("/login", {"login": login, "name": "viewer", "password": PASSWORD})
        assert (await thief.get("/broadcasts")).status_code == 303
        await browser.http.aclose()
        await thief.http.aclose()


async def test_nobody_is_logged_in_without_noticing(here: Site, stranger: Browser) -> None:
    """Login CSRF: the form of somebody else's page has no token of this browser."""
    own = await stranger.login_token()
    fields = {"name": "viewer", "password": PASSWORD}
    for login in ("", "x", "ä", own[:-1]):
        assert (await stranger.submit("/login", {"login": login, **fields})).status_code == 403
    other = Browser(here)
    assert (
        await stranger.submit("/login", {"login": await other.login_token(), **fields})
    ).status_code == 403
    stranger.http.cookies.clear()
    assert (await stranger.submit("/login", {"login": own, **fields})).status_code == 403
    assert (await stranger.submit("/login", {"login": "", **fields})).status_code == 403
    await other.http.aclose()


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/ok\r\nSet-Cookie: a=b", "evil.example", "///evil.example", "/\t/evil.example", "http:evil", "//[",
        "/login", "/login?next=/login", "/%0d%0aSet-Cookie:a=b", "/.//evil.example",
    ],
)  # fmt: skip
async def test_the_login_leads_nowhere_else(here: Site, stranger: Browser, wanted: str) -> None:
    fields = {"login": await stranger.login_token(), "name": "viewer", "password": PASSWORD, "next": wanted}
    answer = await stranger.submit("/login", fields)
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert re.fullmatch(r"/(?![/\\])[!-~]*", location), location
    assert "a=b" not in answer.headers.get_list("set-cookie")
    assert not location.startswith("/login")


async def test_a_link_that_is_used_up_late_or_made_up_logs_nobody_in(here: Site, stranger: Browser) -> None:
    used, late = [(await here.admin("dashboard"))["url"] for _ in range(2)]
    first = Browser(here)
    assert (await first.log_in_by_link(used)).status_code == 303
    here.clock.advance(LINK_LASTS)
    for link in (used, late, "#made up", "#", f"#{'x' * 10_000}"):
        answer = await stranger.log_in_by_link(link)
        assert answer.status_code == 401
        assert "wacrmd_session" not in stranger.http.cookies
    await first.http.aclose()


@pytest.mark.exhaustive(only=True)
async def test_a_user_of_the_machine_has_some_links_and_some_sessions(here: Site) -> None:
    links = [(await here.admin("dashboard"))["url"] for _ in range(MAX_LINKS + 1)]
    browsers = [Browser(here) for _ in links]
    answers = [
        (await browser.log_in_by_link(link)).status_code
        for browser, link in zip(browsers, links, strict=True)
    ]
    assert sorted(answers) == [303] * MAX_LINKS + [401]
    for _ in range(MAX_SESSIONS):
        browsers.append(Browser(here))
        await browsers[-1].log_in_by_link((await here.admin("dashboard"))["url"])
    in_ = [(await browser.get("/broadcasts")).status_code for browser in browsers]
    assert (in_.count(200), in_[-1]) == (MAX_SESSIONS, 200)
    name = next(
        each["user"] for each in await here.admin("audit", limit=1000) if each["params"].get("by") == "link"
    )
    assert (await here.admin("user.logout", name=name))["sessions"] == MAX_SESSIONS
    assert {(await browser.get("/broadcasts")).status_code for browser in browsers} == {303}
    for browser in browsers:
        await browser.http.aclose()


@pytest.mark.exhaustive(only=True)
async def test_a_user_has_some_sessions(here: Site) -> None:
    browser, cookies = Browser(here), []
    for _ in range(MAX_SESSIONS + 1):
        assert (await browser.log_in("viewer")).status_code == 303  # a known browser: no stranger's pace
        cookies.append(browser.http.cookies["wacrmd_session"])
        browser.http.cookies.delete("wacrmd_session")
    users = {each["name"]: each["sessions"] for each in await here.admin("user.list")}
    assert users["viewer"] == MAX_SESSIONS
    seen = []
    for cookie in (cookies[0], cookies[-1]):
        browser.http.cookies.set("wacrmd_session", cookie, domain="127.0.0.1")
        seen.append((await browser.get("/broadcasts")).status_code)
    assert seen == [303, 200]
    await browser.http.aclose()


async def test_no_secret_of_a_login_is_in_the_file_or_the_audit(here: Site, stranger: Browser) -> None:
    link = (await here.admin("dashboard"))["url"]
    await stranger.log_in("viewer")
    secrets = [PASSWORD, link.partition("#")[2], *stranger.http.cookies.values()]
    stored = await here.running.ctx.db.read(
        lambda tx: repr(
            [
                tx.execute(f"SELECT * FROM {table}").fetchall()
                for table in ("user", "login_session", "login_link", "known_browser", "audit")
            ]
        )
    )
    assert "$argon2id$" in stored
    assert not any(secret in stored for secret in secrets)


async def test_a_link_in_a_mail_finds_the_session_whose_cookie_the_browser_held_back(
    here: Site, stranger: Browser, broadcast: str
) -> None:
    """A browser sends no SameSite=Strict cookie with what another site leads to, and does with what our page asks for."""
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {}):  # without https browsers say nothing
        first = await stranger.http.get(f"/broadcasts/{broadcast}", headers=headers)
        again = await stranger.http.get(first.headers["location"], headers=headers)
        assert again.status_code == 200
        url = html.unescape(re.findall(r'content="0;url=([^"]+)"', again.text)[0])
        form = await stranger.http.get(url, headers=headers | {"Sec-Fetch-Site": "same-origin"})
        assert Form(form.text, "/login").fields["next"] == f"/broadcasts/{broadcast}"
        without_referrer = await stranger.http.get(url, headers=headers)
        assert Form(without_referrer.text, "/login").found, "it never goes round and round"
    browser = await as_user(here, "viewer")
    found = await browser.http.get(url, headers={"Sec-Fetch-Site": "same-origin"})
    assert found.headers["location"] == f"/broadcasts/{broadcast}"
    assert Form((await stranger.http.get("/login")).text, "/login").found, (
        "a login link keeps what is behind its #"
    )
    await browser.http.aclose()


async def test_who_came_and_went_is_in_the_audit(here: Site, stranger: Browser) -> None:
    await here.admin("user.add", name="carl", role="viewer", password=PASSWORD)
    await stranger.log_in("carl")
    await stranger.submit("/logout")
    seen = [
        (each["method"], each["via"], each["result"], each["params"])
        for each in await here.admin("audit", user="carl")
    ]
    assert seen == [
        ("login", "dashboard", "ok", {"by": "password", "address": "127.0.0.1"}),
        ("logout", "dashboard", "ok", {"address": "127.0.0.1"}),
    ]


async def test_who_came_by_a_link_is_in_the_audit(here: Site, stranger: Browser) -> None:
    for _ in range(2):  # the links of other tests are summed up, and a minute without any has passed
        here.clock.advance(MINUTE)
        await write_sums(here.running.ctx)
    newest = (await here.admin("audit", limit=1))[0]["id"]
    await stranger.log_in_by_link((await here.admin("dashboard"))["url"])
    # The daemon may still be writing the sums of what other tests did.
    (entry,) = [
        each
        for each in await here.admin("audit", method="login", limit=1000)
        if each["id"] > newest and "by" in each["params"]
    ]
    assert (entry["via"], entry["result"]) == ("dashboard", "ok")
    assert entry["params"] == {"by": "link", "address": "127.0.0.1"}
    assert entry["uid"] is not None


@pytest.mark.exhaustive(only=True)
async def test_one_visitors_pages_leave_room_for_others(here: Site, broadcast: str) -> None:
    browser, other = await as_user(here, "viewer"), await as_user(here, "ann")
    browser.http.timeout = None  # the last in the line waits for all before it
    statuses: list[int] = []

    async def get() -> None:
        statuses.append((await browser.get(f"/broadcasts/{broadcast}")).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(2 * (AT_ONCE + MAX_WAITING)):
            tasks.start_soon(get)
        assert (await other.get("/broadcasts")).status_code == 200
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= AT_ONCE + MAX_WAITING
    await browser.http.aclose()
    await other.http.aclose()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n", 200),
        ("GET /login HTTP/1.1\r\nHost: 192.168.1.5:8082\r\n", 200),
        ("GET /login HTTP/1.1\r\nHost: [2001:db8::1]:8082\r\n", 200),
        ("GET /login HTTP/1.1\r\nHost: LOCALHOST:1\r\n", 200),
        ("GET http://localhost/login HTTP/1.1\r\nHost: evil.example\r\n", 200),
        ("GET http://evil.example/login HTTP/1.1\r\nHost: localhost\r\n", 421),
        ("GET /login HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n", 421),
        ("GET /login HTTP/1.1\r\nHost: 2130706433\r\n", 421),
        ("GET /login HTTP/1.1\r\nHost: 0x7f.1\r\n", 421),
        ("GET /login HTTP/1.1\r\nHost: localhost:8082:1\r\n", 421),
        ("GET /login HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400),
        ("GET /login HTTP/1.0\r\n", 421),
        ("GET /login HTTP/1.0\r\nHost: localhost\r\n", 200),
        ("GET /login HTTP/1.1\r\n", 400),
    ],
)
async def test_only_names_of_its_own_and_addresses_are_answered(here: Site, head: str, status: int) -> None:
    host, port = Browser(here).url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{head}Sec-Fetch-Site: none\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] == str(status).encode(), answer[:300]
