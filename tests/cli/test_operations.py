"""Each command against its operation: it accepts all parameters and shows only fields of the result."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Run
from tests.cli.harness import ADMIN_OPERATIONS, Daemon
from tests.support.exhaustive import IS_EXHAUSTIVE
from tests.support.table import rows
from tests.support.terminal import stdout_on_a_terminal
from wacrmd.cli import complete
from wacrmd.cli.complete import Complete
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.main import main
from wacrmd.cli.times import Hours
from wacrmd.domain.page import MAX_ID
from wacrmd.reference.methods import commands
from wacrmd.reference.schema import parameters

COMMANDS = {name: command for name, command in commands().items() if isinstance(command, Verb)}

VALUES = {
    "file": "people.csv",
    "content": "content.json",
    "schedule": "2999-01-01 09:00",
    "since": "2h",
    "until": "1h",
    "column": "1",
    "mapping": "mapping.json",
    "rejected": "rejected.csv",
    "timezone": "Europe/Berlin",
    "display_phone": "+14155550123",
    "phone_number_id": "106540352242922",
    "waba_id": "102290129340398",
    "delivery_id": "0b9c7d6e-5f7a-4f0e-9d43-2f4f6a1c9b21",
    "country": "DE",
    "allowed_from": "10.0.0.0/8",
    "overlap_hours": "24h",
    "params": "name=text",
    "valid_from": "2026-12-01",
    "currency": "EUR",
    "first": "2026-11-01",
    "last": "2026-11-30",
    "send_between": "mon-fri 09:00-20:00",
    "retry_rules": "131049 after 24h, 2 times",
    "codes": "131049",
    "not_delivered_after_hours": "48h",
    "at": "2999-01-01 09:00",
}
"""Values of options and arguments that are no plain text, by their names in the command."""

NAMES = {"language": "template_language", "form": "format"}
"""Parameters whose options have another name in the command."""

EXCLUDED = ("all_accounts",)
"""Flags that contradict another option."""

NOT_OPTIONS = {
    **{name: {"buttons", "components"} for name in ("draft.create", "draft.change")},
    "broadcast.create": {"buttons", "components", "draft"},
    "draft.list": {"ids"},
    "draft.send": {"version"},
    "draft.test": {"key"},
}
"""Parameters that come from a file, of which the sample file has another one, that another command gives (wacrmd draft
create), or that only a page needs: what it shows or has shown, and the key against a double click."""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the examples name."""
    monkeypatch.chdir(tmp_path)
    Path("spring.jpg").write_bytes(b"\xff\xd8\xff")
    Path("people.csv").write_text("to,name\n" + "+14155550123,Jane\n" * 10)
    Path("rates.csv").write_text("country,category,price,currency\nDE,utility,0.05,EUR\n")
    Path("stop.csv").write_text("phone\n" + "+14155550123\n" * 10)
    Path("mapping.json").write_text('{"phone": 1}')
    Path("content.json").write_text('{"header": {"text": "Hi"}}')
    for name in ("token", "secret", "verify"):
        Path(name).write_text(name)


def full_line(command: click.Command) -> Iterator[str]:
    """Every argument and option of a command, each with some value."""
    for parameter in command.params:
        name = str(parameter.name)
        value = VALUES.get(name, "text")
        if isinstance(parameter.type, click.Choice):
            value = str(parameter.type.choices[0])
        elif isinstance(parameter.type, click.IntRange | click.FloatRange):
            value = "1"
        if isinstance(parameter, click.Argument):
            yield "people.csv" if isinstance(parameter.type, click.Path) else value
        elif isinstance(parameter, click.Option) and name not in ("socket", "json", "help", *EXCLUDED):
            flag = max(parameter.opts, key=len)
            yield flag
            if not parameter.is_flag:
                yield "token" if flag.endswith("-file") else value


def asks(command: click.Command) -> bool:
    """Whether a command asks before it is done."""
    return any("--yes" in parameter.opts for parameter in command.params)


def lines(name: str) -> list[list[str]]:
    """The command line of the example, and one with everything."""
    command = COMMANDS[name]
    assert isinstance(command, Verb)
    words = name.split(".")
    example = shlex.split(command.example.partition(">")[0])[1:]
    return [[*example, "--yes"] if asks(command) else example, [*words, *full_line(command)]]


def on_a_terminal(*arguments: str) -> int:
    """The exit code of a command whose output goes to a terminal."""
    with stdout_on_a_terminal():
        return main(arguments)


def test_every_operation_has_a_command() -> None:
    assert set(COMMANDS) == set(ADMIN_OPERATIONS)


