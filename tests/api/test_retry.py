"""Sending again, but not blindly: by reason, at a time, after no delivery, and by rules."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import ShiftClock
from tests.support.meta import inbound_message, status
from tests.support.receiver import receiver
from tests.support.site import Site, people, phones, site
from wacrmd.clock import DAY, HOUR, MINUTE, iso

pytestmark = pytest.mark.anyio

ALLOW = '[outbound_webhooks]\nallow_private = ["127.0.0.0/8"]\ntimeout_s = 20'
RULES = [{"codes": [131049], "after_hours": 30, "times": 2}]


def written_to(here: Site) -> list[str]:
    """To whom Meta has accepted messages, in order."""
    return [entry.send.input for entry in here.sim.ledger.entries]


async def retried(here: Site, broadcast_id: str, **body: Any) -> dict[str, Any]:
    answer = await here.api.post(f"/api/v1/broadcasts/{broadcast_id}/retry", json=body)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def test_a_retry_by_reason_at_a_time_goes_to_them_alone_and_not_before_meta_allows_it(
    tmp_path: Path,
) -> None:
    first, second, third = phones(3)
    wrong = (f"{first}=131049", f"{second}=131053", f"{third}=130472")
    async with site(tmp_path, clock=ShiftClock(), failed_recipients=wrong) as here:
        broadcast_id = await here.send(people(4))
        await here.until(broadcast_id, lambda it: it["failed_count"] == 3)
        here.sim.change(failed_recipients=())
        body = {"codes": [131049, 131053], "at": iso(here.clock.now() + HOUR)}
        answer = await retried(here, broadcast_id, **body)
        assert (answer["requeued"], answer["waiting"], answer["left_out"]) == (2, 1, 1)
        assert answer["waiting_until"] > iso(here.clock.now() + 23 * HOUR)
        shown = await here.until(broadcast_id, lambda it: it["hold"] is not None)
        assert (shown["status"], shown["hold"]["reason"]) == ("sending", "waiting_for_retry")
        here.clock.advance(HOUR + MINUTE)
        await here.until(broadcast_id, lambda it: it["pending_count"] == 1)
        here.clock.advance(DAY)
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["failed_count"], written_to(here)[4:]) == (1, [second, first])


async def test_who_has_no_delivery_is_sent_to_again_on_request_alone_and_an_old_delivery_ends_it(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, clock=ShiftClock(), delivered_share=0.0) as here:
        broadcast_id = await here.send(people(3))
        await here.until_status(broadcast_id, "sent")
        assert (await retried(here, broadcast_id, statuses=["failed", "uncertain"]))["requeued"] == 0
        assert (await retried(here, broadcast_id, not_delivered_after_hours=24))["requeued"] == 0
        here.clock.advance(DAY + MINUTE)
        at = iso(here.clock.now() + HOUR)
        assert (await retried(here, broadcast_id, not_delivered_after_hours=24, at=at))["requeued"] == 3
        await here.until(broadcast_id, lambda it: it["pending_count"] == 3)
        entry = here.sim.ledger.entries[0]
        token: dict[str, Any] = {"biz_opaque_callback_data": entry.send.callback_data}
        await status(here, entry.wamid, "delivered", **token)
        shown = await here.until(broadcast_id, lambda it: it["delivered_count"] == 1)
        assert shown["pending_count"] == 2
        here.clock.advance(HOUR + MINUTE)
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["total_recipients"]) == (3, 3)
        assert sorted(written_to(here)) == sorted([*phones(3), *phones(3)[1:]])


async def test_rules_send_again_by_themselves_never_to_who_opted_out_meanwhile(tmp_path: Path) -> None:
    again, leaves, other = phones(3)
    wrong = (f"{again}=131049", f"{leaves}=131049", f"{other}=131053")
    async with site(tmp_path, clock=ShiftClock(), failed_recipients=wrong) as here:
        body = {"template_name": "hello", "recipients": people(3), "retry_rules": RULES}
        dry = (await here.api.post("/api/v1/broadcasts?dry_run=true", json=body)).json()["data"]
        broadcast_id = await here.send(people(3), retry_rules=RULES)
        shown = await here.until(
            broadcast_id, lambda it: it["failed_count"] == 1 and it["pending_count"] == 2
        )
        assert dry["retry_rules"] == shown["retry_rules"] == RULES
        shown = await here.until(broadcast_id, lambda it: it["hold"] is not None)
        assert shown["status"] == "sending"
        assert shown["hold"]["detail"].startswith("2 people are tried again, the first at 20")
        rows = (await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients?status=pending")).json()[
            "data"
        ]
        assert {row["error"]["code"] for row in rows} == {131049}
        await here.api.post("/api/v1/optouts", json={"phone": leaves})
        here.clock.advance(29 * HOUR)
        key, clock = here.key, here.clock
    async with site(tmp_path, clock=clock, key=key) as here:  # a restart changes nothing
        assert (await here.show(broadcast_id))["status"] == "sending"
        here.clock.advance(2 * HOUR)
        shown = await here.until_status(broadcast_id, "sent")
        assert written_to(here) == [again]
        assert (shown["cancelled_count"], shown["failed_count"]) == (1, 1)


async def test_the_rules_of_the_account_hold_for_broadcasts_that_name_none(tmp_path: Path) -> None:
    async with site(tmp_path, clock=ShiftClock()) as here:
        shown = await here.admin("account.set", name="shop", retry_rules=[{"codes": [131049]}])
        rules = [{"codes": [131049], "after_hours": 24, "times": 1}]
        assert shown["retry_rules"] == rules
        path = "/api/v1/broadcasts"
        shown = {}
        for name, body in (("account", {}), ("none", {"retry_rules": []}), ("own", {"retry_rules": RULES})):
            made = await here.send(people(1), **body)
            shown[name] = (await here.api.get(f"{path}/{made}")).json()["data"]["retry_rules"]
        assert shown == {"account": rules, "none": [], "own": RULES}
        draft = (await here.admin("draft.create", account="shop", template_name="hello"))["id"]
        assert (await here.admin("draft.show", id=draft))["retry_rules"] == rules
        assert (await here.admin("draft.change", id=draft, retry_rules=RULES))["retry_rules"] == RULES
        assert (await here.admin("draft.change", id=draft, without=["retry_rules"]))["retry_rules"] is None
        assert (await here.admin("account.set", name="shop", country="DE"))["retry_rules"] == rules
        assert (await here.admin("account.set", name="shop", retry_rules="none"))["retry_rules"] is None


async def test_apps_are_told_each_failure_that_it_is_tried_again_and_when_all_is_sent(tmp_path: Path) -> None:
    """`failed` is not the end where a rule applies: `pending` follows, and `broadcast.sent` comes again."""
    (phone,) = phones(1)
    async with (
        receiver() as app,
        site(tmp_path, extra=ALLOW, clock=ShiftClock(), failed_recipients=(f"{phone}=131049",)) as here,
    ):
        events = ["message.status_updated", "broadcast.sent"]
        await here.api.post("/api/v1/webhooks", json={"url": app.url, "events": events})
        broadcast_id = await here.send(people(1), retry_rules=RULES)
        await here.until(broadcast_id, lambda it: it["hold"] is not None)
        here.sim.change(failed_recipients=())
        here.clock.advance(31 * HOUR)
        await here.until(broadcast_id, lambda it: it["read_count"] == 1 or it["delivered_count"] == 1)
        await app.until(lambda: len(app.events("broadcast.sent")) == 2)
        await app.until(
            lambda: (
                {"delivered", "read"} & {each["data"]["status"] for each in app.events(events[0])} != set()
            )
        )
        told = [
            (each["data"]["status"], (each["data"]["error"] or {}).get("code"))
            for each in app.events(events[0])
        ]
        assert told[:4] == [("sent", None), ("failed", 131049), ("pending", 131049), ("sent", None)]


async def test_a_wrong_time_of_a_retry_is_corrected_and_a_kill_or_a_restart_changes_nothing(
    tmp_path: Path,
) -> None:
    first, second = phones(2)
    wrong = (f"{first}=131049", f"{second}=131053")
    async with site(tmp_path, clock=ShiftClock(), failed_recipients=wrong) as here:
        broadcast_id = await here.send(people(2))
        await here.until(broadcast_id, lambda it: it["failed_count"] == 2)
        here.sim.change(failed_recipients=())
        began = here.clock.now()
        answer = await retried(here, broadcast_id, statuses=["failed"], at=iso(began + 300 * DAY))
        assert (answer["requeued"], answer["moved"], answer["waiting"]) == (2, 0, 0)
        answer = await retried(here, broadcast_id, statuses=["failed"], at=iso(began + HOUR))
        assert (answer["requeued"], answer["moved"], answer["waiting"]) == (0, 2, 1)
        shown = await here.until(broadcast_id, lambda it: it["hold"] is not None)
        assert shown["hold"]["detail"].endswith(f"the first at {iso(began + HOUR)}")
        key, clock = here.key, here.clock
    async with site(tmp_path, clock=clock, key=key) as here:
        clock.advance(HOUR + MINUTE)
        await here.until(broadcast_id, lambda it: it["pending_count"] == 1)
        assert written_to(here) == [second]
        answer = await retried(here, broadcast_id, statuses=["pending"])
        assert (answer["moved"], answer["waiting"]) == (0, 1), "now, but Meta allows it in a day"
        assert (await here.admin("broadcast.show", id=broadcast_id))["is_retry_planned"]
        clock.advance(DAY)
        await here.until_status(broadcast_id, "sent")
        assert written_to(here) == [second, first]
        assert not (await here.admin("broadcast.show", id=broadcast_id))["is_retry_planned"]
        assert (await retried(here, broadcast_id, statuses=["pending"]))["moved"] == 0


async def test_who_answers_or_reads_the_old_message_is_not_sent_to_again(tmp_path: Path) -> None:
    """Meta's webhooks come without our token. One has read it, one has read it and answers, one quotes it and says stop."""
    async with (
        receiver() as app,
        site(tmp_path, extra=ALLOW, clock=ShiftClock(), delivered_share=0.0) as here,
    ):
        await here.api.post("/api/v1/webhooks", json={"url": app.url, "events": ["message.received"]})
        broadcast_id = await here.send(people(4))
        await here.until_status(broadcast_id, "sent")
        here.clock.advance(DAY + MINUTE)
        at = iso(here.clock.now() + HOUR)
        await retried(here, broadcast_id, not_delivered_after_hours=24, at=at)
        reads, answers, stops, last = here.sim.ledger.entries
        await status(here, reads.wamid, "read")
        await inbound_message(here, "Yes!", wa_id=answers.send.wa_id, context=answers.wamid)
        await inbound_message(here, "STOP", wa_id=stops.send.wa_id, context=stops.wamid)
        shown = await here.until(broadcast_id, lambda it: it["read_count"] == 3)
        assert (shown["pending_count"], shown["replied_count"], shown["sent_count"]) == (1, 2, 3)
        await app.until(lambda: len(app.events("message.received")) == 2)
        told = [each["data"]["broadcast_id"] for each in app.events("message.received")]
        assert told == [broadcast_id] * 2
        (optout,) = (await here.api.get("/api/v1/optouts")).json()["data"]
        assert optout["broadcast_id"] == broadcast_id
        here.clock.advance(2 * HOUR)
        await here.until_status(broadcast_id, "sent")
        assert written_to(here)[4:] == [last.send.input]
        await status(here, last.wamid, "delivered")
        shown = await here.until(broadcast_id, lambda it: it["delivered_count"] == 4)
        assert (shown["sent_count"], shown["total_recipients"]) == (4, 4)


