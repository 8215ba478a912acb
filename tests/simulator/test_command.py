"""`wacrmd simulate`, as a process of its own."""

import dataclasses
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.support.patience import PATIENCE_S
from wacrmd.cli.simulate import FILES, options_from, simulate, split_bind
from wacrmd.simulator import Options

RUN = [sys.executable, "-c", "from wacrmd.cli.simulate import simulate; simulate()"]


def test_the_command_prints_what_to_configure_serves_and_prints_a_summary(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("apps3cret\n")
    args = [
        "--bind",
        "127.0.0.1:0",
        "--webhook-url",
        "http://127.0.0.1:9/x",
        "--app-secret-file",
        str(secret),
    ]
    with subprocess.Popen(
        [*RUN, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            found = re.search(r'graph_url = "(http://127\.0\.0\.1:\d+)"; webhooks to \S+, signed', line)
            assert found, line
            assert "apps3cret" not in line
            with urllib.request.urlopen(f"{found[1]}/_simulator/options", timeout=PATIENCE_S) as answer:
                assert json.load(answer)["app_secret"] == "set"
        finally:
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert json.loads(out)["requests"] == 0
        assert err == ""


def test_the_error_of_an_address_in_use_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*RUN, "--bind", f"127.0.0.1:{port}"], capture_output=True, text=True, check=False
        )
    assert done.returncode == 69
    assert f"cannot start on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_option_has_its_flag() -> None:
    flags = {param.name: param.opts[0] for param in simulate.params}
    for option in dataclasses.fields(Options):
        assert flags[option.name] == "--" + FILES.get(option.name, option.name.replace("_", "-"))


def test_without_flags_the_options_are_the_defaults() -> None:
    context = simulate.make_context("simulate", [])
    context.params.pop("bind")
    assert options_from(context.params) == Options()


def test_flags_and_files_become_options(tmp_path: Path) -> None:
    templates = tmp_path / "templates.json"
    templates.write_text('{"data": [{"name": "a", "language": "en"}]}')
    args = ["--failed-codes", "1,2", "--failed-codes", "3", "--no-webhooks", "--read-share", "0.25"]
    context = simulate.make_context("simulate", [*args, "--templates-file", str(templates)])
    context.params.pop("bind")
    options = options_from(context.params)
    assert (options.failed_codes, options.webhooks, options.read_share) == ((1, 2, 3), False, 0.25)
    assert options.templates == ({"name": "a", "language": "en"},)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--read-share", "2"], "read_share: expected a number from 0 to 1, found 2.0"),
        (["--bind", "here"], "--bind: expected HOST:PORT such as 127.0.0.1:8090, found 'here'"),
        (
            ["--app-secret-file", "/nonexistent/x"],
            "--app-secret-file: cannot read /nonexistent/x: No such file",
        ),
        (["--templates-file", "-"], "--templates-file: expected JSON"),
        (["--access-token-file", "-"], "--access-token-file: expected a secret"),
        (["--access-token-file", "-", "--app-secret-file", "-"], "standard input can be given to one option"),
    ],
)
def test_a_value_that_cannot_be_used_is_reported(args: list[str], sentence: str) -> None:
    result = CliRunner().invoke(simulate, args, input="")
    assert result.exit_code == 2
    assert sentence in result.output


@pytest.mark.parametrize(
    ("bind", "expected"), [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8090", ("::1", 8090))]
)
def test_addresses_are_split(bind: str, expected: Any) -> None:
    assert split_bind(bind) == expected


@pytest.mark.parametrize("bind", ["", ":80", "host", "host:x", "host:70000"])
def test_a_bad_address_is_refused(bind: str) -> None:
    with pytest.raises(click.UsageError):
        split_bind(bind)
