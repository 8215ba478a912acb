"""Completion of names and ids in the shell, with a call to the daemon. Without a daemon it offers nothing."""

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from wacrmd.cli.output import clean
from wacrmd.errors import WacrmdError
from wacrmd.fields import JsonObject

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _listed(method: str, field: str, label: str) -> Complete:
    """Completes the values of `field` in the list that `method` returns; `label` is shown next to each."""

    def complete(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        from wacrmd.cli.client import call  # noqa: PLC0415 - only a shell asks for it

        try:
            rows: list[JsonObject] = call(context.find_root().obj, method)
        except (WacrmdError, OSError):
            return []
        return [
            CompletionItem(clean(str(row[field])), help=clean(str(row[label] or "")))
            for row in rows
            if str(row[field]).startswith(typed)
        ]

    return complete


accounts = _listed("account.list", "name", "id")
numbers = _listed("number.list", "phone_number_id", "label")
broadcasts = _listed("broadcast.list", "id", "name")
drafts = _listed("draft.list", "id", "name")
media = _listed("media.list", "id", "file_name")
keys = _listed("key.list", "id", "name")
users = _listed("user.list", "name", "id")
webhooks = _listed("webhook.list", "id", "url")
