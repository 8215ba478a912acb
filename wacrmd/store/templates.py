"""Templates as last synced from Meta and kept up to date by its webhooks."""

import json
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.template import Template
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper

_ROW = RowMapper(Template)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a sync changed: how many templates are new, other than before, and gone."""

    added: int = 0
    updated: int = 0
    removed: int = 0


def replace_all(
    tx: Tx, waba_id: str, templates: list[Template], now: Millis, *, asked_at: Millis
) -> Difference:
    """Make the business account's templates exactly these, as Meta listed them from `asked_at` on.

    What a webhook has told since then is newer and stays. An empty list is what Meta gives an account that
    was never used, too: it counts as nothing synced, so that Meta decides about sends.
    """
    rows = tx.execute(
        f"SELECT {_ROW.columns}, id, webhook_updated_at FROM template WHERE waba_id = ?", (waba_id,)
    ).fetchall()
    before = {(row[2], row[3]): row for row in rows}
    added = updated = 0
    for template in templates:
        old = before.pop((template.name, template.language), None)
        values = (
            template.meta_id,
            template.status,
            template.category,
            template.parameter_format,
            json.dumps(template.components, ensure_ascii=False),
            template.quality,
            template.reason,
        )
        if old is None:
            added += 1
            tx.execute(
                "INSERT INTO template (meta_id, status, category, parameter_format, components, quality, reason,"
                " waba_id, name, language, synced_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, waba_id, template.name, template.language, now),
            )
            continue
        if old[-1] >= asked_at:
            values = (values[0], old[4], old[5], *values[3:5], old[8], old[9])
        updated += values != (old[1], *old[4:10])
        tx.execute(
            "UPDATE template SET meta_id = ?, status = ?, category = ?, parameter_format = ?, components = ?,"
            " quality = ?, reason = ?, synced_at = ? WHERE id = ?",
            (*values, now, old[-2]),
        )
    gone = [(row[-2],) for row in before.values()]
    tx.executemany("DELETE FROM template WHERE id = ?", gone)
    tx.execute(
        "INSERT INTO template_sync (waba_id, synced_at, tried_at) VALUES (?1, ?2, ?3) ON CONFLICT (waba_id)"
        " DO UPDATE SET synced_at = ?2, tried_at = ?3, error = NULL, is_stale = 0",
        (waba_id, now if templates else None, now),
    )
    return Difference(added, updated, len(gone))


def note_failure(tx: Tx, waba_id: str, error: str, now: Millis) -> None:
    """A sync failed: what was known stays."""
    tx.execute(
        "INSERT INTO template_sync (waba_id, tried_at, error) VALUES (?1, ?2, ?3) ON CONFLICT (waba_id)"
        " DO UPDATE SET tried_at = ?2, error = ?3",
        (waba_id, now, error),
    )


def mark_stale(tx: Tx, waba_id: str) -> None:
    """Meta told of a template that is not known here, or of new contents: sync soon, if that was ever done."""
    tx.execute("UPDATE template_sync SET is_stale = 1 WHERE waba_id = ?", (waba_id,))


def due(tx: Tx, *, now: Millis, every: Millis, stale_after: Millis) -> list[str]:
    """The business accounts in use that were never tried, are older than `every`, or are stale."""
    rows = tx.execute(
        "SELECT DISTINCT n.waba_id FROM number n LEFT JOIN template_sync s ON s.waba_id = n.waba_id"
        " WHERE n.removed_at IS NULL AND (s.tried_at IS NULL OR s.tried_at <= ?1 - ?2 OR s.tried_at > ?1"
        " OR (s.is_stale = 1 AND s.tried_at <= ?1 - ?3)) ORDER BY n.waba_id",
        (now, every, stale_after),
    )
    return [waba_id for (waba_id,) in rows]


def synced_at(tx: Tx, waba_id: str) -> Millis | None:
    """When Meta last listed templates of the business account; None when it never did."""
    row = tx.execute("SELECT synced_at FROM template_sync WHERE waba_id = ?", (waba_id,)).fetchone()
    return row[0] if row else None


def any_known(tx: Tx, waba_id: str) -> bool:
    """Whether the business account has any template at all."""
    row = tx.execute("SELECT 1 FROM template WHERE waba_id = ? LIMIT 1", (waba_id,)).fetchone()
    return row is not None


def get(tx: Tx, waba_id: str, name: str, language: str) -> Template | None:
    """One template in one language."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM template WHERE waba_id = ? AND name = ? AND language = ?",
        (waba_id, name, language),
    ).fetchone()
    return _ROW.record(row) if row else None


def languages(tx: Tx, waba_id: str, name: str) -> list[str]:
    """The languages in which a template exists."""
    rows = tx.execute(
        "SELECT language FROM template WHERE waba_id = ? AND name = ? ORDER BY language", (waba_id, name)
    )
    return [language for (language,) in rows]


def all_of(tx: Tx, waba_ids: list[str]) -> list[Template]:
    """The templates of these business accounts by name and language."""
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM template WHERE waba_id IN (SELECT value FROM json_each(?)) ORDER BY name, language",
        (json.dumps(waba_ids),),
    )
    return [_ROW.record(row) for row in rows]


def page(
    tx: Tx,
    waba_ids: list[str],
    *,
    name: str | None = None,
    status: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[tuple[int, Template]]:
    """Templates of these business accounts with their row ids, those that were learnt of last first."""
    rows = tx.execute(
        f"SELECT {_ROW.columns}, id FROM template WHERE waba_id IN (SELECT value FROM json_each(?1))"
        " AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR status = ?3) AND id < ?4 ORDER BY id DESC LIMIT ?5",
        (json.dumps(waba_ids), name, status, 2**62 if before is None else before, limit),
    )
    return [(row[-1], _ROW.record(row[:-1])) for row in rows]


def update(tx: Tx, waba_id: str, name: str, language: str, now: Millis, **columns: str | None) -> bool:
    """Set status, category, quality or reason of a synced template; False when it is not known."""
    names = ", ".join(f"{column} = ?" for column in columns)
    cursor = tx.execute(
        f"UPDATE template SET {names}, webhook_updated_at = ? WHERE waba_id = ? AND name = ?"
        " AND replace(language, '-', '_') = ?",
        (*columns.values(), now, waba_id, name, language.replace("-", "_")),
    )
    return cursor.rowcount > 0
