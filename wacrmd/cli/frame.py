"""What all commands share: the session, commands that are imported when used, `--socket` and `--json` anywhere."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click

from wacrmd.suggest import did_you_mean


@dataclass(slots=True)
class Session:
    """The options that apply to any command: socket, configuration file, JSON output."""

    socket: Path | None = None
    config: Path | None = None
    json: bool = False


class Lazy(NamedTuple):
    """A command that is imported when used: where it is (`module:name`), and its line in the help."""

    target: str
    summary: str

    def load(self) -> click.Command:
        """Import it."""
        module, _, name = self.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store a shared option in the session, before the noun or after the verb; one that is not given changes nothing."""
    if value and isinstance(context.find_root().obj, Session):
        setattr(context.find_root().obj, str(parameter.name), value)


def shared_options() -> list[click.Parameter]:
    """`--socket` and `--json`, which may be given before the noun or after the verb."""
    return [
        click.Option(
            ["--socket"],
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=_remember,
            help="The daemon's admin socket.",
        ),
        json_option(),
    ]


def json_option() -> click.Option:
    """`--json` alone, for commands that need no daemon."""
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Print the result as one JSON document.",
    )


EXAMPLE = "For example: "


class Verb(click.Command):
    """A command that calls the daemon. The example in its docstring is a section of its own in the help."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.extend(shared_options())
        text, _, example = (self.help or "").partition(EXAMPLE)
        self.help = text.rstrip()
        self.example = " ".join(example.split())

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example on one line, so that it can be copied."""
        if self.example:
            with formatter.section("Example"):
                formatter.write(f"{'':>{formatter.current_indent}}{self.example}\n")


class FileName(click.ParamType[str]):
    """The name of a file, which the shell completes; `-` may be standard input."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        """Leave it to the shell, as for `click.Path`."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks for it

        return [CompletionItem(incomplete, type="file")]


class HintingGroup(click.Group):
    """A group that suggests the nearest command for a misspelt one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named by the first argument; raises UsageError with the nearest one."""
        word = args[0]
        known = self.list_commands(ctx)
        if word not in known and not word.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(
                f"There is no command '{ctx.command_path} {word}'{did_you_mean(word, known)}", ctx
            )
        return super().resolve_command(ctx, args)


class Noun(HintingGroup):
    """A noun of the command line with its verbs: `@noun.command("verb")`."""

    command_class = Verb

    def __init__(self, *args: Any, lazy: dict[str, Lazy] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.extend(shared_options())
        self._lazy = lazy or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs, each with the whole first sentence of its help."""
        verbs = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.get_short_help_str(limit=200)) for name, verb in verbs if verb])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all verbs."""
        return sorted([*super().list_commands(ctx), *self._lazy])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One verb, imported if necessary; None for an unknown name."""
        lazy = self._lazy.get(cmd_name)
        return lazy.load() if lazy else super().get_command(ctx, cmd_name)


class Root(HintingGroup):
    """The root command, with sections of commands that are imported when used."""

    def __init__(self, *args: Any, sections: dict[str, dict[str, Lazy]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._sections = sections
        self._lazy = {name: lazy for section in sections.values() for name, lazy in section.items()}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(self._lazy)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None for an unknown name."""
        lazy = self._lazy.get(cmd_name)
        return lazy.load() if lazy else None

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing them."""
        for title, section in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, lazy.summary) for name, lazy in section.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Names for completion in the shell, without importing the commands."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks for it

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=lazy.summary)
            for name, lazy in self._lazy.items()
            if name.startswith(incomplete)
        ]
