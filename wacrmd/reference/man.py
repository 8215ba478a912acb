"""The manual page wacrmd(8), made from the commands: `python -m wacrmd.reference.man > wacrmd.8`."""

import inspect
import re
import sys
from collections.abc import Iterator

import click

from wacrmd import __version__
from wacrmd.cli import exit_codes
from wacrmd.cli.frame import Noun
from wacrmd.cli.main import SECTIONS, root
from wacrmd.reference.methods import SHARED_OPTIONS, usage

FILES = {
    "/etc/wacrmd/config.toml": "The configuration; each setting is explained in it.",
    "/var/lib/wacrmd/wacrmd.db": "The database: all state of the daemon.",
    "/var/lib/wacrmd/wacrmd.key": "The key of the secrets in the database. A backup needs both.",
    "/run/wacrmd/admin.sock": "The socket on which the commands reach the daemon.",
    "/usr/share/doc/wacrmd": "The documentation, with examples for reverse proxies and monitoring.",
}

MAX_LINE = 400
"""Characters of a command's line with all of its options; a longer one only says that it has some."""

EXIT_CODES = {
    0: "Done.",
    exit_codes.FAILED: "Refused, or failed.",
    exit_codes.USAGE: "The command line is wrong.",
    exit_codes.UNAVAILABLE: "The daemon is not reachable, or an address is in use.",
    exit_codes.DATABASE_IN_USE: "Another daemon uses the database.",
    exit_codes.CONFIG: "The configuration, or the content of the database, cannot be used; a restart does not help.",
}


def page() -> str:
    """The page, in man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH WACRMD 8 "" "wacrmd {_text(__version__)}" "System Manager\'s Manual"'
    yield ".SH NAME"
    yield f"wacrmd \\- {_text((root.short_help or _words(root)[0]).rstrip('.'))}"
    yield ".SH SYNOPSIS"
    yield ".B wacrmd"
    yield "[\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fB\\-\\-socket\\fR \\fIFILE\\fR] [\\fB\\-\\-json\\fR] \\fICOMMAND\\fR ..."
    yield ".SH DESCRIPTION"
    for paragraph in _words(root):
        yield ".PP"
        yield _text(paragraph)
    yield ".PP"
    yield _text(
        "Options that every command knows are --socket, the socket of the daemon, --json, which prints the result as JSON,"
        " and --help."
    )
    for title, commands in SECTIONS.items():
        yield f'.SH "{_text(title).upper()}"'
        for name, lazy in commands.items():
            yield from _command(name, lazy.load())
    yield ".SH FILES"
    for path, meaning in FILES.items():
        yield from _item(path, meaning)
    yield '.SH "EXIT STATUS"'
    for code, meaning in EXIT_CODES.items():
        yield from _item(str(code), meaning)
    yield '.SH "SEE ALSO"'
    yield ".BR systemctl (1),"
    yield ".I /usr/share/doc/wacrmd/docs/operations.md"


def _command(name: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, Noun):
        context = click.Context(command)
        for verb in command.list_commands(context):
            if (loaded := command.get_command(context, verb)) is not None:
                yield from _command(f"{name}.{verb}", loaded)
        return
    line = usage(name, command)
    yield ".SS"
    yield _text(line if len(line) <= MAX_LINE else f"{line.partition(' [--')[0]} [OPTION]…")
    for paragraph in _words(command):
        yield ".PP"
        yield _text(paragraph)
    for option in command.params:
        if isinstance(option, click.Option) and option.help and option.name not in SHARED_OPTIONS:
            yield from _item(", ".join(sorted((*option.opts, *option.secondary_opts), key=len)), option.help)


def _words(command: click.Command) -> list[str]:
    r"""The paragraphs of a command's help, without click's mark `\b`."""
    text = inspect.cleandoc(command.help or "").replace("\b", "")
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def _item(term: str, meaning: str) -> Iterator[str]:
    yield ".TP"
    yield f".B {_text(term)}"
    yield _text(meaning)


def _text(text: str) -> str:
    """Text of which nothing is a request or an escape of roff."""
    # A terminal without UTF-8, as over a serial line, shows nothing else.
    ascii_only = text.replace("…", "...")
    escaped = ascii_only.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write(page())
