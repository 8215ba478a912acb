"""Webhooks that public reports led to, in cases/, each posted to a daemon whose people have had a broadcast."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.meta import inbound_message, post, preference_change, seconds_now
from tests.support.site import PHONE_NUMBER_ID, Site, site

pytestmark = pytest.mark.anyio

CASES = Path(__file__).parent / "cases"
TIMES = ("timestamp", "time")


def moved(value: Any, by: int) -> Any:
    """A payload with all its times later."""
    if isinstance(value, list):
        return [moved(one, by) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: type(one)(int(one) + by) if key in TIMES else moved(one, by) for key, one in value.items()}


def newest_time(value: Any) -> int:
    """The newest time of a payload."""
    if isinstance(value, list):
        return max((newest_time(one) for one in value), default=0)
    if not isinstance(value, dict):
        return 0
    return max((int(one) if key in TIMES else newest_time(one) for key, one in value.items()), default=0)


class Case:
    """One file, with its times moved to now and the message ids of a broadcast that has just been sent."""

    def __init__(self, here: Site, name: str) -> None:
        self.here = here
        self.text = (CASES / f"{name}.json").read_text()
        self.broadcast_id = ""

    async def broadcast(self, *addresses: str, wamids: tuple[str, ...] = ()) -> None:
        """Send to these addresses; `wamids` of the file become those of their messages."""
        self.broadcast_id = await self.here.send([{"to": each} for each in addresses])
        await self.here.until_status(self.broadcast_id, "sent")
        by_address = {entry.send.input: entry.wamid for entry in self.here.sim.ledger.entries}
        for address, wamid in zip(addresses, wamids, strict=False):
            self.text = self.text.replace(wamid, by_address[address])

    async def post(self) -> None:
        """Post it twice, as Meta may."""
        payload = json.loads(self.text)
        payload = moved(payload, seconds_now() - newest_time(payload))
        for _ in range(2):
            answer = await post(self.here.hook, payload)
            assert answer.status_code == 200, answer.text

    async def counts(self, name: str) -> int:
        """A count of the broadcast."""
        count: int = (await self.here.show(self.broadcast_id))[f"{name}_count"]
        return count

    async def reaches(self, address: str) -> bool:
        """Whether a broadcast would go to this address."""
        answer = await self.here.api.post(
            "/api/v1/broadcasts?dry_run=true",
            json={"template_name": "hello", "recipients": [{"to": address}]},
        )
        accepted: int = answer.json()["data"]["accepted"]
        return accepted == 1


async def edited_to_stop(case: Case) -> None:
    await case.broadcast("+14152000002")
    await case.post()
    assert not await case.reaches("+14152000002")
    assert await case.counts("replied") == 0


async def revoke(case: Case) -> None:
    await case.broadcast("+14152000003")
    await case.post()
    assert await case.counts("replied") == 0


async def group_message(case: Case) -> None:
    await case.broadcast("+14152000005")
    await case.post()
    assert await case.counts("replied") == 0


async def nfm_reply(case: Case) -> None:
    await case.broadcast("+14152000006", wamids=("wamid.d4f62fccf32f46a5a2a9c2c73f51c9f3",))
    await case.post()
    assert await case.counts("replied") == 1


async def written_before_broadcast(case: Case) -> None:
    """The file's newest time is the webhook's; the message was written two hours before."""
    await case.broadcast("+14152000017")
    await case.post()
    assert await case.counts("replied") == 0


async def user_changed_number(case: Case) -> None:
    await case.broadcast("+14152000018")
    await inbound_message(case.here, "STOP", wa_id="14152000018")
    await case.post()
    assert not await case.reaches("+14152000018")
    assert not await case.reaches("+14152000099")


async def async_media_131053(case: Case) -> None:
    wamids = tuple(
        status["id"] for status in json.loads(case.text)["entry"][0]["changes"][0]["value"]["statuses"]
    )
    await case.broadcast(*(f"+141520001{90 + place}" for place in range(10)), wamids=wamids)
    await case.post()
    assert await case.counts("failed") == 10


async def stop_promotions_button(case: Case) -> None:
    await case.post()
    assert not await case.reaches("+14152003000")


async def restriction_only_add_phone(case: Case) -> None:
    await case.post()
    assert (await case.here.admin("number.show", id=PHONE_NUMBER_ID))["state"] == "active"


async def argentina_stop(case: Case) -> None:
    await case.post()
    assert not await case.reaches("+5491155551299")
    assert not await case.reaches("+541155551299")


async def preference_signup(case: Case) -> None:
    await preference_change(case.here, "stop", wa_id="14152007000", at=seconds_now() - 10)
    assert not await case.reaches("+14152007000")
    await case.post()
    assert await case.reaches("+14152007000")


async def partner_removed(case: Case) -> None:
    """It names the account in `waba_info`; the number is not paused by it."""
    await case.post()
    assert (await case.here.admin("number.show", id=PHONE_NUMBER_ID))["state"] == "active"


CHECKS: tuple[Callable[[Case], Awaitable[None]], ...] = (
    edited_to_stop,
    revoke,
    group_message,
    nfm_reply,
    written_before_broadcast,
    user_changed_number,
    async_media_131053,
    stop_promotions_button,
    restriction_only_add_phone,
    argentina_stop,
    preference_signup,
    partner_removed,
)


def name_of(check: Callable[[Case], Awaitable[None]]) -> str:
    return str(getattr(check, "__name__", "")).replace("_", "-")


@pytest.mark.exhaustive(enough=3)
@pytest.mark.parametrize("check", CHECKS, ids=name_of)
async def test_a_webhook_of_a_public_report_does_what_it_means(
    tmp_path: Path, check: Callable[[Case], Awaitable[None]]
) -> None:
    async with site(tmp_path, webhooks=False) as here:
        await check(Case(here, name_of(check)))


def test_every_file_is_checked() -> None:
    assert {name_of(check) for check in CHECKS} == {file.stem for file in CASES.glob("*.json")}
