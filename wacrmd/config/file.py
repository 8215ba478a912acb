"""The configuration file: read with all problems reported at once, and written out again."""

import json
import os
import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from wacrmd.config.bind import Bind, BindKind
from wacrmd.config.sections import RELOADABLE, SECTIONS, Config, DashboardConfig, Section
from wacrmd.config.values import Expected
from wacrmd.errors import ConfigError, sized
from wacrmd.suggest import did_you_mean

DEFAULT_PATH = Path("/etc/wacrmd/config.toml")

_HEAD = """\
# The configuration of wacrmd: every key with its default value. Each section and each key may be left out.
# In brackets: which values a key takes. "restart" means that a change takes effect at the next start; all other
# keys also take effect with `wacrmd reload`.
# Accounts, numbers and API keys are not configured here but with wacrmd account, wacrmd number and wacrmd key.
"""
MAX_BYTES = 1 << 20
MAX_FOUND = 80
MAX_LINE = 110


def config_path(option: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The path of the file: the option, else `$WACRMD_CONFIG`, else the default path."""
    return option or Path(environ.get("WACRMD_CONFIG") or DEFAULT_PATH)


def load(option: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration in the file at `config_path`; raises ConfigError with all problems.

    If no file is named and none exists at the default path, all keys have their defaults.
    """
    path = config_path(option, environ)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
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
    if len(text) > MAX_BYTES:
        raise ConfigError(
            [f"{path}: expected a configuration file, found one of more than {sized(MAX_BYTES)}"]
        )
    return parse(text, str(path))


def parse(text: str, source: str) -> Config:
    """The configuration in `text`; raises ConfigError with all problems, each as `source: [section] key: …`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{source}: expected TOML, found: {error}"]) from None
    except ValueError:  # the limit of Python's `int` for decimal text
        found = "a number with more digits than can be read"
        raise ConfigError([f"{source}: expected TOML, found: {found}"]) from None
    except RecursionError:
        raise ConfigError([f"{source}: expected TOML, found: values that are nested too deeply"]) from None
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
    problems += _trusts_everybody(sections)
    if problems:
        raise ConfigError([f"{source}: {problem}" for problem in problems])
    return Config().model_copy(update=sections)


def effective(config: Config) -> str:
    """Every key with its value in `config`, as TOML that `parse` reads as the same configuration."""
    tables = (
        "\n".join(
            [
                f"[{name}]",
                *(_entry(key, getattr(getattr(config, name), key)) for key in section.model_fields),
            ]
        )
        for name, section in SECTIONS.items()
    )
    return "\n\n".join(tables) + "\n"


def example() -> str:
    """The text of `config.example.toml`: every key with its default and a comment above it."""
    lines = [_HEAD]
    defaults = Config()
    for name, section in SECTIONS.items():
        lines += [*_comment(str(section.__doc__)), f"[{name}]"]
        for key, field in section.model_fields.items():
            takes = expected(field) + ("" if f"{name}.{key}" in RELOADABLE else "; restart")
            lines += _comment(str(field.description), f"[{takes}]")
            lines.append(_entry(key, getattr(getattr(defaults, name), key)))
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def expected(field: FieldInfo) -> str:
    """The values that a key takes, in words, from its type and its rules."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and extra["expected"]:
        return str(extra["expected"])
    for rule in field.metadata:
        if isinstance(rule, Expected):
            return rule.text
    if get_origin(field.annotation) is Literal:
        return _one_of(get_args(field.annotation))
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        return _one_of(field.annotation)
    if field.annotation is bool:
        return "true or false"
    if field.annotation is str:
        return "a string"
    kind = "a whole number" if field.annotation is int else "a number"
    return f"{kind} {_range(field.metadata)}"


def _one_of(choices: Iterable[str]) -> str:
    *others, last = (f'"{choice}"' for choice in choices)
    return f"{', '.join(others)} or {last}"


def _range(rules: Iterable[object]) -> str:
    """The bounds in words. Every number in the configuration has a lower and an upper bound."""
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
        # The value is not repeated: a key that does not belong here may be a secret.
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
    """One problem for each listener whose address another listener has too."""
    taken: dict[Bind, str] = {}
    problems: list[str] = []
    for name, key in (("api", "bind"), ("webhooks", "bind"), ("dashboard", "bind"), ("admin", "socket")):
        if name not in sections:
            continue
        value = getattr(sections[name], key)
        if value is None:
            continue
        bind = value if isinstance(value, Bind) else Bind(BindKind.UNIX, path=value)
        if bind.kind is BindKind.TCP and bind.port == 0:
            continue  # the system chooses another port for each
        if bind in taken:
            problems.append(
                f"[{name}] {key}: expected an address of its own, found that of {taken[bind]}: {value}"
            )
        taken.setdefault(bind, f"[{name}] {key}")
    return problems


def _trusts_everybody(sections: Mapping[str, Section]) -> list[str]:
    """A problem if anybody could name the user of the dashboard in a header."""
    section = sections.get("dashboard")
    if not isinstance(section, DashboardConfig) or not section.user_header:
        return []
    if not section.trusted_proxies:
        return [
            "[dashboard] user_header: expected trusted_proxies beside it, found none: anybody could be any user"
        ]
    wide = [each for each in section.trusted_proxies if each.endswith("/0")]
    if wide:
        return [
            f"[dashboard] trusted_proxies: expected addresses of reverse proxies, found {wide[0]}: anybody could be any user"
        ]
    return []


def _found(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    try:
        text = _toml(value)
    except TypeError:
        text = str(value)
    except ValueError:  # a number that was written in hexadecimal digits, with too many for decimal ones
        return "a value that is too long to be shown"
    text = re.sub(r"//[^/\s]*@", "//…@", text)  # no password in a message
    return text if len(text) <= MAX_FOUND else text[: MAX_FOUND - 1] + "…"


def _entry(key: str, value: Any) -> str:
    """The key with its value; a list that is too long for one line has lines of its own."""
    entry = f"{key} = {_toml(value)}"
    if len(entry) <= MAX_LINE or not isinstance(value, list | tuple):
        return entry
    lines, line = [], ""
    for item in (f"{_toml(each)}," for each in value):
        if line and len(line) + len(item) >= MAX_LINE:
            lines.append(line)
            line = ""
        line += f" {item}" if line else f"  {item}"
    return "\n".join([f"{key} = [", *lines, line, "]"])


def _toml(value: Any) -> str:
    """`value` in TOML; raises TypeError for a type that no key has."""
    if value is None:
        return '""'
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


def _comment(*parts: str) -> list[str]:
    """The parts as comment lines: on one line if they fit, else each part begins a line."""
    wrapper = textwrap.TextWrapper(
        MAX_LINE, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )
    whole = wrapper.wrap(" ".join(parts))
    return whole if len(whole) == 1 else [line for part in parts for line in wrapper.wrap(part)]
