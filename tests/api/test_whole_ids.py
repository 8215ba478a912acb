"""A program names things by their whole ids: one that is cut off, or empty, is a mistake and never something else's."""

from pathlib import Path
from typing import Any

import pytest

from tests.media.files import PNG
from tests.support.site import PHONE_NUMBER_ID, Site, people, site

pytestmark = pytest.mark.anyio


async def refused(here: Site, path: str, body: dict[str, Any]) -> None:
    answer = await here.api.post(path, json=body)
    assert answer.status_code == 400, (path, answer.text)
    (problem, *_) = answer.json()["error"]["details"]
    assert (problem["path"], "id or phone_number_id" in problem["message"]) == ("from", True)


async def test_a_message_is_sent_from_a_number_that_is_named_whole(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        whole = here.number["id"]
        message = {"type": "template", "template": {"name": "hello", "params": ["Ann"]}}
        for cut in ("", " ", whole[0], whole[:8], whole[:-1], PHONE_NUMBER_ID[:-1], f"{PHONE_NUMBER_ID}.0"):
            wanted = {"from": cut}
            await refused(
                here, "/api/v1/broadcasts", {"template_name": "hello", "recipients": people(1), **wanted}
            )
            await refused(
                here,
                "/api/v1/broadcasts?dry_run=true",
                {"template_name": "hello", "recipients": people(1), **wanted},
            )
            await refused(here, "/api/v1/broadcasts", {"template_name": "hello", "draft": True, **wanted})
            await refused(here, "/api/v1/messages", {"to": "+14155550123", **message, **wanted})
            file = {"file": ("spring.png", PNG, "image/png")}
            answer = await here.api.post("/api/v1/media", files=file, data={"from": cut})
            assert (answer.status_code, "id or phone_number_id" in answer.text) == (400, True)
        assert len(here.sim.ledger) == 0
        for whole_name in (whole, whole.upper(), PHONE_NUMBER_ID):
            await here.until_status(await here.send(people(1), **{"from": whole_name}), "sent")


async def test_an_operator_may_give_the_beginning(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        beginning = here.number["id"][:8]
        given = {"account": "shop", "template_name": "hello", "recipients": people(1), "from": beginning}
        assert (await here.admin("broadcast.create", **given))["accepted"] == 1
        assert (
            await here.admin("draft.create", account="shop", template_name="hello", **{"from": beginning})
        )["from"]
        message = {"to": "+14155550123", "type": "template", "template": {"name": "hello", "params": ["Ann"]}}
        assert (await here.admin("message.send", account="shop", **message, **{"from": beginning}))[
            "message_id"
        ]


async def test_a_file_is_used_by_its_whole_id(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        made = await here.api.post("/api/v1/media", files={"file": ("spring.png", PNG, "image/png")})
        whole = made.json()["data"]["id"]
        for cut in (whole[:9], whole[:-1]):
            answer = await here.post(people(1), header={"image": {"id": cut}})
            (problem,) = answer.json()["error"]["details"]
            assert (answer.status_code, problem["path"]) == (400, "header.image.id")
