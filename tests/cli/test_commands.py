"""Each command calls its method with the given parameters and shows the result."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.harness import Daemon
from tests.cli.samples import sample_of
from wacrmd.domain.actor import Level
from wacrmd.views.broadcasts import BroadcastDetails
from wacrmd.views.numbers import AccountNumber, AddedNumber

BROADCAST: dict[str, Any] = sample_of(BroadcastDetails, filled=False) | {
    "id": "3f2a9c1e-0000-4000-8000-000000000000",
    "name": "Spring",
    "status": "paused",
    "total_recipients": 10,
    "sent_count": 4,
    "created_at": "2026-11-23T12:00:00.000Z",
    "hold": {
        "reason": "number_paused",
        "detail": "number 1 is paused: token expired",
        "since": "2026-11-23T12:00:00.000Z",
    },
}


def asked(daemon: Daemon, run: Run, *line: str | Path) -> tuple[str, dict[str, Any]]:
    code, _, err = run("--socket", daemon.socket, *line)
    assert code == 0, err
    return daemon.asked[-1]


def test_account_add_and_list(daemon: Daemon, run: Run) -> None:
    daemon.answers["account.add"] = {"id": "acc_1", "name": "shop"}
    assert asked(daemon, run, "account", "add", "shop") == ("account.add", {"name": "shop"})
    code, out, _ = run("--socket", daemon.socket, "account", "add", "shop", "--json")
    assert (code, json.loads(out)) == (0, {"id": "acc_1", "name": "shop"})
    daemon.answers["account.list"] = []
    code, out, err = run("--socket", daemon.socket, "account", "list")
    assert (code, out) == (0, "")
    assert "wacrmd account add NAME" in err


def test_a_caller_without_the_level_of_a_method_is_refused(daemon: Daemon, run: Run) -> None:
    daemon.level = Level.READ
    code, _, err = run("--socket", daemon.socket, "account", "add", "shop")
    assert code == 1
    assert "needs the level admin" in err


def secrets(directory: Path) -> list[str]:
    options = []
    for name in ("access-token", "app-secret", "verify-token"):
        (directory / name).write_text(f"the {name}\n")
        options += [f"--{name}-file", str(directory / name)]
    return options


NUMBER = ["number", "add", "--account", "shop", "--phone-number-id", "111", "--waba-id", "222"]


def test_number_add_reads_its_secrets_from_files(daemon: Daemon, run: Run, tmp_path: Path) -> None:
    daemon.answers["number.add"] = sample_of(AddedNumber, filled=False) | {"id": "num_1"}
    method, params = asked(
        daemon,
        run,
        *NUMBER,
        *secrets(tmp_path),
        "--messages-per-second",
        "20",
        "--default",
        "--label",
        "Main",
    )
    assert method == "number.add"
    assert params == {
        "account": "shop",
        "phone_number_id": "111",
        "waba_id": "222",
        "access_token": "the access-token",
        "app_secret": "the app-secret",
        "verify_token": "the verify-token",
        "label": "Main",
        "messages_per_second": 20.0,
        "default": True,
        "check": True,
    }
    code, out, err = run("--socket", daemon.socket, *NUMBER, *secrets(tmp_path), "--json")
    assert (code, json.loads(out)["id"]) == (0, "num_1")
    assert "the access-token" not in out + err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"one\ntwo\n", "more than one line"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 70_000, "more than 65536 bytes"),
        (None, "No such file"),
    ],
)
def test_a_file_without_a_secret_is_rejected(
    run: Run, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    options = secrets(tmp_path)
    bad = tmp_path / "app-secret"
    bad.unlink() if content is None else bad.write_bytes(content)
    code, _, err = run(*NUMBER, *options)
    assert code == 2
    assert sentence in err
    assert "--app-secret-file" in err


def test_one_secret_may_come_from_standard_input_but_not_two(
    daemon: Daemon, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = secrets(tmp_path)
    options[1] = "-"
    daemon.answers["number.add"] = sample_of(AddedNumber, filled=False) | {"id": "num_1"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b" from stdin \r\n")))
    assert asked(daemon, run, *NUMBER, *options)[1]["access_token"] == " from stdin "
    options[3] = "-"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from stdin\n")))
    code, _, err = run(*NUMBER, *options)
    assert code == 2
    assert "standard input can be read only once" in err


def test_key_create_list_and_revoke(daemon: Daemon, run: Run) -> None:
    daemon.answers["key.create"] = {
        "id": "key_1",
        "account": "shop",
        "name": "crm",
        "key": "wacrm_live_abc",
        "prefix": "wacrm_live_a",
        "scopes": ["broadcasts:send"],
        "allowed_from": [],
        "expires_at": None,
    }
    line = ["key", "create", "--account", "shop", "--name", "crm"]
    assert asked(daemon, run, *line, "--scope", "broadcasts:send", "--scope", "numbers:read") == (
        "key.create",
        {"account": "shop", "name": "crm", "scopes": ("broadcasts:send", "numbers:read")},
    )
    assert asked(daemon, run, *line, "--expires-in-days", "30")[1]["expires_in_days"] == 30
    assert asked(daemon, run, *line, "--from", "10.0.0.0/8", "--from", "::1")[1]["allowed_from"] == (
        "10.0.0.0/8",
        "::1/128",
    )
    code, out, err = run("--socket", daemon.socket, *line)
    assert code == 0
    assert "wacrm_live_abc" in out
    assert "cannot be shown again" in err
    code, out, err = run("--socket", daemon.socket, *line, "--json")
    assert json.loads(out) == daemon.answers["key.create"]
    assert err == ""
    daemon.answers["key.list"] = []
    assert asked(daemon, run, "key", "list", "--account", "shop") == ("key.list", {"account": "shop"})
    assert asked(daemon, run, "key", "list") == ("key.list", {})
    assert asked(daemon, run, "key", "revoke", "key_1", "--yes") == ("key.revoke", {"id": "key_1"})


def test_key_rotate_shows_the_new_key_and_until_when_the_old_one_works(daemon: Daemon, run: Run) -> None:
    new = {"id": "k2", "account": "shop", "name": "crm", "key": "wacrm_live_new", "prefix": "wacrm_live_n"}
    old = {"id": "k1", "prefix": "wacrm_live_old", "expires_at": "2026-11-24T12:00:00.000Z"}
    daemon.answers["key.rotate"] = {
        **new,
        "scopes": [],
        "allowed_from": [],
        "expires_at": None,
        "replaces": old,
    }
    line = ["key", "rotate", "k1"]
    assert asked(daemon, run, *line) == ("key.rotate", {"id": "k1", "overlap_hours": 24})
    for text, hours in {"90min": 1.5, "7d": 168, "36": 36, "0": 0}.items():
        assert asked(daemon, run, *line, "--overlap", text)[1]["overlap_hours"] == hours
    assert asked(daemon, run, *line, "--expires-in-days", "30")[1]["expires_in_days"] == 30
    code, out, err = run("--socket", daemon.socket, *line)
    assert (code, "wacrm_live_new" in out) == (0, True)
    assert "wacrm_live_old… is accepted until 2026-11-24" in err
    assert (
        "wacrm_live_old… is refused from now on" in run("--socket", daemon.socket, *line, "--overlap", "0")[2]
    )
    for wrong in ("soon", "nan", "-1h", "-1", "inf"):
        code, _, err = run("--socket", daemon.socket, *line, "--overlap", wrong)
        assert (code, "expected a time such as 30min, 24h or 7d" in err) == (2, True), wrong


def test_broadcast_list_and_show_print_the_hold(daemon: Daemon, run: Run) -> None:
    daemon.answers |= {"broadcast.list": [BROADCAST], "broadcast.show": BROADCAST}
    line = ["broadcast", "list", "--account", "shop", "--status", "paused", "--limit", "5"]
    assert asked(daemon, run, *line)[1] == {"account": "shop", "status": "paused", "limit": 5}
    _, out, _ = run("--socket", daemon.socket, "broadcast", "list")
    assert BROADCAST["id"] in out
    assert "number 1 is paused: token expired" in out
    assert asked(daemon, run, "broadcast", "show", "3f2a", "--json") == ("broadcast.show", {"id": "3f2a"})
    _, out, _ = run("--socket", daemon.socket, "broadcast", "show", "3f2a")
    assert "number 1 is paused: token expired" in out
    _, out, _ = run("--socket", daemon.socket, "broadcast", "show", "3f2a", "--json")
    assert json.loads(out) == BROADCAST


def test_number_list_is_shown(daemon: Daemon, run: Run) -> None:
    daemon.answers["number.list"] = [
        sample_of(AccountNumber, filled=False)
        | {"account": "shop", "phone_number_id": "111", "is_default": True, "label": None}
    ]
    _, out, _ = run("--socket", daemon.socket, "number", "list")
    assert out.splitlines()[1].split() == [
        "shop",
        "-",
        "-",
        "111",
        "active",
        "-",
        "-",
        "0",
        "yes",
        "-",
        "-",
        "text",
    ]


@pytest.mark.parametrize("option", ["daily_limit", "messages_per_second"])
def test_zero_takes_a_setting_of_a_number_away_and_needs_no_other_option(
    daemon: Daemon, run: Run, option: str
) -> None:
    flag = f"--{option.replace('_', '-')}"
    method, given = asked(daemon, run, "number", "set", "106540352242922", flag, "0")
    assert (method, given[option]) == ("number.set", 0)
