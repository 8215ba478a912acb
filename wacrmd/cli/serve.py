"""`wacrmd serve`: the daemon."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import click

from wacrmd import plain_text
from wacrmd.cli.exit_codes import CONFIG
from wacrmd.cli.frame import Session
from wacrmd.errors import DatabaseContentError

SWITCH_INTERVAL_S = 0.001
"""How long a thread that computes keeps the others waiting: a request passes through several threads. Python has 5 ms."""


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.pass_obj
def serve(session: Session, config: Path | None) -> int:
    """Run the daemon until SIGTERM or SIGINT.

    For example: wacrmd serve --config /etc/wacrmd/config.toml
    """
    with _quick_imports():
        from wacrmd import daemon, log, open_files  # noqa: PLC0415 - the help must not load the whole daemon
        from wacrmd.config import load  # noqa: PLC0415
        from wacrmd.safe_paths import become_owner_of  # noqa: PLC0415

    reread = partial(load, config or session.config)
    settings = reread()
    log.configure(settings.log.level, settings.log.format, mask_phone_numbers=settings.log.mask_phone_numbers)
    open_files.raise_limit()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    become_owner_of(settings.storage.path.parent)  # root's files would keep the service from its own database
    try:
        with log.in_background():
            anyio.run(daemon.serve, settings, reread, backend_options={"use_uvloop": True})
    except DatabaseContentError as error:
        click.echo(f"wacrmd: {plain_text.in_lines(str(error))}", err=True)
        return CONFIG
    return 0


@contextmanager
def _quick_imports() -> Iterator[None]:
    """Import without rich, which httpx and structlog import if they can, and without garbage collection.

    The daemon draws nothing; both together are a sixth of its time to ready. What is loaded stays for good,
    so the collector need not look at it again either.
    """
    unused = [name for name in ("rich", "pygments") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unused))  # type: ignore[arg-type]  # None: as if it were not installed
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        for name in unused:
            del sys.modules[name]
