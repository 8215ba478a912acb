"""Recipients who are sent to again: because a person asks for it, or by the rules of their broadcast."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from wacrmd.clock import Millis
from wacrmd.domain.recipient import NO_CODE, RecipientStatus
from wacrmd.domain.recipient_transitions import RecipientEvent
from wacrmd.domain.retry import NO_LIMITS, RetryLimits, RetryRequest, RetryRule, RetryRules, again_at
from wacrmd.store import broadcasts, media_uploads, other_messages, planned_retries, status_events
from wacrmd.store.database import Tx
from wacrmd.store.recipients import IS_ERASED
from wacrmd.store.rows import read_records
from wacrmd.store.state_sql import GIVEN_UP, after, allows

_E = RecipientEvent
_FORGET_MESSAGE = (
    "retries = 0, first_attempt_at = NULL, failed_at = NULL, wamid = NULL, wa_id = NULL, sent_at = NULL,"
    " pricing_id = NULL, pricing_order = NULL, conversation_id = NULL, conversation_origin = NULL,"
    " conversation_expires_at = NULL"
)
"""What is known of the message before is not true of the next one."""


def _chosen(row: str) -> str:
    """The condition that a person asked to send to this row of `recipient` again."""
    return (
        f"{row}.status IN (SELECT value FROM json_each(:statuses)) AND CASE {row}.status"
        f" WHEN 'failed' THEN (:codes IS NULL OR coalesce({row}.error_code, {NO_CODE}) IN"
        f" (SELECT value FROM json_each(:codes))) AND coalesce({row}.error_code, {NO_CODE}) NOT IN"
        " (SELECT value FROM json_each(:never))"
        f" WHEN 'sent' THEN {row}.held IS NULL AND {row}.sent_at <= :sent_before ELSE 1 END"
    )


_WANTED = f"""
    SELECT id FROM recipient
    WHERE broadcast_id = :broadcast AND ({allows(_E.REQUEUED)} OR {allows(_E.NOT_DELIVERED_REQUEUED)})
        AND {_chosen("recipient")} AND NOT {IS_ERASED}
        AND NOT EXISTS (SELECT 1 FROM recipient o WHERE o.person_id = recipient.person_id
            AND o.broadcast_id = recipient.broadcast_id AND iif({_chosen("o")},
            o.id < recipient.id, o.id != recipient.id AND o.status NOT IN ('failed', 'cancelled')))"""
_REQUEUE = f"""
    UPDATE recipient SET status = {after(_E.REQUEUED)},
        failed_attempt = iif(status IN ('failed', 'sent') AND NOT {GIVEN_UP}, attempt, failed_attempt),
        next_attempt_at = max(:at, {planned_retries.allowed_at("recipient")}),
        error_code = NULL, error_title = NULL, error_details = NULL, {_FORGET_MESSAGE}
    WHERE id IN (SELECT value FROM json_each(:ids))
    RETURNING id, next_attempt_at"""


@dataclass(frozen=True, slots=True)
class Requeued:
    """Who is sent to again."""

    ids: list[int]
    moved: int = 0
    """How many others waited for such a retry already, and wait for another time now."""
    waiting: int = 0
    """How many of all these wait longer than was asked, because Meta allows no earlier attempt."""
    waiting_until: Millis | None = None
    """Until when the last of these waits."""
    left_out: int = 0
    """Failed with a code of which Meta says that another attempt fails as well."""


def requeue(
    tx: Tx, broadcast_id: int, wanted: RetryRequest, now: Millis, limits: RetryLimits = NO_LIMITS
) -> Requeued:
    """Make recipients that failed, are uncertain or were not delivered pending again.

    Not those who were erased, nor those who turned out to be the same person as another recipient who has the message or
    gets it.
    An attempt that Meta reported as failed, or has not delivered, becomes `failed_attempt`: its later `sent` or `failed`
    changes nothing. One whose failure was only assumed does not: if Meta has the message, its status ends the retry.

    With a time, those who wait for such a retry already wait for that time.
    """
    not_delivered = wanted.not_delivered_after
    at = max(now, wanted.at or 0)
    never = sorted(limits.never)
    found = tx.execute(
        _WANTED,
        {
            "broadcast": broadcast_id,
            "statuses": json.dumps(sorted(wanted.statuses)),
            "codes": None if wanted.codes is None else json.dumps(sorted(wanted.codes)),
            "never": json.dumps(never),
            "sent_before": None if not_delivered is None else now - not_delivered,
        },
    ).fetchall()
    ids = sorted(recipient_id for (recipient_id,) in found)
    planned = planned_retries.move(tx, broadcast_id, wanted, at) if wanted.moves else []
    other_messages.keep(tx, ids)
    planned_retries.add(tx, ids, limits.waits, now)
    rows = tx.execute(_REQUEUE, {"ids": json.dumps(ids), "at": at}).fetchall()
    late = [next_at for _, next_at, *_ in (*rows, *planned) if next_at > at]
    left_out = _failed_with(tx, broadcast_id, never) if RecipientStatus.FAILED in wanted.statuses else 0
    return Requeued(ids, sum(each.is_moved for each in planned), len(late), max(late, default=None), left_out)


def _failed_with(tx: Tx, broadcast_id: int, codes: list[int]) -> int:
    (count,) = tx.execute(
        "SELECT count(*) FROM recipient INDEXED BY recipient_failed WHERE broadcast_id = ? AND status = 'failed'"
        " AND error_code IN (SELECT value FROM json_each(?))",
        (broadcast_id, json.dumps(codes)),
    ).fetchone()
    return int(count)


class _Failed(NamedTuple):
    """A failed recipient whose broadcast has rules."""

    id: int
    broadcast_id: int
    person_id: int
    code: int
    failed_at: Millis
    used: int
    rules: str


def apply_rules(tx: Tx, recipient_ids: Iterable[int], limits: RetryLimits, now: Millis) -> list[int]:
    """Let those of these recipients that have failed be sent to again, as their broadcasts' rules say; their ids.

    A broadcast that was `sent` is sending again. Nobody who has opted out, or was erased, and nothing that was cancelled.
    """
    rows = tx.execute(
        "SELECT r.id, r.broadcast_id, r.person_id, r.error_code, r.failed_at, r.rule_retries, b.retry_rules FROM recipient r"
        " JOIN broadcast b ON b.id = r.broadcast_id JOIN number n ON n.id = b.number_id"
        " WHERE r.id IN (SELECT value FROM json_each(?)) AND r.status = 'failed' AND r.error_code IS NOT NULL"
        " AND b.retry_rules IS NOT NULL AND b.status IN ('sending', 'paused', 'sent') AND n.removed_at IS NULL"
        " AND r.person_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM optout o WHERE o.person_id = r.person_id AND o.lifted_at IS NULL)"
        " AND NOT EXISTS (SELECT 1 FROM recipient o WHERE o.person_id = r.person_id"
        " AND o.broadcast_id = r.broadcast_id AND o.id != r.id AND o.status NOT IN ('failed', 'cancelled'))",
        (json.dumps(list(recipient_ids)),),
    ).fetchall()
    # two recipients who turned out to be one person: one of them
    found = {(each.broadcast_id, each.person_id): each for each in (_Failed(*row) for row in reversed(rows))}
    times = [(_next_at(each, limits, now), each) for each in found.values()]
    again = [(at, each) for at, each in times if at is not None]
    other_messages.keep(tx, [each.id for _, each in again])
    planned_retries.add(tx, [each.id for _, each in again], limits.waits, now)
    tx.executemany(
        f"UPDATE recipient SET status = {after(_E.RETRIED_BY_RULE)}, failed_attempt = attempt,"
        f" rule_retries = rule_retries + 1, next_attempt_at = ?, {_FORGET_MESSAGE}"
        f" WHERE id = ? AND {allows(_E.RETRIED_BY_RULE)}",
        [(at, each.id) for at, each in again],
    )
    for broadcast_id in {each.broadcast_id for _, each in again}:
        broadcasts.reopen(tx, broadcast_id, now, by_rule=True)
    for broadcast_id in {each.broadcast_id for _, each in again if each.code == media_uploads.MEDIA_ERROR}:
        media_uploads.lost(tx, broadcast_id, now)
    ids = [each.id for _, each in again]
    status_events.emit(tx, ids, now)
    return ids


def _next_at(failed: _Failed, limits: RetryLimits, now: Millis) -> Millis | None:
    failed_at = min(failed.failed_at, now)  # as above: by Meta's clock
    return again_at(_rules(failed.rules), failed.code, failed_at=failed_at, used=failed.used, limits=limits)


@lru_cache(maxsize=256)
def _rules(text: str) -> RetryRules:
    return read_records(RetryRule, text)
