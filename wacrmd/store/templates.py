"""Templates as last synced from Meta and updated by its webhooks since."""

import json
from dataclasses import dataclass, replace

from wacrmd.clock import DAY, Millis
from wacrmd.domain.page import MAX_ID
from wacrmd.domain.template import AUTO_GENERATED, SyncedTemplate, Template
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper

_ROW = RowMapper(Template)


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync changed: the templates that are new or differ from before, and how many are gone."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    changed: tuple[Template, ...] = ()
    """Those that were added or updated."""


def replace_all(
    tx: Tx, waba_id: str, templates: list[Template], now: Millis, *, requested_at: Millis
) -> SyncResult:
    """Replace the templates of a business account by those that Meta listed after `requested_at`.

    What a webhook has changed since then is newer and is kept. A category that was announced is forgotten once the template
    has it, or a day after its time. An empty list does not count as a sync, because
    Meta also returns it for an account without templates of its own: then Meta alone decides about sends.
    """
    rows = tx.execute(
        f"SELECT {_ROW.columns}, id, webhook_updated_at FROM template WHERE waba_id = ?", (waba_id,)
    ).fetchall()
    stored = [(_ROW.record(row[:-2]), row[-2], row[-1]) for row in rows]
    before = {(each.name, each.language): (each, row_id, at) for each, row_id, at in stored}
    added = updated = 0
    changed: list[Template] = []
    for listed in templates:
        key = (listed.name, listed.language)
        if key not in before:
            added += 1
            changed.append(listed)
            tx.execute(
                "INSERT INTO template (meta_id, status, category, parameter_format, components, quality, reason,"
                " time_to_live_s, synced_at, waba_id, name, language) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*_content(listed), now, waba_id, *key),
            )
            continue
        known, row_id, webhook_updated_at = before.pop(key)
        newest = listed
        if webhook_updated_at >= requested_at:
            newest = replace(
                listed,
                status=known.status,
                category=known.category,
                quality=known.quality,
                reason=known.reason,
            )
        if _content(newest) != _content(known):
            updated += 1
            changed.append(newest)
        tx.execute(
            "UPDATE template SET meta_id = ?, status = ?, category = ?, parameter_format = ?, components = ?,"
            " quality = ?, reason = ?, time_to_live_s = ?, synced_at = ? WHERE id = ?",
            (*_content(newest), now, row_id),
        )
        tx.execute(
            "UPDATE template SET next_category = NULL, next_category_at = NULL"
            " WHERE id = ? AND (next_category = category OR next_category_at < ?)",
            (row_id, now - DAY),
        )
    tx.executemany("DELETE FROM template WHERE id = ?", [(row_id,) for _, row_id, _ in before.values()])
    tx.execute(
        "INSERT INTO template_sync (waba_id, synced_at, tried_at) VALUES (?1, ?2, ?3) ON CONFLICT (waba_id)"
        " DO UPDATE SET synced_at = ?2, tried_at = ?3, error = NULL, is_stale = 0",
        (waba_id, now if templates else None, now),
    )
    return SyncResult(added, updated, len(before), tuple(changed))


def _content(template: Template) -> tuple[object, ...]:
    """The columns that a sync writes, besides the time."""
    return (
        template.meta_id,
        template.status,
        template.category,
        template.parameter_format,
        json.dumps(template.components, ensure_ascii=False),
        template.quality,
        template.reason,
        template.time_to_live_s,
    )


def record_failure(tx: Tx, waba_id: str, error: str, now: Millis) -> None:
    """Record that a sync failed; the templates stay as they are."""
    tx.execute(
        "INSERT INTO template_sync (waba_id, tried_at, error) VALUES (?1, ?2, ?3) ON CONFLICT (waba_id)"
        " DO UPDATE SET tried_at = ?2, error = ?3",
        (waba_id, now, error),
    )


def mark_stale(tx: Tx, waba_id: str) -> None:
    """Sync soon, if a sync was ever made: a webhook was about an unknown template or about new contents."""
    tx.execute("UPDATE template_sync SET is_stale = 1 WHERE waba_id = ?", (waba_id,))


