"""What each role of the dashboard may do, for docs/operations.md."""

from wacrmd.domain.actor import Level
from wacrmd.domain.user import Role, may
from wacrmd.operations.operation import Operation
from wacrmd.operations.table import OPERATIONS

LIMITED = "\N{DAGGER}"
"""Marks what a user may not do who is limited to accounts."""


def parts() -> dict[str, str]:
    """The table."""
    rows = ["| role | may also |", "|---|---|"]
    seen: set[str] = set()
    for role in Role:
        new = [each for each in OPERATIONS if _may(role, each) and each.name not in seen]
        seen.update(each.name for each in new)
        rows.append(f"| `{role}` | {', '.join(map(_name, new))} |")
    return {"roles": "\n".join(rows)}


def _may(role: Role, operation: Operation) -> bool:
    level: Level | None = operation.admin.level if operation.admin is not None else None
    return level is not None and may(role, operation.name, level)


def _name(operation: Operation) -> str:
    return f"`{operation.name}`" + ("" if operation.is_per_account else LIMITED)
