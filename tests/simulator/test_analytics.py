"""Template analytics of the simulated Meta: only where they are on, and nobody can switch them on by a request."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.conftest import PHONE
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio

WABA = "102290129340398"
DAY_S = 86_400
BodyOf = Callable[..., dict[str, Any]]
TEMPLATES = (
    {
        "id": "7",
        "name": "order_update",
        "language": "en_US",
        "components": [{"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track"}]}],
    },
)
SEEN: dict[str, Any] = {"templates": TEMPLATES, "webhooks": False}


async def asked(client: Any, meta: Simulator, **query: str) -> tuple[int, Any]:
    usual = {"start": "0", "end": "9999999999", "granularity": "DAILY", "template_ids": "[7]"}
    parts = "&".join(f"{name}={value}" for name, value in (usual | query).items())
    status, answer, _ = await client.call("GET", f"{meta.url}/v25.0/{WABA}/template_analytics?{parts}")
    return status, answer


async def test_they_are_refused_until_the_option_says_that_there_are_some(client: Any) -> None:
    async with Simulator.running(Options(**SEEN)) as meta:
        path = f"{meta.url}/v25.0/{WABA}"
        assert (await asked(client, meta))[0] == 400
        _, said, _ = await client.call("GET", f"{path}?fields=is_enabled_for_insights")
        assert said == {"id": WABA, "is_enabled_for_insights": False}
        status, _, _ = await client.call("POST", f"{path}?is_enabled_for_insights=true")
        assert status == 400
        meta.change(insights=True)
        assert await asked(client, meta) == (
            200,
            {"data": [{"granularity": "DAILY", "product_type": "cloud_api", "data_points": []}]},
        )


async def test_a_message_counts_on_its_day_for_its_route_and_its_template(
    client: Any, body_of: BodyOf
) -> None:
    async with Simulator.running(Options(insights=True, clicked_share=1.0, **SEEN)) as meta:
        body = body_of()
        body["template"]["components"] = []
        await client.send(meta.url, body)
        (entry,) = meta.ledger.entries
        entry.statuses = ("sent", "delivered", "read")
        _, answer = await asked(client, meta)
        (point,) = answer["data"][0]["data_points"]
        day = entry.at_ms // 1000 // DAY_S * DAY_S
        assert (point["template_id"], point["start"], point["end"]) == ("7", day, day + DAY_S)
        assert (point["sent"], point["delivered"], point["read"]) == (1, 1, 1)
        clicks = {each["type"]: each["count"] for each in point["clicked"]}
        assert (clicks["unique_url_button"], clicks["url_button"]) in ((1, 1), (1, 2))
        assert {each["button_content"] for each in point["clicked"]} == {"Track"}
        for other in (
            {"product_type": "MARKETING_MESSAGES_API_FOR_WHATSAPP"},
            {"template_ids": "[8]"},
            {"end": str(day - 1)},
        ):
            assert (await asked(client, meta, **other))[1]["data"][0]["data_points"] == []
        assert entry.phone_number_id == PHONE


@pytest.mark.parametrize(
    "wrong",
    [
        {"template_ids": "[1,2,3,4,5,6,7,8,9,10,11]"},
        {"template_ids": "7,"},
        {"template_ids": "[]"},
        {"granularity": "HOURLY"},
        {"start": "yesterday"},
        {"product_type": "MAIL"},
    ],
    ids=str,
)
async def test_what_meta_does_not_take_is_refused(client: Any, wrong: dict[str, str]) -> None:
    async with Simulator.running(Options(insights=True, **SEEN)) as meta:
        status, answer = await asked(client, meta, **wrong)
        assert (status, answer["error"]["code"]) == (400, 100)
