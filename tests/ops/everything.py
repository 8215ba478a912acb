"""Uses every part of a site: each endpoint, admin method, kind of webhook and periodic job."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx

from tests.dashboard.client import PASSWORD, Browser
from tests.support.clock import ShiftClock
from tests.support.meta import (
    account_event,
    inbound_message,
    metadata,
    post,
    post_change,
    preference_change,
    status,
    template_event,
)
from tests.support.patience import PATIENCE_S, eventually, eventually_told
from tests.support.receiver import Receiver
from tests.support.site import PHONE_NUMBER_ID, VERIFY_TOKEN, Site, configuration, people
from wacrmd import periodic_jobs
from wacrmd.admin.client import AdminClient
from wacrmd.admin.methods import registry
from wacrmd.api.app import ENDPOINTS
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, iso
from wacrmd.domain.person import names
from wacrmd.domain.statistics import By
from wacrmd.services.drafts.worker import DraftWorker
from wacrmd.services.maintenance.summary import summary
from wacrmd.services.templates.clicks import ClickReader
from wacrmd.store import drafts, optouts, recipients, revisions
from wacrmd.store import media as store_media
from wacrmd.store import people as store_people
from wacrmd.store.database import Tx
from wacrmd.store.people import Sighting

EVENTS = [
    "broadcast.sent",
    "broadcast.paused",
    "broadcast.cancelled",
    "message.status_updated",
    "message.received",
    "contact.opted_out",
    "contact.opted_in",
]
WEBHOOKS = sorted((Path(__file__).parents[1] / "meta" / "webhooks").glob("*.json"))
LOST = "UPDATE recipient SET status = 'sending', claimed_at = 1 WHERE id = (SELECT max(id) FROM recipient)"
"""An attempt that nobody makes any more."""
METHODS = {method.name: method for method in registry()}
PATTERNS = {
    f"{each.method} {each.path}": re.compile(f"{each.method} {re.sub(r'{[a-z_]+}', '[^/]+', each.path)}")
    for _, each in ENDPOINTS
}


class Everything:
    """Uses the site; `endpoints` and `methods` are those that gave a result."""

    def __init__(self, here: Site, clock: ShiftClock, local: Receiver, folder: Path, extra: str) -> None:
        self.here = here
        self.clock = clock
        self.local = local
        self.folder = folder
        self.extra = extra
        self.endpoints: set[str] = set()
        self.methods: set[str] = set()

    async def api(self, method: str, path: str, **more: Any) -> Any:
        """The body of a response, which must not be an error."""
        answer = await self.here.api.request(method, f"/api/v1/{path}", **more)
        assert answer.status_code < 400, f"{method} {path}: {answer.text}"
        self._note(answer.request)
        return answer.json() if answer.headers.get("content-type") == "application/json" else answer.text

    def _note(self, request: httpx.Request) -> None:
        line = f"{request.method} {request.url.path}"
        self.endpoints |= {name for name, pattern in PATTERNS.items() if pattern.fullmatch(line)}

    async def admin(self, method: str, /, **params: Any) -> Any:
        """The result of a method, or all items of a stream; it must not be an error."""

        def call() -> Any:
            with AdminClient(self.here.socket) as client:
                if METHODS[method].stream:
                    return list(client.stream(method, params))
                return client.call(method, params)

        result = await anyio.to_thread.run_sync(call)
        self.methods.add(method)
        return result

    async def run(self) -> None:
        """Everything, in an order that keeps what later steps need."""
        await self.administer()
        await self.log_in()
        finished = await self.send()
        await self.receive_webhooks(finished)
        await self.show(finished)
        await self.draft(finished)
        await self.media(finished)
        await self.opt_out()
        await self.deliver()
        await self.maintain()
        await self.remove()

    async def administer(self) -> None:
        """Accounts, keys, numbers, templates and webhook endpoints."""
        await self.admin("rpc.describe")
        await self.admin("account.add", name="other")
        await self.admin("account.rename", name="other", new="second")
        await self.admin("account.set", name="second", country="US")
        await self.admin("account.show", name="second")
        await self.admin(
            "number.add",
            account="second",
            phone_number_id="1",
            waba_id="2",
            access_token="EAAx",
            app_secret="a second secret",
            verify_token="a second word",
        )
        await self.admin(
            "number.set", id=PHONE_NUMBER_ID, label="Shop", app_secret="a third secret", default=True
        )
        await self.admin("number.check", id=PHONE_NUMBER_ID)
        await self.admin("number.show", id=PHONE_NUMBER_ID)
        for path in ("/hook", "/fails", "/gone"):
            made = await self.api(
                "POST", "webhooks", json={"url": f"{self.local.url}{path}", "events": EVENTS}
            )
            hook = made["data"]["id"]
            await self.api("PATCH", f"webhooks/{hook}", json={"url": f"{self.local.url}{path}"})
            await self.admin("webhook.set", id=hook, active=False)
            await self.admin("webhook.set", id=hook, active=True)
        await self.admin("webhook.add", account="second", url=f"{self.local.url}/second")
        templates = self.here.sim.options.templates
        self.here.sim.change(
            templates=[*templates, *({**each, "name": "gone", "id": "2"} for each in templates)]
        )
        await self.api("POST", "templates/sync")
        self.here.sim.change(templates=templates)
        await self.admin("template.sync", account="shop")
        query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1"}
        assert (await self.here.hook.get("/webhooks/meta", params=query)).text == "1"

    async def log_in(self) -> None:
        """Users of the dashboard, and their sessions, by password and by link."""
        await self.admin("user.add", name="ann", role="viewer", accounts=["shop"], password=PASSWORD)
        await self.admin("user.add", name="ben", role="operator", password=PASSWORD)
        for leave in ("user.logout", "user.set", "user.remove"):
            browser = Browser(self.here)
            assert (await browser.log_in("ann", "not the password")).status_code == 401
            assert (await browser.log_in("ann")).status_code == 303
            browser.http.cookies.delete("wacrmd_session")
            assert (await browser.log_in("ann")).status_code == 303
            page = "/optouts" if self.methods & {"user.logout"} else "/optouts/export.csv"  # a large file
            assert (await browser.get(page)).status_code == 200
            change = {"role": "operator", "accounts": [], "password": f"{PASSWORD} 2"}
            await self.admin(leave, name="ann", **(change if leave == "user.set" else {}))
            if leave == "user.set":
                await self.admin("user.set", name="ann", password=PASSWORD)
            assert (await browser.get("/broadcasts")).status_code == 303
            await browser.http.aclose()
        await self.admin("user.list")
        await self.admin("user.add", name="Zoë", role="viewer", password=PASSWORD)
        browser = Browser(self.here)
        assert (await browser.log_in("ZOË")).status_code == 303
        assert (await browser.get("/account")).status_code == 200
        assert (await browser.submit("/account/logout")).status_code == 303
        await browser.http.aclose()
        browser = Browser(self.here)
        link = (await self.admin("dashboard"))["url"]
        assert (await browser.log_in_by_link(link)).status_code == 303
        self.clock.advance(2 * MINUTE)
        assert (await browser.get("/account")).status_code == 200
        assert (await browser.submit("/logout")).status_code == 303
        assert (await browser.log_in_by_link((await self.admin("dashboard"))["url"])).status_code == 303
        assert (await browser.submit("/account/logout")).status_code == 303
        await browser.http.aclose()

    async def send(self) -> str:
        """Broadcasts in every state, with recipients in every state; the id of one that is finished."""
        here, sim = self.here, self.here.sim
        prices = "country,category,price,currency\nUS,utility,0.0125,USD\n"
        for day in ("always", "2020-01-01"):
            await self.admin("price.import", csv=prices, valid_from=day)
        await self.admin("price.import", csv=prices, account="shop")
        await self.admin("price.remove", valid_from="2020-01-01")
        body = {"template_name": "hello", "recipients": people(30)}
        await self.api("POST", "broadcasts?dry_run=true", json=body)
        await self.api("POST", "broadcasts?dry_run=true", json={**body, "template_language": "de"})
        await self.admin("broadcast.create", account="shop", template_name="hello", recipients=people(1, 50))
        for _ in range(2):
            made = await self.api("POST", "broadcasts", json=body, headers={"Idempotency-Key": "k"})
        finished: str = made["data"]["broadcast_id"]
        for to in ("+14155550120", "+14155550121"):
            message = {"to": to, "type": "template", "template": {"name": "hello", "params": ["Jane"]}}
            sent = await self.api("POST", "messages", json=message, headers={"Idempotency-Key": f"m{to}"})
        await self.api("POST", "messages", json=message, headers={"Idempotency-Key": f"m{to}"})
        await self.api("GET", f"messages/{sent['data']['message_id']}")
        await self.admin("message.send", account="shop", **message)
        await self.admin("message.show", id=sent["data"]["message_id"][:8])
        await here.until_status(finished, "sent")
        sim.change(close_after_share=1.0, webhooks=False)
        lost = await here.send(people(5, 100))
        await here.until(lost, lambda shown: shown["uncertain_count"] == 5)
        sim.change(close_after_share=0.0, webhooks=True, error_share=1.0, error_code=131000)
        retried = await here.send(people(5, 200))
        await here.until(retried, lambda shown: shown["hold"] is not None)
        await self.show_state()
        sim.change(error_code=131026)
        failed = await here.send(people(5, 300))
        await here.until_status(failed, "sent")
        await self.admin("broadcast.show", id=failed)
        sim.change(error_code=131050)
        await here.until_status(await here.send(people(2, 400)), "sent")
        sim.change(error_code=131063)
        refused = await here.send(people(2, 450))
        await here.until_status(refused, "paused")
        await self.admin("template.sync", account="shop")
        sim.change(error_share=0.0)
        await self.admin("broadcast.resume", id=refused)
        await here.until_status(refused, "sent")
        sim.change(error_share=1.0, error_code=131042)
        held = await here.send(people(2, 500))
        await here.until(held, lambda shown: shown["hold"] is not None)
        sim.change(error_share=0.0)
        await self.admin("number.pause", id=PHONE_NUMBER_ID, reason="closed")
        await self.admin("number.resume", id=PHONE_NUMBER_ID)
        await here.until_status(held, "sent")
        for _ in range(2):
            scheduled = await here.send(people(2, 600), scheduled_at=iso(self.clock.now() + HOUR))
            await self.api("POST", f"broadcasts/{scheduled}/pause")
            await self.admin("broadcast.resume", id=scheduled)
            await self.admin("broadcast.pause", id=scheduled)
            await self.api("POST", f"broadcasts/{scheduled}/resume")
            if not self.methods & {"broadcast.cancel"}:
                await self.admin("broadcast.cancel", id=scheduled)
        await self.api("POST", f"broadcasts/{scheduled}/cancel")
        await self.stop_and_continue()
        await self.cancel_in_flight()
        await self.api("POST", f"broadcasts/{failed}/retry", json={"statuses": ["failed"]})
        await here.until_status(failed, "sent")
        await self.admin("broadcast.give-up", id=lost)
        at = iso(self.clock.now() + HOUR)
        await self.admin("broadcast.retry", id=lost, failed=True, at=at)
        await self.admin("broadcast.show", id=lost)
        await self.admin("broadcast.retry", id=lost, waiting=True)
        await here.until_status(lost, "sent")
        later = await here.send(people(2, 800), scheduled_at=iso(self.clock.now() + HOUR))
        await self.api("POST", "optouts", json={"phone": people(1, 800)[0]["to"]})
        self.clock.advance(2 * HOUR)
        await here.until_status(later, "sent")
        await here.until_status(retried, "sent")
        await self.receive_unmatched()
        await self.hold_and_bill()
        await self.send_by_plan()
        return finished

    async def send_by_plan(self) -> None:
        """Broadcasts that wait: for the morning, for the first few, for Meta's limit."""
        here = self.here
        first = await here.send(
            people(12, 1000), canary={"count": 2, "wait_minutes": 1}, spread_over_minutes=1
        )
        await here.until(first, lambda shown: shown["hold"] is not None)
        self.clock.advance(MINUTE)
        await here.until(first, lambda shown: shown["sent_count"] > 2)
        hours = {"from": "00:00", "to": "00:01", "zone": "Etc/UTC"}
        asleep = await here.send(people(4, 1100), send_between=hours, canary={"count": 1})
        await here.until(asleep, lambda shown: shown["hold"] is not None)
        here.sim.change(failed_share=1.0)
        stopped = await here.send(people(3, 1200), canary={"count": 1, "wait_minutes": 0})
        await here.until_status(stopped, "paused")
        rules = [{"codes": [131053], "after_hours": 1, "times": 1}]
        await self.admin("account.set", name="shop", retry_rules=rules)
        here.sim.change(failed_codes=(131053,))
        again = await here.send(people(2, 1250))
        await here.until(again, lambda shown: shown["hold"] is not None)
        here.sim.change(failed_share=0.0, failed_codes=(131026,))
        self.clock.advance(HOUR)
        await here.until_status(again, "sent")
        await self.api("POST", f"broadcasts/{again}/retry", json={"not_delivered_after_hours": 1})
        await self.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=1)
        full = await here.send(people(1, 1300))
        await here.until(full, lambda shown: shown["hold"] is not None)
        await eventually(lambda: bool(here.running.sender._lanes._waits))  # its claim has found that, too
        later = {"template_name": "hello", "recipients": people(3, 1400)}
        await self.api("POST", "broadcasts?dry_run=true", json=later)
        await self.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=0, portfolio="own")
        await self.admin("number.set", id=PHONE_NUMBER_ID, portfolio="")
        for each in (asleep, stopped, first):
            await self.api("POST", f"broadcasts/{each}/cancel")
        self.clock.advance(HOUR)
        await here.until_status(full, "sent")

    async def stop_and_continue(self) -> None:
        """A running broadcast, paused by an operator and then for its template."""
        await self.admin("number.pause", id=PHONE_NUMBER_ID)
        begun = await self.here.send(people(2, 700))
        await self.admin("broadcast.pause", id=begun)
        await self.admin("broadcast.resume", id=begun)
        for event in ("PAUSED", "APPROVED"):
            await template_event(self.here, event)
        await self.admin("number.resume", id=PHONE_NUMBER_ID)
        await self.here.until_status(begun, "sent")

    async def cancel_in_flight(self) -> None:
        """A broadcast that is cancelled before Meta answers that the message can be sent again."""
        sender = self.here.running.sender
        self.here.sim.change(hold_answers=True, error_share=1.0, error_code=131000)
        begun = await self.here.send(people(1, 750))
        await eventually(lambda: sender.in_flight == 1)
        await self.api("POST", f"broadcasts/{begun}/cancel")
        self.here.sim.change(hold_answers=False)
        await self.here.until(begun, lambda shown: shown["cancelled_count"] == 1)
        self.here.sim.change(error_share=0.0)

    async def receive_unmatched(self) -> None:
        """A status and a reply that come before Meta's response to the send."""
        here = self.here
        known = len(here.sim.ledger.entries)
        here.sim.change(hold_answers=True, webhooks=False)
        broadcast_id = await here.send(people(1, 900))
        await eventually(lambda: len(here.sim.ledger.entries) > known)  # Meta has the message
        await status(here, here.sim.ledger.entries[-1].wamid, "delivered")
        await inbound_message(here, "Hello!", wa_id=people(1, 900)[0]["to"][1:])
        here.sim.change(hold_answers=False)
        await here.until_status(broadcast_id, "sent")
        here.sim.change(hold_answers=True)
        known = len(here.sim.ledger.entries)
        broadcast_id = await here.send(people(1, 950))
        await eventually(lambda: len(here.sim.ledger.entries) > known)
        entry = here.sim.ledger.entries[-1]
        token: dict[str, Any] = {"biz_opaque_callback_data": entry.send.callback_data}
        await status(here, entry.wamid, "failed", errors=[{"code": 131053, "title": "media"}], **token)
        await status(here, entry.wamid, "delivered", **token)
        here.sim.change(hold_answers=False)
        await eventually(lambda: here.running.sender.in_flight == 0)
        here.sim.change(hold_answers=True)
        known = len(here.sim.ledger.entries)
        await here.send(people(1, 970))
        await eventually(lambda: len(here.sim.ledger.entries) > known)
        await inbound_message(here, "STOP", user_id="US.970", context=here.sim.ledger.entries[-1].wamid)
        here.sim.change(hold_answers=False)
        await eventually(lambda: here.running.sender.in_flight == 0)
        for start, word in (
            (980, "delivered"),
            (985, "failed"),
        ):  # replies that quote nothing, before these statuses
            guess = await here.send(people(1, start))
            await here.until_status(guess, "sent")
            await inbound_message(
                here, "Hi", wa_id=people(1, start)[0]["to"][1:], at=self.clock.now() // SECOND
            )
            await status(here, here.sim.ledger.entries[-1].wamid, word)
        here.sim.change(webhooks=True)

    async def hold_and_bill(self) -> None:
        """Messages that Meta holds back, a status that only tells a price, and one of the message before a retry."""
        here = self.here
        here.sim.change(webhooks=False, held_share=1.0)
        broadcast_id = await here.send(people(2, 970))
        await here.until_status(broadcast_id, "sent")
        price: dict[str, Any] = {"pricing": {"category": "marketing"}, "conversation": {"id": "c1"}}
        await status(here, here.sim.ledger.entries[-1].wamid, "sent", **price)
        await here.show(broadcast_id)
        self.clock.advance(HOUR + MINUTE)
        later = {"not_delivered_after_hours": 1, "at": iso(self.clock.now() + HOUR)}
        await self.api("POST", f"broadcasts/{broadcast_id}/retry", json=later)
        code: dict[str, Any] = {"errors": [{"code": 131026, "title": "undeliverable"}]}
        await status(here, here.sim.ledger.entries[-1].wamid, "failed", **code)
        await status(here, here.sim.ledger.entries[-1].wamid, "delivered")
        await here.until_status(broadcast_id, "sent")
        here.sim.change(webhooks=True, held_share=0.0)

    async def receive_webhooks(self, finished: str) -> None:
        """Every kind of Meta's webhooks."""
        here = self.here
        await here.sim.idle()
        page = await self.api("GET", f"broadcasts/{finished}/recipients")
        sent = [each for each in page["data"] if each["whatsapp_message_id"]]
        known = sent[0]["whatsapp_message_id"]
        await status(here, known, "failed", errors=[{"code": 131050, "title": "stopped"}])
        await status(here, "wamid.unknown", "delivered")
        await status(here, known, "read", phone_number_id="1")
        await inbound_message(
            here, "Thank you", wa_id=sent[1]["to"][1:], context=sent[1]["whatsapp_message_id"]
        )
        await inbound_message(here, "Thanks", wa_id=sent[4]["to"][1:])
        await preference_change(here, "stop", wa_id=sent[2]["to"][1:])
        await preference_change(here, "resume", wa_id=sent[2]["to"][1:])
        await preference_change(here, "stop", user_id="US.3")
        await inbound_message(here, "STOP", wa_id=sent[3]["to"][1:], user_id="US.3")
        await self.change_people(sent)
        for file in WEBHOOKS:
            answer = await post(here.hook, json.loads(file.read_text())["payload"])
            assert answer.status_code in (200, 400), answer.text
        await account_event(here, "ACCOUNT_RECONNECTED")
        locked = {"metadata": metadata(), "errors": [{"code": 131031, "title": "Account has been locked"}]}
        await post_change(here.hook, "messages", locked)
        await account_event(here, "ACCOUNT_RECONNECTED")
        assert (await self.admin("number.list"))[0]["state"] == "active"
        await self.ban_and_reinstate()

    async def ban_and_reinstate(self) -> None:
        """A ban that ends while a restriction goes on, until a person resumes; and a template named by its id alone."""
        restriction = {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 4_000_000_000}
        restricted: dict[str, Any] = {"event": "ACCOUNT_RESTRICTION", "restriction_info": [restriction]}
        bans: list[dict[str, Any]] = [
            {"event": "X", "ban_info": {"waba_ban_state": state}} for state in ("DISABLE", "REINSTATE")
        ]
        for value in (restricted, *bans):
            await post_change(self.here.hook, "account_update", value)
        named = {"message_template_id": 7, "event": "APPROVED"}
        await post_change(self.here.hook, "message_template_status_update", named)
        await self.admin("number.resume", id=PHONE_NUMBER_ID)

    async def change_people(self, sent: list[dict[str, Any]]) -> None:
        """People whose addresses turn out to be one, change or get another holder; early replies and buttons."""
        here, phone, now = self.here, sent[5]["to"], self.clock.now() // SECOND
        await inbound_message(here, "Hello", wa_id=phone[1:], user_id="US.5", at=now - 60)
        waits = await here.send(
            [{"to": phone, "params": ["Jane"]}], scheduled_at=iso(self.clock.now() + HOUR)
        )
        await inbound_message(here, "Hello", wa_id=phone[1:], user_id="US.55", at=now + 1)
        await inbound_message(here, "Hello", wa_id=phone[1:], user_id="US.54", at=now - 120)
        await self.admin("broadcast.cancel", id=waits)
        to_id = await here.send([{"to": "US.99", "params": ["Jo"]}])
        await here.until_status(to_id, "sent")
        await inbound_message(here, "STOP", context=here.sim.ledger.entries[-1].wamid)
        changed = {"type": "user_changed_number", "wa_id": "14155550199"}
        for _ in range(2):
            system = {
                "id": "wamid.s",
                "from": phone[1:],
                "type": "system",
                "system": changed,
                "timestamp": "1",
            }
            await post_change(here.hook, "messages", {"metadata": metadata(), "messages": [system]})
        tap = {"payload": "Yes", "text": "Yes"}
        await inbound_message(here, button=tap, wa_id=phone[1:], context=sent[5]["whatsapp_message_id"])
        await inbound_message(here, "STOP", wa_id="14155550177")
        await inbound_message(here, "STOP", user_id="US.77")
        await inbound_message(here, "Hello", wa_id="14155550177", user_id="US.77")
        waiting = sent[6]
        await here.running.ctx.db.write(partial(self._make_uncertain, recipient_id=waiting["id"]))
        await inbound_message(here, "Early", wa_id=waiting["to"][1:], at=self.clock.now() // SECOND + 1)
        await status(here, waiting["whatsapp_message_id"], "delivered")
        await inbound_message(here, "Hi", user_id="US.ENT.9", at=self.clock.now() // SECOND + 1)
        named = {"recipient_parent_user_id": "US.ENT.9"}
        await status(here, waiting["whatsapp_message_id"], "delivered", **named)

    def _make_uncertain(self, tx: Tx, recipient_id: int) -> None:
        """As if Meta's answer had been lost."""
        row = tx.execute(
            "UPDATE recipient SET status = 'uncertain', sent_at = NULL, delivered_at = NULL, read_at = NULL,"
            " replied_at = NULL, claimed_at = ? WHERE id = ? RETURNING broadcast_id",
            (self.clock.now(), recipient_id),
        ).fetchone()
        revisions.raise_for(tx, row)

    async def show(self, finished: str) -> None:
        """Everything that can be read: over HTTP, on the socket, by Prometheus and by systemd."""
        one = f"broadcasts/{finished}"
        statuses = ("draft", "scheduled", "sending", "paused", "sent", "cancelled")
        for path in (
            "broadcasts",
            *(f"broadcasts?status={word}" for word in statuses),
            f"{one}/recipients",
            *(f"{one}/recipients?status={word}" for word in ("pending", "read", "failed")),
            "messages",
            "templates",
            "templates?name=hello&status=APPROVED",
            "optouts",
            "webhooks",
        ):
            page = await self.api("GET", f"{path}{'&' if '?' in path else '?'}limit=1")
            if cursor := page["meta"]["next_cursor"]:
                await self.api("GET", f"{path}{'&' if '?' in path else '?'}limit=1&cursor={cursor}")
        for by in ("month", "country", "broadcast"):
            await self.api("GET", f"spent?by={by}")
        for path in (
            "me",
            "numbers",
            "openapi.json",
            one,
            f"{one}/events",
        ):
            await self.api("GET", path)
        for media in ("text/csv", "application/jsonl"):
            await self.api("GET", f"{one}/recipients", headers={"Accept": media})
            await self.api("GET", f"{one}/recipients?status=failed", headers={"Accept": media})
        recipient = (await self.api("GET", f"{one}/recipients?limit=1"))["data"][0]
        await self.api("GET", f"{one}/recipients/{recipient['id']}")
        await self.admin("broadcast.recipients", id=finished, to=recipient["to"])
        await self.admin("broadcast.recipients", id=finished, status="failed")
        await self.admin("broadcast.recipients", id=finished, code=131026)
        for method in ("broadcast.show", "broadcast.watch", "broadcast.export", "broadcast.timeline"):
            await self.admin(method, id=finished[:8])
        for account in ({}, {"account": "shop"}):
            for method in ("key.list", "optout.list", "webhook.list", "template.list"):
                await self.admin(method, **account)
            for by in ("month", "country", "broadcast"):
                await self.admin("price.spent", **account, by=by)
            await self.admin("price.list", **account)
            for paused in (False, True):
                await self.admin("message.list", **account, paused=paused)
            for word in (None, *statuses):
                await self.admin("broadcast.list", **account, **({"status": word} if word else {}))
            await self.admin("broadcast.list", **account, text="spring", since="3d", until="1h", limit=1)
        for method in ("account.list", "number.list", "doctor", "audit"):
            await self.admin(method)
        for by in By:
            await self.api("GET", f"stats?by={by}&from=300d&template_name=hello&template_language=en_US")
            await self.admin("stats", by=by)
        await self.admin("audit", since="2h")
        for only in ({"user": "root"}, {"method": "backup"}, {"via": "command"}, {"before": 5}):
            await self.admin("audit", **only)
        await self.admin("audit", user="root", method="backup", via="command", before=5)
        for part in ({"search": "+1415"}, {"search": "+14155550188", "source": "api"}, {"source": "import"}):
            await self.admin("optout.list", account="shop", **part)
        await self.admin("broadcast.list", text="nothing is called so", since="3000d")
        await self.admin("template.list", name="hel", status="approved", limit=5, skip=1)
        await self.show_state()

    async def show_state(self) -> None:
        """The state of the daemon: for operators, Prometheus and systemd."""
        await self.admin("status")
        assert (await self.here.api.get("/metrics")).status_code == 200
        await summary(self.here.running.ctx)

    async def draft(self, finished: str) -> None:
        """Drafts: one that is sent, one that is thrown away, one that cannot be sent, and one from a broadcast."""
        file = self.folder / "people.csv"
        rows = [f"{each['to']},{each['params'][0]}" for each in people(30, 5000)]
        file.write_text("\n".join(["phone,name", *rows, rows[0], "12,x", ""]))
        made = [
            (await self.admin("draft.create", account="shop", template_name="hello"))["id"] for _ in range(3)
        ]
        for draft in made:
            for _ in range(2):  # the second file takes the place of the first
                await self.upload(draft, file)
        more = self.folder / "more.csv"
        more.write_text(f"name,phone\nEva,{people(1, 6000)[0]['to']}\n")
        await self.upload(made[0], more, add=True)
        await self.admin("draft.columns", id=made[0])
        await self.admin("draft.change", id=made[0], name="Sale")
        await self.admin("draft.change", id=made[0], template_language="de")
        await self.check(made[0], "editing", "checked")
        await self.admin("draft.change", id=made[0], template_language="en_US")
        for draft in (made[0], made[2]):
            await self.check(draft, "checked")
        await self.admin("draft.list", account="shop")
        await self.admin("draft.row", id=made[0], row=3)
        await self.admin("draft.left-out", id=made[0])
        await self.admin("draft.test", id=made[0], to="+14155550123")
        await self.admin("draft.send", id=made[0])
        await self.here.until_status(made[0], "sent")
        await self.here.running.ctx.db.write(
            lambda tx: (
                tx.execute(
                    "UPDATE draft SET result = json_set(result, '$.template_digest', 'another') WHERE state = 'checked'"
                ).rowcount
            )
        )
        await self.admin("draft.send", id=made[2])
        await self.until_draft(made[2], "editing")
        unclear = self.folder / "unclear.csv"
        unclear.write_text("customer,note\n77,x\n")
        await self.upload(made[1], unclear)
        await self.check(made[1], "editing")
        await self.admin("draft.discard", id=made[1])
        await self.collect()
        copied = await self.admin("draft.again", id=finished, whom="all")
        await self.check(copied["id"], "checked")
        await self.here.running.ctx.db.write(lambda tx: drafts.discard_older(tx, 1, 1, 1))

    async def collect(self) -> None:
        """Drafts of a program: one that is sent, after its template has changed, and one that is thrown away."""
        made = [await self.here.send(people(10, 7000), draft=True) for _ in range(2)]
        for draft in made:
            more = {"recipients": people(10, 7005)}
            for _ in range(2):
                headers = {"Idempotency-Key": f"more {draft}"}
                await self.api("POST", f"broadcasts/{draft}/recipients", json=more, headers=headers)
        await self.admin("draft.add-recipients", id=made[0], **more)
        await self.here.running.ctx.db.write(
            lambda tx: (
                tx.execute(
                    "UPDATE draft SET result = json_set(result, '$.template_digest', '') WHERE state = 'collecting'"
                ).rowcount
            )
        )
        scanned, recipients.SCANNED = recipients.SCANNED, 0  # as if others had been sent for days meanwhile
        await self.admin("broadcast.recipients", id=made[0], to=people(1, 7000)[0]["to"])
        recipients.SCANNED = scanned
        await self.api("POST", f"broadcasts/{made[0]}/send?dry_run=true")
        await self.api("POST", f"broadcasts/{made[0]}/send")
        await self.here.until_status(made[0], "sent")
        await self.api("DELETE", f"broadcasts/{made[1]}")
        await DraftWorker(self.here.running.ctx).send_all()

    async def upload(self, draft: str, file: Path, **more: Any) -> None:
        """Give a draft its file."""

        def call() -> None:
            with AdminClient(self.here.socket) as client, file.open("rb") as opened:
                client.call("draft.upload", {"id": draft, "name": "people.csv", **more}, [opened.fileno()])

        await anyio.to_thread.run_sync(call)
        self.methods.add("draft.upload")

    async def check(self, draft: str, *states: str) -> None:
        """Check a draft."""
        await self.admin("draft.check", id=draft)
        await self.until_draft(draft, *states)

    async def until_draft(self, draft: str, *states: str) -> None:
        """Wait until a draft is in one of these states."""
        with anyio.fail_after(PATIENCE_S), self.here.running.ctx.changes.watch_all() as changed:
            while (await self.admin("draft.show", id=draft))["state"] not in states:
                await changed.wait()
                changed.clear()

    async def media(self, finished: str) -> None:
        """Files for headers: one that is sent, one that is refused, and one that is removed; and a draft with one."""
        ctx, sim = self.here.running.ctx, self.here.sim
        files: list[dict[str, Any]] = [
            {"file": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes([number]))} for number in range(3)
        ]
        picture = {
            "id": "9",
            "name": "picture",
            "language": "en_US",
            "status": "APPROVED",
            "components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Hello {{1}}"}],
        }
        sim.change(templates=[*sim.options.templates, picture])
        await self.api("POST", "templates/sync")
        made = [(await self.api("POST", "media", files=each))["data"]["id"] for each in files[:2]]
        await self.api("POST", "media", files=files[0])
        sent: dict[str, Any] = {"template_name": "picture", "header": {"image": {"id": made[0]}}}
        body = sent | {"recipients": people(2, 6000)}
        done = (await self.api("POST", "broadcasts", json=body))["data"]["broadcast_id"]
        await self.here.until_status(done, "sent")
        (self.folder / "c.png").write_bytes(files[2]["file"][1])

        def upload() -> Any:
            with AdminClient(self.here.socket) as client, (self.folder / "c.png").open("rb") as opened:
                given = {"account": "shop", "name": "c.png"}
                return client.call("media.upload", given, [opened.fileno()])

        await eventually(lambda: len(sim.media) == len(made))
        sim.change(media_close_share=1.0)
        third = (await anyio.to_thread.run_sync(upload))["id"]
        self.methods.add("media.upload")
        body = sent | {"header": {"image": {"id": third}}, "recipients": people(2, 6100)}
        held = (await self.api("POST", "broadcasts", json=body))["data"]["broadcast_id"]
        await self.here.until(held, lambda shown: shown["hold"] is not None)
        sim.change(media_close_share=0.0, media_error_code=100)
        self.clock.advance(MINUTE)
        ctx.media.wake.set()
        await self.here.until_status(held, "paused")
        sim.change(media_error_code=0)
        await self.admin("broadcast.resume", id=held)
        await self.here.until_status(held, "sent")
        draft = await self.admin("draft.create", account="shop", template_name="hello", header=sent["header"])
        await self.admin("draft.change", id=draft["id"], header=sent["header"])
        await self.admin("draft.discard", id=draft["id"])
        await self.admin("media.list", account="shop")
        await self.admin("media.list")
        await self.admin("media.show", id=made[1])
        await self.admin("media.remove", id=made[1])
        await eventually_told(
            partial(ctx.db.read, lambda tx: not store_media.with_pieces_to_drop(tx, under_way=()))
        )
        self.clock.advance(HOUR + MINUTE)
        ctx.media.wake.set()
        assert finished

    async def opt_out(self) -> None:
        """The suppression list."""
        for phone in ("+14155550177", "US.13491208655302741918"):
            await self.api("POST", "optouts", json={"phone": phone})
            await self.api("DELETE", f"optouts/{phone}")
        await self.admin("optout.add", account="shop", phone="+14155550188")
        await self.admin("optout.remove", account="shop", phone="+14155550188")
        await self.admin("optout.import", account="shop", csv="phone\n+14155550199\n")
        await self.admin("optout.export", account="shop")
        for known, added in (("phone", "user_id"), ("user_id", "phone")):
            person: dict[str, str | None] = {"phone": f"+1415555{ord(known[0])}0", "user_id": f"US.{known}"}
            for given in (person | {added: None}, person):
                await self.here.running.ctx.db.write(partial(self._opt_out, person=given))

    def _opt_out(self, tx: Tx, person: dict[str, str | None]) -> bool:
        """As Meta's webhooks do if only one address of the person was known before."""
        account_id = self.here.account["id"]
        named = names(person["phone"], user_ids=[person["user_id"]])
        seen = store_people.see(tx, [Sighting(account_id, named, 1)], 1)
        (person_id,) = seen.people
        assert person_id is not None
        return optouts.add(
            tx,
            account_id=account_id,
            person_id=person_id,
            phone=person["phone"],
            user_id=person["user_id"],
            source="keyword",
            detail=None,
            at=1,
        )

    async def deliver(self) -> None:
        """Deliveries of outbound webhooks: shown, and asked for again."""
        for hook in (await self.api("GET", "webhooks"))["data"]:
            path = f"webhooks/{hook['id']}"
            await self.api("GET", path)
            for query in ("", "&status=pending", "&status=delivered", "&status=failed"):
                page = await self.api("GET", f"{path}/deliveries?limit=1{query}")
                if cursor := page["meta"]["next_cursor"]:
                    await self.api("GET", f"{path}/deliveries?limit=1{query}&cursor={cursor}")
            await self.admin("webhook.deliveries", id=hook["id"])
            delivery = (await self.api("GET", f"{path}/deliveries"))["data"][0]["id"]
            if hook["is_active"]:  # the endpoint that answered 410 is not active
                await self.admin("webhook.resend", id=delivery)
                await self.api("POST", f"{path}/deliveries/{delivery}/resend")

    async def maintain(self) -> None:
        """Periodic jobs and maintenance by operators."""
        running = self.here.running
        await self.admin("backup", file=str(self.folder / "copy.db"))
        await self.admin("check-db")
        await self.admin("log-level", level="info", minutes=1)
        await self.admin("clock.show")
        await self.admin("clock.accept")
        running.ctx.control.reread = lambda: configuration(
            self.folder, self.here.sim.url, self.extra + "[sender]\nmessages_per_second = 60\n"
        )
        await self.admin("reload")
        await self.admin("drain", wait_s=1)
        await self.admin("drain", off=True)
        await self.admin("drain", wait_s=1, for_good=True)
        await self.admin("undrain")
        phone = people(1)[0]["to"]
        await self.admin("optout.add", phone=phone, account="shop")
        await running.ctx.db.write(partial(self._name_in_answers, phone=phone))
        for account in ({}, {"account": "shop"}):
            await self.admin("export-person", phone=phone, **account)
            await self.admin("erase", phone=phone, **account)
            await self.admin("erase", phone=phone, forget_optout=True, **account)
        await running.ctx.db.write(lambda tx: tx.execute(LOST).rowcount)
        self.clock.advance(HOUR)
        jobs = periodic_jobs.vital(running.ctx, running.sender, running.queue, running.clock_watch)
        self.clock.leap(-10 * SECOND)
        for job in (*jobs, *periodic_jobs.maintenance(running.ctx, running.integrity)):
            await job.run()
        self.clock.leap(10 * SECOND)
        await self.read_clicks()

    async def read_clicks(self) -> None:
        """Meta's analytics of templates: there are none, then there are."""
        sim, reader = self.here.sim, ClickReader(self.here.running.ctx)
        shop = {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Shop"}]}
        hello = {
            "id": "1",
            "name": "hello",
            "language": "en_US",
            "components": [{"type": "BODY", "text": "Hello {{1}}"}, shop],
        }
        others = [each for each in sim.options.templates if each["name"] != "hello"]
        sim.change(templates=[hello, *others], clicked_share=1.0)
        await self.admin("template.sync", account="shop")
        for insights in (False, True):
            sim.change(insights=insights)
            self.clock.advance(DAY)
            await reader.read_due(HOUR)
        assert (await self.admin("stats", by="template"))["total"]["clicked_count"]

    def _name_in_answers(self, tx: Tx, phone: str) -> int:
        """As if the stored answers rejected this person."""
        return tx.execute(
            "UPDATE idempotency SET answer = json_set(answer, '$.rejections', ?) WHERE account_id = ?",
            (phone, self.here.account["id"]),
        ).rowcount

    async def remove(self) -> None:
        """Remove endpoints, keys, numbers and accounts."""
        for hook in await self.admin("webhook.list"):
            if "webhook.remove" in self.methods and hook["account"] == "shop":
                await self.api("DELETE", f"webhooks/{hook['id']}")
            else:
                await self.admin("webhook.remove", id=hook["id"])
        key = await self.admin("key.create", account="second", name="x", scopes=[])
        lost = await self.admin("key.rotate", id=key["id"])
        await self.admin("key.revoke", id=lost["id"])
        await self.admin("key.rotate", id=key["id"])
        await self.admin("number.remove", id="1")
        await self.admin("account.add", name="empty")
        await self.admin(
            "number.add",
            account="empty",
            phone_number_id="3",
            waba_id="3",
            access_token="EAAx",
            app_secret="the last secret",
            verify_token="the last word",
        )
        await self.admin("number.remove", id="3")
        await self.admin("account.remove", name="empty")
