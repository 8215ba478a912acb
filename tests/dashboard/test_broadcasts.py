"""The pages of broadcasts: the list, one of them, its people, and what is done there by whom."""

import csv
import io
import re
from typing import Any

import pytest

from tests.dashboard.client import Form
from tests.dashboard.conftest import VisitAs
from tests.support.meta import inbound_message, status
from tests.support.site import NOBODY, Site, people, phones
from wacrmd.clock import DAY, HOUR, MINUTE, iso
from wacrmd.store import broadcasts

pytestmark = pytest.mark.anyio

MARKUP = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{7*7}}'
SAFE = "&lt;script&gt;alert(1)&lt;/script&gt;"
VERBS = ("pause", "resume", "cancel", "retry", "give-up")


async def test_the_list_is_filtered_by_text_date_status_and_account(here: Site, visit_as: VisitAs) -> None:
    later = iso(here.clock.now() + 30 * DAY)
    old = await here.send(people(1), name="ÜBERSICHT alt", scheduled_at=later)
    here.clock.advance(3 * DAY)
    new = await here.send(people(1), name="Spring offer", scheduled_at=later)
    browser = await visit_as("viewer")

    async def shown(query: str) -> list[str]:
        answer = await browser.get(f"/broadcasts?{query}")
        assert answer.status_code == 200, answer.text
        return re.findall(r'<a href="/broadcasts/([0-9a-f-]{36})">', answer.text)

    today = iso(here.clock.now())[:10]
    assert await shown("") == [new, old]
    assert await shown("text=übersicht") == [old]
    assert await shown("text=HELLO") == [new, old]
    assert await shown("text=%25") == []
    assert await shown(f"from={today}&zone=UTC") == [new]
    assert await shown(f"to={iso(here.clock.now() - 2 * DAY)[:10]}") == [old]
    assert await shown("zone=no/zone&status=scheduled") == [new, old]
    assert await shown("status=sending") == []
    assert await shown("account=shop&text=spring") == [new]
    await here.admin("account.add", name="office")
    assert await shown("account=office") == []
    assert 'id="account"' in (await browser.get("/broadcasts")).text


@pytest.mark.parametrize("query", ["from=yesterday", "to=99999-01-01"])
async def test_a_filter_that_is_wrong_is_refused_with_the_form_again(visit_as: VisitAs, query: str) -> None:
    browser = await visit_as("viewer")
    answer = await browser.get(f"/broadcasts?{query}")
    assert answer.status_code == 400
    assert 'name="text"' in answer.text
    assert "this is no date, write it as 2026-12-01" in answer.text
    assert 'role="alert"' in answer.text


async def test_what_people_wrote_is_shown_as_text(here: Site, visit_as: VisitAs) -> None:
    phone = phones(1)[0]
    here.sim.change(delivered_share=0.0)
    made = await here.send([{"to": phone, "params": [MARKUP]}], name=MARKUP)
    await here.until_status(made, "sent")
    await here.sim.idle()
    (person,) = await here.admin("broadcast.recipients", id=made, to=phone)
    errors = [{"code": 131026, "title": MARKUP, "error_data": {"details": MARKUP}}]
    await status(here, person["whatsapp_message_id"], "failed", errors=errors)
    await here.until(made, lambda shown: shown["failed_count"] == 1)
    other = await here.send(people(1, 5), name="tapped")
    await here.until_status(other, "sent")
    await _reply(here, other, MARKUP)
    browser = await visit_as("operator")
    for path in (
        "/broadcasts",
        f"/broadcasts/{made}",
        f"/broadcasts/{made}/recipients",
        f"/broadcasts/{made}/recipients/{person['id']}",
        f"/broadcasts/{made}/retry",
        f"/broadcasts/{other}",
        f"/broadcasts?{'text=<script>alert(1)</script>'}",
    ):
        page = await browser.get(path)
        assert page.status_code == 200, path
        assert SAFE in page.text, path
        for raw in ("<script>alert", "<img src=x", ">49<"):
            assert raw not in page.text, path
    turned = await here.send(people(2, 9), name="\u202egnirpS", scheduled_at=iso(here.clock.now() + HOUR))
    one = f"/broadcasts/{turned}"
    for path in ("/broadcasts", one, f"{one}/recipients", f"{one}/cancel", "/status"):
        page = await browser.get(path)
        assert "gnirpS" in page.text, path
        assert "\u202e" not in page.text, path
    answer = await browser.submit(f"/broadcasts/{made}/recipients", {"to": MARKUP})
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


