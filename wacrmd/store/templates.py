"""Templates as last synced from Meta and kept up to date by its webhooks."""

import json
from dataclasses import dataclass
from typing import Any

from wacrmd.clock import Millis
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class Template:
    """One language of a template of a business account; `components` as Meta gives them."""

    waba_id: str
    meta_id: str
    name: str
    language: str
    status: str
    category: str | None
    parameter_format: str
    components: list[dict[str, Any]]
    quality: str | None
    reason: str | None
    synced_at: Millis


_COLUMNS = "waba_id, meta_id, name, language, status, category, parameter_format, components, quality, reason, synced_at"


def _template(row: Any) -> Template:
    values: list[Any] = [*row[:7], json.loads(row[7]), *row[8:]]
    return Template(*values)


def replace_all(tx: Tx, waba_id: str, templates: list[Template], now: Millis) -> None:
    """Make the business account's templates exactly these."""
    tx.execute("DELETE FROM template WHERE waba_id = ?", (waba_id,))
    tx.executemany(
        f"INSERT INTO template ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                waba_id,
                template.meta_id,
                template.name,
                template.language,
                template.status,
                template.category,
                template.parameter_format,
                json.dumps(template.components, ensure_ascii=False),
                template.quality,
                template.reason,
                now,
            )
            for template in templates
        ],
    )
    tx.execute(
        "INSERT INTO template_sync (waba_id, synced_at) VALUES (?, ?)"
        " ON CONFLICT (waba_id) DO UPDATE SET synced_at = excluded.synced_at",
        (waba_id, now),
    )


def synced_at(tx: Tx, waba_id: str) -> Millis | None:
    """When the business account was last synced; None when it never was."""
    row = tx.execute("SELECT synced_at FROM template_sync WHERE waba_id = ?", (waba_id,)).fetchone()
    return row[0] if row else None


def get(tx: Tx, waba_id: str, name: str, language: str) -> Template | None:
    """One template in one language."""
    row = tx.execute(
        f"SELECT {_COLUMNS} FROM template WHERE waba_id = ? AND name = ? AND language = ?",
        (waba_id, name, language),
    ).fetchone()
    return _template(row) if row else None


def languages(tx: Tx, waba_id: str, name: str) -> list[str]:
    """The languages in which a template exists."""
    rows = tx.execute(
        "SELECT language FROM template WHERE waba_id = ? AND name = ? ORDER BY language", (waba_id, name)
    )
    return [language for (language,) in rows]


def all_of(tx: Tx, waba_ids: list[str]) -> list[Template]:
    """The templates of these business accounts by name and language."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM template WHERE waba_id IN (SELECT value FROM json_each(?)) ORDER BY name, language",
        (json.dumps(waba_ids),),
    )
    return [_template(row) for row in rows]


def update(tx: Tx, waba_id: str, name: str, language: str, **columns: str | None) -> bool:
    """Set status, category, quality or reason of a synced template; False when it is not known."""
    names = ", ".join(f"{column} = ?" for column in columns)
    cursor = tx.execute(
        f"UPDATE template SET {names} WHERE waba_id = ? AND name = ? AND replace(language, '-', '_') = ?",
        (*columns.values(), waba_id, name, language.replace("-", "_")),
    )
    return cursor.rowcount > 0
