"""`wacrmd key-file rotate`: encrypts all stored secrets with a new key while no daemon runs."""

from pathlib import Path

import click

from wacrmd.cli.frame import HintingGroup, Session, json_option
from wacrmd.cli.output import emit, hint, say
from wacrmd.errors import counted
from wacrmd.fields import JsonObject


@click.group("key-file", cls=HintingGroup)
def key_file() -> None:
    """The key that encrypts access tokens and secrets in the database."""


@key_file.command()
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.option(
    "--key-file",
    "path",
    type=click.Path(path_type=Path),
    help="The key file, if it is neither the configured one nor /etc/credstore/wacrmd.key.",
)
@click.pass_obj
def rotate(session: Session, config: Path | None, path: Path | None) -> None:
    """Encrypt all tokens and secrets with a new key.

    Stop the daemon first. The new key becomes the first line of the key file. The old ones stay below it, for backups that
    were made before. A rotation that was interrupted has done no harm: run it again.

    For example: wacrmd key-file rotate
    """
    from wacrmd.clock import SystemClock  # noqa: PLC0415 - the help must not load the daemon
    from wacrmd.config import key_file_offline, load  # noqa: PLC0415
    from wacrmd.services.maintenance import database_key  # noqa: PLC0415

    settings = load(config or session.config)
    database, keys = settings.storage.path, path or key_file_offline(settings)
    done = database_key.rotate(database, keys, SystemClock())
    result = {
        "database": str(database),
        "key_file": str(keys),
        "secrets": done.secrets,
        "fingerprint": done.fingerprint,
        "before": done.before,
    }
    emit(session, result, _said)
    hint(f"Copy {keys} to where you keep your copy of it.")
    if done.before:
        hint(f"Backups made before need the key {done.before}, which is still in it below the new one.")


def _said(done: JsonObject) -> None:
    say(
        f"Encrypted {counted(done['secrets'], 'secret')} in {done['database']} with the new key {done['fingerprint']} in"
        f" {done['key_file']}: start the daemon."
    )


rotate.params.append(json_option())
