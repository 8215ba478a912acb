"""Logging in: by a link, by a password, by the header of a reverse proxy; and what a session is."""

from collections.abc import AsyncIterator

import anyio
import pytest

from tests.dashboard.client import PASSWORD, SAME_ORIGIN, Browser
from tests.dashboard.conftest import Visit, VisitAs
from tests.support.site import Site, people
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import DAY, HOUR, SECOND
from wacrmd.services.audit import write_sums
from wacrmd.services.maintenance import retention

pytestmark = pytest.mark.anyio


async def test_a_stranger_is_led_to_the_login_and_may_change_nothing(visit: Visit) -> None:
    browser = visit()
    answer = await browser.get("/broadcasts?status=sent")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=/broadcasts%3Fstatus%3Dsent",
    )
    assert (await browser.submit("/logout")).status_code == 303
    assert (await browser.submit("/broadcasts/1/pause")).status_code in (403, 404)


async def test_a_link_logs_one_browser_in_once(here: Site, visit: Visit) -> None:
    link = (await here.admin("dashboard"))["url"]
    first, second = visit(), visit()
    assert (await first.log_in_by_link(link)).status_code == 303
    assert (await first.get("/broadcasts")).status_code == 200
    refused = await second.log_in_by_link(link)
    assert refused.status_code == 401
    assert "wacrmd dashboard" in refused.text
    assert (await second.get("/broadcasts")).status_code == 303


async def test_a_name_with_accents_is_one_however_it_is_typed(here: Site, visit: Visit) -> None:
    await here.admin("user.add", name="Änne", role="viewer", password=PASSWORD)
    assert (await visit().log_in("änNE")).status_code == 303
    with pytest.raises(RpcError, match="already"):
        await here.admin("user.add", name="äNNE", role="viewer", password=PASSWORD)
    assert (await here.admin("user.remove", name="ÄNNE"))["name"] == "Änne"


