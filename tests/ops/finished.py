"""A file as it is after months: finished broadcasts and all that grows, stored without sending anything."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from wacrmd.clock import DAY, SECOND, Millis
from wacrmd.store import people


def store_finished(path: Path, now: Millis, *, broadcasts: int, size: int) -> None:
    """Add finished broadcasts from before `now`, and as many rows to other tables.

    The file has one account, one number and one webhook endpoint.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        (account,) = connection.execute("SELECT id FROM account").fetchone()
        (number,) = connection.execute("SELECT id FROM number").fetchone()
        (endpoint,) = connection.execute("SELECT id FROM webhook_endpoint").fetchone()
        (first,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM broadcast").fetchone()
        total = broadcasts * size
        at = [now - DAY - SECOND * place for place in range(total)]
        phone = [f"+1510{2_000_000 + first * size + place}" for place in range(total)]
        name = [uuid4().hex for _ in range(total)]
        connection.executemany(
            "INSERT INTO broadcast (id, uuid, account_id, number_id, name, template_name, template_language, status,"
            " created_at, updated_at, started_at, completed_at) VALUES (?1, ?2, ?3, ?4, 'Spring', 'hello', 'en_US',"
            " 'sent', ?5, ?5, ?5, ?5)",
            [(first + one, str(uuid4()), account, number, at[one]) for one in range(broadcasts)],
        )
        holders = people.ensure(connection, account, [*phone, *(f"US.{each}" for each in name)], now)
        connection.executemany(
            'INSERT INTO recipient (broadcast_id, "to", status, attempt, wamid, wa_id, user_id, sent_at, delivered_at,'
            " person_id) VALUES (?1, ?2, 'delivered', 1, ?4, ?5, ?6, ?3, ?3, ?7)",
            [
                (
                    first + one // size,
                    phone[one],
                    at[one],
                    f"wamid.{name[one]}",
                    phone[one][1:],
                    f"US.{10**15 + one}",
                    holders[phone[one]],
                )
                for one in range(total)
            ],
        )
        connection.executemany(
            "INSERT OR IGNORE INTO conversation (portfolio, person_id, at, recipient_id) VALUES (?, ?, ?, ?)",
            [(account, holders[phone[one]], at[one] + DAY, one) for one in range(total)],
        )
        connection.execute(
            "INSERT INTO recipient_history (recipient_id, at, event, attempt) SELECT id, sent_at, 'delivered', 1"
            " FROM recipient WHERE broadcast_id >= ?",
            (first,),
        )
        connection.executemany(
            "INSERT INTO unmatched_status (number_id, wamid, status, at, received_at) VALUES (?1, ?2, 'sent', ?3, ?3)",
            [(number, f"wamid.other.{name[one]}", at[one]) for one in range(total)],
        )
        connection.executemany(
            "INSERT INTO inbound_message (id, number_id, wa_id, at, received_at, person_id)"
            " VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            [
                (f"wamid.in.{name[one]}", number, phone[one][1:], at[one], holders[phone[one]])
                for one in range(0, total, 2)
            ],
        )
        connection.executemany(
            "INSERT INTO optout (account_id, user_id, source, at, said_at, person_id)"
            " VALUES (?1, ?2, 'keyword', ?3, ?3, ?4)",
            [(account, user_id := f"US.{name[one]}", at[one], holders[user_id]) for one in range(total)],
        )
        connection.executemany(
            "INSERT INTO webhook_delivery (uuid, endpoint_id, event, event_id, body, status, next_attempt_at, created_at,"
            " queued_at) VALUES (?1, ?2, 'message.received', ?1, ?3, 'delivered', ?4, ?4, ?4)",
            [(name[one], endpoint, json.dumps({"from": phone[one]}), at[one]) for one in range(total)],
        )
        connection.executemany(
            "INSERT INTO media (id, uuid, account_id, file_name, mime_type, bytes, sha256, made_by, created_at, used_at,"
            " edition, editions) VALUES (?1, ?2, ?3, 'a.png', 'image/png', 9, ?4, 'ann', ?5, ?5, 1, 1)",
            [
                (first * size + one, str(uuid4()), account, name[one].encode(), at[one])
                for one in range(total)
            ],
        )
        ids = [(first * size + one,) for one in range(total)]
        connection.executemany(
            "INSERT INTO media_piece (media_id, edition, number, content) VALUES (?, 1, 0, x'00')", ids
        )
        connection.executemany(
            "INSERT INTO media_upload (media_id, number_id, meta_id, expires_at) VALUES (?, ?, '7', 1)",
            [(media_id, number) for (media_id,) in ids],
        )
        connection.executemany(
            "INSERT INTO broadcast_media (broadcast_id, media_id) VALUES (?, ?)",
            [(first + one // size, first * size + one) for one in range(total)],
        )
        connection.executemany(
            "INSERT INTO account_event (field, detail, received_at) VALUES ('account_update', '{}', ?)",
            [(when,) for when in at],
        )
        connection.executemany(
            "INSERT INTO audit (at, via, uid, method, params, result) VALUES (?, 'command', 0, 'reload', '{}', 'ok')",
            [(when,) for when in reversed(at)],
        )
    connection.close()