@rows("name", COMMANDS)
def test_a_command_can_give_every_parameter_of_its_method(daemon: Daemon, run: Run, name: str) -> None:
    given: set[str] = set()
    for line in lines(name):
        daemon.asked.clear()
        _, _, err = run("--socket", daemon.socket, *line)
        calls = [asked for method, asked in daemon.asked if method == name]
        assert calls or line[:2] == ["check-db", "people.csv"], err  # with a file, check-db needs no daemon
        given |= {parameter for asked in calls for parameter in asked}
    parameters = {
        field.alias or name for name, field in ADMIN_OPERATIONS[name].admin_params.model_fields.items()
    }
    assert parameters - given == NOT_OPTIONS.get(name, set())


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("filled", [True, False])
@rows("name", COMMANDS)
def test_a_command_shows_any_result(daemon: Daemon, run: Run, name: str, filled: bool) -> None:
    daemon.filled = filled
    for line in lines(name) if IS_EXHAUSTIVE else lines(name)[-1:]:
        arguments = ["--socket", str(daemon.socket), *line]
        assert run(*arguments)[0] in (0, 1, 69)
        assert run(*arguments, "--json")[0] in (0, 1, 69)
        assert on_a_terminal(*arguments) in (0, 1, 69)


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if asks(command)])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_without_a_terminal_what_cannot_be_undone_needs_yes(
    daemon: Daemon, run: Run, name: str, form: tuple[str, ...]
) -> None:
    line = [word for word in lines(name)[1] if word not in ("--yes", "--dry-run")]
    code, out, err = run("--socket", daemon.socket, *line, *form)
    assert (code, out) == (2, "")
    assert "add --yes" in err
    assert len(err.splitlines()) == 1
    assert daemon.asked == []


@rows("name", COMMANDS)
def test_the_defaults_in_the_help_are_those_of_the_method(name: str) -> None:
    parameters = ADMIN_OPERATIONS[name].admin_params.model_json_schema().get("properties", {})
    for option in COMMANDS[name].params:
        if isinstance(option, click.Option) and option.show_default:
            parameter = parameters[NAMES.get(str(option.name), str(option.name))]
            assert option.default == parameter["default"], option.name


@rows("name", COMMANDS)
def test_a_number_has_the_bound_of_the_method(name: str) -> None:
    """The daemon would name the parameter, and not the option. Ids have none that anybody reaches."""
    parameters = ADMIN_OPERATIONS[name].admin_params.model_json_schema().get("properties", {})
    for option in COMMANDS[name].params:
        parameter = parameters.get(NAMES.get(str(option.name), str(option.name)))
        if parameter is not None and isinstance(option.type, click.IntRange | click.FloatRange):
            bounds = [each["maximum"] for each in parameter.get("anyOf", [parameter]) if "maximum" in each]
            wanted = [most for most in bounds if most != MAX_ID]
            if bounds:
                assert [option.type.max] == (wanted or [None]), option.name


@rows("name", COMMANDS)
def test_a_length_of_time_has_the_bounds_of_the_method(name: str) -> None:
    parameters = ADMIN_OPERATIONS[name].admin_params.model_json_schema().get("properties", {})
    for option in COMMANDS[name].params:
        if isinstance(option.type, Hours):
            parameter = parameters[NAMES.get(str(option.name), str(option.name))]
            (bounds,) = (each for each in parameter.get("anyOf", [parameter]) if "maximum" in each)
            assert (option.type.least, option.type.most) == (bounds["minimum"], bounds["maximum"]), option


@rows("name", COMMANDS)
def test_no_command_takes_what_is_no_number(name: str) -> None:
    for option in COMMANDS[name].params:
        if isinstance(option.type, click.FloatRange):
            for value in ("nan", "inf", "-inf", "1e999"):
                with pytest.raises(click.BadParameter):
                    option.type(value, option)


def offered() -> Iterator[tuple[str, str, list[str]]]:
    """Each parameter of a command that has a choice, with the values that the shell completes."""
    for name, command in COMMANDS.items():
        for parameter in command.params:
            if isinstance(parameter.type, click.Choice):
                yield name, str(parameter.name), list(parameter.type.choices)


@pytest.mark.parametrize(("name", "parameter", "values"), list(offered()))
def test_the_offered_values_are_those_of_the_method(name: str, parameter: str, values: list[str]) -> None:
    wanted = NAMES.get(parameter, parameter)
    (field,) = [each for each in parameters(ADMIN_OPERATIONS[name].admin_params) if each.name == wanted]
    assert re.findall("`(.+?)`", field.kind) == values


@pytest.mark.parametrize(
    "offer",
    [
        complete.accounts,
        complete.numbers,
        complete.broadcasts,
        complete.keys,
        complete.users,
        complete.webhooks,
    ],
)
def test_names_and_ids_are_completed_from_the_lists(daemon: Daemon, offer: Complete) -> None:
    context = click.Context(click.Command("any"), obj=Session(socket=daemon.socket))
    offered = offer(context, click.Argument(["name"]), "te")
    assert [(each.value, each.help) for each in offered] == [("text", "text")]
    assert offer(context, click.Argument(["name"]), "other") == []


def test_without_a_daemon_nothing_is_completed(tmp_path: Path) -> None:
    context = click.Context(click.Command("any"), obj=Session(socket=tmp_path / "none.sock"))
    assert complete.accounts(context, click.Argument(["name"]), "") == []
