"""Outbound webhooks: managing them over HTTP, and the events that a local app gets."""

import base64
import hashlib
import hmac
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.clock import ShiftClock
from tests.support.meta import status
from tests.support.patience import PATIENCE_S, eventually
from tests.support.receiver import CUT_OFF, ReceivedRequest, receiver
from tests.support.site import Site, people, site
from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.http_client import dns
from wacrmd.services.context import MAX_LOOKUPS

pytestmark = pytest.mark.anyio

ALLOW = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\ntimeout_s = 20'
HASTY = ALLOW.replace("= 20", "= 1")
ALL = [
    "broadcast.sent",
    "broadcast.paused",
    "broadcast.cancelled",
    "message.status_updated",
    "message.received",
    "contact.opted_out",
    "contact.opted_in",
]


async def make(here: Site, url: str, *events: str) -> dict[str, Any]:
    """A new webhook, with its secret."""
    answer = await here.api.post("/api/v1/webhooks", json={"url": url, "events": list(events) or ALL})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


@pytest.mark.exhaustive(only=True)
async def test_names_that_nobody_answers_for_take_no_thread_from_meta_when_they_are_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, look_up = threading.Event(), socket.getaddrinfo
    hanging: list[str] = []

    def slow(host: str, *args: Any, **options: Any) -> Any:
        if host.endswith(".example"):
            hanging.append(host)
            released.wait(PATIENCE_S)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return look_up("127.0.0.1" if host == "meta.test" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    answers: list[str] = []
    async with (
        site(tmp_path, extra="[limits]\nmax_webhooks = 100") as here,
        anyio.create_task_group() as tasks,
    ):

        async def configure(number: int) -> None:
            await make(here, f"http://app{number}.example/")
            answers.append("configured")

        for number in range(60):
            tasks.start_soon(configure, number)
        await eventually(lambda: len(hanging) >= MAX_LOOKUPS)
        await anyio.sleep(1)  # each waits five seconds for its name
        await dns.resolve("meta.test", 443)
        answers.append("Meta")
        released.set()
    assert answers[0] == "Meta"
    assert len(answers) == 61


async def deliveries(here: Site, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    answer = await here.api.get(f"/api/v1/webhooks/{webhook['id']}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def delivery_after(here: Site, webhook: dict[str, Any], tries: int) -> dict[str, Any]:
    """The webhook's only delivery, once it has had that many attempts."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            (delivery,) = await deliveries(here, webhook)
            if delivery["attempts"] >= tries:
                return delivery


async def opt_out(here: Site, phone: str = "+14155550199") -> None:
    answer = await here.api.post("/api/v1/optouts", json={"phone": phone})
    assert answer.status_code == 201, answer.text


def check_signatures(got: ReceivedRequest, secret: str) -> None:
    """Verify both signatures of a request, as an app does."""
    parts = dict(part.split("=", 1) for part in got.headers["X-Wacrm-Signature"].split(","))
    signed = parts["t"].encode() + b"." + got.body
    assert hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() == parts["v1"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert got.headers["webhook-timestamp"] == parts["t"]
    content = f"{got.headers['webhook-id']}.{parts['t']}.".encode() + got.body
    mac = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    assert got.headers["webhook-signature"] == f"v1,{mac}"


async def test_a_webhook_is_created_shown_changed_and_deleted_and_its_secret_shown_once(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, extra=ALLOW) as here:
        made = await make(here, "http://127.0.0.1:9/hook", "broadcast.sent")
        assert made["secret"].startswith("whsec_")
        assert made["is_active"] is True
        without = {name: value for name, value in made.items() if name != "secret"}
        path = f"/api/v1/webhooks/{made['id']}"
        assert (await here.api.get(path)).json() == {"data": without}
        listed = (await here.api.get("/api/v1/webhooks")).json()
        assert listed == {"data": [without], "meta": {"next_cursor": None}}
        changed = await here.api.patch(
            path, json={"url": "http://127.0.0.1:9/other", "events": ["message.received"], "is_active": False}
        )
        assert changed.status_code == 200
        data = changed.json()["data"]
        assert (data["url"], data["events"], data["is_active"]) == (
            "http://127.0.0.1:9/other",
            ["message.received"],
            False,
        )
        assert (await here.api.patch(path, json={})).status_code == 400
        assert (await here.api.delete(path)).status_code == 200
        for method in ("get", "delete"):
            assert (await here.api.request(method, path)).status_code == 404
        assert (await here.api.patch(path, json={"is_active": True})).status_code == 404
        assert (await here.api.get(f"{path}/deliveries")).status_code == 404


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"url": "ftp://example.com/", "events": ["broadcast.sent"]}, "url"),
        ({"url": "https://u:p@example.com/", "events": ["broadcast.sent"]}, "url"),
        ({"url": "https://example.com/", "events": []}, "events"),
        ({"url": "https://example.com/", "events": ["broadcast.done"]}, "events"),
        ({"url": "https://example.com/"}, "events"),
        ({"events": ["broadcast.sent"]}, "url"),
        ({"url": 7, "events": ["broadcast.sent"]}, "url"),
    ],
)
async def test_errors_of_a_webhook_name_the_field(tmp_path: Path, body: dict[str, Any], path: str) -> None:
    async with site(tmp_path) as here:
        answer = await here.api.post("/api/v1/webhooks", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "bad_request"
        assert answer.json()["error"]["message"].startswith(path)


@pytest.mark.exhaustive(enough=3)
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://10.1.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://192.168.0.1/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::ffff:0:10.0.0.1]/",
        "http://[64:ff9b::10.0.0.1]/",
    ],
)
async def test_addresses_that_are_not_public_are_rejected_when_a_webhook_is_created(
    tmp_path: Path, url: str
) -> None:
    async with site(tmp_path) as here:
        answer = await here.api.post("/api/v1/webhooks", json={"url": url, "events": ["broadcast.sent"]})
        assert answer.status_code == 400
        assert "not public" in answer.json()["error"]["message"]
        listed = await here.api.get("/api/v1/webhooks")
        assert listed.json()["data"] == []


async def test_an_account_has_only_so_many_webhooks(tmp_path: Path) -> None:
    """Each event is stored for each of them: with thousands, one app would fill the disk and take the writer's time."""
    async with site(tmp_path, extra=f"{ALLOW}\n[limits]\nmax_webhooks = 2") as here:
        first, _ = [await make(here, "http://127.0.0.1:9/x") for _ in range(2)]
        body = {"url": "http://127.0.0.1:9/x", "events": ALL}
        refused = await here.api.post("/api/v1/webhooks", json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
        assert "max_webhooks" in refused.json()["error"]["message"]
        await here.admin("account.add", name="other")
        await here.admin("webhook.add", account="other", **body)
        assert (await here.api.delete(f"/api/v1/webhooks/{first['id']}")).status_code < 300
        await make(here, "http://127.0.0.1:9/x")


async def test_events_are_sent_from_the_first_status_of_a_broadcast_to_its_end(tmp_path: Path) -> None:
    async with site(tmp_path, extra=ALLOW, replied_share=1.0, read_share=1.0) as here, receiver() as app:
        made = await make(here, f"{app.url}/hook")
        broadcast_id = await here.send(people(3))
        await here.until(broadcast_id, lambda shown: shown["replied_count"] == 3)

        def complete() -> bool:
            statuses = app.events("message.status_updated")
            replied = {each["data"]["to"] for each in statuses if each["data"]["status"] == "replied"}
            return (
                len(replied) == 3
                and len(app.events("message.received")) == 3
                and bool(app.events("broadcast.sent"))
            )

        await app.until(complete)
        for got in app.requests:
            check_signatures(got, made["secret"])
            assert got.headers["X-Wacrm-Event"] == got.event["event"]
            assert got.headers["X-Wacrm-Webhook-Id"] == made["id"]
            assert got.headers["webhook-id"] == got.event["id"]
            assert got.headers["Content-Type"] == "application/json"
            assert set(got.event) == {"id", "event", "occurred_at", "account_id", "data"}
            assert got.event["account_id"] == here.account["id"]
        (sent,) = app.events("broadcast.sent")
        assert sent["data"]["broadcast_id"] == broadcast_id
        assert sent["data"]["total_recipients"] == 3
        one = [each["data"] for each in app.events("message.status_updated")]
        assert {each["status"] for each in one} >= {"sent", "replied"}
        assert {each["broadcast_id"] for each in one} == {broadcast_id}
        steps = [(each["to"], each["status"]) for each in one]
        assert len(steps) == len(set(steps)), "no status is sent twice"
        (received, *_) = app.events("message.received")
        assert received["data"]["text"] == "Thank you!"
        assert received["data"]["from"] in {person["to"] for person in people(3)}
        ids = [got.event["id"] for got in app.requests]
        assert len(ids) == len(set(ids))


async def test_the_event_of_a_rejected_message_has_metas_error(tmp_path: Path) -> None:
    (person,) = people(1)
    async with (
        site(tmp_path, extra=ALLOW, refused_recipients=(f"{person['to']}=131026",)) as here,
        receiver() as app,
    ):
        await make(here, app.url, "message.status_updated")
        await here.until_status(await here.send([person]), "sent")
        await app.until(lambda: bool(app.requests))
        data = app.requests[0].event["data"]
        assert (data["to"], data["status"], data["error"]["code"]) == (person["to"], "failed", 131026)


async def test_events_are_sent_for_an_uncertain_attempt_and_for_its_later_status(tmp_path: Path) -> None:
    async with site(tmp_path, extra=ALLOW, webhooks=False, close_after_share=1.0) as here, receiver() as app:
        await make(here, app.url, "message.status_updated")
        broadcast_id = await here.send(people(1))
        await here.until(broadcast_id, lambda shown: shown["uncertain_count"] == 1)
        (entry,) = here.sim.ledger.entries
        await status(here, entry.wamid, "delivered", biz_opaque_callback_data=entry.send.callback_data)
        await app.until(lambda: len(app.requests) == 2)
        statuses = [(each["data"]["status"], each["data"]["whatsapp_message_id"]) for each in app.events()]
        assert sorted(statuses, key=str) == [("delivered", entry.wamid), ("uncertain", None)]


async def test_the_event_of_a_person_who_opts_out_before_the_send_is_cancelled(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, extra=ALLOW, clock=clock, messages_per_second=1) as here, receiver() as app:
        await make(here, app.url, "message.status_updated")
        broadcast_id = await here.send(people(2))
        await here.admin("broadcast.pause", id=broadcast_id)
        for person in people(2):
            await opt_out(here, person["to"])
        await here.admin("broadcast.resume", id=broadcast_id)
        clock.go()
        await here.until_status(broadcast_id, "sent")
        await app.until(lambda: any(each["data"]["status"] == "cancelled" for each in app.events()))
        statuses = [each["data"] for each in app.events() if each["data"]["status"] == "cancelled"]
        assert statuses[0]["error"] == {"code": None, "title": "Opted out before the send", "details": None}


async def test_a_webhook_gets_only_the_events_that_it_subscribed_to(tmp_path: Path) -> None:
    async with site(tmp_path, extra=ALLOW, messages_per_second=1) as here, receiver() as app:
        await make(here, f"{app.url}/all")
        await make(here, f"{app.url}/some", "contact.opted_in")
        broadcast_id = await here.send(people(50))
        await here.admin("broadcast.pause", id=broadcast_id)
        await here.admin("broadcast.cancel", id=broadcast_id)
        await opt_out(here, "+14155550199")
        await here.api.delete("/api/v1/optouts/+14155550199")
        await app.until(lambda: bool(app.at("/some")) and bool(app.events("broadcast.cancelled")))
        await app.until(lambda: len(app.events("contact.opted_out")) == 1)
        assert app.events("broadcast.paused")[0]["data"]["status"] == "paused"
        assert [got.event["event"] for got in app.at("/some")] == ["contact.opted_in"]
        assert app.events("contact.opted_out")[0]["data"] == {
            "phone": "+14155550199",
            "user_id": None,
            "source": "api",
            "detail": None,
        }


async def test_a_clock_that_is_set_back_does_not_stop_the_retries(tmp_path: Path) -> None:
    """Sleeping until a time of the wall clock would take an hour."""
    clock = ShiftClock()
    async with site(tmp_path, extra=ALLOW, clock=clock) as here, receiver() as app:
        clock.leap(-HOUR)
        webhook = await make(here, f"{app.url}/hook", "contact.opted_out")
        app.answers["/hook"] = 503
        await opt_out(here)
        await delivery_after(here, webhook, 1)
        app.answers["/hook"] = 200
        clock.advance(6 * SECOND)
        delivery = await delivery_after(here, webhook, 2)
        assert delivery["status"] == "delivered"


async def test_a_failed_delivery_is_retried_with_the_same_id_and_its_attempts_are_listed(
    tmp_path: Path,
) -> None:
    clock = ShiftClock()
    async with site(tmp_path, extra=ALLOW, clock=clock) as here, receiver() as app:
        made = await make(here, f"{app.url}/hook", "contact.opted_out")
        app.answers["/hook"] = 503
        await opt_out(here)
        delivery = await delivery_after(here, made, 1)
        assert delivery["status"] == "pending"
        assert delivery["next_attempt_at"] is not None
        clock.advance(6 * SECOND)
        await delivery_after(here, made, 2)
        clock.advance(34 * SECOND)
        await delivery_after(here, made, 3)
        app.answers["/hook"] = 200
        clock.advance(3 * MINUTE)
        delivery = await delivery_after(here, made, 4)
        assert delivery["status"] == "delivered"
        assert delivery["delivered_at"] is not None
        assert [(each["status"], each["error"]) for each in delivery["tries"]] == [
            (503, "HTTP 503"),
            (503, "HTTP 503"),
            (503, "HTTP 503"),
            (200, None),
        ]
        assert {got.event["id"] for got in app.requests} == {delivery["event_id"]}
        assert len({got.headers["X-Wacrm-Signature"] for got in app.requests}) == 4, (
            "signed anew with the time"
        )
        shown = (await here.api.get(f"/api/v1/webhooks/{made['id']}")).json()["data"]
        assert shown["failing_since"] is None
        assert await deliveries(here, made, status="pending") == []
        assert len(await deliveries(here, made, status="delivered")) == 1


async def test_redirects_timeouts_and_refused_connections_are_failed_attempts(
    tmp_path: Path,
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        async with site(tmp_path, extra=HASTY) as here, receiver() as app:
            app.answers |= {"/moved": 302, "/hangs": None}
            made = {
                "moved": await make(here, f"{app.url}/moved", "contact.opted_out"),
                "hangs": await make(here, f"{app.url}/hangs", "contact.opted_out"),
                "closed": await make(here, f"http://127.0.0.1:{port}/", "contact.opted_out"),
            }
            await opt_out(here)
            errors = {name: (await delivery_after(here, each, 1))["tries"][0] for name, each in made.items()}
            assert errors["moved"]["status"] == 302
            assert "redirects are not followed" in errors["moved"]["error"]
            assert app.at("/elsewhere") == []
            assert errors["hangs"]["error"] == "no answer within 1 s"
            assert errors["closed"]["error"] == "no connection: Connection refused"


async def test_an_app_that_fails_twice_gets_each_event_under_its_id(
    tmp_path: Path,
) -> None:
    """The first two attempts of each event fail, are redirected or cut off; the third succeeds."""
    clock = ShiftClock()
    people_gone = [person["to"] for person in people(40)]
    tries: Counter[str] = Counter()

    def fail_twice(got: ReceivedRequest) -> int:
        tries[got.event["id"]] += 1
        return mood(got.event["id"]) if tries[got.event["id"]] <= 2 else 204

    def mood(event_id: str) -> int:
        return (500, 302, 404, CUT_OFF)[sum(event_id.encode()) % 4]

    async with site(tmp_path, extra=ALLOW, clock=clock) as here, receiver() as app:
        app.choose = fail_twice
        made = await make(here, f"{app.url}/hook", "contact.opted_out")
        for phone in people_gone:
            await opt_out(here, phone)
        with anyio.fail_after(PATIENCE_S):
            tried: dict[str, int] = {}
            while pending := await deliveries(here, made, status="pending", limit="100"):
                if all(each["attempts"] > tried.get(each["id"], 0) for each in pending):
                    tried = {each["id"]: each["attempts"] for each in pending}
                    clock.advance(5 * MINUTE)
        done = await deliveries(here, made, limit="100")
        assert {each["payload"]["data"]["phone"] for each in done} == set(people_gone)
        assert {each["status"] for each in done} == {"delivered"}
        for each in done:
            requests = tries[each["event_id"]]
            # One that is cut off on a connection that was used before is repeated at once, within its attempt.
            fewest = 2 if mood(each["event_id"]) == CUT_OFF else requests
            assert fewest <= each["attempts"] <= requests
        assert min(tries.values()) >= 3


async def test_status_410_disables_a_webhook_and_activating_it_allows_resend(tmp_path: Path) -> None:
    async with site(tmp_path, extra=ALLOW) as here, receiver() as app:
        made = await make(here, f"{app.url}/hook", "contact.opted_out")
        app.answers["/hook"] = 410
        await opt_out(here)
        delivery = await delivery_after(here, made, 1)
        assert delivery["status"] == "failed"
        path = f"/api/v1/webhooks/{made['id']}"
        shown = (await here.api.get(path)).json()["data"]
        assert (shown["is_active"], shown["disabled_reason"]) == (False, "The endpoint answered 410 Gone")
        again = f"{path}/deliveries/{delivery['id']}/resend"
        refused = await here.api.post(again)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
        app.answers["/hook"] = 200
        shown = (await here.api.patch(path, json={"is_active": True})).json()["data"]
        assert (shown["is_active"], shown["disabled_reason"]) == (True, None)
        assert (await here.api.post(again)).status_code == 202
        delivery = await delivery_after(here, made, 2)
        assert delivery["status"] == "delivered"
        first, second = app.requests
        assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
        assert (await here.api.post(f"{path}/deliveries/no-such/resend")).status_code == 404


async def test_a_webhook_that_fails_for_the_whole_period_is_disabled(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, extra=ALLOW, clock=clock) as here, receiver() as app:
        made = await make(here, f"{app.url}/hook", "contact.opted_out")
        app.answers["/hook"] = 500
        await opt_out(here)
        tries = 1
        while True:
            delivery = await delivery_after(here, made, tries)
            if delivery["status"] != "pending":
                break
            clock.advance(9 * HOUR)
            tries += 1
        assert delivery["status"] == "failed"
        assert 8 <= tries <= 17
        shown = (await here.api.get(f"/api/v1/webhooks/{made['id']}")).json()["data"]
        assert shown["is_active"] is False
        assert shown["disabled_reason"].startswith("No delivery has succeeded since")


async def test_a_slow_app_does_not_delay_other_webhooks(tmp_path: Path) -> None:
    async with site(tmp_path, extra=ALLOW) as here, receiver() as app:
        app.answers["/slow"] = None
        await make(here, f"{app.url}/slow", "contact.opted_out")
        await make(here, f"{app.url}/quick", "contact.opted_out")
        for person in people(30):
            await opt_out(here, person["to"])
        await app.until(lambda: len(app.at("/quick")) == 30)
        assert len(app.at("/slow")) == 1


async def test_pending_deliveries_are_delivered_after_a_restart(
    tmp_path: Path,
) -> None:
    async with receiver() as app:
        app.answers["/hook"] = None
        async with site(tmp_path, extra=ALLOW) as here:
            made = await make(here, f"{app.url}/hook", "contact.opted_out")
            await opt_out(here)
            await app.until(lambda: len(app.requests) == 1)
        app.answers["/hook"] = 200
        clock = ShiftClock()
        clock.advance(HOUR)
        async with site(tmp_path, extra=ALLOW, clock=clock) as here:
            await app.until(lambda: len(app.requests) == 2)
            assert app.requests[0].event["id"] == app.requests[1].event["id"]
            check_signatures(app.requests[1], made["secret"])


async def test_another_account_sees_no_webhooks_and_gets_no_events(tmp_path: Path) -> None:
    async with site(tmp_path, extra=ALLOW) as here, receiver() as app:
        mine = await make(here, f"{app.url}/mine", "contact.opted_out")
        await here.admin("account.add", name="other")
        key = await here.admin(
            "key.create", account="other", name="k", scopes=["webhooks:manage", "optouts:manage"]
        )
        other = {"Authorization": f"Bearer {key['key']}"}
        theirs = await here.api.post(
            "/api/v1/webhooks",
            json={"url": f"{app.url}/theirs", "events": ["contact.opted_out"]},
            headers=other,
        )
        assert theirs.status_code == 201
        path = f"/api/v1/webhooks/{mine['id']}"
        for method, where in (
            ("GET", path),
            ("PATCH", path),
            ("DELETE", path),
            ("GET", f"{path}/deliveries"),
            ("POST", f"{path}/deliveries/x/resend"),
        ):
            body = {"is_active": False} if method == "PATCH" else None
            answer = await here.api.request(method, where, headers=other, json=body)
            assert answer.status_code == 404, (method, where)
        await here.api.post("/api/v1/optouts", json={"phone": "+14155550198"}, headers=other)
        await app.until(lambda: len(app.at("/theirs")) == 1)
        assert app.at("/mine") == []


async def test_the_scope_is_needed(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        key = await here.admin("key.create", account="shop", name="k", scopes=["broadcasts:send"])
        answer = await here.api.get("/api/v1/webhooks", headers={"Authorization": f"Bearer {key['key']}"})
        assert answer.status_code == 403
        assert "webhooks:manage" in answer.json()["error"]["message"]


async def test_webhooks_and_deliveries_are_listed_in_pages(tmp_path: Path) -> None:
    async with site(tmp_path, extra=ALLOW) as here, receiver() as app:
        made = [await make(here, f"{app.url}/{n}", "contact.opted_out") for n in range(3)]
        first = (await here.api.get("/api/v1/webhooks", params={"limit": 2})).json()
        second = (
            await here.api.get(
                "/api/v1/webhooks", params={"limit": 2, "cursor": first["meta"]["next_cursor"]}
            )
        ).json()
        ids = [each["id"] for each in first["data"] + second["data"]]
        assert ids == [each["id"] for each in reversed(made)]
        assert second["meta"]["next_cursor"] is None
        for person in people(5):
            await opt_out(here, person["to"])
        path = f"/api/v1/webhooks/{made[0]['id']}/deliveries"
        cursor, found = None, []
        while True:
            page = (
                await here.api.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            found += page["data"]
            cursor = page["meta"]["next_cursor"]
            if cursor is None:
                break
        phones = [each["payload"]["data"]["phone"] for each in found]
        assert phones == [person["to"] for person in reversed(people(5))]
