"""A server's certificate is valid at the machine's time, or at the daemon's where the machine's is not trusted."""

import ssl
import time
from pathlib import Path

import pytest

from tests.meta.peer import accept_all, peer
from tests.support.certificates import certificate, server_tls
from wacrmd.clock import DAY, Millis
from wacrmd.http_client.client import HttpClient, Timeouts
from wacrmd.http_client.connector import Connector
from wacrmd.http_client.failure import NotSentError, Phase
from wacrmd.http_client.tls import Tls
from wacrmd.meta.transport import request_head

pytestmark = pytest.mark.anyio

YEARS = 730


def now() -> Millis:
    return time.time_ns() // 1_000_000


async def post(url: str, tls: Tls) -> int:
    """Send one request; the status of the answer."""
    http = HttpClient(Connector(tls), max_connections=1, max_answer_bytes=1000)
    try:
        return (await http.exchange(request_head("POST", f"{url}/x", {}), b"{}", Timeouts(20, 20, 20))).status
    finally:
        await http.aclose()


@pytest.mark.parametrize("issued", [-YEARS, 0, YEARS], ids=lambda days: f"issued {days} days ahead")
@pytest.mark.parametrize("doubted", [None, -YEARS, 0, YEARS], ids=lambda days: f"daemon {days} days ahead")
async def test_a_certificate_is_valid_at_a_time_that_may_be_right(
    tmp_path: Path, issued: int, doubted: int | None
) -> None:
    pem = certificate(tmp_path, "localhost", days_ahead=issued)
    tls = Tls(
        lambda: ssl.create_default_context(cafile=pem),
        lambda: None if doubted is None else now() + doubted * DAY,
    )
    async with peer(accept_all, tls=server_tls(pem)) as seen:
        if issued in (0, doubted):
            assert await post(seen.url, tls) == 200
        else:
            with pytest.raises(NotSentError) as failure:
                await post(seen.url, tls)
            assert failure.value.phase is Phase.TLS
            assert "certificate" in failure.value.detail
            assert seen.posts == 0


@pytest.mark.parametrize(("name", "is_known"), [("another.example", True), ("localhost", False)])
async def test_a_wrong_clock_makes_no_other_certificate_right(
    tmp_path: Path, name: str, is_known: bool
) -> None:
    pem = certificate(tmp_path, name)
    tls = Tls(lambda: ssl.create_default_context(cafile=pem if is_known else None), now)
    async with peer(accept_all, tls=server_tls(pem)) as seen:
        with pytest.raises(NotSentError, match="certificate verify failed"):
            await post(seen.url, tls)
        assert seen.posts == 0


async def test_it_goes_by_the_machines_clock_again_when_that_is_trusted(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "localhost", days_ahead=YEARS)
    doubts = [True]
    tls = Tls(
        lambda: ssl.create_default_context(cafile=pem), lambda: now() + YEARS * DAY if doubts[0] else None
    )
    async with peer(accept_all, tls=server_tls(pem)) as seen:
        assert await post(seen.url, tls) == 200
        doubts[0] = False
        with pytest.raises(NotSentError, match="not yet valid"):
            await post(seen.url, tls)


def test_authorities_are_read_when_they_are_needed_or_at_once() -> None:
    """It takes 45 ms: a client for Meta does it before it serves anybody, others not at all if they have no TLS."""
    read: list[str] = []

    def make() -> ssl.SSLContext:
        read.append("authorities")
        return ssl.create_default_context()

    later = Tls(make)
    assert read == []
    assert later.context() is later.context()
    assert len(read) == 1
    Tls(make, at_once=True)
    assert len(read) == 2
