"""Compares the database with Meta's ledger, with the responses to clients and with what the API shows."""

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e.torture.report import Posted, Report
from wacrmd.domain.callback_token import parse_callback_token
from wacrmd.domain.recipient import STAGE, RecipientStatus
from wacrmd.simulator import Simulator


def compare(
    path: Path, sim: Simulator, posted: list[Posted], shown: dict[str, dict[str, Any]] | None, report: Report
) -> None:
    """Compare the database with the ledger, with the responses to clients, and with what the API shows, if that is known."""
    db = sqlite3.connect(path)
    problems = report.problems
    integrity = db.execute("PRAGMA integrity_check").fetchall()
    if integrity != [("ok",)]:
        problems.append(f"integrity_check says {integrity[:3]}")
    if dangling := db.execute("PRAGMA foreign_key_check").fetchall():
        problems.append(f"foreign_key_check says {dangling[:3]}")
    compare_posts(db, posted, report)
    compare_recipients(db, sim, report)
    if shown is not None:
        compare_counts(db, shown, report)
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


def compare_recipients(db: sqlite3.Connection, sim: Simulator, report: Report) -> None:
    """Each recipient has at most one message and the status of its webhooks, and none is pending."""
    taken: dict[tuple[str, int], list[Any]] = {}
    for entry in sim.ledger.entries:
        token = parse_callback_token(entry.send.callback_data or "")
        if token is None:
            report.problems.append(f"a message without our token: {entry.send.callback_data}")
        else:
            taken.setdefault(token[:2], []).append(entry)
    report.taken = len(sim.ledger)
    report.ways = Counter(entry.endpoint for entry in sim.ledger.entries)
    known = set()
    for uuid, recipient_id, to, status, wamid, title, code in db.execute(
        'SELECT b.uuid, r.id, r."to", r.status, r.wamid, r.error_title, r.error_code FROM recipient r'
        " JOIN broadcast b ON b.id = r.broadcast_id"
    ):
        report.recipients += 1
        report.final[status] += 1
        known.add((uuid, recipient_id))
        entries = taken.get((uuid, recipient_id), [])
        who = f"recipient {recipient_id} of {uuid} ({status})"
        if len(entries) > 1:
            report.twice += 1
            report.problems.append(f"{who} was sent {len(entries)} messages")
        if status in ("pending", "sending"):
            report.lost += 1
            report.problems.append(f"{who} still waits")
        elif not entries and not (status in ("failed", "uncertain") and title):
            report.lost += status in STAGE
            report.problems.append(f"{who} has no message and no reason")
        elif entries and expected(entries[0].statuses) != status:
            posted = ", ".join(entries[0].statuses)
            report.problems.append(f"{who}, but Meta posted: {posted}; error {code} {title}")
        elif entries and (entries[0].send.input != to or entries[0].wamid != wamid):
            report.problems.append(f"{who} has wamid {wamid}, the ledger {entries[0].wamid}")
    if unknown := set(taken) - known:
        report.problems.append(f"messages for recipients that are not there: {sorted(unknown)[:3]}")


def expected(posted: tuple[str, ...]) -> str:
    """The status after these webhooks, in any order."""
    names = {"reply": "replied", "tap": "replied"}
    statuses = [RecipientStatus(names.get(status, status)) for status in posted]
    stages = [status for status in statuses if status in STAGE]
    best = max(stages, key=STAGE.__getitem__, default=None)
    if RecipientStatus.FAILED in statuses and (best is None or best is RecipientStatus.SENT):
        return RecipientStatus.FAILED
    return best or "no status"


def compare_counts(db: sqlite3.Connection, shown: dict[str, dict[str, Any]], report: Report) -> None:
    """The API's counts are those of the rows, the status is `sent`, and there is no hold."""
    rows: dict[str, Counter[str]] = {}
    for uuid, status, count in db.execute(
        "SELECT b.uuid, r.status, count(*) FROM broadcast b JOIN recipient r ON r.broadcast_id = b.id GROUP BY 1, 2"
    ):
        rows.setdefault(uuid, Counter())[status] = count
    for uuid, counts in rows.items():
        api = shown.get(uuid)
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