async def test_what_meta_says_of_the_message_before_while_its_retry_waits_holds_for_the_retry_too(
    tmp_path: Path,
) -> None:
    """Not delivered for a day, they wait an hour for the next one, when Meta says why the first one failed."""
    async with site(tmp_path, clock=ShiftClock(), delivered_share=0.0) as here:
        broadcast_id = await here.send(people(4))
        await here.until_status(broadcast_id, "sent")
        here.clock.advance(DAY + MINUTE)
        at = iso(here.clock.now() + HOUR)
        assert (await retried(here, broadcast_id, not_delivered_after_hours=24, at=at))["requeued"] == 4
        limited, stopped, again, _ = here.sim.ledger.entries
        for entry, code in ((limited, 131049), (stopped, 131050), (again, 131026)):
            now = str(here.clock.now() // 1000)
            await status(here, entry.wamid, "failed", timestamp=now, errors=[{"code": code, "title": "-"}])
        (optout,) = (await here.api.get("/api/v1/optouts")).json()["data"]
        assert optout["phone"] == stopped.send.input
        here.clock.advance(2 * HOUR)
        shown = await here.until(broadcast_id, lambda it: it["sent_count"] == 2)
        assert (shown["pending_count"], shown["hold"]["reason"]) == (1, "waiting_for_retry")
        moved = await retried(here, broadcast_id, statuses=["pending"])
        assert (moved["moved"], moved["waiting"]) == (0, 1), "Meta allows it no earlier"
        here.clock.advance(DAY)
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["cancelled_count"]) == (3, 1)
        assert written_to(here)[-1] == limited.send.input
        assert stopped.send.input not in written_to(here)[4:]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("rules", {"retry_rules": [{"codes": []}]}, "retry_rules[0].codes: expected at least 1"),
    ("rules", {"retry_rules": [{"codes": [130472]}]}, "another attempt after 130472 fails as well"),
    (
        "rules",
        {"retry_rules": [{"codes": [131, 49]}]},
        "retry_rules[0].codes[0]: 131 is none of Meta's codes",
    ),
    ("rules", {"retry_rules": [{"codes": [131050]}]}, "the person has opted out"),
    ("rules", {"retry_rules": [{"codes": [0]}]}, "codes[0]: 0 stands for reasons of wacrmd's own"),
    ("rules", {"retry_rules": [{"codes": [131049], "times": 11}]}, "retry_rules[0].times"),
    ("rules", {"retry_rules": [{"codes": [131049], "after_hours": 0}]}, "retry_rules[0].after_hours"),
    (
        "rules",
        {"retry_rules": [{"codes": [1]}, {"codes": [2, 1]}]},
        "expected each code in one rule, found 1",
    ),
    ("rules", {"retry_rules": [{"code": [131049]}]}, "did you mean 'codes'"),
    ("retry", {"codes": [130472]}, "codes[0]: another attempt after 130472 fails as well"),
    ("retry", {"codes": ["131049"]}, "codes[0]: expected a number"),
    ("retry", {"codes": [131049], "statuses": ["uncertain"]}, "expected `failed` or `pending` in statuses"),
    ("retry", {"statuses": ["sent"]}, "not_delivered_after_hours"),
    ("retry", {"not_delivered_after_hours": 0}, "not_delivered_after_hours: expected"),
    ("retry", {"statuses": ["failed"], "not_delivered_after_hours": 24}, "expected `sent` in statuses"),
    ("retry", {"statuses": ["failed"], "at": "2999-01-01T00:00:00Z"}, "at: expected a time within a year"),
    ("retry", {"statuses": ["failed"], "at": "2020-01-01T00:00:00Z"}, "is in the past"),
    ("retry", {"at": "2999-01-01T00:00:00Z"}, "expected statuses, codes or not_delivered_after_hours"),
]


async def test_what_makes_no_sense_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        made = await here.send(people(1))
        for kind, body, said in WRONG:
            if kind == "rules":
                answer = await here.post(people(1), **body)
            else:
                answer = await here.api.post(f"/api/v1/broadcasts/{made}/retry", json=body)
            assert answer.status_code == 400, (body, answer.text)
            assert said in answer.json()["error"]["message"], (body, answer.text)
