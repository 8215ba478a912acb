"""Several accounts with several numbers in one site, each number with its own token, secret, rate and business account."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.meta import inbound_message, post_change, status
from tests.support.site import ALL_SCOPES, Site, people, site

pytestmark = pytest.mark.anyio

NEVER = "[templates]\nsync_interval_minutes = 0"


@dataclass
class Line:
    """A number of the test."""

    account: str
    phone_number_id: str
    waba_id: str
    token: str
    secret: str
    id: str = ""


@dataclass
class Several:
    """The site, its four numbers, and what authenticates each account."""

    here: Site
    lines: dict[str, Line]
    headers: dict[str, dict[str, str]]

    async def post(self, account: str, recipients: list[dict[str, Any]], **fields: Any) -> Any:
        body = {"template_name": "hello", "recipients": recipients, **fields}
        return await self.here.api.post("/api/v1/broadcasts", json=body, headers=self.headers[account])

    async def send(self, account: str, recipients: list[dict[str, Any]], **fields: Any) -> str:
        answer = await self.post(account, recipients, **fields)
        assert answer.status_code == 202, answer.text
        broadcast_id: str = answer.json()["data"]["broadcast_id"]
        self.here.api.headers.update(self.headers[account])  # Site.show asks with these
        return broadcast_id

    def webhook_options(self, line: Line) -> dict[str, Any]:
        """The options for a webhook about this number."""
        return {"phone_number_id": line.phone_number_id, "secret": line.secret, "waba_id": line.waba_id}


@asynccontextmanager
async def several(folder: Path, **options: Any) -> AsyncIterator[Several]:
    """Accounts `red` and `blue` with two numbers each; the first of each is its default."""
    async with site(folder, extra=NEVER, webhooks=False, **options) as here:
        lines, headers = {}, {}
        for n, (name, account) in enumerate(
            {"red1": "red", "red2": "red", "blue1": "blue", "blue2": "blue"}.items(), start=1
        ):
            line = Line(account, f"20{n}", f"90{n}", f"EAAtoken{n}", f"app secret {n}")
            if account not in headers:
                await here.admin("account.add", name=account)
                key = await here.admin("key.create", account=account, name="k", scopes=list(ALL_SCOPES))
                headers[account] = {"Authorization": f"Bearer {key['key']}"}
            added = await here.admin(
                "number.add",
                account=account,
                phone_number_id=line.phone_number_id,
                waba_id=line.waba_id,
                access_token=line.token,
                app_secret=line.secret,
                verify_token=f"verify {n}",
                messages_per_second=100 * n,
            )
            line.id = added["id"]
            lines[name] = line
        here.sim.change(
            access_token=None,
            phone_numbers=[f"{line.phone_number_id}={line.waba_id}" for line in lines.values()],
        )
        yield Several(here, lines, headers)


async def test_from_selects_among_the_numbers_of_the_account(tmp_path: Path) -> None:
    async with several(tmp_path) as all_of:
        ledger = all_of.here.sim.ledger
        for account, chosen, expected in (
            ("red", None, "red1"),
            ("red", all_of.lines["red2"].phone_number_id, "red2"),
            ("blue", all_of.lines["blue2"].id, "blue2"),
            ("blue", None, "blue1"),
        ):
            fields = {"from": chosen} if chosen else {}
            broadcast_id = await all_of.send(account, people(1), **fields)
            shown = await all_of.here.until_status(broadcast_id, "sent")
            assert shown["from"] == all_of.lines[expected].id
            assert ledger.entries[-1].phone_number_id == all_of.lines[expected].phone_number_id
        for reference in (all_of.lines["blue1"].phone_number_id, all_of.lines["blue1"].id, "nothing"):
            answer = await all_of.post("red", people(1), **{"from": reference})
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
        assert len(ledger.entries) == 4


async def test_each_number_uses_its_own_token_and_a_rejected_one_pauses_only_its_number(
    tmp_path: Path,
) -> None:
    async with several(tmp_path) as all_of:
        here = all_of.here
        for line in all_of.lines.values():
            here.sim.change(access_token=line.token)
            broadcast_id = await all_of.send(line.account, people(2), **{"from": line.id})
            await here.until_status(broadcast_id, "sent")
        assert len(here.sim.ledger.entries) == 8
        here.sim.change(access_token=all_of.lines["red2"].token)
        stopped = await all_of.send("red", people(2), **{"from": all_of.lines["red1"].id})
        shown = await here.until(stopped, lambda shown: shown["hold"] is not None)
        assert shown["hold"]["reason"] == "number_paused"
        await here.until_status(
            await all_of.send("red", people(2), **{"from": all_of.lines["red2"].id}), "sent"
        )
        states = {each["phone_number_id"]: each["state"] for each in await here.admin("number.list")}
        assert states["201"] == "paused"
        assert {states[line.phone_number_id] for name, line in all_of.lines.items() if name != "red1"} == {
            "active"
        }


async def test_each_number_has_its_own_rate(tmp_path: Path) -> None:
    async with several(tmp_path) as all_of:
        for account, rates in (("red", [100, 200]), ("blue", [300, 400])):
            answer = await all_of.here.api.get("/api/v1/numbers", headers=all_of.headers[account])
            assert sorted(each["messages_per_second"] for each in answer.json()["data"]) == rates


async def test_a_webhook_counts_only_for_numbers_of_its_secret(tmp_path: Path) -> None:
    async with several(tmp_path) as all_of:
        red, blue = all_of.lines["red1"], all_of.lines["blue1"]
        broadcast_id = await all_of.send("red", people(1))
        await all_of.here.until_status(broadcast_id, "sent")
        (entry,) = all_of.here.sim.ledger.entries
        callback = entry.send.callback_data
        forged = all_of.webhook_options(red) | {"secret": blue.secret}
        for words in (forged, all_of.webhook_options(blue)):
            await status(all_of.here, entry.wamid, "read", biz_opaque_callback_data=callback, **words)
            assert (await all_of.here.show(broadcast_id))["delivered_count"] == 0
        await status(all_of.here, entry.wamid, "read", **all_of.webhook_options(red))
        assert (await all_of.here.show(broadcast_id))["read_count"] == 1


async def test_a_person_with_a_hidden_number_is_found_by_token_and_user_id(tmp_path: Path) -> None:
    """Messages to user ids. The statuses have no phone number, one has only our token, the reply only the user id."""
    async with several(tmp_path, close_after_share=0.0) as all_of:
        here, line = all_of.here, all_of.lines["red1"]
        options = all_of.webhook_options(line)
        first = await all_of.send("red", [{"to": "US.111"}])
        await here.until_status(first, "sent")
        (entry,) = here.sim.ledger.entries
        assert (entry.send.user_id, entry.send.wa_id) == ("US.111", None)
        await status(here, entry.wamid, "delivered", recipient_user_id="US.111", **options)
        assert (await here.show(first))["delivered_count"] == 1
        await inbound_message(here, "Thank you", user_id="US.111", **options)
        assert (await here.show(first))["replied_count"] == 1

        here.sim.change(close_after_share=1.0)
        second = await all_of.send("red", [{"to": "US.222"}])
        await here.until(second, lambda shown: shown["uncertain_count"] == 1)
        entry = here.sim.ledger.entries[-1]
        callback: dict[str, Any] = {"biz_opaque_callback_data": entry.send.callback_data}
        await status(here, entry.wamid, "sent", recipient_user_id="US.222", **callback, **options)
        shown = await here.show(second)
        assert (shown["uncertain_count"], shown["sent_count"]) == (0, 1)
        await status(here, entry.wamid, "read", recipient_user_id="US.222", **options)
        assert (await here.show(second))["read_count"] == 1


async def test_a_reply_counts_only_for_the_number_it_was_sent_to(tmp_path: Path) -> None:
    async with several(tmp_path) as all_of:
        here, lines = all_of.here, all_of.lines
        (person,) = people(1)
        wa_id = person["to"].removeprefix("+")
        ids = {}
        for name in ("red1", "red2", "blue1"):
            line = lines[name]
            ids[name] = await all_of.send(line.account, [person], **{"from": line.id})
            await here.until_status(ids[name], "sent")
        await inbound_message(here, "Hello", wa_id=wa_id, **all_of.webhook_options(lines["red2"]))
        replied = {}
        for name, broadcast_id in ids.items():
            here.api.headers.update(all_of.headers[lines[name].account])
            replied[name] = (await here.show(broadcast_id))["replied_count"]
        assert replied == {"red1": 0, "red2": 1, "blue1": 0}


async def test_an_opt_out_applies_to_all_numbers_of_its_account_only(tmp_path: Path) -> None:
    async with several(tmp_path) as all_of:
        (person,) = people(1)
        wa_id = person["to"].removeprefix("+")
        await inbound_message(
            all_of.here, "STOP", wa_id=wa_id, **all_of.webhook_options(all_of.lines["red2"])
        )
        both = [person, people(1, start=9)[0]]
        red = (await all_of.post("red", both)).json()["data"]
        blue = (await all_of.post("blue", both)).json()["data"]
        assert (red["suppressed"], blue["suppressed"]) == (1, 0)


async def test_each_account_syncs_and_sees_the_templates_of_its_own_business_accounts(tmp_path: Path) -> None:
    async with several(tmp_path) as all_of:
        here = all_of.here
        here.sim.change(templates=[{"name": "hello", "language": "en_US", "status": "APPROVED"}])
        answer = await here.api.post("/api/v1/templates/sync", headers=all_of.headers["red"])
        synced = answer.json()["data"]["business_accounts"]
        assert [each["business_account_id"] for each in synced] == ["901", "902"]
        listed = await here.api.get("/api/v1/templates", headers=all_of.headers["red"])
        assert {each["business_account_id"] for each in listed.json()["data"]} == {"901", "902"}
        listed = await here.api.get("/api/v1/templates", headers=all_of.headers["blue"])
        assert listed.json()["data"] == []


async def test_an_event_about_an_account_counts_only_with_a_secret_of_that_account(tmp_path: Path) -> None:
    """Another tenant's app secret must not pause numbers or broadcasts."""
    async with several(tmp_path) as all_of:
        here, red, blue = all_of.here, all_of.lines["red1"], all_of.lines["blue1"]
        await here.admin("number.pause", id=red.phone_number_id)
        broadcast_id = await all_of.send("red", people(1))
        template = {
            "message_template_name": "hello",
            "message_template_language": "en_US",
            "event": "DISABLED",
        }
        for field, value in (
            ("account_update", {"event": "ACCOUNT_RESTRICTION"}),
            ("message_template_status_update", template),
        ):
            answer = await post_change(here.hook, field, value, secret=blue.secret, waba_id=red.waba_id)
            assert answer.status_code == 200
        states = {each["phone_number_id"]: each["state"] for each in await here.admin("number.list")}
        assert [states[line.phone_number_id] for line in all_of.lines.values()] == ["paused"] + ["active"] * 3
        assert (await here.show(broadcast_id))["status"] == "sending"
        await post_change(
            here.hook, "message_template_status_update", template, secret=red.secret, waba_id=red.waba_id
        )
        assert (await here.show(broadcast_id))["hold"]["reason"] == "template"


async def test_a_restricted_business_account_pauses_all_of_its_numbers_and_no_other(tmp_path: Path) -> None:
    async with several(tmp_path) as all_of:
        here, red = all_of.here, all_of.lines["red1"]
        await here.admin(
            "number.add",
            account="red",
            phone_number_id="209",
            waba_id=red.waba_id,
            access_token=red.token,
            app_secret=red.secret,
            verify_token="verify 9",
        )
        restricted = {"event": "ACCOUNT_RESTRICTION"}
        await post_change(here.hook, "account_update", restricted, secret=red.secret, waba_id=red.waba_id)
        states = {each["phone_number_id"]: each["state"] for each in await here.admin("number.list")}
        assert {number for number, state in states.items() if state == "paused"} == {"201", "209"}
