"""The pages of the numbers: state and why, pause and resume, what Meta says, settings and secrets."""

import json

import pytest

from tests.dashboard.client import Form
from tests.dashboard.conftest import VisitAs
from tests.dashboard.markup import MARKUP, assert_shown_as_text
from tests.support.site import ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN, Site, people
from wacrmd.clock import DAY, iso

pytestmark = pytest.mark.anyio


async def changes(here: Site, noun: str) -> list[tuple[str, str, str]]:
    """Who called which operation of a noun in the dashboard, and how it went."""
    return [
        (each["user"], each["method"], each["result"])
        for each in await here.admin("audit")
        if each["via"] == "dashboard" and each["method"].startswith(noun)
    ]


async def test_an_operator_pauses_and_resumes_and_a_viewer_sees_why(here: Site, visit_as: VisitAs) -> None:
    viewer, operator, page = (
        await visit_as("viewer"),
        await visit_as("operator"),
        f"/numbers/{here.number['id']}",
    )
    shown = (await viewer.get(page)).text.partition("<main")[2]
    for hidden in ("Pause sending", "Resume", "Settings", "Remove", "Ask Meta now"):
        assert hidden not in shown
    for action in ("pause", "resume", "check", "settings", "remove"):
        assert (await viewer.submit(f"{page}/{action}")).status_code == 403
    for form in ("resume", "settings", "remove"):
        assert (await viewer.get(f"{page}/{form}")).status_code == 403
    said = await operator.change(f"{page}/pause", {"reason": "the shop is closed"})
    assert "sends nothing until somebody resumes it" in said
    assert "Paused by operator-all: the shop is closed" in (await viewer.get("/numbers")).text
    await here.send(people(3))
    asked = (await operator.get(f"{page}/resume")).text
    assert "Still to be sent to: 3 people" in asked
    assert "Resume, and send to 3 people" in asked
    assert "sends again" in await operator.change(f"{page}/resume")
    made = [each for each in await changes(here, "number") if each[0] == "operator-all"]
    assert made == [("operator-all", "number.pause", "ok"), ("operator-all", "number.resume", "ok")]


