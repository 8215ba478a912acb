"""The configuration as a file: read it with every problem at once, and write it out again."""

import json
import os
import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from wacrmd.config.bind import Bind, BindKind
from wacrmd.config.sections import RELOADABLE, SECTIONS, Config, Expected, Section
from wacrmd.errors import ConfigError
from wacrmd.suggest import did_you_mean

DEFAULT_PATH = Path("/etc/wacrmd/config.toml")

_HEAD = """\
# wacrmd: every key of the configuration with its default. Each section and each key may be left out.
# What a key takes stands in brackets; "restart" marks a key that `wacrmd reload` leaves alone.
# Accounts, numbers and API keys are not configured here: see wacrmd account, wacrmd number and wacrmd key.
"""
_FOUND_MAX = 80


def config_path(option: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The file to read: the option, else `$WACRMD_CONFIG`, else the default place."""
    return option or Path(environ.get("WACRMD_CONFIG") or DEFAULT_PATH)


def load(option: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration of the file that `config_path` names; raises ConfigError with every problem.

    Where nobody named a file and there is none at the default place, the defaults hold.
    """
    path = config_path(option, environ)
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        if path == DEFAULT_PATH and option is None:
            return Config()
        raise ConfigError(
            [f"{path}: expected a configuration file, found none; name another with --config"]
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            [f"{path}: expected UTF-8 text, found other bytes at offset {error.start}"]
        ) from None
    except OSError as error:
        raise ConfigError([f"{path}: expected a readable file, found: {error.strerror}"]) from None
    return parse(text, str(path))


def parse(text: str, source: str) -> Config:
    """The configuration in `text`; raises ConfigError with every problem as `source: [section] key: …`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{source}: expected TOML, found: {error}"]) from None
    problems: list[str] = [
        _unknown_section(name, value) for name, value in raw.items() if name not in SECTIONS
    ]
    sections: dict[str, Section] = {}
    for name, section in SECTIONS.items():
        table = raw.get(name, {})
        if not isinstance(table, dict):
            problems.append(f"[{name}]: expected a section, found {_found(table)}")
            continue
        try:
            sections[name] = section.model_validate(table)
        except ValidationError as invalid:
            lines = (_explain(name, section, error) for error in invalid.errors(include_url=False))
            problems += dict.fromkeys(lines)  # a list with two wrong items is one problem
    problems += _shared_addresses(sections)
    if problems:
        raise ConfigError([f"{source}: {problem}" for problem in problems])
    return Config().model_copy(update=sections)


def effective(config: Config) -> str:
    """Every key with the value in use, as TOML that `parse` reads back to an equal configuration."""
    tables = (
        "\n".join(
            [
                f"[{name}]",
                *(f"{key} = {_toml(getattr(getattr(config, name), key))}" for key in section.model_fields),
            ]
        )
        for name, section in SECTIONS.items()
    )
    return "\n\n".join(tables) + "\n"


def example() -> str:
    """The text of `config.example.toml`: every key with its default, each under its comment."""
    lines = [_HEAD]
    defaults = Config()
    for name, section in SECTIONS.items():
        lines += [*_comment(str(section.__doc__)), f"[{name}]"]
        for key, field in section.model_fields.items():
            takes = expected(field) + ("" if f"{name}.{key}" in RELOADABLE else "; restart")
            lines += _comment(f"{field.description} [{takes}]")
            lines.append(f"{key} = {_toml(getattr(getattr(defaults, name), key))}")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def expected(field: FieldInfo) -> str:
    """What a key takes, in words, from its type and its rules."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and extra["expected"]:
        return str(extra["expected"])
    for rule in field.metadata:
        if isinstance(rule, Expected):
            return rule.text
    if get_origin(field.annotation) is Literal:
        *others, last = (f'"{choice}"' for choice in get_args(field.annotation))
        return f"{', '.join(others)} or {last}"
    if field.annotation is bool:
        return "true or false"
    if field.annotation is str:
        return "a text"
    kind = "a whole number" if field.annotation is int else "a number"
    return f"{kind} {_range(field.metadata)}"


def _range(rules: Iterable[object]) -> str:
    """The bounds in words; every number of the configuration has a lower and an upper one."""
    low, high = "", ""
    for rule in rules:
        if isinstance(rule, Ge):
            low = f"from {rule.ge} to"
        elif isinstance(rule, Gt):
            low = f"above {rule.gt} and up to"
        elif isinstance(rule, Le):
            high = str(rule.le)
    return f"{low} {high}"


def _explain(name: str, section: type[Section], error: ErrorDetails) -> str:
    key = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        near = did_you_mean(key, section.model_fields, "{}")
        # The value stays unsaid: a key that does not belong here may well be a secret.
        return (
            f"[{name}] {key}: expected a key of this section, found an unknown one{near or _elsewhere(key)}"
        )
    reason = str(error["ctx"]["error"]) if error["type"] == "value_error" else ""
    takes = expected(section.model_fields[key])
    if reason and reason not in takes:
        takes += f" ({reason})"
    return f"[{name}] {key}: expected {takes}, found {_found(error['input'])}"


def _unknown_section(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"[{name}]: expected a section of wacrmd, found an unknown one{did_you_mean(name, SECTIONS, '[{}]')}"
    return f"{name}: expected a section before the first key, found a key outside of one{_elsewhere(name)}"


def _elsewhere(key: str) -> str:
    places = [f"[{name}] {key}" for name, section in SECTIONS.items() if key in section.model_fields]
    return f"; did you mean {' or '.join(places)}?" if places else ""


def _shared_addresses(sections: Mapping[str, Section]) -> list[str]:
    """One problem for each address that an earlier listener has already."""
    taken: dict[Bind, str] = {}
    problems: list[str] = []
    for name, key in (("api", "bind"), ("webhooks", "bind"), ("admin", "socket")):
        if name not in sections:
            continue
        value = getattr(sections[name], key)
        bind = value if isinstance(value, Bind) else Bind(BindKind.UNIX, path=value)
        if bind.kind is BindKind.TCP and bind.port == 0:
            continue  # the system gives each its own port
        if bind in taken:
            problems.append(
                f"[{name}] {key}: expected an address of its own, found that of {taken[bind]}: {value}"
            )
        taken.setdefault(bind, f"[{name}] {key}")
    return problems


def _found(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    try:
        text = _toml(value)
    except TypeError:
        text = str(value)
    text = re.sub(r"//[^/\s]*@", "//…@", text)  # a password does not belong into a message
    return text if len(text) <= _FOUND_MAX else text[: _FOUND_MAX - 1] + "…"


def _toml(value: Any) -> str:
    """`value` as TOML writes it; raises TypeError for a kind that no key takes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Path | Bind):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    raise TypeError


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 110, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
