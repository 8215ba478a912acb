"""What a command reads beside its arguments: secrets from files, and a person's yes."""

import sys
from pathlib import Path
from typing import Any

import click

_MOST_BYTES = 64 * 1024
_STDIN_READ = "wacrmd.stdin_read"


class SecretFile(click.ParamType[str]):
    """The content of a file, or of standard input for `-`: a secret itself would be seen by all in `ps`.

    One newline at the end is not a part of it. Empty, unreadable and many-lined files are usage errors.
    """

    name = "file"

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
            if value == "-":
                raw = sys.stdin.buffer.read(_MOST_BYTES + 1)
            else:
                with Path(value).open("rb") as file:
                    raw = file.read(_MOST_BYTES + 1)
        except OSError as error:
            self.fail(f"cannot read {where}: {error.strerror}", param, ctx)
        return self._checked(raw, where, param, ctx)

    def _checked(
        self, raw: bytes, where: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if len(raw) > _MOST_BYTES:
            self.fail(f"{where} holds more than {_MOST_BYTES} bytes: is it the right file?", param, ctx)
        try:
            secret = raw.decode("utf-8")
        except UnicodeDecodeError:
            self.fail(f"{where} is not UTF-8 text: is it the right file?", param, ctx)
        secret = secret.removesuffix("\n").removesuffix("\r")
        if not secret.strip():
            self.fail(f"{where} is empty", param, ctx)
        if "\n" in secret:
            self.fail(f"{where} holds more than one line: put the secret alone into it", param, ctx)
        return secret


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person before something that cannot be undone; raises Abort on no.

    A script is not asked: without a terminal on stdin the command is taken at its word.
    """
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True, err=True)


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