async def _reply(here: Site, broadcast: str, text: str) -> None:
    """Let the first person of a broadcast tap a button."""
    (person,) = await here.admin("broadcast.recipients", id=broadcast, limit=1)
    button, context = {"text": text, "payload": text}, person["whatsapp_message_id"]
    await inbound_message(here, wa_id=person["to"][1:], button=button, context=context)
    await here.until(broadcast, lambda shown: bool(shown["replies_by_button"]))


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("sender", True), ("operator", True), ("admin", True)]
)
async def test_each_role_sees_the_buttons_that_it_may_use(
    here: Site, visit_as: VisitAs, role: str, may: bool
) -> None:
    scheduled = await here.send(people(2), scheduled_at=iso(here.clock.now() + HOUR))
    browser = await visit_as(role, *(["shop"] if role == "sender" else []))
    page = (await browser.get(f"/broadcasts/{scheduled}")).text
    assert (f'action="/broadcasts/{scheduled}/pause"' in page) is may
    assert (f'href="/broadcasts/{scheduled}/cancel"' in page) is may
    assert ("Cancel for 2 people" in page) is may
    rows = (await browser.get("/broadcasts")).text
    assert (f"/broadcasts/{scheduled}/cancel" in rows) is may
    if not may:
        for verb in VERBS:
            assert (
                await browser.submit(f"/broadcasts/{scheduled}/{verb}", {"of": "failed"})
            ).status_code == 403
        for verb in VERBS[2:]:
            assert (await browser.get(f"/broadcasts/{scheduled}/{verb}")).status_code == 403
        assert (await here.show(scheduled))["status"] == "scheduled"


async def test_nothing_of_a_broadcast_of_another_account_is_found(here: Site, visit_as: VisitAs) -> None:
    made = await here.send(people(2), name="secret", scheduled_at=iso(here.clock.now() + HOUR))
    await here.admin("account.add", name="office")
    browser = await visit_as("sender", "office")
    assert "secret" not in (await browser.get("/broadcasts")).text
    assert (await browser.get("/broadcasts?account=shop")).status_code == 404
    (person, _) = await here.admin("broadcast.recipients", id=made)
    for path in (
        "",
        "/recipients",
        f"/recipients/{person['id']}",
        "/export",
        "/live",
        "/cancel",
        "/retry",
        "/give-up",
    ):
        answer = await browser.get(f"/broadcasts/{made}{path}", Accept="text/event-stream")
        assert answer.status_code == 404, path
    for verb in (*VERBS, "recipients"):
        answer = await browser.submit(f"/broadcasts/{made}/{verb}", {"of": "failed", "to": person["to"]})
        assert answer.status_code == 404, verb
    assert (await here.show(made))["status"] == "scheduled"


async def test_a_broadcast_is_paused_resumed_and_cancelled(here: Site, visit_as: VisitAs) -> None:
    made = await here.send(people(3), name="Spring", scheduled_at=iso(here.clock.now() + HOUR))
    browser, one = await visit_as("sender", "shop"), f"/broadcasts/{made}"
    answer = await browser.submit(f"{one}/pause", {"back": "/broadcasts?status=scheduled"})
    assert answer.headers["location"].startswith("/broadcasts?status=scheduled&notice=")
    assert "Paused: Spring. 3 people still waiting" in (await browser.get(answer.headers["location"])).text
    assert (await here.show(made))["hold"]["detail"] == "Paused by sender-shop"
    page = (await browser.get(one)).text
    assert "Resume for 3 people" in page
    assert "Paused by sender-shop" in page
    assert (
        (await browser.submit(f"{one}/resume", {"back": "//evil.example"}))
        .headers["location"]
        .startswith("/broadcasts?notice=")
    )
    asked = await browser.get(f"{one}/cancel?back=%2Fbroadcasts")
    assert "This cannot be taken back" in asked.text
    assert "Cancel for 3 people</button>" in asked.text
    assert 'href="/broadcasts">Back' in asked.text
    assert (await here.show(made))["status"] == "scheduled", "a question changes nothing"
    done = await browser.submit(f"{one}/cancel", Form(asked.text, f"{one}/cancel").fields)
    assert "It does not go to 3 people." in (await browser.get(done.headers["location"])).text
    assert (await here.show(made))["status"] == "cancelled"
    assert "cancelled before it started" in (await browser.get(one)).text
    assert (await browser.get(f"{one}/cancel")).status_code == 409
    entries = [each for each in await here.admin("audit") if each["method"].startswith("broadcast.")]
    assert [each["method"] for each in entries] == [f"broadcast.{verb}" for verb in VERBS[:3]]
    assert {each["user"] for each in entries} == {"sender-shop"}


