"""The command line as a whole: options, suggestions, exit codes, start time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import wacrmd
from tests.cli.conftest import Run
from tests.cli.harness import Daemon
from wacrmd import __version__, config
from wacrmd.cli import client
from wacrmd.cli.frame import Session
from wacrmd.cli.main import SECTIONS
from wacrmd.errors import conflict
from wacrmd.reference.methods import commands

ACCOUNTS = [
    {
        "id": "acc_1",
        "name": "shop",
        "default_country": "DE",
        "marketing_route": "auto",
        "created_at": "2026-11-23T12:00:00.000Z",
    }
]


@pytest.mark.parametrize("place", range(4))
def test_socket_and_json_options_are_accepted_anywhere(daemon: Daemon, run: Run, place: int) -> None:
    daemon.answers["account.list"] = ACCOUNTS
    words: list[str | Path] = ["account", "list"]
    options: list[list[str | Path]] = [["--json"], ["--socket", daemon.socket]]
    line = {
        0: [*options[0], *options[1], *words],
        1: [*words, *options[1], *options[0]],
        2: [*options[1], *words, *options[0]],
        3: [words[0], *options[0], words[1], *options[1]],
    }[place]
    assert run(*line) == (0, json.dumps(ACCOUNTS, separators=(",", ":")) + "\n", "")


def test_an_option_after_the_verb_wins_over_one_before_the_noun(daemon: Daemon, run: Run) -> None:
    code, _, _ = run("--socket", "/nonexistent", "account", "list", "--socket", daemon.socket)
    assert code == 0


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["acount", "list"], "did you mean 'account'?"),
        (["account", "lst"], "did you mean 'list'?"),
        (["account", "list", "--jsno"], "Did you mean '--json'?"),
        (["key", "create", "--name", "x"], "--account"),
        (["key", "create", "--account", "a", "--name", "x", "--scope", "everything"], "everything"),
        (["broadcast", "show"], "ID"),
    ],
)
def test_a_usage_error_is_one_sentence_and_exit_2(run: Run, line: list[str], sentence: str) -> None:
    code, out, err = run(*line)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.startswith("wacrmd: ")
    assert len(err.splitlines()) == 1
    assert "--help" in err


@pytest.mark.parametrize("line", [[], ["account"]])
def test_without_a_verb_the_help_is_shown(run: Run, line: list[str]) -> None:
    code, out, err = run(*line)
    assert (code, out) == (2, "")
    assert "Usage: wacrmd" in err


def test_without_a_daemon_the_exit_code_is_69(run: Run, tmp_path: Path) -> None:
    code, out, err = run("--socket", tmp_path / "none.sock", "status")
    assert (code, out) == (69, "")
    assert "systemctl start wacrmd" in err
    assert len(err.splitlines()) == 1


def test_an_error_of_the_daemon_is_printed_with_exit_code_1(daemon: Daemon, run: Run) -> None:
    daemon.answers["account.list"] = conflict("the daemon is draining")
    assert run("--socket", daemon.socket, "account", "list") == (1, "", "wacrmd: the daemon is draining\n")


def test_bad_configuration_is_exit_78_with_a_line_for_each_problem(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[api]\nbnd = "x"\n[sender]\nworkers = "many"\n')
    code, out, err = run("check-config", "--config", path)
    assert (code, out) == (78, "")
    assert len(err.splitlines()) == 2


def test_check_config_prints_warnings_and_values(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[sender]\nworkers = 7\n[log]\nmask_phone_numbers = false\n")
    code, out, err = run("check-config", "--config", path)
    assert (code, out) == (0, f"{path}: no errors\n")
    assert err.startswith("warning: [log] mask_phone_numbers")
    code, out, _ = run("--config", path, "check-config", "--effective")
    assert code == 0
    assert "workers = 7" in out
    code, out, _ = run("check-config", "--config", path, "--json")
    assert json.loads(out)["file"] == str(path)


def test_the_version_is_printed_for_people_and_for_programs(run: Run) -> None:
    assert run("version") == (0, f"wacrmd {__version__}\n", "")
    assert json.loads(run("version", "--json")[1]) == {"version": __version__}
    assert run("--version")[1] == f"wacrmd {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_completion_script(run: Run, shell: str) -> None:
    code, out, _ = run("completion", shell)
    assert code == 0
    assert "_WACRMD_COMPLETE" in out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("wacrmd acc", "account"),
        ("wacrmd broadcast sh", "show"),
        ("wacrmd broadcast list --stat", "--status"),
    ],
)
def test_the_shell_completes_nouns_verbs_and_options(typed: str, offered: str) -> None:
    words = typed.split()
    environ = {"_WACRMD_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "wacrmd.cli.main"],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"plain,{offered}" in done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_files_after_every_option_and_argument_that_names_one(shell: str) -> None:
    for name, command in commands().items():
        context = click.Context(command, resilient_parsing=True)
        for parameter in command.params:
            if parameter.metavar == "FILE" or any(one.endswith("-file") for one in parameter.opts):
                offered = [one.type for one in parameter.shell_complete(context, "peo")]
                assert offered == ["file"], (name, parameter.opts)
    words = "wacrmd broadcast create --csv "
    environ = {
        "_WACRMD_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words + "peo" if shell == "fish" else words,
        "COMP_CWORD": "peo" if shell == "fish" else "4",
    }
    line = [sys.executable, "-m", "wacrmd.cli.main"]
    done = subprocess.run(line, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("file")


def test_ctrl_c_while_python_imports_ends_the_command_quietly(tmp_path: Path) -> None:
    interrupted = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    (tmp_path / "click.py").write_text(interrupted)  # what is imported first
    path = os.pathsep.join([str(tmp_path), str(Path(wacrmd.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-m", "wacrmd.cli.entry", "status"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("noun", ["", *SECTIONS["The running daemon"]])
def test_every_summary_fits_on_its_line(run: Run, noun: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(*noun.split(), "--help")
    listed = out.partition("Commands:" if noun else "The daemon:")[2]
    assert "..." not in listed
    assert "…" not in listed
    assert all(len(line) <= 80 for line in listed.splitlines())


def test_every_noun_in_the_table_loads_under_its_name() -> None:
    for name, lazy in SECTIONS["The running daemon"].items():
        assert lazy.load().name == name


def test_commands_for_the_daemon_start_without_the_heavy_libraries() -> None:
    # A start in less than 150 ms needs this. The time itself depends on the machine.
    heavy = {"anyio._core", "pydantic", "rich", "structlog", "httpx", "starlette", "asyncio", "phonenumbers"}
    program = (
        "import sys; from wacrmd.cli.main import SECTIONS, main;"
        "main(['--help']); main(['--socket', '/nonexistent', 'number', 'list']);"
        "[lazy.load() for lazy in SECTIONS['The running daemon'].values()];"
        "main(['broadcast', 'create', '--help']);"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_not_an_error(daemon: Daemon) -> None:
    daemon.answers["account.list"] = ACCOUNTS * 20_000
    program = f"{sys.executable} -m wacrmd.cli.main --socket {daemon.socket} account list | head -1"
    done = subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("NAME")
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_output_that_cannot_be_written_is_exit_1(daemon: Daemon) -> None:
    daemon.answers["account.list"] = ACCOUNTS
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(daemon.socket), "account", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("wacrmd: writing the output: No space left")


def test_the_socket_is_found_in_the_documented_order(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[admin]\nsocket = "/from/config"\n')
    environ = {"WACRMD_CONFIG": str(file)}
    assert client.socket_path(Session(), {"WACRMD_CONFIG": str(tmp_path / "none")}) == client.DEFAULT_SOCKET
    assert client.socket_path(Session(), environ) == Path("/from/config")
    assert client.socket_path(Session(config=file), {}) == Path("/from/config")
    assert client.socket_path(Session(), environ | {"WACRMD_SOCKET": "/from/env"}) == Path("/from/env")
    assert client.socket_path(Session(socket=Path("/given")), {"WACRMD_SOCKET": "/x"}) == Path("/given")


@pytest.mark.parametrize("text", ["[admin", "admin = 1", "[admin]\nsocket = 1", "\x00"])
def test_a_broken_configuration_is_an_error_only_if_it_was_named(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    assert client.socket_path(Session(), {"WACRMD_CONFIG": str(file)}) == client.DEFAULT_SOCKET
    code, _, err = run("--config", file, "status")
    assert code == 78
    assert "check-config" in err
    assert run("--config", tmp_path / "none.toml", "status")[0] == 78


def test_defaults_that_the_cli_repeats_equal_those_of_the_configuration() -> None:
    assert config.Config().admin.socket == client.DEFAULT_SOCKET
    assert config.config_path(None, {}) == client.DEFAULT_CONFIG


def test_a_stream_is_read_to_its_end(daemon: Daemon) -> None:
    daemon.answers["optout.export"] = ["a", "b", "c"]
    assert list(client.stream(Session(socket=daemon.socket), "optout.export")) == ["a", "b", "c"]
