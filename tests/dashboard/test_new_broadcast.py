"""A new broadcast, step by step, by plain forms and links as a browser without scripts sends them."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest

from tests.dashboard.client import SAME_ORIGIN, Form
from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.wizard import MAPPING, at, checked, made, send, upload, version
from tests.drafts.drafting import TEMPLATES, csv_of
from tests.media.files import MP4, PNG, headers_sent
from tests.support.patience import eventually
from tests.support.site import NUMBER, Site, phones, site
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import HOUR, MINUTE, Millis, iso
from wacrmd.store import drafts
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio

OWN = "+14155550199"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with the dashboard and templates that take values."""
    async with site(tmp_path, extra=DASHBOARD, templates=TEMPLATES) as made:
        await made.admin("template.sync")
        yield made


async def test_from_the_file_to_the_broadcast(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("sender", "shop")
    draft = await made(browser)
    rows = csv_of(30) + b"+1415,Bad,B-1\n+14152000001,Twice,B-2\n+14152000098,,B-3\n"
    assert (await upload(browser, draft, rows, "Kunden <b>.csv")).status_code == 303
    page = (await at(browser, f"{draft}/people")).text
    assert "Kunden &lt;b&gt;.csv" in page
    assert "Person 0" in page
    assert "it takes the place of the\nlist above" in page
    page = await checked(browser, draft)
    for text in ("is too short", "has nothing in column name", "Download these lines"):
        assert text in page
    left_out = await browser.get(f"{draft}/people/left-out.csv?which=rejected")
    assert "+1415,Bad,B-1" in left_out.text
    assert left_out.headers["content-disposition"] == 'attachment; filename="rejected.csv"'
    second = (await at(browser, f"{draft}/message?row=2")).text
    assert "Person 1</span>" in second
    assert "Person 2 of 30" in second
    tested = await browser.submit(f"{draft}/message/test", {"row": "2", "to": OWN})
    assert tested.status_code == 303, tested.text
    await eventually(lambda: len(here.sim.ledger.entries) == 1)
    assert (await send(browser, draft)).headers["location"] == f"{draft}/sending"
    await eventually(lambda: len(here.sim.ledger.entries) == 31)
    answer = await browser.get(f"{draft}/sending")
    assert answer.headers["location"] == f"/broadcasts/{draft.rpartition('/')[2]}"
    assert "Spring sale" in (await at(browser, answer.headers["location"])).text
    methods = {
        each["method"]: each["user"] for each in await here.admin("audit") if each["via"] == "dashboard"
    }
    steps = {"draft.create", "draft.upload", "draft.change", "draft.check", "draft.test", "draft.send"}
    assert steps <= set(methods)
    assert {methods[each] for each in steps} == {"sender-shop"}


async def test_it_begins_with_an_account_that_can_send(here: Site, visit_as: VisitAs) -> None:
    await here.admin("account.add", name="a-new-one")
    sender = await visit_as("admin")
    page = (await at(sender, "/broadcasts/new")).text
    assert "<option selected>shop</option>" in page
    assert "has no number that sends" not in page
    assert "has no number that sends" in (await at(sender, "/broadcasts/new?account=a-new-one")).text


async def test_it_is_sent_once_whatever_is_clicked(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    await upload(browser, draft, csv_of(20))
    await checked(browser, draft)
    page = version((await at(browser, f"{draft}/review")).text)
    fields = {"version": page, "name": "Spring sale", "when": "now"}
    answers: list[httpx.Response] = []

    async def click() -> None:
        answers.append(await browser.submit(f"{draft}/send", fields))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(click)
    assert {each.headers.get("location") for each in answers} == {f"{draft}/sending"}
    await eventually(lambda: len(here.sim.ledger.entries) == 20)
    assert (await browser.submit(f"{draft}/send", fields)).headers["location"] == f"{draft}/sending"
    assert (await browser.submit(f"{draft}/people", MAPPING)).status_code == 409
    assert (await upload(browser, draft, csv_of(3))).status_code == 409
    assert len(await here.admin("broadcast.list")) == 1
    assert len(here.sim.ledger.entries) == 20


async def test_a_test_is_sent_once_by_a_double_click(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    await upload(browser, draft, csv_of(2))
    await checked(browser, draft, MAPPING | {"country": "DE"})
    page = (await at(browser, f"{draft}/message")).text
    fields = {"row": "1", "once": page.split('name="once" value="')[1].split('"')[0]}
    for wrong, why in (("12", "no valid number of Germany"), ("+49 151 1", "not exist in Germany")):
        refused = await browser.submit(f"{draft}/message/test", fields | {"to": wrong})
        assert refused.status_code == 400
        assert why in refused.text.split('id="to-error"')[1]
    for _ in range(3):
        sent = await browser.submit(f"{draft}/message/test", fields | {"to": "0151 23456789"})
        assert "+4915123456789" in (await at(browser, sent.headers["location"])).text
    await eventually(lambda: len(here.sim.ledger.entries) == 1)
    assert len(await here.admin("broadcast.list", status="sent")) == 1
    again = (await at(browser, f"{draft}/message")).text.split('name="once" value="')[1].split('"')[0]
    await browser.submit(f"{draft}/message/test", fields | {"once": again, "to": "0151 23456789"})
    await eventually(lambda: len(here.sim.ledger.entries) == 2)


async def test_the_address_of_a_form_leads_to_its_page(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    for form, page in (
        ("people/file", "people"),
        ("message/header", "message"),
        ("message/file", "message"),
        ("message/test", "message"),
        ("send", "review"),
    ):
        assert (await browser.get(f"{draft}/{form}")).headers["location"] == f"{draft}/{page}"


async def test_the_review_says_from_which_number(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    await upload(browser, draft, csv_of(2))
    await checked(browser, draft)
    (number,) = await here.admin("number.list")
    page = (await at(browser, f"{draft}/review")).text
    assert (number["label"] or number["display_phone"] or number["phone_number_id"]) in page
    await here.admin("number.pause", id=number["id"])
    assert "Paused by" in (await at(browser, f"{draft}/review")).text


async def test_a_review_that_shows_another_list_is_not_sent(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    await upload(browser, draft, csv_of(5))
    await checked(browser, draft)
    seen = version((await at(browser, f"{draft}/review")).text)
    await upload(browser, draft, csv_of(50))
    fields = {"version": seen, "name": "Spring sale", "when": "now"}
    refused = await browser.submit(f"{draft}/send", fields)
    assert refused.headers["location"].startswith(f"{draft}/people?notice=")
    await checked(browser, draft)
    refused = await browser.submit(f"{draft}/send", fields)
    assert (refused.status_code, "in another window" in refused.text) == (409, True)
    with pytest.raises(RpcError, match="in another window"):
        await here.admin("draft.send", id=draft.rpartition("/")[2], version=int(seen))
    assert not here.sim.ledger.entries


async def test_a_time_or_name_that_a_colleague_has_kept_is_seen_before_it_is_sent(
    here: Site, visit_as: VisitAs
) -> None:
    ann, ben = await visit_as("operator"), await visit_as("sender", "shop")
    draft = await made(ann)
    await upload(ann, draft, csv_of(3))
    await checked(ann, draft)
    seen = Form((await at(ann, f"{draft}/review")).text, f"{draft}/review").fields | {"when": "now", "at": ""}
    later = iso(here.clock.now() + 48 * HOUR)[:16]
    await ben.change(
        f"{draft}/review", {"name": "Only on Sunday", "when": "later", "at": later, "zone": "UTC"}
    )

    answer = await ann.submit(f"{draft}/send", seen)

    assert answer.status_code == 409
    assert "changed in another window" in answer.text
    assert 'value="Only on Sunday"' in answer.text, "she sees what he has entered"
    assert later in answer.text
    again = Form(answer.text, f"{draft}/review").fields
    sent = await ann.submit(f"{draft}/send", again | {"when": "later", "zone": "UTC"})
    assert sent.headers["location"] == f"{draft}/sending", "now she knows of it"


async def test_a_pasted_list_that_is_refused_stays_in_its_field(here: Site, visit_as: VisitAs) -> None:
    ann = await visit_as("sender", "shop")
    draft = await made(ann)
    pasted = "phone,name,order\n+14155550123,<Jane>,A-1\0"

    answer = await ann.http.post(
        f"{draft}/people/file", data={"pasted": pasted}, files={"file": ("", b"")}, headers=SAME_ORIGIN
    )

    assert answer.status_code == 400
    assert "+14155550123,&lt;Jane&gt;,A-1" in answer.text


async def test_a_draft_whose_number_was_removed_gets_another_one(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("sender", "shop")
    other = NUMBER | {"phone_number_id": "106540352242923"}
    draft = await made(browser)
    other_id = (await here.admin("number.add", **other))["id"]
    number = {"template_name": "order_update", "template_language": "en_US", "from": other_id}
    await browser.change(f"{draft}/template", number)
    await upload(browser, draft, csv_of(3))
    await checked(browser, draft)
    await here.admin("number.remove", id=other["phone_number_id"])

    for step in ("", "/people", "/message", "/review"):
        answer = await browser.get(draft + step)
        while answer.status_code == 303 and not answer.headers["location"].startswith(f"{draft}/template"):
            answer = await browser.get(answer.headers["location"])
        assert "The number of this draft was removed" in await browser.follow(answer), step
    gone = await browser.submit(f"{draft}/template", number)
    assert "This number is there no more" in gone.text

    page = (await at(browser, f"{draft}/template")).text
    number["from"] = page.split('name="from" value="')[1].split('"')[0]
    assert "Check the list" in await browser.change(f"{draft}/template", number)
    await checked(browser, draft)
    assert (await send(browser, draft)).headers["location"] == f"{draft}/sending"


async def test_a_draft_that_is_sent_during_a_drain_says_for_what_it_waits(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("sender", "shop")
    draft, unchecked = await made(browser), await made(browser)
    for each in (draft, unchecked):
        await upload(browser, each, csv_of(3))
    await checked(browser, draft)
    await here.admin("drain", for_good=True, wait_s=1)

    assert "being checked" in await browser.change(f"{unchecked}/people", MAPPING)
    sent = partial(_mark_sent, uuid=draft.rpartition("/")[2], now=here.clock.now())
    await here.running.ctx.db.write(sent)  # as if the drain had begun a moment later

    for page in (f"{unchecked}/people", f"{unchecked}/people/progress", f"{draft}/sending/progress"):
        text = (await at(browser, page)).text
        assert "It waits: all sending is stopped until an administrator lets it go on" in text, page
    row = await here.running.ctx.db.read(partial(_row, uuid=unchecked.rpartition("/")[2]))
    with here.running.ctx.drafts.working(row, 10):
        text = (await at(browser, f"{unchecked}/people")).text
        assert ("being checked" in text, "It waits" in text) == (True, False), "a check that runs goes on"
    listed = (await at(browser, "/broadcasts?status=draft")).text
    assert f"{draft}/discard" not in listed, "it would be refused"
    assert f"{unchecked}/discard" in listed
    await here.admin("undrain")
    await here.until_status(draft.rpartition("/")[2], "sent")


def _mark_sent(tx: Tx, uuid: str, now: Millis) -> None:
    drafts.request_send(tx, _row(tx, uuid), "ann", now)


def _row(tx: Tx, uuid: str) -> int:
    row: int = tx.execute("SELECT id FROM broadcast WHERE uuid = ?", (uuid,)).fetchone()[0]
    return row


def _last_sunday(month: int) -> date:
    """The next one that is the last of a month: clocks in Europe are changed then, in March and in October."""
    today = datetime.now(UTC).date()
    for year in (today.year, today.year + 1):
        last = date(year, month, 31)
        last -= timedelta(days=(last.weekday() + 1) % 7)
        if last > today:
            break
    return last


async def test_a_time_is_meant_in_its_zone(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    await upload(browser, draft, csv_of(2))
    await checked(browser, draft)
    for at_, zone, said in (
        (f"{_last_sunday(3)}T02:30", "Europe/Berlin", "does not exist"),
        (f"{_last_sunday(10)}T02:30", "Europe/Berlin", "comes twice"),
        ("", "Europe/Berlin", "choose a day and a time"),
        (f"{_last_sunday(3)}T02:30", "Mars/Olympus", "choose a time zone"),
        (f"{_last_sunday(3)}T02:30", "localtime", "choose a time zone"),
        ("2020-01-01T00:00", "Asia/Tokyo", "this is in the past: in Asia/Tokyo it is 20"),
        ("2099-01-01T00:00", "UTC", "within a year"),
    ):
        refused = await send(browser, draft, when="later", at=at_, zone=zone)
        assert refused.status_code >= 400, (at_, zone)
        assert said in refused.text
        assert "Spring sale" in refused.text
    minute = here.clock.wall() // MINUTE * MINUTE
    moment = iso(minute + 48 * HOUR)[:16]
    unclear = await send(browser, draft, when="now", at=moment, zone="UTC")
    assert unclear.status_code == 400
    assert "you chose “Now” and also a day" in unclear.text
    kept = await browser.submit(
        f"{draft}/review", {"name": "Later", "when": "later", "at": moment, "zone": "Etc/GMT-2"}
    )
    assert kept.headers["location"].startswith(f"{draft}/review?notice=")
    shown = await here.admin("draft.show", id=draft.rpartition("/")[2])
    assert shown["scheduled_at"] == iso(minute + 46 * HOUR)
    assert (await send(browser, draft, when="later", at=moment, zone="UTC")).status_code == 303
    assert not here.sim.ledger.entries


async def test_a_draft_outlives_reload_and_going_back_and_can_be_thrown_away(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    assert (await browser.get(draft)).headers["location"] == f"{draft}/people"
    pasted = {"pasted": (None, "phone,name\n+14155550101,<script>alert(1)</script>\n")}
    answer = await browser.http.post(f"{draft}/people/file", files=pasted, headers=SAME_ORIGIN)
    assert answer.status_code == 303, answer.text
    page = await checked(
        browser, draft, {"phone": "1", "fill.body.1": "2", "fill.body.2": "text", "text.body.2": "A-1"}
    )
    assert "<script>alert" not in page
    assert (await browser.get(draft)).headers["location"] == f"{draft}/message"
    for step in ("template", "people", "message", "review"):
        for _ in range(2):
            assert "<script>alert" not in (await at(browser, f"{draft}/{step}")).text
    assert "order_update" in (await at(browser, "/broadcasts?status=draft")).text
    changed = await browser.submit(
        f"{draft}/template", {"template_name": "plain", "template_language": "en_US"}
    )
    assert changed.headers["location"] == f"{draft}/people"
    assert "no placeholders" in (await at(browser, f"{draft}/people")).text
    assert "Throw it away" in (await at(browser, f"{draft}/discard")).text
    assert (await browser.submit(f"{draft}/discard")).status_code == 303
    assert (await browser.get(draft)).status_code == 404
    assert not here.sim.ledger.entries


async def test_the_message_of_a_person_who_was_erased_is_passed_over(here: Site, visit_as: VisitAs) -> None:
    """It was a page 'Row 0 not found', and the first person of a list led from it to no other step."""
    browser = await visit_as("sender", "shop")
    draft = await made(browser)
    await upload(browser, draft, csv_of(3))
    await checked(browser, draft)

    await here.admin("erase", phone=phones(1)[0])

    page = (await at(browser, f"{draft}/message")).text
    assert "was erased" in page
    assert phones(1)[0] not in page
    assert 'href="?row=2" rel="next"' in page
    assert "review and send" in page
    assert "Send the test" not in page
    refused = await browser.submit(f"{draft}/message/test", {"row": "1", "to": OWN})
    assert (refused.status_code, "was erased" in refused.text) == (404, True)
    assert phones(2)[1] in (await at(browser, f"{draft}/message?row=2")).text


async def test_a_template_that_is_gone_is_said_before_the_list_of_people(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("operator")
    made_before = await here.send([{"to": OWN}], name="Old", template_name="plain")
    here.sim.change(templates=TEMPLATES[:1])
    await here.admin("template.sync")
    answer = await browser.submit(f"/broadcasts/{made_before}/again", {"whom": "nobody"})
    step = await browser.get(answer.headers["location"])
    assert "/template?" in step.headers["location"]
    page = (await at(browser, step.headers["location"])).text
    assert "Meta has the template plain (en_US) no longer: choose another one." in page
    assert "Use order_update" in page


async def test_a_name_that_is_the_template_is_not_said_twice(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await made(browser, "plain")
    assert "template plain (en_US) · kept" in (await at(browser, f"{draft}/people")).text
    await upload(browser, draft, b"phone\n+14155550101\n")
    await checked(browser, draft, {"phone": "1"})
    assert "1\N{NARROW NO-BREAK SPACE}s</td>" in (await at(browser, f"{draft}/review")).text


async def test_a_draft_in_the_list_says_for_how_many_it_is_and_leads_on(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("sender", "shop")
    draft = await made(browser)
    uuid = draft.rpartition("/")[2]
    page = (await at(browser, "/broadcasts?status=draft")).text
    assert "not checked yet" in page
    assert "0 people" not in page
    assert "%" not in page.split('<table class="cards"')[1]
    await upload(browser, draft, csv_of(30))
    await checked(browser, draft)
    page = (await at(browser, "/broadcasts?status=draft")).text
    assert f'id="n-{uuid}" hx-swap-oob="true" data-title="People" class="n">30</td>' in page
    assert "checked, not sent" in page
    for way in (draft, f"{draft}/discard"):
        assert f'href="{way}"' in page.split('data-title="Actions"')[1]
    viewer = (await at(await visit_as("viewer"), "/broadcasts?status=draft")).text
    assert ">30</td>" in viewer
    assert "/discard" not in viewer


async def test_a_picture_above_the_text(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await made(browser, "sale")
    await upload(browser, draft, b"phone,first_name,percent\n+14155550101,Jane,20\n")
    mapping = {"phone": "1", "fill.body.first_name": "2", "fill.body.percent": "3", "fill.button.1": "text"}
    page = await checked(browser, draft, mapping | {"text.button.1": "spring"})
    assert 'class="box error"' in page
    wrong = await browser.submit(f"{draft}/message/header", {"link": "", "media_id": ""})
    assert (wrong.status_code, 'aria-invalid="true"' in wrong.text) == (400, True)
    for fields, field in (
        ({"link": "shop.example/a.png"}, "link"),
        ({"link": "https://"}, "link"),
        ({"link": "https://shop.example/a b.png"}, "link"),
        ({"media_id": "abc"}, "media_id"),
        ({"link": "https://shop.example/a.png", "media_id": "15"}, "link"),
    ):
        wrong = await browser.submit(f"{draft}/message/header", fields)
        assert (wrong.status_code, f'id="{field}-error"' in wrong.text) == (400, True), (fields, wrong.text)
    right = await browser.submit(f"{draft}/message/header", {"link": "https://shop.example/a.png"})
    assert right.status_code == 303, right.text
    page = await checked(browser, draft, mapping | {"text.button.1": "spring"})
    assert 'class="box error"' not in page
    assert "https://shop.example/spring" in (await at(browser, f"{draft}/message")).text
    assert (await send(browser, draft)).status_code == 303
    await eventually(lambda: len(here.sim.ledger.entries) == 1)


async def test_a_picture_from_a_file(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("sender", "shop")
    draft = await made(browser, "sale")
    page = (await at(browser, f"{draft}/message")).text
    assert 'type="file" accept="image/jpeg,image/png"' in page
    assert "this shows examples. <a" in page

    async def give(content: bytes, name: str) -> httpx.Response:
        files = {"file": (name, content, "application/octet-stream")}
        return await browser.http.post(f"{draft}/message/file", files=files, headers=SAME_ORIGIN)

    for content, said in (
        (b"GIF89a", "found a GIF image"),
        (MP4, "expected an image, found a video"),
        (b"", "empty"),
    ):
        wrong = await give(content, "a.png")
        assert (wrong.status_code, said in wrong.text.split('id="file-error"')[1]) == (400, True), wrong.text
    right = await give(PNG, "Frühling <b>.png")
    assert right.status_code == 303, right.text
    page = (await at(browser, f"{draft}/message")).text
    assert page.count("Frühling &lt;b&gt;.png") == 2, "what is chosen, and the message"
    assert 'value="' not in page.split('id="media_id"')[1].split(">")[0].replace('value=""', "")
    await upload(browser, draft, b"phone,first_name,percent\n+14155550101,Jane,20\n")
    mapping = {"phone": "1", "fill.body.first_name": "2", "fill.body.percent": "3", "fill.button.1": "text"}
    assert 'class="box error"' not in await checked(browser, draft, mapping | {"text.button.1": "spring"})
    with pytest.raises(RpcError, match="needed by"):
        (file,) = await here.admin("media.list")
        await here.admin("media.remove", id=file["id"])
    assert (await send(browser, draft)).status_code == 303
    await eventually(lambda: len(here.sim.ledger.entries) == 1)
    assert headers_sent(here) == [{"id": here.sim.media[0].id}]


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(100), "CSV"),
        (b'[{"to": "+14155550101"}]', "JSON"),
        (b"\xff\xfe\x00\xd8", ""),
    ],
)
async def test_a_file_that_is_no_list_is_refused_next_to_its_field(
    visit_as: VisitAs, content: bytes, said: str
) -> None:
    browser = await visit_as("operator")
    draft = await made(browser)
    answer = await upload(browser, draft, content)
    assert answer.status_code == 400, answer.text
    assert said.lower() in answer.text.lower()
    assert 'id="file-error"' in answer.text


async def test_who_may_not_send_sees_no_button_and_is_refused(here: Site, visit_as: VisitAs) -> None:
    operator, viewer = await visit_as("operator"), await visit_as("viewer")
    await here.admin("account.add", name="rival")
    rival = await visit_as("sender", "rival")
    draft = await made(operator)
    await upload(operator, draft, csv_of(2))
    await checked(operator, draft)
    page = (await at(viewer, f"{draft}/review")).text
    assert "<button>Send" not in page
    seen = version((await at(operator, f"{draft}/review")).text)
    fields = {"version": seen, "name": "Spring sale", "when": "now"}
    for who, expected in ((viewer, 403), (rival, 404)):
        for path in ("send", "people", "discard", "message/test", "review"):
            answer = await who.submit(f"{draft}/{path}", fields | {"to": OWN})
            assert answer.status_code == expected, (path, answer.text)
    for step in (
        "",
        "/people",
        "/message",
        "/review",
        "/sending",
        "/people/left-out.csv",
        "/people/progress",
    ):
        assert (await rival.get(f"{draft}{step}")).status_code == 404
    assert not here.sim.ledger.entries


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("field", ["phone", "fill.body.1"])
async def test_a_column_that_no_file_has_is_refused(visit_as: VisitAs, field: str) -> None:
    browser = await visit_as("sender", "shop")
    draft = await made(browser)
    await upload(browser, draft, csv_of(3))
    for column in ("9" * 5000, "999999", "0", "-1", "\u0663"):
        answer = await browser.submit(f"{draft}/people", MAPPING | {field: column})
        assert answer.status_code == 400, (field, column[:10])


async def test_numbers_without_a_country_ask_for_it_beside_its_field(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("sender", "shop")
    draft = await made(browser)
    await upload(browser, draft, b"phone;name;order\n0151 23456789;Jana;A-1\n0151 23456780;Jan;A-2\n")
    page = await checked(browser, draft)
    assert 'id="country-error"' in page
    assert "Numbers of this list have no country code: say here of which country they are" in page
    assert "and no country is given for numbers without +" in page
    assert "default country for the account" not in page
    assert "default country for the account" not in (await browser.get(f"{draft}/people/left-out.csv")).text
    page = await checked(browser, draft, MAPPING | {"country": "de"})
    assert "country-error" not in page
    assert "Next: look at the message" in page


@pytest.mark.exhaustive(only=True)
async def test_two_people_upload_large_lists_at_the_same_time(visit_as: VisitAs) -> None:
    """A file goes to the disk as it comes: what has arrived of one is no memory that the other one needs."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nto,name,order\n'
    row = b"+14152000000,Ann,%b\n" % (b"x" * 1000)
    half = row * (20_000_000 // len(row))
    boundary = SAME_ORIGIN | {"Content-Type": "multipart/form-data; boundary=b"}

    async def body(other: anyio.Semaphore, own: anyio.Semaphore) -> AsyncIterator[bytes]:
        yield head + half
        own.release()
        await other.acquire()
        yield half + b"\r\n--b--\r\n"

    ann, ben = await visit_as("operator"), await visit_as("sender", "shop")
    drafts, marks = [await made(ann), await made(ben)], [anyio.Semaphore(0), anyio.Semaphore(0)]
    answers: list[int] = []

    async def send(place: int) -> None:
        content = body(marks[1 - place], marks[place])
        answer = await (ann, ben)[place].http.post(
            f"{drafts[place]}/people/file", content=content, headers=boundary
        )
        answers.append(answer.status_code)

    async with anyio.create_task_group() as tasks:
        for place in (0, 1):
            tasks.start_soon(send, place)
    assert answers == [303, 303]
