"""What a command reads beside its arguments: files, secrets from files, and a person's yes."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from wacrmd.cli.frame import FileName
from wacrmd.cli.output import clean
from wacrmd.errors import sized

MAX_SECRET_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024
STANDARD_INPUT = "-"
SPLIT = "split it"
"""What to do with a list of people that is too large."""
_STDIN_READ = "wacrmd.stdin_read"


def source_name(file: str) -> str:
    """What a file argument is called in messages."""
    return "standard input" if file == STANDARD_INPUT else file


def too_large(name: str, max_bytes: int, advice: str) -> click.ClickException:
    """What is said of a file that is too large."""
    return click.ClickException(f"{name} holds more than {sized(max_bytes)}: {advice}")


def read_whole(file: str, *, max_bytes: int, advice: str) -> bytes:
    """The bytes of a small file, or of standard input for `-`; raises ClickException as `InputFile` does."""
    try:
        with nullcontext(sys.stdin.buffer) if file == STANDARD_INPUT else Path(file).open("rb") as source:
            content = source.read(max_bytes + 1)
    except OSError as error:
        raise click.ClickException(f"cannot read {source_name(file)}: {error.strerror}") from None
    if len(content) > max_bytes:
        raise too_large(source_name(file), max_bytes, advice)
    return content


class SecretFile(FileName):
    """A secret in a file, or in standard input for `-`; on the command line everybody could see it with `ps`.

    One newline at the end is left out. A file that is empty, unreadable or has several lines is a usage error. On a
    terminal `-` asks for it, without showing what is typed; a secret that a person has `made_up` is asked for twice.
    """

    def __init__(self, *, made_up: bool = False) -> None:
        super().__init__()
        self._made_up = made_up

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The secret in the file that `value` names."""
        if ctx is not None and ctx.resilient_parsing:
            return ""
        where = "standard input" if value == "-" else str(value)
        if value == "-" and ctx is not None:
            if ctx.meta.get(_STDIN_READ):
                self.fail(
                    "standard input can be read only once; put the other secret into a file", param, ctx
                )
            ctx.meta[_STDIN_READ] = True
        try:
            if value == "-" and sys.stdin.isatty():
                asked = str(param.name).replace("_", " ").capitalize() if param is not None else "Secret"
                raw = click.prompt(
                    asked, hide_input=True, confirmation_prompt=self._made_up, err=True
                ).encode()
            elif value == "-":
                raw = sys.stdin.buffer.read(MAX_SECRET_BYTES + 1)
            else:
                with Path(value).open("rb") as file:
                    raw = file.read(MAX_SECRET_BYTES + 1)
        except OSError as error:
            self.fail(f"cannot read {where}: {error.strerror}", param, ctx)
        return self._checked(raw, where, param, ctx)

    def _checked(
        self, raw: bytes, where: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if len(raw) > MAX_SECRET_BYTES:
            self.fail(f"{where} has more than {MAX_SECRET_BYTES} bytes: is it the right file?", param, ctx)
        try:
            secret = raw.decode("utf-8")
        except UnicodeDecodeError:
            self.fail(f"{where} is not UTF-8 text: is it the right file?", param, ctx)
        secret = secret.removesuffix("\n").removesuffix("\r")
        if not secret.strip():
            self.fail(f"{where} is empty", param, ctx)
        if "\n" in secret:
            self.fail(f"{where} has more than one line: put only the secret into it", param, ctx)
        return secret


def may_ask(*, yes: bool) -> None:
    """Raise UsageError if the question cannot be asked: nobody is at a terminal, and there was no `--yes`."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(
            "This asks before it is done, and standard input is no terminal: add --yes",
            click.get_current_context(),
        )


def confirm(question: str | Callable[[], str | None], *, yes: bool) -> None:
    """Ask before something that cannot be undone; raises Abort on no, UsageError as `may_ask` does.

    A function makes the question only if somebody is asked; None means that there is nothing to ask about.
    """
    may_ask(yes=yes)
    if yes:
        return
    asked = question if isinstance(question, str) else question()
    if asked is None:
        return
    try:
        agreed = click.confirm(clean(asked), err=True)
    except click.Abort:  # Ctrl-C or the end of the input, which leaves the cursor behind the question
        click.echo(err=True)
        raise
    if not agreed:
        raise click.Abort
