"""Many large requests at once, of one account or of several, take little more than one, and nobody else waits for them."""

import gzip
from pathlib import Path

import anyio
import orjson
import pytest

from tests.support.loop_cost import measured
from tests.support.patience import PATIENCE_S
from tests.support.site import Site, people, site
from wacrmd import log
from wacrmd.off_loop import turn

pytestmark = pytest.mark.anyio

LIMIT = 5 << 20
"""`[api] max_body_bytes`."""
AT_ONCE = 40


async def dry_run(here: Site, body: bytes, **headers: str) -> int:
    answer = await here.api.post("/api/v1/broadcasts?dry_run=true", content=body, headers=headers)
    return answer.status_code


async def test_a_small_request_waits_for_no_large_one_and_those_wait_for_their_turn(tmp_path: Path) -> None:
    small = orjson.dumps({"template_name": "hello", "recipients": people(10)})
    large = orjson.dumps({"template_name": "hello", "recipients": people(500)})
    answered = anyio.Event()

    async with site(tmp_path) as here:

        async def send_large() -> None:
            assert await dry_run(here, large) == 200
            answered.set()

        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as tasks:
                async with turn("of another account"):
                    tasks.start_soon(send_large)
                    assert await dry_run(here, small) == 200
                    assert await dry_run(here, gzip.compress(small), **{"Content-Encoding": "gzip"}) == 200
                    assert not answered.is_set()
                await answered.wait()


@pytest.mark.exhaustive(only=True)
async def test_gzip_is_not_decoded_before_there_is_room(tmp_path: Path) -> None:
    """40 times 5 KB that are 5 MB each: with all of them decoded, some hundred of these requests stopped the daemon."""
    text = b'{"template_name":"hello","recipients":[{"to":"%s"}]}' % (b"1" * (LIMIT - 100))
    packed = gzip.compress(text)
    answers: list[int] = []

    async with site(tmp_path) as here:
        log.set_level("error")

        async def send() -> None:
            answers.append(await dry_run(here, packed, **{"Content-Encoding": "gzip"}))

        async with measured() as cost, anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(send)
    assert answers == [200] * AT_ONCE
    assert cost.taken_bytes < 20 * LIMIT
