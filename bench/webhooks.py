"""Status webhooks: how many a second are verified, applied and durable before their 200."""

import json
from pathlib import Path

from bench.client import Answer, Client, at_rate, flat_out, percentile, request
from bench.scale import Numbers, Scale
from bench.site import APP_SECRET, PHONE_NUMBER_IDS, Site, accepted, once, site
from bench.standin import STATUSES, webhook_request

RATE = 1500
CALLERS = 32


async def single(scale: Scale, folder: Path) -> Numbers:
    """One status a request: the most with 32 callers, then the times of answers at 1,500 a second."""
    async with site(folder) as place:
        half = scale.webhooks
        requests = await _status_requests(place, 2 * half, 1)
        client = Client(place.daemon.webhook_address, 64)
        before = place.daemon.process.cpu_s
        seconds, answers = await flat_out(client, requests[:half], CALLERS)
        cpu = place.daemon.process.cpu_s - before
        _check(answers)
        flat = half / seconds
        _, answers = await at_rate(client, requests[half:], RATE)
        _check(answers)
        times = [answer.ms for answer in answers]
        return {
            "single_statuses_rate": flat,
            "single_cpu_ms": cpu / half * 1000,
            "single_p50_ms": percentile(times, 0.5),
            "single_p99_ms": percentile(times, 0.99),
        }


async def batched(scale: Scale, folder: Path) -> Numbers:
    """100 statuses a request."""
    async with site(folder) as place:
        requests = await _status_requests(place, 4 * scale.webhooks, 100)
        client = Client(place.daemon.webhook_address, 64)
        before = place.daemon.process.cpu_s
        seconds, answers = await flat_out(client, requests, 8)
        cpu = place.daemon.process.cpu_s - before
        _check(answers)
        count = 100 * len(requests)
        return {
            "batched_statuses_rate": count / seconds,
            "batched_cpu_us": cpu / count * 1e6,
            "batched_p50_ms": percentile([answer.ms for answer in answers], 0.5),
        }


def _check(answers: list[Answer]) -> None:
    wrong = [answer for answer in answers if answer.status != 200]
    if wrong:
        raise AssertionError(f"{len(wrong)} webhooks were not answered 200: {wrong[0]}")


async def _status_requests(place: Site, count: int, batch: int) -> list[bytes]:
    """Send messages, and make `count` statuses about them, in Meta's order, `batch` in each signed request."""
    broadcasts = -(-count // len(STATUSES) // 1000)
    bodies = [place.broadcast(1000, index * 1000) for index in range(broadcasts)]
    _, answers = await flat_out(Client(place.daemon.api_address, 2), bodies, 2)
    await place.received(1000 * broadcasts)
    await place.recorded(accepted(answers))
    messages = json.loads((await once(place.standin_address, request("GET", "/messages"))).body)
    statuses = [
        {
            "id": wamid,
            "status": status,
            "timestamp": "1795000000",
            "recipient_id": "14152000000",
            "biz_opaque_callback_data": token,
        }
        for status in STATUSES
        for _, wamid, token in messages
    ][:count]
    secret = APP_SECRET.encode()
    return [
        webhook_request(PHONE_NUMBER_IDS[0], statuses[begin : begin + batch], secret)
        for begin in range(0, len(statuses), batch)
    ]
