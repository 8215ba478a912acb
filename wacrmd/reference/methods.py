"""The reference in docs/admin.md: every method with its command and its result."""

import json
from collections.abc import Iterable, Iterator

import click

from wacrmd.admin.methods import registry
from wacrmd.admin.registry import Method
from wacrmd.cli.frame import Noun
from wacrmd.cli.main import SECTIONS
from wacrmd.cli.options import ListOption
from wacrmd.operations.operation import Operation, ResultKind
from wacrmd.operations.table import OPERATIONS
from wacrmd.reference import endpoints
from wacrmd.reference.schema import Objects, first_shown, parameters
from wacrmd.services.context import Context

SHARED_OPTIONS = frozenset({"socket", "json", "help"})
SOCKET_ONLY = frozenset({"rpc.describe"})
"""Methods without a command: people read this reference instead."""


def parts(operations: Iterable[Operation] = OPERATIONS) -> dict[str, str]:
    """The part `methods`."""
    return {"methods": "\n".join(_lines(operations)).strip() + "\n"}


def commands() -> dict[str, click.Command]:
    """The commands that call the daemon, by the name of their method."""
    found: dict[str, click.Command] = {}
    for name, lazy in SECTIONS["The running daemon"].items():
        command = lazy.load()
        if isinstance(command, Noun):
            context = click.Context(command)
            for verb in command.list_commands(context):
                loaded = command.get_command(context, verb)
                if loaded is not None:
                    found[f"{name}.{verb}"] = loaded
        else:
            found[name] = command
    return found


def usage(method: str, command: click.Command) -> str:
    """The command line of a method, such as `wacrmd broadcast show ID`."""
    parts = ["wacrmd", *method.split(".")]
    optional: list[str] = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            shown = parameter.make_metavar(click.Context(command)).strip("[]")
            parts.append(shown if parameter.required else f"[{shown}]")
        elif isinstance(parameter, click.Option) and parameter.name not in SHARED_OPTIONS:
            text = _option(parameter, click.Context(command))
            (parts if parameter.required else optional).append(text if parameter.required else f"[{text}]")
    return " ".join(parts + optional)


def _option(option: click.Option, context: click.Context) -> str:
    flag = max(option.opts, key=len)
    if option.is_flag:
        return f"{flag}|{option.secondary_opts[0]}" if option.secondary_opts else flag
    value = (
        "|".join(option.type.choices)
        if isinstance(option.type, click.Choice)
        else option.make_metavar(context).replace("PATH", "FILE")
    )
    if isinstance(option, ListOption):
        return f"{flag} {value}[,…]"
    return f"{flag} {value}" + ("…" if option.multiple else "")


def _lines(operations: Iterable[Operation]) -> Iterator[str]:
    known = commands()
    rows = {operation.name: operation for operation in operations if operation.admin is not None}
    elsewhere = {kind: f"api.md{link}" for kind, link in endpoints.objects().links.items()}
    shown_at = first_shown((name, rows[name].item) for name in sorted(rows))
    here = {kind: f"#{kind.__name__.lower()}" for kind in shown_at if kind not in elsewhere}
    objects = Objects(elsewhere | here)
    for method in registry(rows.values()):
        yield from _method(method, known.get(method.name))
        operation = rows.get(method.name)
        if operation is None:
            continue
        yield f"{_RESULT[operation.kind]} {objects.link(operation.item)}."
        yield ""
        for kind in here:
            if shown_at[kind] == method.name:
                yield from objects.section(kind)
                yield ""


_RESULT = {
    ResultKind.ONE: "Result:",
    ResultKind.LIST: "Result: a list of",
    ResultKind.PAGE: "Result: a list of",
    ResultKind.STREAM: "Result: a stream; each item is",
}


def _method(method: Method[Context], command: click.Command | None) -> Iterator[str]:
    """The method with its command and its parameters."""
    marks = [f"level **{method.level.word}**"]
    marks += ["a stream"] if method.stream else []
    marks += ["audited"] if method.is_audited else []
    yield f"### `{method.name}`"
    yield ""
    yield f"{method.summary}. ({', '.join(marks)})"
    yield ""
    if command is not None:
        yield f"    {usage(method.name, command)}"
        yield ""
    given = parameters(method.params)
    for field in given:
        default = field.default if field.required or not field.default else f"default {field.default}"
        yield f"- `{field.name}` ({', '.join(filter(None, (field.kind, default)))}): {field.meaning}"
    if given:
        yield ""
    yield "```json"
    call = {"jsonrpc": "2.0", "id": 1, "method": method.name, "params": method.example}
    yield json.dumps(call, ensure_ascii=False)
    yield "```"
    yield ""
