"""Many guesses: none succeeds, and nobody but the guesser waits. ADR 26 has the figures of ten thousand."""

from collections import Counter
from pathlib import Path

import anyio
import pytest

from tests.dashboard.client import PASSWORD, Browser
from tests.dashboard.conftest import DASHBOARD
from tests.support.patience import eventually
from tests.support.site import Site, site
from wacrmd.clock import MINUTE
from wacrmd.domain.login_backoff import FREE_TRIES
from wacrmd.domain.summed_calls import MAX_ADDRESSES, OTHERS
from wacrmd.services.audit import write_sums

pytestmark = pytest.mark.anyio

EXTRA = f'{DASHBOARD}trusted_proxies = ["127.0.0.1"]\n'
GUESSES = 600


async def guess(here: Site, name: str, addresses: list[str]) -> Counter[int]:
    """A wrong password from each address, eight at a time; how often each status was answered."""
    answers: Counter[int] = Counter()
    waiting = iter(addresses)

    async def guesser() -> None:
        browser = Browser(here)
        token = await browser.login_token()
        for address in waiting:
            fields = {"login": token, "name": name, "password": f"guess {address}"}
            answer = await browser.submit("/login", fields, **{"X-Forwarded-For": address})
            answers[answer.status_code] += 1
        await browser.http.aclose()

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(guesser)
    return answers


@pytest.mark.exhaustive(only=True)
async def test_guesses_do_not_succeed_and_keep_nobody_else_out(tmp_path: Path) -> None:
    async with site(tmp_path, extra=EXTRA) as here:
        for name in ("ann", "ben"):
            await here.admin("user.add", name=name, role="viewer", password=PASSWORD)
        known, fresh = Browser(here), Browser(here)
        assert (await known.log_in("ann", **{"X-Forwarded-For": "192.0.2.1"})).status_code == 303
        known.http.cookies.delete("wacrmd_session")

        one = await guess(here, "ann", ["203.0.113.9"] * GUESSES)
        assert one[401] <= FREE_TRIES + 2
        many = await guess(here, "ann", [f"10.0.{each // 250}.{each % 250}" for each in range(GUESSES)])
        assert many[401] <= 2
        assert one + many == Counter({401: one[401] + many[401], 429: 2 * GUESSES - one[401] - many[401]})

        stranger = await fresh.log_in("ann", **{"X-Forwarded-For": "10.9.9.9"})
        assert stranger.status_code == 429, "not even with the right password"
        assert 0 < int(stranger.headers["retry-after"]) <= MINUTE // 1000
        assert (await fresh.log_in("ben", **{"X-Forwarded-For": "10.9.9.9"})).status_code == 303
        assert (await known.log_in("ann", **{"X-Forwarded-For": "10.9.9.9"})).status_code == 303

        here.clock.advance(MINUTE)
        await write_sums(here.running.ctx)
        failed = [each for each in await here.admin("audit") if each["result"] == "denied"]
        assert [(each["user"], each["calls"]) for each in failed] == [("ann", 2 * GUESSES + 1)]
        first, *_, last = failed[0]["params"]["addresses"]
        assert (first, last, len(failed[0]["params"]["addresses"])) == (
            "203.0.113.9",
            OTHERS,
            MAX_ADDRESSES + 1,
        )
        for browser in (known, fresh):
            await browser.http.aclose()


@pytest.mark.exhaustive(only=True)
async def test_nobody_learns_which_names_exist(tmp_path: Path) -> None:
    """Nothing is written while a login fails, and what is answered is the same; a typed password is no name."""
    async with site(tmp_path, extra=EXTRA) as here:
        await here.admin("user.add", name="ann", role="viewer", password=PASSWORD)
        await here.admin("user.add", name="proxied", role="viewer")
        browser = Browser(here)
        entries = len(await here.admin("audit"))
        texts = set()
        for name in ("ann", "proxied", "nobody", "my secret password", "", "x" * 200, "ann\0", "' OR 1=1 --"):
            answer = await browser.log_in(
                name, "not the password", **{"X-Forwarded-For": f"10.0.0.{len(name)}"}
            )
            assert answer.status_code == 401
            texts.add(answer.text.replace(await browser.login_token(), ""))
        assert len(texts) == 1
        assert len(await here.admin("audit")) == entries
        here.clock.advance(MINUTE)
        await write_sums(here.running.ctx)
        failed = [each for each in await here.admin("audit") if each["result"] == "denied"]
        assert {each["user"] for each in failed} == {"ann", "proxied", "(unknown name)"}
        await browser.http.aclose()


@pytest.mark.exhaustive(only=True)
async def test_strangers_wait_in_a_line_that_has_an_end(tmp_path: Path) -> None:
    async with site(tmp_path, extra=EXTRA) as here:
        await here.admin("user.add", name="ann", role="viewer", password=PASSWORD)
        known = Browser(here)
        assert (await known.log_in("ann")).status_code == 303
        known.http.cookies.delete("wacrmd_session")
        token = await known.login_token()
        answers: Counter[int] = Counter()

        async def guesser(each: int) -> None:
            browser = Browser(here)
            fields = {"login": await browser.login_token(), "name": f"name{each}", "password": "x" * 12}
            answer = await browser.submit("/login", fields, **{"X-Forwarded-For": f"10.0.1.{each}"})
            answers[answer.status_code] += 1
            await browser.http.aclose()

        async with anyio.create_task_group() as tasks:
            for each in range(60):
                tasks.start_soon(guesser, each)
            await eventually(lambda: answers[429] > 0)
            fields = {"login": token, "name": "ann", "password": PASSWORD}
            assert (await known.submit("/login", fields)).status_code == 303
            assert sum(answers.values()) < 60, "who has logged in before does not wait behind strangers"
        assert answers[401] + answers[429] == 60
        assert answers[401] >= 20
        await known.http.aclose()