async def _failed(here: Site, count: int) -> str:
    here.sim.change(failed_recipients=[f"{phone}=131026" for phone in phones(count)])
    made = await here.send(people(count + 2), name="Spring")
    await here.until(made, lambda shown: shown["failed_count"] == count and shown["sent_count"] == 2)
    here.sim.change(failed_recipients=[])
    return made


async def test_who_failed_is_grouped_with_advice_and_gets_it_again(here: Site, visit_as: VisitAs) -> None:
    made = await _failed(here, 3)
    browser, one = await visit_as("operator"), f"/broadcasts/{made}"
    page = (await browser.get(one)).text
    assert re.search(
        r'class="n">3</td><td data-title="Reason"><span><a [^>]+>[^<]+</a> <span class="dim">\(131026\)', page
    )
    assert "ask the person to install or update WhatsApp" in page
    assert "Send again to 3 people who failed" in page
    assert re.search('aria-label="New broadcast to them: [^"]*ndeliverable"', page), "which of them"
    asked = await browser.get(f"{one}/retry?of=failed")
    assert "cannot be taken back" in asked.text
    fields = Form(asked.text, f"{one}/retry").fields
    done = await browser.submit(f"{one}/retry", fields)
    assert "The message goes again to 3 people." in (await browser.get(done.headers["location"])).text
    await here.until(made, lambda shown: shown["sent_count"] == 5)
    again = await browser.submit(f"{one}/retry", fields)
    text = (await browser.get(again.headers["location"])).text
    assert "Nobody is left to send to" in text, (
        "a reload sends nothing twice, and a double click shows this page"
    )
    assert (await browser.submit(f"{one}/retry", {"of": "read"})).status_code == 400


async def test_only_the_ticked_reasons_are_sent_again_at_the_time_and_what_fails_again_is_left_out(
    here: Site, visit_as: VisitAs
) -> None:
    codes = ("131026", "131049", "130472")
    here.sim.change(failed_recipients=[f"{to}={code}" for to, code in zip(phones(3), codes, strict=True)])
    made = await here.send(people(4), name="Spring")
    await here.until(made, lambda shown: shown["failed_count"] == 3 and shown["sent_count"] == 1)
    here.sim.change(failed_recipients=[])
    browser, one = await visit_as("operator"), f"/broadcasts/{made}"
    asked = (await browser.get(f"{one}/retry?of=failed")).text
    fields = Form(asked, f"{one}/retry").fields
    assert sorted(fields["code"]) == ["131026", "131049"]
    assert "(130472): 1 person, left out, because it would fail again" in asked
    for wrong, said in (
        ({"code": []}, "tick a reason"),
        ({"when": "later"}, "choose a day"),
        ({"at": "2026-12-01T09:00"}, "you chose “Now” and also a day"),
    ):
        answer = await browser.submit(f"{one}/retry", fields | wrong)
        assert (answer.status_code, said in answer.text) == (422, True), answer.text
    at = iso(here.clock.now() + HOUR)[:16]
    done = await browser.submit(
        f"{one}/retry", fields | {"code": ["131049"], "when": "later", "at": at, "zone": "UTC"}
    )
    page = (await browser.get(done.headers["location"])).text
    assert "The message goes again to 1 person. WhatsApp allows no earlier message to 1 person" in page
    shown = await here.until(made, lambda it: it["hold"] is not None)
    assert (shown["pending_count"], shown["failed_count"]) == (1, 2)
    done = await browser.submit(f"{one}/retry", fields | {"code": ["131026", "131049"]})
    page = (await browser.get(done.headers["location"])).text
    assert "again to 1 person. Not to 1 person, to whom it would fail again." in page


