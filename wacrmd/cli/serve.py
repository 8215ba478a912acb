"""`wacrmd serve`: the daemon."""

from functools import partial
from pathlib import Path

import anyio
import click

from wacrmd.cli.frame import Session


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.pass_obj
def serve(session: Session, config: Path | None) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    For example: wacrmd serve --config /etc/wacrmd/config.toml
    """
    from wacrmd import daemon, log  # noqa: PLC0415 - the help must not load the whole daemon
    from wacrmd.config import load  # noqa: PLC0415

    reread = partial(load, config or session.config)
    settings = reread()
    log.configure(settings.log.level, settings.log.format, mask_phone_numbers=settings.log.mask_phone_numbers)
    anyio.run(daemon.serve, settings, reread, backend_options={"use_uvloop": True})
