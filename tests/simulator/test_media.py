"""Files that are uploaded to the simulated Meta."""

import hashlib
from typing import Any

import aiohttp
import pytest

from tests.support.table import rows
from wacrmd.simulator import Options, Simulator
from wacrmd.simulator.media import TYPES, Incoming, Media, ids_in, upload_refusal

PHONE = "106540352242922"
OTHER = "106540352242923"
DAY_S = 86_400
IMAGE = b"\x89PNG\r\n\x1a\n and so on"


async def upload(client: Any, base: str, content: bytes = IMAGE, kind: str = "image/png") -> Any:
    """(status, answer) of an upload of the first number."""
    form = aiohttp.FormData()
    form.add_field("messaging_product", "whatsapp")
    form.add_field("type", kind)
    form.add_field("file", content, content_type=kind, filename="a.png")
    headers = {"Authorization": "Bearer t"}
    async with client.session.post(f"{base}/v25.0/{PHONE}/media", data=form, headers=headers) as answer:
        return answer.status, await answer.json()


def with_image(body_of: Any, media_id: str) -> Any:
    """A send whose header is this file."""
    header = {"type": "header", "parameters": [{"type": "image", "image": {"id": media_id}}]}
    return body_of(components=[header])


@pytest.mark.anyio
async def test_an_id_is_good_for_its_number_and_for_30_days(client: Any, body_of: Any) -> None:
    async with Simulator.running(Options()) as sim:
        status, answer = await upload(client, sim.url)
        assert status == 200, answer
        (file,) = sim.media
        assert (file.id, file.bytes, file.mime_type, file.phone_number_id) == (
            answer["id"],
            len(IMAGE),
            "image/png",
            PHONE,
        )
        assert file.sha256 == hashlib.sha256(IMAGE).hexdigest()
        shown = await client.call("GET", f"{sim.url}/_simulator/media")
        assert [each["id"] for each in shown[1]["media"]] == [file.id]
        assert sim.summary()["media"] == 1

        async def send(media_id: str, number: str = PHONE) -> int:
            body, url = with_image(body_of, media_id), f"{sim.url}/v25.0/{number}/messages"
            status, answer, _ = await client.call("POST", url, body=body)
            assert status == 200 or answer["error"]["code"] == 131053, answer
            return int(status)

        assert await send(file.id) == 200
        assert await send(file.id, OTHER) == 400, "the id of another number"
        assert await send("17") == 200, "an id of another run"
        sim.change(check_media=True)
        assert await send("17") == 400
        sim.change(date_ahead_s=29 * DAY_S)
        assert await send(file.id) == 200
        sim.change(date_ahead_s=31 * DAY_S)
        assert await send(file.id) == 400, "it has expired"


@pytest.mark.anyio
async def test_uploads_are_refused_as_meta_does_and_as_set(client: Any) -> None:
    async with Simulator.running(Options(media_close_share=1)) as sim:
        status, answer = await upload(client, sim.url, kind="image/gif")
        assert (status, answer["error"]["code"]) == (400, 100)
        try:
            await upload(client, sim.url)
            raise AssertionError("expected no answer")
        except aiohttp.ClientError:
            assert len(sim.media) == 1, "taken all the same"
        sim.change(media_error_code=131053, media_close_share=0)
        status, answer = await upload(client, sim.url)
        assert answer["error"]["code"] == 131053
        status, answer, _ = await client.call("POST", f"{sim.url}/v25.0/{PHONE}/media", body={})
        assert status == 400, answer


@rows(
    ("product", "kind", "size", "code"),
    [
        ("sms", "image/png", 9, 100),
        ("whatsapp", "image/png", None, 100),
        ("whatsapp", "image/png", 0, 100),
        ("whatsapp", "image/gif", 9, 100),
        ("whatsapp", "image/png", TYPES["image/png"], None),
        ("whatsapp", "image/png", TYPES["image/png"] + 1, 131053),
        ("whatsapp", "application/pdf", TYPES["image/png"] + 1, None),
    ],
)
def test_which_uploads_meta_refuses(product: str, kind: str, size: Any, code: Any) -> None:
    incoming = None if size is None else Incoming(size, hashlib.sha256())
    refusal = upload_refusal(product, kind, incoming)
    assert (refusal.code if refusal else None) == code


def test_ids_are_found_in_the_cards_of_a_carousel_too() -> None:
    header = {"type": "header", "parameters": [{"type": "video", "video": {"id": 7}}]}
    carousel = {"type": "carousel", "cards": [{"card_index": 0, "components": [header]}]}
    link = {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://a.example"}}]}
    assert ids_in([header, carousel, link, "x", None]) == ("7", "7")
    assert Media().refusal_of(["7"], "1", 0, check_unknown=False) is None