async def test_the_time_of_a_retry_is_changed_until_it_is_sent(here: Site, visit_as: VisitAs) -> None:
    made = await _failed(here, 2)
    browser, one = await visit_as("operator"), f"/broadcasts/{made}"
    assert f"{one}/retry?of=pending" not in (await browser.get(one)).text
    asked = await browser.get(f"{one}/retry?of=pending")
    assert "Nobody waits for another message" in (await browser.get(asked.headers["location"])).text
    fields = Form((await browser.get(f"{one}/retry?of=failed")).text, f"{one}/retry").fields
    later = {"when": "later", "zone": "UTC"}
    at = iso(here.clock.now() + 300 * DAY)[:16]
    await browser.submit(f"{one}/retry", fields | later | {"at": at})
    await here.until(made, lambda it: it["hold"] is not None)
    page = (await browser.get(one)).text
    assert f'href="{one}/retry?of=pending">Change when it is tried again' in page
    assert "retry?of=pending" not in (await (await visit_as("viewer")).get(one)).text
    asked_text = (await browser.get(f"{one}/retry?of=pending")).text
    assert "2 people are tried again, the first at " in asked_text
    assert "Somebody has asked for it, or a rule does." in asked_text
    fields = Form(asked_text, f"{one}/retry").fields
    answer = await browser.submit(f"{one}/retry", fields)
    assert (answer.status_code, "choose a day and a time" in answer.text) == (422, True), "not at once"
    at = iso(here.clock.now() + HOUR)[:16]
    done = await browser.submit(f"{one}/retry", fields | later | {"at": at})
    page = (await browser.get(done.headers["location"])).text
    assert "2 people who waited for another message: the time is changed." in page
    shown = await here.until(made, lambda it: it["hold"] is not None)
    assert at in shown["hold"]["detail"]
    now = {"when": "now"}
    done = await browser.submit(f"{one}/retry", fields | now)
    assert "the time is changed" in (await browser.get(done.headers["location"])).text
    await here.until(made, lambda it: it["failed_count"] == 0 and it["pending_count"] == 0)
    done = await browser.submit(f"{one}/retry", fields | now)
    assert "Nothing is changed: nobody waits" in (await browser.get(done.headers["location"])).text


