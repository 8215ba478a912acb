"""A site as a small company has it after some weeks: what the pages are looked at with, and what the pictures show."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.browser.window import DASHBOARD, PASSWORD
from tests.drafts.drafting import drafting
from tests.support.clock import ShiftClock
from tests.support.site import NOBODY, PHONE_NUMBER_ID, Site, phones, site
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis, iso
from wacrmd.demo.templates import OFFER, TEMPLATES
from wacrmd.services.statistics.sum_up import sum_up

EXTRA = f'{DASHBOARD}[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\n[sender]\npause_after_failures = 1000\n'
USERS = {"ann": "operator", "ben": "sender", "cleo": "viewer"}

FAILING = {"131026": 7, "131049": 4, "130472": 2}
"""Meta's codes, and how many people of the largest broadcast each one concerns."""
RATE = 200
"""Of the number, a second."""
BURST = RATE // 10
"""What it sends at once while the clock stands still."""
PNG = b"\x89PNG\r\n\x1a\n"
"""How a picture begins."""
NAMES = ("Jane", "Ali", "Maria", "Chen", "Olu", "Sofia", "Ivan", "Priya", "Tom", "Yuki")


def customers(count: int, start: int = 0, *more: str) -> list[dict[str, Any]]:
    """That many recipients with a name, and these further parameters."""
    return [
        {"to": phone, "params": [NAMES[(start + index) % len(NAMES)], *more]}
        for index, phone in enumerate(phones(count, start))
    ]


@dataclass
class Shop:
    """The running site, and an object of it for each parameter in the path of a page."""

    site: Site
    samples: dict[str, str]
    """By the path up to and with the parameter, or by the whole path where a page needs an object of its own."""

    def address(self, path: str) -> str:
        """A path of the dashboard's table with samples in place of its parameters."""
        if path in self.samples and path.count("{") == 1:
            return re.sub(r"{\w+}", self.samples[path], path)
        parts = path.split("/")
        return "/".join(
            self._sample("/".join(parts[: number + 1])) if part.startswith("{") else part
            for number, part in enumerate(parts)
        )

    def _sample(self, name: str) -> str:
        assert name in self.samples, f"tests/browser/shop.py has no sample for {name}"
        return self.samples[name]


@asynccontextmanager
async def shop(folder: Path, begin: Millis | None = None) -> AsyncIterator[Shop]:
    """The site, at `begin`, or now. In the end its clock stands still in the middle of a broadcast."""
    clock = ShiftClock(begin)
    options: dict[str, Any] = {
        "templates": TEMPLATES,
        "sent_after_ms": 1,
        "delivered_after_ms": 2,
        "failed_after_ms": 2,
        "read_after_ms": 4,
        "replied_after_ms": 6,
        "delivered_share": 0.97,
    }
    async with site(folder, extra=EXTRA, clock=clock, messages_per_second=RATE, **options) as here:
        yield Shop(here, await _weeks(here, clock))


