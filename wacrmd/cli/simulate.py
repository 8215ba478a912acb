"""`wacrmd simulate`: the simulated Meta alone."""

import dataclasses
import json
import logging
import re
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import click

from wacrmd.cli.exit_codes import UNAVAILABLE
from wacrmd.cli.frame import FileName
from wacrmd.cli.input import read_whole
from wacrmd.cli.options import Amount, ListOption, Whole
from wacrmd.config.bind import MAX_PORT
from wacrmd.simulator import OptionError, Options, Simulator

FILES = {"access_token": "access-token-file", "app_secret": "app-secret-file", "templates": "templates-file"}
"""Options that are read from a file, and the flag that names the file."""

MAX_BYTES = 16 << 20
"""All templates of a business account, as Meta lists them."""

_KINDS: dict[type, click.ParamType[Any]] = {int: Whole(), float: Amount()}
"""Of flags, by the type of the default; others are texts."""

Command = Callable[..., None]


def _flags(command: Command) -> Command:
    """Give `command` one flag for each option of the simulated Meta."""
    for option in reversed(dataclasses.fields(Options)):
        command = _flag(option)(command)
    return command


def _flag(option: dataclasses.Field[Any]) -> Callable[[Command], Command]:
    name, default = option.name, option.default
    unit = option.metadata["unit"]
    help_text = option.metadata["meaning"] + (f" [{unit}]" if unit else "")
    dashed = name.replace("_", "-")
    if name in FILES:
        return click.option(
            f"--{FILES[name]}",
            name,
            type=FileName(),
            metavar="FILE",
            help=f"{help_text}; `-` is standard input",
        )
    if isinstance(default, bool):
        return click.option(
            f"--{dashed}/--no-{dashed}", name, default=default, show_default=True, help=help_text
        )
    if isinstance(default, tuple):
        each = Whole() if name == "failed_codes" else click.STRING
        if name == "reply_texts":  # a text may have commas
            return click.option(f"--{dashed}", name, multiple=True, help=f"{help_text} (repeatable)")
        several = f"{help_text} (with commas between them, or repeatable)"
        return click.option(f"--{dashed}", name, cls=ListOption, type=each, help=several)
    kind = _KINDS.get(type(default), click.STRING)
    return click.option(
        f"--{dashed}", name, type=kind, default=default, show_default=default is not None, help=help_text
    )


def options_from(flags: Mapping[str, Any]) -> Options:
    """The simulator's options from the flags; raises click.UsageError for a value that cannot be used."""
    if sum(flags.get(name) == "-" for name in FILES) > 1:
        raise click.UsageError("standard input can be given to one option only")
    chosen: dict[str, Any] = {}
    for name, value in flags.items():
        if name in FILES:
            if value is not None:
                text = _read(FILES[name], value)
                chosen[name] = _templates(text) if name == "templates" else _secret(FILES[name], text)
        elif value not in (None, ()):
            chosen[name] = value
    try:
        return Options(**chosen)
    except OptionError as error:
        raise click.UsageError("\n".join(error.problems)) from None


def _read(flag: str, path: str) -> str:
    try:
        return read_whole(path, max_bytes=MAX_BYTES, advice="is it the right file?").decode()
    except UnicodeDecodeError:
        raise click.UsageError(f"--{flag}: {path} is not UTF-8 text: is it the right file?") from None
    except click.ClickException as error:
        raise click.UsageError(f"--{flag}: {error.message}") from None


def _secret(flag: str, text: str) -> str:
    if not (secret := text.strip()):
        raise click.UsageError(f"--{flag}: expected a secret on the first line, found nothing")
    return secret


def _templates(text: str) -> tuple[Any, ...]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--templates-file: expected JSON: {error}") from None
    listed = found.get("data") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise click.UsageError('--templates-file: expected a list of templates, or Meta\'s {"data": […]}')
    return tuple(listed)


def split_bind(bind: str) -> tuple[str, int]:
    """(host, port) of `HOST:PORT`; raises click.UsageError."""
    host, colon, port = bind.rpartition(":")
    if not colon or not host or not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or int(port) > MAX_PORT:
        raise click.UsageError(f"--bind: expected HOST:PORT such as 127.0.0.1:8090, found {bind!r}")
    return host.strip("[]"), int(port)


@click.command()
@click.option(
    "--bind",
    default="127.0.0.1:8090",
    show_default=True,
    metavar="HOST:PORT",
    help="the address at which it listens",
)
@_flags
def simulate(bind: str, **flags: Any) -> None:
    """Run the simulated Meta alone.

    Use it to try broadcasts, webhooks and errors without sending anything to people.

    For example: wacrmd simulate --webhook-url http://127.0.0.1:8081/webhooks/meta --app-secret-file secret
    """
    host, port = split_bind(bind)
    options = options_from(flags)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    anyio.run(_run, options, host, port, backend_options={"use_uvloop": sys.platform != "win32"})


async def _run(options: Options, host: str, port: int) -> None:
    try:
        async with Simulator.running(options, host=host, port=port) as simulator:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                click.echo(start_line(simulator))
                async for _ in signals:
                    break
            click.echo(json.dumps(simulator.summary()))
    except OSError as error:
        click.echo(
            f"wacrmd: the simulated Meta cannot start on {host}:{port}: {error.strerror or error}", err=True
        )
        raise SystemExit(UNAVAILABLE) from None


def start_line(simulator: Simulator) -> str:
    """What to configure, in one line."""
    options = simulator.options
    if options.webhook_url is None:
        webhooks = "no webhooks (no --webhook-url)"
    else:
        signed = "signed" if options.app_secret else "NOT signed (no --app-secret-file)"
        webhooks = f"webhooks to {options.webhook_url}, {signed}"
    return f'simulated Meta is listening: set [meta] graph_url = "{simulator.url}"; {webhooks}'
