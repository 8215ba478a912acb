"""Names and ids for the shell's completion, asked of the daemon; without one there are none, and no complaint."""

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from wacrmd.errors import WacrmdError

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _asked(method: str, field: str, label: str) -> Complete:
    """Completes the values of `field` in what `method` lists, each with another field beside it."""

    def complete(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        from wacrmd.cli.client import call  # noqa: PLC0415 - only a shell asks for it

        try:
            rows: list[dict[str, Any]] = call(context.find_root().obj, method)
        except (WacrmdError, OSError):
            return []
        return [
            CompletionItem(str(row[field]), help=str(row.get(label) or ""))
            for row in rows
            if str(row[field]).startswith(typed)
        ]

    return complete


accounts = _asked("account.list", "name", "id")
numbers = _asked("number.list", "phone_number_id", "label")
broadcasts = _asked("broadcast.list", "id", "name")
keys = _asked("key.list", "id", "name")
webhooks = _asked("webhook.list", "id", "url")
