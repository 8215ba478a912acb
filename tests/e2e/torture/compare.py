"""Compares the database with Meta's ledger, with the responses to clients and with what the API shows."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.torture.bill import Sums, compare_bill
from tests.e2e.torture.report import Posted, Report
from tests.e2e.torture.sums import Statistics, compare_sums
from wacrmd.domain.callback_token import parse_callback_token
from wacrmd.domain.recipient import STAGE, RecipientStatus
from wacrmd.simulator import Simulator
from wacrmd.simulator.ledger import Entry

IN_FLIGHT_MS = 10_000
"""A message that was claimed before an opt-out may be taken by Meta so much later."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the API shows in the end."""

    broadcasts: dict[str, dict[str, Any]]
    messages: dict[str, dict[str, Any]]
    spent: Sums
    statistics: Statistics


def compare(
    path: Path,
    sim: Simulator,
    posted: list[Posted],
    opted_out: Mapping[str, int],
    shown: Shown | None,
    report: Report,
) -> None:
    """Compare the database with the ledger, with the responses to clients, and with what the API shows, if that is known.

    `opted_out` says who has opted out, and since when the daemon has known.
    """
    db = sqlite3.connect(path)
    problems = report.problems
    integrity = db.execute("PRAGMA integrity_check").fetchall()
    if integrity != [("ok",)]:
        problems.append(f"integrity_check says {integrity[:3]}")
    if dangling := db.execute("PRAGMA foreign_key_check").fetchall():
        problems.append(f"foreign_key_check says {dangling[:3]}")
    compare_posts(db, posted, report)
    compare_recipients(db, sim, opted_out, report)
    if shown is not None:
        compare_counts(db, shown, report)
        compare_bill(shown.spent, sim.ledger.entries, shown.messages, report)
        compare_sums(db, shown.statistics, report)
    db.close()
    if refused := sim.ledger.error_codes[131048]:
        problems.append(f"{refused} messages went to more people than the limit allowed")
    summary = sim.summary()
    report.issued = summary["webhooks"]["issued"]
    report.outcomes = summary["outcomes"]
    if summary["webhooks"]["given_up"]:
        problems.append(f"{summary['webhooks']['given_up']} webhooks were never taken")


def compare_posts(db: sqlite3.Connection, posted: list[Posted], report: Report) -> None:
    """A 202 means that the broadcast is stored whole; without a response, whole or not at all. A key made at most one."""
    people_of: dict[str, list[str]] = {}
    for uuid, to in db.execute(
        'SELECT b.uuid, r."to" FROM broadcast b LEFT JOIN recipient r ON r.broadcast_id = b.id ORDER BY r.id'
    ):
        people_of.setdefault(uuid, []).append(to)
    made: dict[str, list[str]] = {}
    for uuid, to in people_of.items():
        made.setdefault(to[0], []).append(uuid)
    report.broadcasts = len(people_of)
    report.posts = sum(post.tries for post in posted)
    for post in posted:
        report.repeated += max(0, post.tries - 1)
        report.unanswered += post.tries > 0 and post.broadcast_id is None
        uuids = made.get(post.to[0], [])
        if post.broadcast_id is not None and post.broadcast_id not in uuids:
            report.lost += len(post.to)
            report.problems.append(f"broadcast {post.broadcast_id} was answered 202 and is not there")
        if len(uuids) > (1 if post.key else post.tries):
            report.problems.append(f"{post.tries} POSTs with key {post.key} made {len(uuids)} broadcasts")
        for uuid in uuids:
            if people_of[uuid] != post.to:
                report.problems.append(
                    f"broadcast {uuid} has {len(people_of[uuid])} of {len(post.to)} people"
                )


def compare_recipients(
    db: sqlite3.Connection, sim: Simulator, opted_out: Mapping[str, int], report: Report
) -> None:
    """Each recipient has at most one message that has not failed, the status of its webhooks, and none is pending."""
    taken: dict[tuple[str, int], dict[int, list[Entry]]] = {}
    for entry in sim.ledger.entries:
        token = parse_callback_token(entry.send.callback_data or "")
        if token is None:
            report.problems.append(f"a message without our token: {entry.send.callback_data}")
        else:
            taken.setdefault(token[:2], {}).setdefault(token[2], []).append(entry)
    report.taken = len(sim.ledger)
    report.ways = Counter(entry.endpoint for entry in sim.ledger.entries)
    known = set()
    for row in db.execute(
        'SELECT b.uuid, r.id, r."to", r.status, r.attempt, r.rule_retries, r.wamid, r.error_title, r.error_code,'
        " EXISTS (SELECT 1 FROM optout o WHERE o.person_id = r.person_id AND o.lifted_at IS NULL)"
        " FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
    ):
        found = Recipient(*row)
        report.recipients += 1
        report.final[found.status] += 1
        report.by_rule += found.rule_retries
        known.add((found.uuid, found.id))
        compare_recipient(found, taken.get((found.uuid, found.id), {}), report)
    if unknown := set(taken) - known:
        report.problems.append(f"messages for recipients that are not there: {sorted(unknown)[:3]}")
    report.opted_out = len(opted_out)
    for entry in sim.ledger.entries:
        said_at = opted_out.get(entry.send.input)
        if said_at is not None and entry.at_ms > said_at + IN_FLIGHT_MS:
            report.problems.append(
                f"{entry.send.input} was sent a message {entry.at_ms - said_at} ms after an opt-out"
            )
    for recipient_id, late in db.execute(
        "SELECT r.id, r.claimed_at - o.at FROM recipient r JOIN optout o ON o.person_id = r.person_id"
        " WHERE o.source = 'operator' AND r.claimed_at > o.at"
    ):
        report.problems.append(f"recipient {recipient_id} was claimed {late} ms after the opt-out")