async def test_a_whole_link_can_be_pasted(here: Site, visit: Visit) -> None:
    browser = visit()
    login, link = await browser.login_token(), (await here.admin("dashboard"))["url"]
    answer = await browser.submit("/login/link", {"login": login, "token": f" {link}\n"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/broadcasts")


async def test_a_link_that_another_uses_is_told_and_leads_back_to_the_form(here: Site, visit: Visit) -> None:
    link = (await here.admin("dashboard"))["url"]
    assert (await visit().log_in_by_link(link)).status_code == 303
    thief = visit()
    assert (await thief.log_in_by_link(link)).status_code == 401
    assert (await thief.get("/login/link")).headers["location"] == "/login"
    await write_sums(here.running.ctx, all_of_them=True)
    (entry,) = await here.admin("audit", user="(unknown name)")
    assert (entry["method"], entry["result"], entry["calls"]) == ("login", "denied", 1)


async def test_who_may_not_send_gets_no_step_of_it(visit_as: VisitAs) -> None:
    """The role is looked at before what was sent: else a page says to correct what would be refused all the same."""
    browser = await visit_as("viewer")
    assert (await browser.get("/broadcasts/new")).status_code == 403
    assert (await browser.submit("/broadcasts/no-id/retry")).status_code == 403


async def test_a_link_lasts_two_minutes(here: Site, visit: Visit) -> None:
    link = (await here.admin("dashboard"))["url"]
    here.clock.advance(120 * SECOND)
    assert (await visit().log_in_by_link(link)).status_code == 401


async def test_a_user_logs_in_with_a_password_and_out(here: Site, visit: Visit) -> None:
    await here.admin("user.add", name="Ann", role="viewer", password=PASSWORD)
    browser = visit()
    assert (await browser.log_in("Ann", "wrong" * 3)).status_code == 401
    assert (await browser.log_in("nobody")).status_code == 401
    assert (await browser.log_in("ann")).status_code == 303
    assert "Ann (viewer)" in (await browser.get("/broadcasts")).text
    stolen = dict(browser.http.cookies)
    assert (await browser.submit("/logout")).status_code == 303
    browser.http.cookies.update(stolen)
    assert (await browser.get("/broadcasts")).status_code == 303


async def test_a_session_ends_after_twelve_hours_of_rest_and_after_seven_days(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("viewer")
    for _ in range(7 * 2 + 1):
        assert (await browser.get("/broadcasts")).status_code == 200
        here.clock.advance(11 * HOUR)
    here.clock.advance(7 * DAY - 15 * 11 * HOUR)
    assert (await browser.get("/broadcasts")).status_code == 303
    other = await visit_as("operator")
    here.clock.advance(12 * HOUR)
    assert (await other.get("/broadcasts")).status_code == 303


async def test_a_session_by_a_link_ends_after_twelve_hours_however_busy_it_is(
    here: Site, visit_as: VisitAs
) -> None:
    """Nobody tells the daemon when its user leaves an operator group."""
    browser = await visit_as("admin")
    for _ in range(11):
        here.clock.advance(HOUR)
        assert (await browser.get("/broadcasts")).status_code == 200
    here.clock.advance(HOUR)
    assert (await browser.get("/broadcasts")).status_code == 303


async def test_what_has_ended_is_deleted(here: Site, visit_as: VisitAs) -> None:
    await visit_as("admin")
    await visit_as("viewer")
    await here.admin("dashboard")
    tables = ("login_session", "login_link", "known_browser")

    async def rows() -> list[int]:
        return await here.running.ctx.db.read(
            lambda tx: [tx.execute(f"SELECT count(*) FROM {each}").fetchone()[0] for each in tables]
        )

    await retention.prune(here.running.ctx)
    assert await rows() == [2, 1, 1]
    here.clock.advance(13 * HOUR)
    await retention.prune(here.running.ctx)
    assert await rows() == [0, 0, 1]
    here.clock.advance(180 * DAY)
    await retention.prune(here.running.ctx)
    assert await rows() == [0, 0, 0]


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("name", ["ev\til", "\x1b[31mred", "(unknown name)", "a/b", "\u202eevil", " ", ""])
async def test_a_name_looks_like_a_name(here: Site, name: str) -> None:
    with pytest.raises(RpcError, match="name"):
        await here.admin("user.add", name=name, role="viewer")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    "change", [{"role": "operator"}, {"password": "another password"}, {"accounts": ["shop"]}]
)
async def test_another_role_password_or_account_ends_the_sessions(
    here: Site, visit_as: VisitAs, change: dict[str, object]
) -> None:
    browser = await visit_as("viewer")
    await here.admin("user.set", name="viewer-all", **change)
    assert (await browser.get("/broadcasts")).status_code == 303


async def test_what_is_done_in_the_dashboard_is_in_the_audit_log_with_the_name(here: Site) -> None:
    await here.admin("user.add", name="Ann", role="viewer", password=PASSWORD)
    (entry,) = [each for each in await here.admin("audit") if each["method"] == "user.add"]
    assert entry["via"] == "command"
    assert PASSWORD not in str(entry)


async def test_a_user_changes_the_own_password_and_stays_in_one_browser(
    here: Site, visit_as: VisitAs
) -> None:
    browser, other = await visit_as("viewer"), await visit_as("viewer", "shop")
    second = Browser(here)
    assert (await second.log_in("viewer-all")).status_code == 303
    assert "/password" in (await browser.get("/account")).text
    new = "another horse battery"
    for current, password, said in (
        ("wrong" * 3, new, "not your present password"),
        (PASSWORD, "short", "expected 10 to 200 characters"),
    ):
        answer = await browser.submit("/password", {"current": current, "password": password})
        assert answer.status_code == 400
        assert said in answer.text
        assert current not in answer.text
    assert (await second.get("/broadcasts")).status_code == 200
    done = await browser.submit("/password", {"current": PASSWORD, "password": new})
    assert done.status_code == 303
    assert "logged out in all other browsers" in (await browser.get(done.headers["location"])).text
    assert [(await each.get("/broadcasts")).status_code for each in (browser, second, other)] == [
        200,
        303,
        200,
    ]
    assert (await second.log_in("viewer-all")).status_code == 401
    assert (await second.log_in("viewer-all", new)).status_code == 303
    (entry,) = [each for each in await here.admin("audit") if each["method"] == "password"]
    assert (entry["user"], entry["via"], entry["result"]) == ("viewer-all", "dashboard", "ok")
    assert new not in str(entry)
    await second.http.aclose()


async def test_an_open_session_is_of_no_use_for_guesses(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("viewer")
    answers = [
        await browser.submit("/password", {"current": f"guess number {each}", "password": "x" * 12})
        for each in range(8)
    ]
    assert "Too many wrong passwords" in answers[-1].text
    right = await browser.submit("/password", {"current": PASSWORD, "password": "x" * 12})
    assert "Too many wrong passwords" in right.text


async def test_who_came_by_a_link_has_no_password_to_change(visit_as: VisitAs) -> None:
    browser = await visit_as("admin")
    assert "/password" not in (await browser.get("/account")).text
    assert "You have none here" in (await browser.get("/password")).text
    assert (await browser.submit("/password", {"current": "", "password": "x" * 12})).status_code == 409


async def test_a_user_sees_the_own_account_and_logs_out_everywhere(here: Site, visit_as: VisitAs) -> None:
    browser, other = await visit_as("sender", "shop"), await visit_as("viewer")
    second = Browser(here)
    await second.log_in("sender-shop")
    assert 'href="/account"' in (await browser.get("/broadcasts")).text
    page = (await browser.get("/account")).text
    for said in ("sender-shop", "sender: also creates", "shop", "in 2 browsers", "with your password"):
        assert said in page, said
    assert "<td>all</td>" in (await other.get("/account")).text
    done = await browser.submit("/account/logout")
    assert (done.status_code, done.headers["location"]) == (303, "/login")
    assert [(await each.get("/account")).status_code for each in (browser, second, other)] == [303, 303, 200]
    entry = (await here.admin("audit", method="logout"))[-1]
    assert (entry["user"], entry["params"]["by"]) == ("sender-shop", "everywhere")
    await second.http.aclose()


async def test_who_came_by_a_link_ends_the_own_links_and_nobody_elses(here: Site, visit_as: VisitAs) -> None:
    admin, again = await visit_as("admin"), await visit_as("admin")
    name = (await here.admin("audit", method="login"))[-1]["user"]
    await here.admin("user.add", name=name, role="viewer", password=PASSWORD)
    of_the_same_name = Browser(here)
    await of_the_same_name.log_in(name)
    page = (await admin.get("/account")).text
    assert "by a link of the command line" in page
    assert "in 2 browsers" in page
    await admin.submit("/account/logout")
    assert [(await each.get("/account")).status_code for each in (admin, again, of_the_same_name)] == [
        303,
        303,
        200,
    ]
    await of_the_same_name.http.aclose()


FORM = "application/x-www-form-urlencoded"


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("is_change", [True, False])
@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("user.set", {"role": "viewer"}),
        ("user.set", {"password": f"another {PASSWORD}"}),
        ("user.remove", {}),
        ("user.logout", {}),
    ],
)
async def test_what_arrives_whole_after_the_rights_were_taken_is_neither_done_nor_answered(
    here: Site, visit_as: VisitAs, method: str, change: dict[str, str], is_change: bool
) -> None:
    """A form may take half a minute, and a file half an hour, to arrive."""
    browser = await visit_as("operator")
    form = b"account=shop&phone=%2B14155550100"
    broadcast = await here.send(people(1))
    search = b"to=" + people(1)[0]["to"].encode()
    part = b'--x\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
    file = part % (b"account", b"", b"shop")
    file += part % (b"file", b'; filename="a.csv"', b"phone\n+14155550100") + b"--x--\r\n"
    begun, go_on, answers = anyio.Semaphore(0), anyio.Event(), list[int]()

    async def send(path: str, kind: str, body: bytes) -> None:
        async def slowly() -> AsyncIterator[bytes]:
            yield body[:5]
            begun.release()
            await go_on.wait()
            yield body[5:]

        headers = SAME_ORIGIN | {"Content-Type": kind}
        answers.append((await browser.http.post(path, content=slowly(), headers=headers)).status_code)

    async with anyio.create_task_group() as tasks:
        if is_change:
            tasks.start_soon(send, "/optouts/new", FORM, form)
            tasks.start_soon(send, "/optouts/import", "multipart/form-data; boundary=x", file)
        else:
            tasks.start_soon(send, f"/broadcasts/{broadcast}/recipients", FORM, search)
            tasks.start_soon(send, "/optouts/import/left-out.csv", FORM, b"result=1234")
        for _ in range(2):
            await begun.acquire()
        assert (await browser.get("/optouts")).status_code == 200  # the daemon has seen both begin
        await here.admin(method, name="operator-all", **change)
        go_on.set()
    assert (answers, await here.admin("optout.list")) == ([403] * 2, [])
    entries = [each for each in await here.admin("audit") if each["user"] == "operator-all"]
    assert "ok" not in {each["result"] for each in entries if each["method"] != "login"}
