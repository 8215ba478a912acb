"""Clicks on the links of templates, as Meta's analytics have told them. They stay when the templates go."""

import json
from collections import defaultdict
from collections.abc import Iterable

from wacrmd.clock import DAY, Millis
from wacrmd.domain.statistics import By
from wacrmd.domain.template import Template
from wacrmd.domain.template_clicks import Clicks, LinkClicks
from wacrmd.store import templates
from wacrmd.store.database import Tx
from wacrmd.store.statistics import Wanted

MAX_SENT = 1_000
"""Templates that are looked up, whether they have a link."""

_KEYS = {By.TEMPLATE: "template_name, template_language", By.DAY: "day, ''"}


def due(tx: Tx, *, now: Millis, every: Millis) -> list[str]:
    """The business accounts to be asked: those with analytics after `every`, the others after a day at the earliest."""
    rows = tx.execute(
        "SELECT DISTINCT n.waba_id FROM number n LEFT JOIN template_analytics a ON a.waba_id = n.waba_id"
        " WHERE n.removed_at IS NULL AND (a.asked_at IS NULL OR a.asked_at > ?1"
        " OR a.asked_at <= ?1 - iif(a.is_enabled, ?2, ?3)) ORDER BY n.waba_id",
        (now, every, max(every, DAY)),
    )
    return [waba_id for (waba_id,) in rows]


def asked(tx: Tx, waba_id: str, now: Millis, *, is_enabled: bool | None) -> None:
    """Note that Meta was asked whether the business account has analytics, and what it said; None: nothing."""
    tx.execute(
        "INSERT INTO template_analytics (waba_id, is_enabled, asked_at) VALUES (?1, coalesce(?3, 0), ?2)"
        " ON CONFLICT (waba_id) DO UPDATE SET asked_at = ?2, is_enabled = coalesce(?3, is_enabled)",
        (waba_id, now, is_enabled),
    )


def last_read(tx: Tx, waba_id: str) -> Millis | None:
    """When the clicks of the business account were last read; None: never."""
    row: tuple[Millis | None] | None = tx.execute(
        "SELECT read_at FROM template_analytics WHERE waba_id = ?", (waba_id,)
    ).fetchone()
    return row[0] if row else None


def were_read(tx: Tx, waba_id: str, now: Millis) -> None:
    """Note that the clicks of all days up to `now` are stored."""
    tx.execute("UPDATE template_analytics SET read_at = ? WHERE waba_id = ?", (now, waba_id))


def read_all_again(tx: Tx) -> None:
    """Rows are lost: what Meta still has of the last 90 days is read again."""
    tx.execute("UPDATE template_analytics SET read_at = NULL")


def sent_since(tx: Tx, waba_id: str, slot: int) -> list[Template]:
    """The templates of the business account that were sent since, up to 1,000, those with most messages first."""
    rows = tx.execute("SELECT DISTINCT account_id FROM number WHERE waba_id = ?", (waba_id,))
    accounts = json.dumps([account_id for (account_id,) in rows])
    sent = tx.execute(
        "SELECT template_name, template_language FROM json_each(?1) a CROSS JOIN message_stat s"
        " ON s.account_id = a.value AND s.slot >= ?2 GROUP BY 1, 2 ORDER BY sum(count) DESC, 1, 2 LIMIT ?3",
        (accounts, slot, MAX_SENT),
    ).fetchall()
    found = (templates.get(tx, waba_id, name, language) for name, language in sent)
    return [each for each in found if each is not None]


def put(tx: Tx, template: Template, found: Iterable[LinkClicks], *, is_marketing: bool) -> None:
    """Store clicks on the links of a template. A count never gets smaller: after a week Meta sets its own back to zero."""
    tx.executemany(
        "INSERT INTO template_click (waba_id, day, template_name, template_language, is_marketing, button, people, clicks)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET"
        " people = max(coalesce(people, ?7), coalesce(?7, people)),"
        " clicks = max(coalesce(clicks, ?8), coalesce(?8, clicks))"
        " WHERE ?7 > coalesce(people, -1) OR ?8 > coalesce(clicks, -1)",
        [
            (
                template.waba_id,
                each.day,
                template.name,
                template.language,
                is_marketing,
                each.button,
                each.counts.people,
                each.counts.clicks,
            )
            for each in found
        ],
    )


Sums = dict[tuple[str | int, str], dict[str, Clicks]]
"""Clicks by the text of the button, by template and language, or by day and ""."""


def sums(tx: Tx, wanted: Wanted, days: range, by: By) -> Sums:
    """The clicks of the business accounts of one account or of all on these days, by template or by day.

    The numbers that were removed count too. Of a template that several accounts send, each has the clicks of all.
    """
    found = defaultdict[tuple[str | int, str], dict[str, Clicks]](dict)
    known = tx.execute(
        "SELECT DISTINCT waba_id FROM number WHERE ?1 IS NULL OR account_id = ?1", (wanted.account_id,)
    )
    rows = tx.execute(
        f"SELECT {_KEYS[by]}, button, sum(people), sum(clicks) FROM json_each(?1) n CROSS JOIN template_click c"
        " ON c.waba_id = n.value AND c.day >= ?2 AND c.day < ?3 WHERE (?4 IS NULL OR template_name = ?4)"
        " AND (?5 IS NULL OR template_language = ?5) GROUP BY 1, 2, 3",
        (
            json.dumps([waba_id for (waba_id,) in known]),
            days.start,
            days.stop,
            wanted.template_name,
            wanted.template_language,
        ),
    )
    for one, other, button, people, clicks in rows:
        found[one, other][button] = Clicks(people, clicks)
    return dict(found)


def forget_account(tx: Tx, account_id: str) -> None:
    """Delete the clicks of the business accounts of an account, before its numbers, unless another account has them too."""
    own = tx.execute(
        "SELECT DISTINCT waba_id FROM number n WHERE account_id = ?1"
        " AND NOT EXISTS (SELECT 1 FROM number o WHERE o.waba_id = n.waba_id AND o.account_id != ?1)",
        (account_id,),
    ).fetchall()
    for table in ("template_click", "template_analytics"):
        tx.executemany(f"DELETE FROM {table} WHERE waba_id = ?", own)