def due(tx: Tx, *, now: Millis, every: Millis, stale_after: Millis) -> list[str]:
    """The business accounts with numbers whose sync was never tried, is older than `every`, or is stale."""
    rows = tx.execute(
        "SELECT DISTINCT n.waba_id FROM number n LEFT JOIN template_sync s ON s.waba_id = n.waba_id"
        " WHERE n.removed_at IS NULL AND (s.tried_at IS NULL OR s.tried_at <= ?1 - ?2 OR s.tried_at > ?1"
        " OR (s.is_stale = 1 AND s.tried_at <= ?1 - ?3)) ORDER BY n.waba_id",
        (now, every, stale_after),
    )
    return [waba_id for (waba_id,) in rows]


def get(tx: Tx, waba_id: str, name: str, language: str) -> Template | None:
    """One template in one language."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM template WHERE waba_id = ? AND name = ? AND language = ?",
        (waba_id, name, language),
    ).fetchone()
    return _ROW.record(row) if row else None


def with_meta_id(tx: Tx, waba_id: str, meta_id: str) -> Template | None:
    """The template with this id of Meta's."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM template WHERE waba_id = ? AND meta_id = ?", (waba_id, meta_id)
    ).fetchone()
    return _ROW.record(row) if row else None


def synced(tx: Tx, waba_id: str, name: str, language: str) -> SyncedTemplate | None:
    """What the last sync found for a template; None if nothing is known about the business account's templates.

    That is so before the first sync, and when no template is stored: Meta also returns an empty list for a token
    that may not read templates.
    """
    row = tx.execute(
        "SELECT synced_at FROM template_sync WHERE waba_id = ?1 AND EXISTS (SELECT 1 FROM template WHERE waba_id = ?1)",
        (waba_id,),
    ).fetchone()
    if row is None or row[0] is None:
        return None
    template = get(tx, waba_id, name, language)
    languages = [] if template else _languages(tx, waba_id, name)
    return SyncedTemplate(template, languages, row[0])


def _languages(tx: Tx, waba_id: str, name: str) -> list[str]:
    rows = tx.execute(
        "SELECT language FROM template WHERE waba_id = ? AND name = ? ORDER BY language", (waba_id, name)
    )
    return [language for (language,) in rows]


_IS_AUTO_GENERATED = f"(name GLOB '{AUTO_GENERATED}*')"


def all_of(
    tx: Tx,
    waba_ids: list[str],
    *,
    containing: str | None = None,
    status: str | None = None,
    auto_generated: bool = False,
    limit: int = -1,
    skip: int = 0,
) -> list[Template]:
    """The templates of these business accounts by name and language: those of people, or those that Meta made.

    Only those whose name has `containing` in it, in lower case as all names are; `limit` of them (-1: all) after `skip`.
    """
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM template WHERE waba_id IN (SELECT value FROM json_each(?1))"
        f" AND {_IS_AUTO_GENERATED} = ?2 AND (?3 IS NULL OR instr(lower(name), ?3)) AND (?4 IS NULL OR status = ?4)"
        " ORDER BY name, language, waba_id LIMIT ?5 OFFSET ?6",
        (json.dumps(waba_ids), int(auto_generated), containing, status, limit, skip),
    )
    return [_ROW.record(row) for row in rows]


def page(
    tx: Tx,
    waba_ids: list[str],
    *,
    name: str | None = None,
    status: str | None = None,
    auto_generated: bool = False,
    before: int | None = None,
    limit: int,
) -> list[tuple[int, Template]]:
    """Templates of these business accounts with their row ids, the newest rows first: of people, or made by Meta."""
    rows = tx.execute(
        f"SELECT {_ROW.columns}, id FROM template WHERE waba_id IN (SELECT value FROM json_each(?1))"
        " AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR status = ?3) AND id < ?4"
        f" AND {_IS_AUTO_GENERATED} = ?6 ORDER BY id DESC LIMIT ?5",
        (
            json.dumps(waba_ids),
            name,
            status,
            MAX_ID if before is None else before,
            limit,
            int(auto_generated),
        ),
    )
    return [(row[-1], _ROW.record(row[:-1])) for row in rows]


def update(tx: Tx, waba_id: str, name: str, language: str, now: Millis, **columns: str | int | None) -> bool:
    """Set columns of a template, such as its status or category, as a webhook reported; False if it is not stored."""
    names = ", ".join(f"{column} = ?" for column in columns)
    cursor = tx.execute(
        f"UPDATE template SET {names}, webhook_updated_at = ? WHERE waba_id = ? AND name = ?"
        " AND replace(language, '-', '_') = ?",
        (*columns.values(), now, waba_id, name, language.replace("-", "_")),
    )
    return cursor.rowcount > 0