async def test_who_has_no_delivery_is_sent_to_again_after_a_warning(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(delivered_share=0.0)
    made = await here.send(people(2), name="Spring")
    await here.until(made, lambda it: it["status"] == "sent" and it["sent_count"] == 2)
    browser, one = await visit_as("operator"), f"/broadcasts/{made}"
    assert f"{one}/retry?of=sent" not in (await browser.get(one)).text, "that is too soon"
    asked = (await browser.get(f"{one}/retry?of=sent")).text
    assert "whoever turns the phone on after this has it twice" in asked
    fields = Form(asked, f"{one}/retry").fields
    assert fields["hours"] == "48"
    assert "write for how many hours" in (await browser.submit(f"{one}/retry", fields | {"hours": "x"})).text
    done = await browser.submit(f"{one}/retry", fields)
    assert "Nobody is left" in (await browser.get(done.headers["location"])).text, "it is not so long ago"
    here.clock.advance(HOUR + MINUTE)
    assert f"{one}/retry?of=sent" in (await browser.get(one)).text
    viewer = await visit_as("viewer")
    assert "retry?of=sent" not in (await viewer.get(one)).text
    done = await browser.submit(f"{one}/retry", fields | {"hours": "1"})
    assert "The message goes again to 2 people." in (await browser.get(done.headers["location"])).text
    await here.until(made, lambda it: it["status"] == "sent" and it["sent_count"] == 2)


async def test_uncertain_people_are_explained_and_given_up(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(close_after_share=1.0, webhook_url=NOBODY)
    made = await here.send(people(2), name="Spring")
    await here.until(made, lambda shown: shown["uncertain_count"] == 2)
    browser, one = await visit_as("operator"), f"/broadcasts/{made}"
    page = (await browser.get(one)).text
    assert "2 people uncertain" in page
    assert "It may have arrived, or not" in page
    assert "gets it twice" in (await browser.get(f"{one}/retry?of=uncertain")).text
    asked = await browser.get(f"{one}/give-up")
    assert "Count 2 people as failed</button>" in asked.text
    for text in ("Counted as failed now: 2 people", "Nobody is uncertain any more"):
        done = await browser.submit(f"{one}/give-up", Form(asked.text, f"{one}/give-up").fields)
        assert text in (await browser.get(done.headers["location"])).text
    assert (await browser.get(f"{one}/give-up")).status_code == 303
    assert "people uncertain" not in (await browser.get(one)).text


async def test_people_are_found_by_status_and_number_and_exported(here: Site, visit_as: VisitAs) -> None:
    made = await _failed(here, 2)
    browser, one = await visit_as("viewer"), f"/broadcasts/{made}"
    failed = (await browser.get(f"{one}/recipients?status=failed")).text
    found = re.findall(r">(\+1415\d+)</a>", failed)
    assert sorted(found) == phones(2)
    answer = await browser.submit(f"{one}/recipients", {"to": phones(1)[0]})
    assert answer.status_code == 303
    person = (await browser.get(answer.headers["location"])).text
    assert phones(1)[0] in person
    assert "tried to send" in person
    assert "WhatsApp has accepted it" in person
    assert "131026" in person
    for to, code in (("+14155559999", 404), ("nobody", 404)):
        refused = await browser.submit(f"{one}/recipients", {"to": to})
        assert refused.status_code == code
        assert 'aria-invalid="true"' in refused.text
        assert to in refused.text
    export = await browser.get(f"{one}/export?status=failed")
    assert "attachment" in export.headers["content-disposition"]
    assert [row["status"] for row in csv.DictReader(io.StringIO(export.text))] == ["failed"] * 2
    excel = await browser.get(f"{one}/export?excel=1")
    assert excel.text.startswith("\ufeff")
    assert (await browser.get(f"{one}/export?status=none")).status_code in (400, 422)
    assert (await browser.get(f"{one}/recipients/9999999")).status_code == 404
    assert (await browser.get(f"{one}/recipients/x")).status_code in (400, 404, 422)


async def test_a_reason_leads_to_the_people_who_failed_for_it(here: Site, visit_as: VisitAs) -> None:
    codes = ["131026", "131049", "131026"]
    here.sim.change(failed_recipients=[f"{to}={code}" for to, code in zip(phones(3), codes, strict=True)])
    made = await here.send(people(5), name="Spring")
    await here.until(made, lambda shown: shown["failed_count"] == 3)
    browser, one = await visit_as("viewer"), f"/broadcasts/{made}"
    ways = re.findall(r'data-title="Reason"><span><a href="([^"]+)"', (await browser.get(one)).text)
    assert [way.replace("&amp;", "&") for way in ways] == [
        f"{one}/recipients?status=failed&code={code}" for code in ("131026", "131049")
    ]
    page = (await browser.get(ways[0].replace("&amp;", "&"))).text
    assert re.findall(r">(\+1415\d+)</a>", page) == [phones(3)[2], phones(3)[0]]
    assert '<option value="131026" selected>' in page
    (way,) = re.findall(r'href="([^"]+)">Export these \(CSV\)', page)
    rows = csv.DictReader(io.StringIO((await browser.get(way.replace("&amp;", "&"))).text))
    assert [row["error_code"] for row in rows] == ["131026"] * 2
    assert "failed for this reason" in (await browser.get(f"{one}/recipients?code=0")).text
    assert (await browser.get(f"{one}/recipients?code=x")).status_code in (400, 422)


async def test_people_come_in_pages(here: Site, visit_as: VisitAs) -> None:
    made = await here.send(people(120), scheduled_at=iso(here.clock.now() + HOUR))
    browser = await visit_as("viewer")
    path, found = f"/broadcasts/{made}/recipients?status=pending", list[Any]()
    while path:
        page = (await browser.get(path)).text
        found += re.findall(r">(\+1415\d+)</a>", page)
        older = re.findall(r'href="([^"]+)">Older', page)
        path = older[0].replace("&amp;", "&") if older else ""
    assert found == phones(120)[::-1]


async def test_messages_over_time_are_a_table_too(here: Site, visit_as: VisitAs) -> None:
    here.sim.change(read_share=1.0)
    made = await here.send(people(5))
    await here.until(made, lambda shown: shown["read_count"] == 5)
    browser, one = await visit_as("viewer"), f"/broadcasts/{made}"
    page = (await browser.get(one)).text
    rows = re.findall(r'<tr><th scope="row"><time [^>]+>[^<]+</time></th>(.*?)</tr>', page)
    numbers = [re.findall(r'class="n">(\d+)</td>', row) for row in rows]
    assert numbers[0] == ["0"] * 5
    assert numbers[-1] == ["5", "5", "5", "0", "0"]
    assert "first hour" not in page
    (person,) = await here.admin("broadcast.recipients", id=made, limit=1)
    here.clock.advance(30 * HOUR)
    answers, at = person["whatsapp_message_id"], here.clock.now() // 1000
    await inbound_message(here, "Thanks", wa_id=person["to"][1:], context=answers, at=at)
    await here.until(made, lambda shown: shown["replied_count"] == 1)
    browser = await visit_as("operator")
    page = (await browser.get(one)).text
    assert "first hour" in page
    assert 'aria-current="true">first day' in page
    assert (await browser.get(f"{one}?hours=1")).status_code == 200
    assert 'aria-current="true">all' in (await browser.get(f"{one}?hours=99")).text
    assert (await browser.get(f"{one}?hours=999999")).status_code in (400, 422)


async def test_no_number_of_hours_is_too_long_to_read(here: Site, visit_as: VisitAs) -> None:
    browser, made = await visit_as("viewer"), await here.send(people(1))
    for hours in ("9" * 5000, "-1", "\u0663", "x"):
        page = await browser.get(f"/broadcasts/{made}?hours={hours}")
        assert page.status_code == 200, hours[:10]


async def test_a_broadcast_that_waits_has_no_time_yet(here: Site, visit_as: VisitAs) -> None:
    made = await here.send(people(1), scheduled_at=iso(here.clock.now() + HOUR))
    browser = await visit_as("viewer")
    assert "Nothing has happened yet" in (await browser.get(f"/broadcasts/{made}")).text
    assert (await here.admin("broadcast.timeline", id=made))["points"] == []


async def test_nothing_is_offered_that_concerns_nobody(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    waits = await here.send(people(2), scheduled_at=iso(here.clock.now() + HOUR))
    failed = await _failed(here, 2)
    await here.sim.idle()
    for made, whom in (
        (waits, ["all", "nobody"]),
        (failed, ["failed", "not_delivered", "not_replied", "all", "nobody"]),
    ):
        page = (await browser.get(f"/broadcasts/{made}")).text
        offered = re.findall(r'name="whom" value="(\w+)"', page.partition('id="again"')[2])
        assert [each for each in offered if each != "not_read"] == whom
        for each in offered:
            answer = await browser.submit(f"/broadcasts/{made}/again", {"whom": each})
            assert answer.status_code == 303, each
    asked = await browser.get(f"/broadcasts/{failed}/retry?of=uncertain")
    assert asked.status_code == 303
    assert "Nobody is uncertain any more" in (await browser.get(asked.headers["location"])).text


async def test_a_draft_is_made_for_whom_it_did_not_reach(here: Site, visit_as: VisitAs) -> None:
    made = await _failed(here, 3)
    browser, one = await visit_as("sender", "shop"), f"/broadcasts/{made}"
    page = (await browser.get(one)).text
    assert Form(page, f"{one}/again").found
    for fields in ({"whom": "failed", "code": "131026"}, {"whom": "all"}, {"whom": "nobody"}):
        answer = await browser.submit(f"{one}/again", fields)
        assert answer.status_code == 303
        draft = answer.headers["location"]
        assert draft.startswith("/broadcasts/new/")
        assert (await browser.get(draft)).status_code in (200, 303)
    shown = (await browser.get("/broadcasts?status=draft")).text
    assert f'href="{draft}"' in shown
    assert f'href="{draft}"' not in (await browser.get("/broadcasts")).text
    moved = await browser.get(draft.replace("/new", ""))
    assert (moved.status_code, moved.headers["location"]) == (303, draft)
    assert (await browser.submit(f"{one}/again", {"whom": "failed", "code": "1"})).status_code == 409
    assert (await browser.submit(f"{one}/again", {"whom": "somebody"})).status_code in (400, 422)
    viewer = await visit_as("viewer")
    assert "/again" not in (await viewer.get(one)).text
    assert (await viewer.submit(f"{one}/again", {"whom": "all"})).status_code == 403


async def test_a_search_goes_on_where_it_stopped(
    here: Site, visit_as: VisitAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcasts, "SEARCHED", 3)
    at = iso(here.clock.now() + HOUR)
    wanted = await here.send(people(1), name="Spring", scheduled_at=at)
    for _ in range(4):
        await here.send(people(1), name="Other", scheduled_at=at)
    browser = await visit_as("viewer")
    first = await browser.get("/broadcasts?text=spring")
    assert "Go on with" in first.text
    (older,) = re.findall(r'href="([^"]+)">Older', first.text)
    second = await browser.get(older.replace("&amp;", "&"))
    assert f'href="/broadcasts/{wanted}"' in second.text
    assert "Older" not in second.text
