"""The reference part of docs/admin.md: every method with its command, made from their declarations.

`python -m wacrmd.cli.reference docs/admin.md` writes it anew.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from wacrmd.admin.methods import registry
from wacrmd.cli.frame import Noun
from wacrmd.cli.main import SECTIONS

BEGIN = "<!-- made by python -m wacrmd.cli.reference docs/admin.md -->"
SHARED_OPTIONS = frozenset({"socket", "json", "help"})
SOCKET_ONLY = frozenset({"rpc.describe"})
"""Methods without a command: people read this reference instead."""


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
            text = _option(parameter)
            (parts if parameter.required else optional).append(text if parameter.required else f"[{text}]")
    return " ".join(parts + optional)


def _option(option: click.Option) -> str:
    flag = max(option.opts, key=len)
    if option.is_flag:
        return f"{flag}|{option.secondary_opts[0]}" if option.secondary_opts else flag
    value = (
        "|".join(option.type.choices) if isinstance(option.type, click.Choice) else option.metavar or "FILE"
    )
    return f"{flag} {value}" + ("…" if option.multiple else "")


def reference() -> str:
    """The reference in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    known = commands()
    yield BEGIN
    for method in registry():
        described = method.describe()
        name = described["name"]
        yield ""
        yield f"### `{name}`"
        yield ""
        marks = [f"level **{described['level']}**"]
        marks += ["a stream"] if described["stream"] else []
        marks += ["audited"] if described["changes"] else []
        yield f"{described['summary']}. ({', '.join(marks)})"
        yield ""
        if name in known:
            yield f"    {usage(name, known[name])}"
            yield ""
        yield from _parameters(described["params"])
        yield "```json"
        yield json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": name, "params": described["example"]}, ensure_ascii=False
        )
        yield "```"


def _parameters(schema: dict[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", []))
    for name, one in schema.get("properties", {}).items():
        kind = _kind(one, schema.get("$defs", {}))
        parts = [f"- `{name}` ({kind}{', required' if name in required else ''})"]
        if one.get("description"):
            parts.append(f": {one['description']}")
        yield "".join(parts)
    if schema.get("properties"):
        yield ""


def _kind(one: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in one:
        return _kind(definitions[one["$ref"].rsplit("/", 1)[-1]], definitions)
    if "enum" in one:
        return " or ".join(f"`{value}`" for value in one["enum"])
    if "anyOf" in one:
        return " or ".join(
            dict.fromkeys(_kind(each, definitions) for each in one["anyOf"] if each.get("type") != "null")
        )
    if one.get("writeOnly"):
        return "secret"
    if one.get("type") == "array":
        return f"list of {_kind(one.get('items', {}), definitions)}"
    return str(one.get("type", "anything"))


def main(path: Path) -> None:
    """Replace the reference in the document; the text before it stays."""
    text = path.read_text("utf-8")
    path.write_text(text.partition(BEGIN)[0] + reference(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
