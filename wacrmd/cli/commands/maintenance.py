"""`wacrmd backup`, `check-db`, `erase` and `export-person`."""

from pathlib import Path

import click

from wacrmd.cli.client import call, socket_path
from wacrmd.cli.exit_codes import FAILED
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.input import confirm
from wacrmd.cli.options import only_account_option, yes_option
from wacrmd.cli.output import as_json, details, emit, hint, on_terminal, say
from wacrmd.errors import counted, sized
from wacrmd.fields import JsonObject


@click.command(cls=Verb)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is a plain file.")
@click.option(
    "--hand-over",
    is_flag=True,
    help="Stop sending for good: from now on only the copy may send. For a move to another machine.",
)
@click.pass_obj
def backup(session: Session, file: Path, force: bool, hand_over: bool) -> None:
    """Copy the database to FILE while the daemon runs, and check the copy.

    FILE is made with your rights, and only you can read it; in a directory of the daemon's user it is that user's. Tokens
    and secrets in it are encrypted: keep a copy of the key file elsewhere. While the copy is made, it needs the space of
    the database once more beside the database. For example: wacrmd backup before-upgrade.db
    """
    from wacrmd.admin.client import AdminClient  # noqa: PLC0415 - the help must not load it
    from wacrmd.cli.backup_file import write_backup  # noqa: PLC0415

    with AdminClient(socket_path(session)) as daemon:
        made = write_backup(daemon, file.absolute(), force=force, hand_over=hand_over)
    emit(
        session,
        made,
        lambda made: say(f"Backup {made['file']} is written and checked ({sized(made['bytes'])})."),
    )
    if hand_over:
        hint(
            "This daemon does not send any more, also after a restart. Restore the copy on the other machine, and stop"
            " this daemon and its socket: systemctl disable --now wacrmd.socket wacrmd.service"
        )


@click.command("check-db", cls=Verb)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def check_db(session: Session, file: Path | None) -> int:
    """Look for damage in the database, or in FILE.

    Without FILE, the daemon checks its own database. With FILE, such as a backup, no daemon is needed.
    For example: wacrmd check-db
    """
    if file is None:
        found = call(session, "check-db")
    else:
        # The store is slow to import, and most commands do not need it.
        from wacrmd.safe_paths import become_owner_of  # noqa: PLC0415
        from wacrmd.services.maintenance.integrity import check_file  # noqa: PLC0415
        from wacrmd.views.json import as_object  # noqa: PLC0415

        become_owner_of(file.parent)
        found = as_object(check_file(file))

    def render(result: JsonObject) -> None:
        if result["ok"]:
            say(f"{result['file']} is undamaged (schema {result['schema']}, {sized(result['bytes'])}).")
            return
        for problem in result["problems"]:
            say(problem)
        if result["advice"]:
            hint(f"{result['file']}: {result['advice']}")

    emit(session, found, render)
    return 0 if found["ok"] else FAILED


@click.command(cls=Verb)
@click.argument("phone")
@only_account_option
@click.option(
    "--forget-optout", is_flag=True, help="Erase an opt-out too; then the person can be sent to again."
)
@yes_option
@click.pass_obj
def erase(session: Session, phone: str, account: str | None, forget_optout: bool, yes: bool) -> None:
    """Erase the data of one person.

    The person's data is erased from broadcasts, history, replies, webhooks and the audit log. Broadcasts keep an
    anonymous row, so their counts do not change. A message that waits is cancelled. An opt-out is kept, unless
    --forget-optout is given. Older backups still contain the data.
    For example: wacrmd erase +14155550123
    """
    confirm(f"Erase all data of {phone}? This cannot be undone.", yes=yes)
    result = call(session, "erase", phone=phone, account=account, forget_optout=forget_optout)

    def render(done: JsonObject) -> None:
        rows = sum(done["erased"].values())
        say(f"{counted(rows, 'row')} erased." if rows else "There is no data of this person.")
        if done["optout_kept"]:
            hint(
                "An opt-out, if there is one, is kept, so that nothing is sent to the person: see --forget-optout"
            )

    emit(session, result, render)


@click.command("export-person", cls=Verb)
@click.argument("phone")
@only_account_option
@click.pass_obj
def export_person(session: Session, phone: str, account: str | None) -> None:
    """Print the data of one person as JSON.

    For example: wacrmd export-person +14155550123
    """
    found = call(session, "export-person", phone=phone, account=account)
    emit(session, found, lambda result: click.echo(as_json(result, indent=True)))
    if on_terminal():
        details((name, len(rows)) for name, rows in found.items() if isinstance(rows, list))
