"""`wacrmd repair`: makes a whole database of a damaged one while no daemon runs."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wacrmd.cli.frame import Session, json_option
from wacrmd.cli.output import emit, hint, say
from wacrmd.errors import counted, sized
from wacrmd.fields import JsonObject

if TYPE_CHECKING:
    from wacrmd.store.salvage import Lost

LARGE_BYTES = 256 << 20

MEANING = {
    "newest writes": "If you can, put that file back. Without it, nobody knows who was sent to last, and people would get"
    " the message again: resume only broadcasts of which nothing was sent on that day.",
    "account": "Accounts without their name are called `lost ...`: wacrmd account rename, account set.",
    "number": "Broadcasts of these numbers cannot go on. Add the numbers again: wacrmd number add.",
    "app_secret": "Webhooks of these numbers are refused: wacrmd number set ID --app-secret-file FILE.",
    "api_key": "Apps with these keys are refused: wacrmd key create.",
    "webhook_endpoint": "Apps get no events there, and those that waited are gone: wacrmd webhook add.",
    "person_address": "The opt-out of a person may not be known by another address of theirs.",
    "optout": "People who have opted out may be written to again: import your own list (wacrmd optout import).",
    "broadcast": "Of these only the recipients are known, under the name `lost`. Who was waiting gets no message.",
    "recipient": "Who was waiting among these gets no message. Compare the broadcasts with your own lists.",
    "idempotency": "An app that repeats a call of before makes a second broadcast: look before it does so.",
    "setting": "Whether the database was drained or handed over is not known, so it is drained for good. If no copy of it"
    " sends: wacrmd undrain.",
}
"""What the loss of rows of a table means, and what to do."""


@click.command()
@click.option("--accept-loss", is_flag=True, help="Go on without rows that cannot be read.")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.pass_obj
def repair(session: Session, config: Path | None, accept_loss: bool) -> None:
    """Repair a damaged database while no daemon runs.

    A new file is made of all rows that can be read, and checked. It takes the place of the damaged one, which is kept
    beside it. Where only indexes are broken, nothing is lost. If rows are lost, nothing is changed and the loss is told:
    then restore a backup, or accept it. Unfinished broadcasts are paused in that case. An undamaged database stays as it
    is. If root repairs, the files are made by the owner of the directory, and belong to it.

    For example: wacrmd repair
    """
    from wacrmd.clock import SystemClock  # noqa: PLC0415 - the help must not load the store
    from wacrmd.config import load  # noqa: PLC0415
    from wacrmd.safe_paths import become_owner_of  # noqa: PLC0415
    from wacrmd.store.repair import RowsLostError  # noqa: PLC0415
    from wacrmd.store.repair import repair as repair_file  # noqa: PLC0415

    settings = load(config or session.config)
    path = settings.storage.path
    become_owner_of(path.parent)
    with suppress(OSError):
        if (count := path.stat().st_size) > LARGE_BYTES:
            hint(f"{path} has {sized(count)}: this takes some minutes.")
    try:
        done = repair_file(path, accept_loss=accept_loss, now=SystemClock().wall())
    except RowsLostError as error:
        backup = (
            _newest_backup(path.parent / settings.backup.directory) if settings.backup.directory else None
        )
        raise click.ClickException(_refusal(error, backup)) from None
    result = {
        "database": str(path),
        "changed": done.kept is not None,
        "kept": str(done.kept) if done.kept else None,
        "problems": done.problems,
        "broken": done.broken,
        "lost": done.lost.rows,
        "removed": done.consequences.removed,
        "paused": done.consequences.paused,
        "uncertain": done.consequences.uncertain,
        "drained": done.consequences.is_drained,
    }
    emit(session, result, _render)
    if done.kept is not None:
        _hint_meaning(done.lost)
        if done.consequences.paused:
            hint(
                f"Paused: {counted(done.consequences.paused, 'unfinished broadcast')}, see"
                " wacrmd broadcast list --status paused. Look at each before you resume it."
            )
        hint(
            f"The damaged file is kept as {done.kept}. It has people's data: delete it when you need it no more."
        )


def _render(result: JsonObject) -> None:
    path = result["database"]
    if not result["changed"]:
        say(f"{path} is undamaged: nothing was changed.")
    elif not result["problems"]:
        say(f"The repair of {path} that was interrupted is complete: start the daemon.")
    elif not result["lost"]:
        say(f"{path} is repaired ({result['broken']}), and nothing is lost: start the daemon.")
    else:
        say(f"{path} has all that could be read: start the daemon. Lost: {_listed(result['lost'])}.")
        if result["removed"]:
            say(f"Removed, because they belonged to lost rows: {_listed(result['removed'])}.")
        if result["uncertain"]:
            say(f"Uncertain are {counted(result['uncertain'], 'recipient')} who may have been sent to.")


def _refusal(error: Exception, backup: Path | None) -> str:
    lost: Lost = error.lost  # type: ignore[attr-defined]
    _hint_meaning(lost)
    newest = f"the newest backup ({backup})" if backup else "a backup"
    return (
        f"{error}: {_listed(lost.rows)}. Nothing was changed. Restore {newest} with wacrmd restore, which lacks what came"
        " after it, or go on without these rows: wacrmd repair --accept-loss"
    )


def _hint_meaning(lost: "Lost") -> None:
    for table in lost.rows:
        if table in MEANING:
            hint(f"{table}: {MEANING[table]}")


def _listed(rows: dict[str, int | None]) -> str:
    return ", ".join(
        f"{table} {'an unknown number' if count is None else count}" for table, count in rows.items()
    )


def _newest_backup(directory: Path) -> Path | None:
    from wacrmd.services.maintenance.backups import FILE_NAME  # noqa: PLC0415

    with suppress(OSError):
        found = (file for file in directory.iterdir() if FILE_NAME.fullmatch(file.name))
        return max(found, key=lambda file: file.name, default=None)
    return None


repair.params.append(json_option())
