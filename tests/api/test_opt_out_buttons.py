"""Quick replies that look like an opt-out and would not be taken as one: where an operator hears of them."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.site import Site, people, site
from wacrmd.views.broadcasts import CreatedBroadcast
from wacrmd.views.json import from_json

pytestmark = pytest.mark.anyio

NEVER = "[templates]\nsync_interval_minutes = 0"
MISSED = "Leave me alone"


def template(
    name: str, *buttons: str, category: str = "MARKETING", language: str = "en_US"
) -> dict[str, Any]:
    quick = [{"type": "QUICK_REPLY", "text": text} for text in buttons]
    return {
        "id": f"{name}-{language}",
        "name": name,
        "language": language,
        "status": "APPROVED",
        "category": category,
        "parameter_format": "POSITIONAL",
        "components": [{"type": "BODY", "text": "Hello {{1}}"}, {"type": "BUTTONS", "buttons": quick}],
    }


TEMPLATES = (
    template("sale", "Shop", MISSED),
    template("taken", "Shop", "Stop promotions"),
    template("order", MISSED, category="UTILITY"),
)


async def warnings(here: Site, **more: Any) -> list[list[str]]:
    """The `template_warnings` of a dry run and of the broadcast itself."""
    body = {"template_name": "sale", "recipients": people(2)} | more
    found = []
    for path in ("/api/v1/broadcasts?dry_run=true", "/api/v1/broadcasts"):
        answer = await here.api.post(path, json=body)
        assert answer.status_code in (200, 202), answer.text
        found.append(answer.json()["data"]["template_warnings"])
    return found


async def test_templates_and_broadcasts_show_the_warning(tmp_path: Path) -> None:
    async with site(tmp_path, extra=NEVER, templates=TEMPLATES) as here:
        assert await warnings(here) == [[], []], "the template is not known yet"
        await here.api.post("/api/v1/templates/sync")
        listed = (await here.api.get("/api/v1/templates")).json()["data"]
        shown = {each["name"]: each["warnings"] for each in listed}
        (warning,) = shown["sale"]
        assert f'"{MISSED}"' in warning
        assert "[optout] stop_keywords" in warning
        assert (shown["taken"], shown["order"]) == ([], [])
        assert {each["name"]: each["warnings"] for each in await here.admin("template.list")} == shown
        assert await warnings(here) == [[warning], [warning]]
        assert await warnings(here, template_name="taken") == [[], []]
        button = {"index": 1, "type": "quick_reply", "payload": "STOP:spring"}
        assert await warnings(here, buttons=[button]) == [[], []]
        assert await warnings(here, recipients=[people(1)[0] | {"buttons": [button]}, people(2)[1]]) == [
            [warning],
            [warning],
        ]


async def test_the_configured_words_decide(tmp_path: Path) -> None:
    words = f'\n[optout]\nstop_keywords = ["{MISSED}"]'
    async with site(tmp_path, extra=NEVER + words, templates=TEMPLATES) as here:
        await here.api.post("/api/v1/templates/sync")
        listed = (await here.api.get("/api/v1/templates")).json()["data"]
        assert [each["name"] for each in listed if each["warnings"]] == ["taken"]


async def test_the_log_warns_when_a_template_is_new_or_changed(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with site(tmp_path, extra=NEVER, templates=TEMPLATES) as here:
            for _ in range(2):
                await here.api.post("/api/v1/templates/sync")
            here.sim.change(templates=(*TEMPLATES[:2], template("order", "Unsubscribe from this shop")))
            for _ in range(2):
                await here.api.post("/api/v1/templates/sync")
    told = [
        (event["template"], event["language"], event["button"], event["log_level"])
        for event in events
        if event["event"] == "template_opt_out_unrecognized"
    ]
    assert told == [
        ("sale", "en_US", MISSED, "warning"),
        ("order", "en_US", "Unsubscribe from this shop", "warning"),
    ]


async def test_the_doctor_names_each_button_with_its_templates(tmp_path: Path) -> None:
    many = tuple(template(f"sale{n}", MISSED) for n in range(5))
    async with site(tmp_path, extra=NEVER, templates=(*many, template("taken", "Stop"))) as here:
        await here.api.post("/api/v1/templates/sync")
        checks = (await here.admin("doctor"))["checks"]
        (found,) = [check for check in checks if check["about"] == "templates"]
        assert found["state"] == "warn"
        named = "sale0 (en_US), sale1 (en_US), sale2 (en_US) and 2 more"
        assert found["detail"] == f'a tap on "{MISSED}" opts nobody out: {named}'
        assert "stop_keywords" in found["advice"]


def test_an_answer_that_was_stored_before_there_were_warnings_can_be_repeated() -> None:
    stored = (
        '{"broadcast_id":"b","status":"sending","total_recipients":1,"accepted":1,"rejected":0,'
        '"duplicates":0,"suppressed":0,"rejections":[]}'
    )
    assert from_json(CreatedBroadcast, stored).template_warnings == []
