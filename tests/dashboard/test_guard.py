"""What stands before every page: the host, where a change comes from, the headers for the browser."""

import pytest

from tests.dashboard.conftest import Visit, VisitAs
from tests.support.site import Site
from wacrmd.services.maintenance import dashboard_checks

pytestmark = pytest.mark.anyio


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8082",
        "127.0.0.1.evil.example",
        "a@127.0.0.1",
        "localhost#",
        "localhost/",
        "evil.example[::1]",
        "[::1]evil.example",
        "[::1]evil.example:8082",
        "",
    ],
)
async def test_a_host_name_that_is_not_the_dashboards_is_refused(visit: Visit, host: str) -> None:
    answer = await visit().get("/login", Host=host)
    assert answer.status_code in (400, 421)
    assert "set-cookie" not in answer.headers


async def test_the_doctor_names_what_browsers_were_refused_for_until_it_is_allowed(
    here: Site, visit: Visit
) -> None:
    async def found() -> list[str]:
        checks = await dashboard_checks.dashboard(here.running.ctx)
        return [each.detail for each in checks if each.name == "address"]

    browser, page = visit(), {"Accept": "text/html"}
    scanner = await browser.get("/login", Host="scanner.example")
    assert (scanner.status_code, await found()) == (421, [])
    assert (await browser.get("/login", Host="wacrmd.lan:8082", **page)).status_code == 421
    away = {"Sec-Fetch-Site": "cross-site", "Origin": "https://wacrmd.lan"} | page
    assert (await browser.submit("/logout", {}, **away)).status_code == 403
    host, origin = await found()
    assert "the host wacrmd.lan," in host
    assert "a page of https://wacrmd.lan asked" in origin

    settings = {"public_url": "https://wacrmd.lan", "trusted_proxies": ("127.0.0.1",)}
    dashboard = here.running.ctx.config.dashboard.model_copy(update=settings)
    here.running.ctx.config = here.running.ctx.config.model_copy(update={"dashboard": dashboard})
    assert (await browser.get("/login", Host="wacrmd.lan")).status_code == 200
    same = {"Host": "wacrmd.lan", "Origin": "https://wacrmd.lan"}
    assert (await browser.submit("/logout", {}, **same)).status_code == 303
    assert await found() == []


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
    ],
)
async def test_a_change_that_another_page_asks_for_is_refused(
    visit_as: VisitAs, headers: dict[str, str]
) -> None:
    browser = await visit_as("viewer")
    given = {name: value.format(own=browser.url) for name, value in headers.items()}
    answer = await browser.submit("/logout", {}, **given)
    assert answer.status_code == 403
    assert (await browser.get("/broadcasts")).status_code == 200


async def test_an_older_browser_says_the_origin(visit_as: VisitAs) -> None:
    browser = await visit_as("viewer")
    refused = await browser.http.post("/logout", headers={"Origin": "http://evil.example"})
    assert (refused.status_code, (await browser.http.post("/logout")).status_code) == (403, 403)
    assert (await browser.http.post("/logout", headers={"Origin": browser.url})).status_code == 303


@pytest.mark.exhaustive(enough=3)
@pytest.mark.parametrize(
    "origin",
    [
        "http://[",
        "http://[::1%25x]",
        "null",
        "{host}",
        "//{host}",
        "ftp://{host}",
        "http://a@{host}",
        "http://{host}/",
    ],
)
async def test_what_is_no_origin_of_ours_is_refused_like_any_other(visit_as: VisitAs, origin: str) -> None:
    """A stranger writes what it likes into the header: that is no mistake of the daemon, nor one in its log."""
    browser = await visit_as("viewer")
    given = origin.format(host=browser.url.removeprefix("http://"))
    answer = await browser.http.post("/logout", headers={"Origin": given})
    assert answer.status_code == 403
    assert answer.headers["cache-control"] == "no-store"
    assert (await browser.get("/broadcasts")).status_code == 200


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("path", ["/login", "/broadcasts", "/static/0/app.js", "/nothing"])
async def test_every_answer_has_the_policy_and_is_not_stored(visit_as: VisitAs, path: str) -> None:
    answer = await (await visit_as("viewer")).get(path)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
