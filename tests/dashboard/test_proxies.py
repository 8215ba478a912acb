"""Behind a reverse proxy: who is named by it, whose address counts, and what nobody else may say."""

from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs

from tests.dashboard.client import PASSWORD, Browser, Form
from tests.dashboard.conftest import DASHBOARD
from tests.support.site import Site, site
from wacrmd.config import parse
from wacrmd.errors import ConfigError
from wacrmd.services.audit import write_sums
from wacrmd.services.maintenance import dashboard_checks
from wacrmd.store.database import Tx

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

PUBLIC = "https://wacrmd.example.com"
EXTRA = f'{DASHBOARD}trusted_proxies = ["127.0.0.1"]\nuser_header = "Remote-User"\npublic_url = "{PUBLIC}"\n'
HOST = {"Host": "wacrmd.example.com"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the site that all tests share."""
    return "asyncio"


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A site whose reverse proxy is on the same machine."""
    async with site(tmp_path_factory.mktemp("proxies"), extra=EXTRA) as made:
        for name in ("Ann", "Bj\N{LATIN SMALL LETTER O WITH STROKE}rn"):
            await made.admin("user.add", name=name, role="viewer", password=PASSWORD)
        yield made


@pytest.fixture
async def browser(here: Site) -> AsyncIterator[Browser]:
    """A browser that nobody is logged in with."""
    made = Browser(here)
    yield made
    await made.http.aclose()


async def log_in(browser: Browser, name: str, **headers: str) -> httpx.Response:
    """Log in through the proxy, which speaks https with the browser; the test does not, so no cookie is kept."""
    browser.http.cookies.clear()
    page = await browser.get("/login", **HOST, **headers)
    kept = {"Cookie": page.headers["set-cookie"].partition(";")[0], "Origin": PUBLIC}
    fields = {"login": Form(page.text, "/login").fields["login"], "name": name, "password": PASSWORD}
    return await browser.submit("/login", fields, **HOST, **headers, **kept)


def session_of(answer: httpx.Response) -> str:
    return next(each for each in answer.headers.get_list("set-cookie") if "_session=" in each)


async def test_a_trusted_proxy_names_the_user(here: Site, browser: Browser) -> None:
    assert "Ann (viewer)" in (await browser.get("/broadcasts", **{"Remote-User": "ann"})).text
    raw = "Bj\N{LATIN SMALL LETTER O WITH STROKE}rn".encode()
    answer = await browser.http.get(
        "/broadcasts", headers=[(b"Remote-User", raw), (b"Sec-Fetch-Site", b"none")]
    )
    assert raw.decode() in answer.text
    assert (await browser.get("/broadcasts")).status_code == 303
    (entry, *_) = [
        each for each in await here.admin("audit") if (each["method"], each["user"]) == ("login", "Ann")
    ]
    assert entry["params"]["by"] == "proxy"


async def test_a_header_that_names_nobody_is_refused_and_no_cookie_counts(
    here: Site, browser: Browser
) -> None:
    """Else a client that smuggles a second value past the proxy would fall back to another way in."""
    session = {"Cookie": session_of(await log_in(browser, "ann")).partition(";")[0]} | HOST
    assert (await browser.get("/broadcasts", **session)).status_code == 200
    sent = [(name.encode(), value.encode()) for name, value in session.items()]
    for values in (["ann", "bob"], ["nobody"], [""], ["ann, Ann"], ["\xff\xfe"]):
        named = [(b"Remote-User", value.encode("latin-1")) for value in values]
        answer = await browser.http.get("/broadcasts", headers=[*sent, *named])
        assert answer.status_code == 403, values
        assert "text/html" in answer.headers["content-type"]
        assert (await browser.http.get("/login", headers=[*sent, *named])).status_code == 403


async def test_who_is_no_user_here_is_told_what_to_do_and_an_administrator_sees_it(
    here: Site, browser: Browser
) -> None:
    named = {"Remote-User": "carol@example.com", "X-Forwarded-For": "198.51.100.7"}
    with capture_logs() as logs:
        for path in ("/broadcasts", "/login", "/broadcasts"):
            answer = await browser.get(path, **named)
            assert answer.status_code == 403
            assert "Ask your administrator to add the user carol@example.com" in answer.text
            assert "Log in<" not in answer.text, "it cannot help: the header comes first"
    (line, *_) = [each for each in logs if each["event"] == "proxy_user_refused"]
    assert (line["user"], line["reason"], line["address"]) == ("carol@example.com", "unknown", "198.51.100.7")
    await write_sums(here.running.ctx, all_of_them=True)
    (entry,) = [each for each in await here.admin("audit") if each["user"] == "carol@example.com"]
    assert (entry["method"], entry["result"], entry["calls"]) == ("login", "denied", 3)
    assert entry["params"] == {"addresses": ["198.51.100.7"]}


@pytest.mark.parametrize(("named", "status"), [("carol", 403), ("ann", 303)])
async def test_a_password_makes_no_session_where_the_proxy_names_somebody(
    here: Site, browser: Browser, named: str, status: int
) -> None:
    """No page would ever look at that session: the header comes first."""
    page = await browser.get("/login", **HOST)
    kept = {"Cookie": page.headers["set-cookie"].partition(";")[0], "Origin": PUBLIC}
    fields = {"login": Form(page.text, "/login").fields["login"], "name": "ann", "password": PASSWORD}
    fields |= {"token": (await here.admin("dashboard"))["url"].partition("#")[2]}
    before = await here.running.ctx.db.read(_sessions)

    for path in ("/login", "/login/link"):
        answer = await browser.submit(path, fields, **HOST, **kept, **{"Remote-User": named})
        assert answer.status_code == status
        assert "set-cookie" not in answer.headers

    assert await here.running.ctx.db.read(_sessions) == before


def _sessions(tx: Tx) -> int:
    (count,) = tx.execute("SELECT count(*) FROM login_session").fetchone()
    return int(count)


async def test_whoever_the_proxy_logged_in_is_told_to_log_out_there(browser: Browser) -> None:
    answer = await browser.submit("/logout", {}, **{"Remote-User": "ann"})
    assert "log out there" in answer.text


async def test_the_last_address_that_is_no_proxys_counts(here: Site, browser: Browser) -> None:
    for forwarded, counts in (
        ("203.0.113.1, 198.51.100.7", "198.51.100.7"),
        ("198.51.100.8, 127.0.0.1", "198.51.100.8"),
        ("unknown, 198.51.100.9:4711", "198.51.100.9"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("198.51.100.7, nonsense", "127.0.0.1"),
        ("", "127.0.0.1"),
    ):
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        assert (await log_in(browser, "ann", **headers)).status_code == 303
        entries = [each for each in await here.admin("audit", limit=1000) if each["method"] == "login"]
        assert entries[-1]["params"] == {"by": "password", "address": counts}


async def test_behind_https_only_cookies_with_the_prefix_count(here: Site, browser: Browser) -> None:
    page = await browser.get("/login", **HOST)
    assert "__Host-wacrmd_login=" in page.headers["set-cookie"]
    answer = await log_in(browser, "ann")
    session = session_of(answer)
    for part in ("__Host-wacrmd_session=", "HttpOnly", "Path=/", "SameSite=strict", "Secure"):
        assert part in session
    assert "domain" not in session.lower()
    value = session.partition("=")[2].partition(";")[0]
    named = {name: {"Cookie": f"{name}={value}"} for name in ("__Host-wacrmd_session", "wacrmd_session")}
    assert (await browser.get("/broadcasts", **HOST, **named["__Host-wacrmd_session"])).status_code == 200
    assert (await browser.get("/broadcasts", **HOST, **named["wacrmd_session"])).status_code == 303


@pytest.mark.parametrize("before", [b"\xa0", b"\x85", b"\xc2\xa0", b"\x1f"])
async def test_another_host_of_the_domain_cannot_plant_a_session_by_a_name_like_the_prefix(
    browser: Browser, before: bytes
) -> None:
    """Browsers let it set `\xa0__Host-...` and send that as it is: Latin-1 has such spaces, and Python strips them."""
    answer = await log_in(browser, "ann")
    own = session_of(answer).partition(";")[0].encode()
    planted = before + own
    cookies = {
        "of the other host alone": planted,
        "behind the own one": b"__Host-wacrmd_session=x; " + planted,
    }
    for what, sent in cookies.items():
        headers = [(b"Host", b"wacrmd.example.com"), (b"Cookie", sent)]
        assert (await browser.http.get("/broadcasts", headers=headers)).status_code in (303, 400), what


async def test_a_name_that_is_another_persons_is_not_that_user(here: Site, browser: Browser) -> None:
    """At a login service Weiss and Wei\xdf are two people; so are names that differ by a space no keyboard has."""
    await here.admin("user.add", name="Weiss", role="viewer")
    try:
        for name in ("weiss", "WEISS"):
            answer = await browser.http.get("/broadcasts", headers=[(b"Remote-User", name.encode())])
            assert answer.status_code == 200, name
        for name in ("Wei\xdf", "Wei\u017f\u017f", "Weiss\xa0", "Weiss\u3000", "Weiss\u200b"):
            answer = await browser.http.get("/broadcasts", headers=[(b"Remote-User", name.encode())])
            assert answer.status_code == 403, name
        made = await here.admin("user.add", name="Wei\xdf", role="viewer")
        assert made["name"] == "Wei\xdf"
        await here.admin("user.remove", name="WEI\u1e9e")
    finally:
        await here.admin("user.remove", name="Weiss")


async def test_the_doctor_names_users_without_a_way_in(here: Site) -> None:
    ctx = here.running.ctx
    await here.admin("user.add", name="zoe", role="viewer")
    assert [each.state for each in await dashboard_checks.dashboard(ctx)] == ["ok"]
    config = ctx.config
    try:
        ctx.config = config.model_copy(
            update={"dashboard": config.dashboard.model_copy(update={"user_header": ""})}
        )
        (found,) = await dashboard_checks.dashboard(ctx)
        assert (found.state, found.detail.partition(":")[0]) == ("warn", "zoe")
    finally:
        ctx.config = config
        await here.admin("user.remove", name="zoe")


async def test_a_link_has_the_public_url(here: Site) -> None:
    assert (await here.admin("dashboard"))["url"].startswith(f"{PUBLIC}/login#")


async def test_where_the_proxy_changes_the_host_the_public_origin_counts(browser: Browser) -> None:
    own = await browser.http.post("/logout", headers={"Origin": PUBLIC, "Host": "127.0.0.1:8082"})
    assert own.status_code == 303
    for origin in (
        "http://wacrmd.example.com",
        "https://wacrmd.example.com.evil.example",
        "https://example.com",
    ):
        answer = await browser.http.post("/logout", headers={"Origin": origin, **HOST})
        assert answer.status_code == 403, origin


async def test_an_unknown_proxy_names_nobody_and_its_clients_address_does_not_count(
    here: Site, browser: Browser
) -> None:
    config = here.running.ctx.config
    try:
        here.running.ctx.config = config.model_copy(
            update={"dashboard": config.dashboard.model_copy(update={"trusted_proxies": ("192.0.2.1",)})}
        )
        assert (await browser.get("/broadcasts", **{"Remote-User": "ann"})).status_code == 303
        assert (await log_in(browser, "ann", **{"X-Forwarded-For": "198.51.100.7"})).status_code == 303
        (*_, entry) = [each for each in await here.admin("audit", limit=1000) if each["method"] == "login"]
        assert entry["params"]["address"] == "127.0.0.1"
        left = await browser.submit("/logout", {}, **{"Remote-User": "ann"})
        assert left.status_code == 303, "no proxy would log the user in again"
        found = {each.name: each for each in await dashboard_checks.dashboard(here.running.ctx)}
        assert found["reverse proxy"].state == "warn"
        assert "127.0.0.1" in found["reverse proxy"].detail
    finally:
        here.running.ctx.config = config


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('user_header = "Remote-User"', "anybody could be any user"),
        ('user_header = "Remote-User"\ntrusted_proxies = ["0.0.0.0/0"]', "anybody could be any user"),
        ('user_header = "Remote-User"\ntrusted_proxies = ["::/0"]', "anybody could be any user"),
        *((f'user_header = "{name}"\ntrusted_proxies = ["unix"]', "no browser sends") for name in (
            "Host", "Cookie", "origin", "X-Forwarded-For", "Sec-Fetch-Site", "User-Agent", "Authorization",
            "Content-Type", "Remote User", "Remote_User",
        )),
        ('public_url = "https://example.com/path"', "without a path"),
        ('public_url = "example.com"', "without a path"),
        ('public_url = "https://a@example.com"', "without a path"),
        ('allowed_hosts = ["example.com:80"]', "without a port"),
        ('trusted_proxies = ["proxy.example.com"]', "addresses and networks"),
    ],
)  # fmt: skip
def test_a_configuration_that_trusts_too_many_does_not_start(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse(f"[dashboard]\n{text}\n", "test.toml")


def test_a_configuration_that_trusts_a_proxy_does() -> None:
    text = '[dashboard]\nuser_header = "X-Auth-Request-User"\ntrusted_proxies = ["unix", "10.0.0.0/24"]\n'
    parse(f'{text}public_url = "https://wacrmd.example.com:8443/"\n', "test.toml")