async def test_a_check_shows_what_meta_says_with_advice(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(quality_rating="RED", messaging_limit="TIER_250")
    operator = await visit_as("operator")
    shown = (await operator.submit(f"/numbers/{here.number['id']}/check", {"subscribe": "1"})).text
    assert "red rating can cost the messaging limit" in shown
    assert '"bad">low' in shown
    assert "250 people in 24 hours" in shown


async def test_an_administrator_changes_a_number_and_no_secret_is_seen(here: Site, visit_as: VisitAs) -> None:
    admin, page = await visit_as("admin"), f"/numbers/{here.number['id']}/settings"
    shown = (await admin.get(page)).text
    assert all(secret not in shown for secret in (ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN))
    form = Form(shown, page).fields
    said = await admin.change(page, form)
    assert "Nothing was changed" in said
    changed = form | {"label": "Main", "messages_per_second": "20", "app_secret": "another secret of mine"}
    said = await admin.change(page, changed)
    assert "Changed: name, speed, app secret" in said
    assert "is accepted until" in said
    (entry,) = [each for each in await here.admin("audit") if each["method"] == "number.set"]
    assert entry["via"] == "dashboard"
    assert entry["params"]["label"] == "Main"
    assert "another secret" not in str(entry)
    form = Form((await admin.get(page)).text, page).fields
    wrong = await admin.submit(page, form | {"messages_per_second": "many", "app_secret": "a third one"})
    assert wrong.status_code == 422
    assert 'aria-describedby="messages_per_second-error' in wrong.text
    assert 'value="many"' in wrong.text
    assert "a third one" not in wrong.text
    assert "at most 80" in await admin.change(page, form | {"messages_per_second": ""})


async def test_how_much_of_metas_limit_is_used_and_an_administrator_sets_it(
    here: Site, visit_as: VisitAs
) -> None:
    admin, page = await visit_as("admin"), f"/numbers/{here.number['id']}"
    shown = (await admin.get(page)).text
    assert "As long as it is not known, messages go to everybody at once" in shown
    form = Form((await admin.get(f"{page}/settings")).text, f"{page}/settings").fields
    wrong = await admin.submit(f"{page}/settings", form | {"daily_limit": "-3"})
    assert wrong.status_code == 422
    assert 'aria-describedby="daily_limit-error' in wrong.text
    said = await admin.change(f"{page}/settings", form | {"daily_limit": "8", "portfolio": "Both shops"})
    assert "Changed: limit, portfolio." in said
    await here.until_status(await here.send(people(5)), "sent")
    shown = (await (await visit_as("viewer")).get(page)).text
    assert "here at most 8 people in 24 hours" in shown
    assert "here at most 8<" in (await admin.get("/numbers")).text
    assert (
        "5 people in the last 24 hours: 3 people more can get a message now, and 5 people more within an hour from <time"
        in shown
    )
    assert "All numbers of “Both shops” are counted together" in " ".join(shown.split())
    waits = await here.send(people(5, start=10))
    await here.until(waits, lambda it: it["hold"] is not None)
    assert "nobody else can get a message now" in (await admin.get(page)).text
    form = Form((await admin.get(f"{page}/settings")).text, f"{page}/settings").fields
    assert (form["daily_limit"], form["portfolio"]) == ("8", "Both shops")
    await admin.change(f"{page}/settings", form | {"daily_limit": "", "portfolio": ""})
    await here.until_status(waits, "sent")


async def test_an_administrator_adds_and_removes_a_number(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    new = {
        "account": "shop",
        "phone_number_id": "7",
        "waba_id": "8",
        "access_token": ACCESS_TOKEN,
        "app_secret": APP_SECRET,
        "verify_token": VERIFY_TOKEN,
        "label": "Second",
    }
    assert Form((await admin.get("/numbers/new")).text, "/numbers/new").fields.keys() >= new.keys() - {
        "account"
    }
    wrong = await admin.submit("/numbers/new", new | {"phone_number_id": "+1 415"})
    assert wrong.status_code == 422
    assert "digits only" in wrong.text
    assert ACCESS_TOKEN not in wrong.text
    refused = await admin.submit("/numbers/new", new | {"access_token": "wrong", "check": "1"})
    assert refused.status_code == 422
    assert "Meta refuses this token" in refused.text
    assert "--no-check" not in refused.text
    assert "Added" in await admin.change("/numbers/new", new)
    (second,) = [each for each in await here.admin("number.list") if each["label"] == "Second"]
    page = f"/numbers/{second['id']}/remove"
    assert "cannot" not in (await admin.get(page)).text
    assert "Removed: Second" in await admin.change(page)
    assert [each[1:] for each in await changes(here, "number")] == [
        ("number.add", "bad_request"),
        ("number.add", "bad_request"),
        ("number.add", "ok"),
        ("number.remove", "ok"),
    ]


async def test_a_number_with_unfinished_broadcasts_is_not_removed(here: Site, visit_as: VisitAs) -> None:
    await here.send(people(1), scheduled_at=iso(here.clock.now() + DAY))
    answer = await (await visit_as("admin")).submit(f"/numbers/{here.number['id']}/remove")
    assert answer.status_code == 409
    assert "1 unfinished broadcast (" in answer.text


async def test_markup_about_a_number_is_text(here: Site, visit_as: VisitAs) -> None:
    health = {"entities": [{"entity_type": MARKUP, "errors": [{"error_description": MARKUP}]}]}
    await here.admin("number.set", id=here.number["id"], label=MARKUP)
    await here.admin("number.pause", id=here.number["id"], reason=MARKUP)
    await here.running.ctx.db.write(
        lambda tx: tx.execute(
            "UPDATE number SET verified_name = ?1, quality = ?1, limit_tier = ?1, health = ?2",
            (MARKUP, json.dumps(health)),
        )
    )
    admin, page = await visit_as("admin"), f"/numbers/{here.number['id']}"
    for path in ("/numbers", page, f"{page}/settings", f"{page}/resume", f"{page}/remove"):
        assert_shown_as_text((await admin.get(path)).text)


async def test_a_label_that_turns_texts_around_turns_none_of_the_page(here: Site, visit_as: VisitAs) -> None:
    admin = await visit_as("admin")
    one = f"/numbers/{here.number['id']}"
    await here.admin("number.set", id=here.number["id"], label="\u202eniaM")
    for path in ("/numbers", one, f"{one}/settings", f"{one}/remove"):
        page = await admin.get(path)
        assert page.status_code == 200, path
        assert "\u202e" not in page.text.replace('value="\u202eniaM"', ""), path  # a field has what was typed
    paused = await admin.change(f"{one}/pause")
    assert "niaM" in paused
    assert "\u202e" not in paused