class Recipient(NamedTuple):
    """A row, and whether the person has opted out."""

    uuid: str
    id: int
    to: str
    status: str
    attempt: int
    rule_retries: int
    wamid: str | None
    title: str | None
    code: int | None
    has_opted_out: int


def compare_recipient(row: Recipient, taken: Mapping[int, list[Entry]], report: Report) -> None:
    """A recipient with the messages to it that Meta has taken, by attempt."""
    attempts = sorted(taken)
    newest = taken[attempts[-1]][-1] if attempts else None
    who = f"recipient {row.id} of {row.uuid} ({row.status}, attempt {row.attempt})"
    report.again += max(0, len(attempts) - 1)
    for attempt in attempts:
        if len(taken[attempt]) > 1:
            report.twice += 1
            report.problems.append(f"{who} was sent {len(taken[attempt])} messages in attempt {attempt}")
        elif attempt != attempts[-1] and expected(taken[attempt][0].statuses) != RecipientStatus.FAILED:
            report.twice += 1
            posted = ", ".join(taken[attempt][0].statuses)
            report.problems.append(
                f"{who} was sent to again after attempt {attempt}, of which Meta posted: {posted}"
            )
    is_of_newest = newest is not None and attempts[-1] == row.attempt
    if row.status in ("pending", "sending"):
        report.lost += 1
        report.problems.append(f"{who} still waits")
    elif row.status == RecipientStatus.CANCELLED:
        if not row.has_opted_out or (newest and expected(newest.statuses) != RecipientStatus.FAILED):
            report.problems.append(f"{who} is cancelled: {row.title}")
    elif newest is None or not is_of_newest:
        if not (row.status in ("failed", "uncertain") and row.title):
            report.lost += row.status in STAGE
            report.problems.append(f"{who} has no message and no reason")
    elif expected(newest.statuses) != row.status:
        posted = ", ".join(newest.statuses)
        report.problems.append(f"{who}, but Meta posted: {posted}; error {row.code} {row.title}")
    elif newest.send.input != row.to or newest.wamid != row.wamid:
        report.problems.append(f"{who} has wamid {row.wamid}, the ledger {newest.wamid}")


def expected(posted: tuple[str, ...]) -> str:
    """The status after these webhooks, in any order."""
    names = {"reply": "replied", "tap": "replied"}
    statuses = [RecipientStatus(names.get(status, status)) for status in posted]
    stages = [status for status in statuses if status in STAGE]
    best = max(stages, key=STAGE.__getitem__, default=None)
    if RecipientStatus.FAILED in statuses and (best is None or best is RecipientStatus.SENT):
        return RecipientStatus.FAILED
    return best or "no status"


def compare_counts(db: sqlite3.Connection, shown: Shown, report: Report) -> None:
    """The API's counts are those of the rows, the status is `sent`, and there is no hold."""
    rows: dict[str, Counter[str]] = {}
    for uuid, kind, status, count in db.execute(
        "SELECT b.uuid, b.kind, r.status, count(*) FROM broadcast b JOIN recipient r ON r.broadcast_id = b.id"
        " GROUP BY 1, 2, 3"
    ):
        if kind == "message":
            compare_message(uuid, status, shown, report)
        else:
            rows.setdefault(uuid, Counter())[status] = count
    for uuid, counts in rows.items():
        api = shown.broadcasts.get(uuid)
        if api is None:
            report.problems.append(f"broadcast {uuid} is not listed by the API")
            continue
        ladder = ("sent", "delivered", "read", "replied")
        wanted = {
            f"{stage}_count": sum(counts[above] for above in ladder[index:])
            for index, stage in enumerate(ladder)
        }
        wanted |= {f"{status}_count": counts[status] for status in ("failed", "uncertain", "cancelled")}
        wanted |= {"total_recipients": counts.total(), "pending_count": 0}
        wrong = {name: (api[name], value) for name, value in wanted.items() if api[name] != value}
        if wrong or api["status"] != "sent" or api["hold"] is not None:
            report.problems.append(
                f"broadcast {uuid} is {api['status']}, wrong counts (shown, true): {wrong}"
            )


def compare_message(uuid: str, status: str, shown: Shown, report: Report) -> None:
    """A single message has the status of its row, and is not listed among broadcasts."""
    message = shown.messages.get(uuid)
    if (
        message is None
        or message["status"] != status
        or message["hold"] is not None
        or uuid in shown.broadcasts
    ):
        report.problems.append(f"message {uuid} is {status}, the API shows {message}")