async def _weeks(here: Site, clock: ShiftClock) -> dict[str, str]:
    """What happened so far; the samples."""
    await here.admin("account.add", name="tea-house", country="DE")
    await here.admin("number.set", id=PHONE_NUMBER_ID, label="Flower shop", display_phone="+1 555 078 3881")
    await here.admin("number.check", id=PHONE_NUMBER_ID)
    await here.admin("template.sync", account="shop")
    for name, role in USERS.items():
        await here.admin(
            "user.add", name=name, role=role, accounts=["shop"] if role == "sender" else [], password=PASSWORD
        )
    prices = "country,category,price,currency\nUS,marketing,0.0250,USD\nUS,utility,0.0034,USD\n*,marketing,0.06,USD\n"
    await here.admin("price.import", csv=prices)
    key = await here.admin("key.create", account="shop", name="till", scopes=["broadcasts:send"])
    hook = await here.admin(
        "webhook.add", account="shop", url=f"{NOBODY}orders", events=["broadcast.sent", "message.received"]
    )
    for phone in phones(3, 9000):
        await here.admin("optout.add", account="shop", phone=phone, detail="asked at the counter")

    async def sent(name: str, template: str, recipients: list[dict[str, Any]], **fields: Any) -> str:
        made = await here.send(recipients, name=name, template_name=template, **fields)
        await here.until_status(made, "sent")
        await here.sim.idle()
        return made

    here.sim.change(read_share=0.9, replied_share=0.0)
    await sent("Summer opening hours", "summer_hours", customers(60), template_language="de")
    clock.advance(2 * DAY + 3 * HOUR)
    await sent("Orders of Tuesday", "order_ready", customers(18, 40))
    # The connections break after Meta has taken the messages, and no webhook tells of them.
    here.sim.change(close_after_share=1.0, webhooks=False)
    uncertain = await sent("Orders of Wednesday", "order_ready", customers(4, 80))
    here.sim.change(close_after_share=0.0, webhooks=True)
    await here.admin(
        "message.send",
        account="shop",
        to="+14155550170",
        type="template",
        template={"name": "order_ready", "params": ["Olu"]},
    )
    clock.advance(1 * DAY)
    codes = [code for code, count in FAILING.items() for _ in range(count)]
    failing = [f"{phone}={code}" for phone, code in zip(phones(len(codes), 11), codes, strict=True)]
    here.sim.change(
        failed_recipients=failing, read_share=0.62, replied_share=0.2, stop_share=0.1, button_share=0.5
    )
    large = await _slowly(here, clock, 240)
    here.sim.change(replied_share=0.0)
    clock.advance(26 * HOUR)
    here.sim.change(failed_recipients=[])
    later = iso(clock.now() + 3 * DAY)
    scheduled = await here.send(
        customers(80, 0, "15 %"), name="Mother's Day", template_name="spring_offer", scheduled_at=later
    )
    draft = await _draft(here)
    collecting = await here.send(
        customers(120, 6000), name="Orders of Saturday", template_name="order_ready", draft=True
    )
    await sum_up(here.running.ctx)
    clock.stop()
    cancelled = await here.send(customers(300, 300), name="Orders, twice", template_name="order_ready")
    await here.until(cancelled, lambda shown: shown["sent_count"] == BURST)
    await here.sim.idle()
    await here.admin("broadcast.cancel", id=cancelled)
    paused = await here.send(customers(180, 2000, "10 %"), name="Last tulips", template_name="spring_offer")
    await here.admin("broadcast.pause", id=paused)
    clock.advance(20 * MINUTE)
    sending = await here.send(customers(50, 4000), name="Orders of Friday", template_name="order_ready")
    await here.until(sending, lambda shown: shown["sent_count"] == BURST)
    await here.sim.idle()
    media = await here.api.post(
        "/api/v1/media", files={"file": ("Tulips.png", PNG + bytes(180_000), "image/png")}
    )
    hours = {"from": "09:00", "to": "20:00", "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}
    rules = [{"codes": [131049], "after_hours": 24, "times": 2}]
    await here.admin("account.set", name="shop", send_between=hours, retry_rules=rules)
    (person,) = await here.admin("broadcast.recipients", id=large, limit=1)
    return {
        "/broadcasts/{id}": large,
        "/broadcasts/new/{id}": draft,
        "/broadcasts/new/{id}/collecting": collecting,
        "/broadcasts/new/{id}/collecting/live": collecting,
        "/broadcasts/new/{id}/collecting/send": collecting,
        "/broadcasts/{id}/pause": sending,
        "/broadcasts/{id}/resume": paused,
        "/broadcasts/{id}/cancel": scheduled,
        "/broadcasts/{id}/give-up": uncertain,
        "/broadcasts/{id}/recipients/{recipient}": str(person["id"]),
        "/keys/{id}": key["id"],
        "/webhooks/{id}": hook["id"],
        "/numbers/{id}": PHONE_NUMBER_ID,
        "/media/{id}": media.json()["data"]["id"],
        "/settings/{id}": here.account["id"],
        "/users/{name}": "ben",
    }


def _waits(count: int, shown: dict[str, Any]) -> bool:
    return bool(shown["pending_count"] == count)


async def _slowly(here: Site, clock: ShiftClock, size: int) -> str:
    """A broadcast that took some minutes, from a full one on."""
    clock.stop()
    clock.advance(MINUTE - clock.now() % MINUTE)
    made = await here.send(customers(size, 0, "20 %"), name="Spring offer", template_name=OFFER)
    for pending in range(size - BURST, 0, -BURST):
        await here.until(made, partial(_waits, pending))
        await here.sim.idle()
        clock.advance(20 * SECOND)
    clock.go()
    await here.until_status(made, "sent")
    await here.sim.idle()
    return made


async def _draft(here: Site) -> str:
    """A draft that is checked: some lines cannot be used, and some numbers are guessed."""
    lines = [f"{phone},{NAMES[at % len(NAMES)]},20 %" for at, phone in enumerate(phones(400, 5000))]
    lines[7], lines[31], lines[90] = "+1415,Tom,20 %", f"{phones(1, 5001)[0]},Ali,20 %", "+14155550100,,20 %"
    lines[200] = "415 555 0142,Olu,20 %"
    raw = "\n".join(["phone,first name,discount", *lines, ""]).encode()
    person = drafting(here)
    made = await person.new(raw, template_name=OFFER, name="Easter offer")
    mapping = {"phone": 1, "country": "US", "fills": {"body.1": {"column": 2}, "body.2": {"column": 3}}}
    hours = {"from": "09:00", "to": "20:00", "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}
    await here.admin(
        "draft.change", id=made, mapping=mapping, send_between=hours, canary={"count": 50, "wait_minutes": 30}
    )
    await person.checked(made)
    return made
