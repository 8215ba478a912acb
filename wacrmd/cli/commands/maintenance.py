"""`wacrmd backup`, `check-db`, `erase` and `export-person`."""

from pathlib import Path
from typing import Any

import click
import orjson

from wacrmd.cli import complete
from wacrmd.cli.client import call
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.input import confirm, yes_option
from wacrmd.cli.output import details, emit, hint, on_terminal, say

_MIB = 1024 * 1024


@click.command(cls=Verb)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.pass_obj
def backup(session: Session, file: Path, force: bool) -> None:
    """Copy the database to FILE while all goes on: one file, checked, readable by the daemon's user alone.

    The daemon writes it, so FILE must be where its user may write, such as below /var/lib/wacrmd/backups.
    Tokens in it are sealed: keep a copy of the key file too, elsewhere.
    For example: wacrmd backup /var/lib/wacrmd/backups/before-upgrade.db
    """
    emit(
        session,
        call(session, "backup", file=str(file.absolute()), force=force),
        lambda made: say(f"Backup {made['file']} made and checked ({made['bytes'] / _MIB:.1f} MiB)."),
    )


@click.command("check-db", cls=Verb)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def check_db(session: Session, file: Path | None) -> int:
    """Look for damage in the running daemon's database, or in FILE (a backup, say) without a daemon.

    For example: wacrmd check-db
    """
    if file is None:
        found = call(session, "check-db")
    else:
        from wacrmd.services.maintenance.integrity import report_view  # noqa: PLC0415 - slow to import, and seldom needed
        from wacrmd.store import integrity  # noqa: PLC0415

        found = report_view(integrity.check(file))

    def render(result: dict[str, Any]) -> None:
        if result["ok"]:
            say(f"{result['file']} is sound (schema {result['schema']}, {result['bytes'] / _MIB:.1f} MiB).")
            return
        for problem in result["problems"]:
            say(problem)
        hint(
            f"{result['file']} is damaged: stop the daemon, keep the file, and restore a backup (wacrmd restore)"
        )

    emit(session, found, render)
    return 0 if found["ok"] else 1


@click.command(cls=Verb)
@click.argument("phone")
@click.option(
    "--account", metavar="NAME", shell_complete=complete.accounts, help="Only from what this account knows."
)
@click.option(
    "--forget-optout", is_flag=True, help="Erase an opt-out too: a list may then reach the person again."
)
@yes_option
@click.pass_obj
def erase(session: Session, phone: str, account: str | None, forget_optout: bool, yes: bool) -> None:
    """Erase one person, by PHONE, from broadcasts, history, replies, webhooks and the audit log.

    Broadcasts keep an anonymous row, so their counts stay true; a message that waits is cancelled. An opt-out
    is kept unless --forget-optout is given. Older backups still know the person.
    For example: wacrmd erase +14155550123
    """
    confirm("Erase all that is known of this person? This cannot be undone.", yes=yes)
    result = call(session, "erase", phone=phone, account=account, forget_optout=forget_optout)

    def render(done: dict[str, Any]) -> None:
        rows = sum(done["erased"].values())
        say(f"Erased: {rows} rows." if rows else "Nothing was known of this person.")
        if done["optout_kept"]:
            hint(
                "An opt-out, if there is one, is kept, so that no list reaches the person: see --forget-optout"
            )

    emit(session, result, render)


@click.command("export-person", cls=Verb)
@click.argument("phone")
@click.option(
    "--account", metavar="NAME", shell_complete=complete.accounts, help="Only what this account knows."
)
@click.pass_obj
def export_person(session: Session, phone: str, account: str | None) -> None:
    """Print everything that is known of one person, by PHONE, as JSON.

    For example: wacrmd export-person +14155550123
    """
    found = call(session, "export-person", phone=phone, account=account)
    emit(session, found, lambda result: click.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2)))
    if on_terminal():
        details((name, len(rows)) for name, rows in found.items() if isinstance(rows, list))
