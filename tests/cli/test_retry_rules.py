"""Rules and retries on the command line."""

from datetime import UTC, datetime
from typing import Any

from tests.cli.conftest import Run
from tests.cli.harness import Daemon
from tests.support.table import rows

RULES: list[tuple[str, dict[str, Any]]] = [
    ("131049", {"codes": [131049]}),
    ("131049 after 24h, 2 times", {"codes": [131049], "after_hours": 24, "times": 2}),
    ("131026,131053 after 2d", {"codes": [131026, 131053], "after_hours": 48}),
    ("131049 after 30h 1 time", {"codes": [131049], "after_hours": 30, "times": 1}),
    ("131049 after 24 hours, 2 times", {"codes": [131049], "after_hours": 24, "times": 2}),
    ("131049 after 1 day", {"codes": [131049], "after_hours": 24}),
    (" 131049, 131053 3 TIMES ", {"codes": [131049, 131053], "times": 3}),
]
WRONG = (
    "",
    "all",
    "131049 after",
    "131049 after 90min",
    "131049 after 3 fortnights",
    "131049 2",
    "131049 after 24h twice",
    "131049;131053",
)


@rows(("text", "rule"), RULES)
def test_a_rule_is_read_as_people_write_it(daemon: Daemon, run: Run, text: str, rule: dict[str, Any]) -> None:
    daemon.asked.clear()
    run("--socket", daemon.socket, "account", "set", "shop", "--retry-rule", text)
    assert daemon.asked[-1] == ("account.set", {"name": "shop", "retry_rules": [rule]})


@rows("text", ["131026 131053", "131026;131053", "131026 ; 131053", "131026, 131053", "131026,131053"])
def test_codes_are_taken_apart_by_what_people_write_between_them(daemon: Daemon, run: Run, text: str) -> None:
    daemon.asked.clear()
    run("--socket", daemon.socket, "broadcast", "retry", "4b6d", "--code", text, "--yes")
    asked = next(params for name, params in daemon.asked if name == "broadcast.retry")
    assert asked["codes"] == [131026, 131053]


@rows("text", WRONG)
def test_what_is_no_rule_is_a_usage_error_with_an_example(daemon: Daemon, run: Run, text: str) -> None:
    code, _, err = run("--socket", daemon.socket, "account", "set", "shop", "--retry-rule", text)
    assert (code, daemon.asked) == (2, [])
    assert "expected a rule such as '131049 after 24h, 2 times'" in err


@rows(
    ("line", "said"),
    [
        (
            ["broadcast", "retry", "4b6d", "--not-delivered-after", "30min", "--yes"],
            "expected from 1h to 30d, such as 48h, found '30min'",
        ),
        (["broadcast", "retry", "4b6d", "--not-delivered-after", "31d", "--yes"], "expected from 1h to 30d"),
        (["key", "rotate", "4b6d", "--overlap", "366d"], "expected at most 365d, found '366d'"),
    ],
)
def test_a_time_out_of_bounds_is_refused_in_the_words_of_the_option(
    daemon: Daemon, run: Run, line: list[str], said: str
) -> None:
    code, _, err = run("--socket", daemon.socket, *line)
    assert (code, daemon.asked) == (2, []), err
    assert said in " ".join(err.split())


GROUPED = "'131,049' may be the code 131049 or several codes"


@rows(
    ("line", "said"),
    [
        (["account", "set", "shop", "--retry-rule", "131,049 after 24h"], GROUPED),
        (["account", "set", "shop", "--retry-rule", "131049, 049"], "'049' is no code of Meta's"),
        (["draft", "create", "--template", "hello", "--retry-rule", "131,049"], GROUPED),
        (["broadcast", "retry", "4b6d", "--code", "131,049"], GROUPED),
        (["broadcast", "retry", "4b6d", "--code", "131026", "--code", "0131049"], "'0131049' is no code"),
        (["broadcast", "retry", "4b6d", "--code", "abc"], "'abc' is no code of Meta's"),
        (["broadcast", "recipients", "4b6d", "--code", "131,049"], GROUPED),
        (["broadcast", "recipients", "4b6d", "--code", "049"], "'049' is no code of Meta's"),
        (["broadcast", "recipients", "4b6d", "--code", "131049, 131026"], "expected one code"),
        (["draft", "again", "4b6d", "--whom", "failed", "--code", "131.049"], "'131.049' may be the code"),
    ],
)
def test_a_code_that_may_be_two_or_none_is_a_usage_error(
    daemon: Daemon, run: Run, line: list[str], said: str
) -> None:
    code, _, err = run("--socket", daemon.socket, *line)
    assert (code, daemon.asked) == (2, []), err
    assert said in " ".join(err.split())


def test_none_takes_rules_away_and_stands_alone(daemon: Daemon, run: Run) -> None:
    run("--socket", daemon.socket, "account", "set", "shop", "--retry-rule", "none")
    assert daemon.asked == [("account.set", {"name": "shop", "retry_rules": None})]
    both = ("--retry-rule", "none", "--retry-rule", "131049")
    code, _, err = run("--socket", daemon.socket, "account", "set", "shop", *both)
    assert (code, "stands alone" in err) == (2, True)
    run("--socket", daemon.socket, "draft", "create", "--template", "hello", "--retry-rule", "none")
    assert daemon.asked[-1] == ("draft.create", daemon.asked[-1][1] | {"retry_rules": []})


@rows(
    "given",
    [
        ("--code", "131049,131026"),
        ("--code", "131049, 131026"),
        ("--code", "131049", "--code", "131026"),
    ],
)
def test_codes_are_given_with_commas_or_one_by_one(daemon: Daemon, run: Run, given: tuple[str, ...]) -> None:
    run("--socket", daemon.socket, "broadcast", "retry", "4b6d", *given)
    method, params = daemon.asked[-1]
    assert (method, params["codes"]) == ("broadcast.retry", [131049, 131026])


@rows("given", ["131049,", ",", "", "131049,,131026"])
def test_a_list_without_a_value_between_its_commas_is_a_usage_error(
    daemon: Daemon, run: Run, given: str
) -> None:
    code, _, err = run("--socket", daemon.socket, "broadcast", "retry", "4b6d", "--code", given)
    assert (code, daemon.asked) == (2, [])
    assert f"expected values with commas between them, found {given!r}" in err


RETRIED = {"broadcast_id": "b", "requeued": 0, "moved": 0, "waiting": 0, "waiting_until": None, "left_out": 0}


def test_the_command_says_how_many_are_moved_and_to_when(daemon: Daemon, run: Run) -> None:
    daemon.answers["broadcast.retry"] = RETRIED | {"moved": 3}
    line = ("--socket", daemon.socket, "broadcast", "retry", "4b6d")
    year = datetime.now(UTC).year + 1
    at = ("--at", f"{year}-01-02 09:00", "--timezone", "UTC")
    code, out, err = run(*line, *at, "--failed")
    assert code == 0, err
    assert out.startswith(
        f"Moved: 3 people, who waited for a retry already, now at {year}-01-02 09:00 +00:00"
    )
    assert (daemon.asked[-1][1]["failed"], daemon.asked[-1][1]["waiting"]) == (True, False)
    _, out, _ = run(*line, "--waiting")
    assert out.startswith("Moved: 3 people, who waited for a retry already, now at once.")
    assert (daemon.asked[-1][1]["waiting"], "at" in daemon.asked[-1][1]) == (True, False)
    daemon.answers["broadcast.retry"] = RETRIED | {"waiting": 1, "waiting_until": f"{year}-01-02T09:00:00Z"}
    _, out, err = run(*line, "--waiting")
    assert out == "No retry is moved.\n"
    assert "Meta allows no earlier message to 1 person" in err
    daemon.answers["broadcast.retry"] = RETRIED
    assert "nobody waits for one, or all wait for this time already" in run(*line, "--waiting")[1]


LISTS: list[tuple[list[str], str, list[str]]] = [
    (
        ["key", "create", "--account", "shop", "--name", "x", "--scope"],
        "scopes",
        ["broadcasts:send", "broadcasts:read"],
    ),
    (
        ["key", "create", "--account", "shop", "--name", "x", "--from"],
        "allowed_from",
        ["10.1.0.0/16", "::1/128"],
    ),
    (
        ["webhook", "add", "--account", "shop", "--url", "https://x", "--event"],
        "events",
        ["broadcast.sent", "broadcast.paused"],
    ),
    (["webhook", "set", "4b6d", "--event"], "events", ["broadcast.sent", "broadcast.paused"]),
    (["draft", "change", "4b6d", "--without"], "without", ["canary", "send_between"]),
]


@rows(("line", "name", "values"), LISTS)
def test_other_options_with_several_values_take_them_with_commas_too(
    daemon: Daemon, run: Run, line: list[str], name: str, values: list[str]
) -> None:
    *before, option = line
    for given in ([option, ",".join(values)], [word for value in values for word in (option, value)]):
        run("--socket", daemon.socket, *before, *given)
        assert list(daemon.asked[-1][1][name]) == values


def test_a_retry_that_may_send_twice_asks_first_and_names_the_number_of_people(
    daemon: Daemon, run: Run
) -> None:
    line = ("--socket", daemon.socket, "broadcast", "retry", "4b6d")
    code, _, err = run(*line, "--not-delivered-after", "48h")
    assert (code, "add --yes" in err, daemon.asked) == (2, True, [])
    code, _, err = run(*line, "--not-delivered-after", "2d", "--yes")
    assert daemon.asked[-1][1]["not_delivered_after_hours"] == 48
    assert "whose old message is delivered later get it twice" in err
    run(*line, "--code", "131049", "--code", "131026", "--at", "2999-01-01 09:00Z")
    asked = daemon.asked[-1][1]
    assert (asked["codes"], asked["failed"], asked["uncertain"]) == ([131049, 131026], False, False)
    assert "at" in asked


@rows(
    ("text", "days"),
    [
        ("mon, wed 09:00-20:00", ["mon", "wed"]),
        ("09:00-20:00 sat , sun", ["sat", "sun"]),
        ("mon-tue, fri 09:00-20:00", ["mon", "tue", "fri"]),
        ("Monday 09:00-20:00", ["mon"]),
        ("sat\u2013Sunday 09:00 \u2013 20:00", ["sat", "sun"]),
    ],
)
def test_days_are_taken_apart_by_a_comma_and_spaces(
    daemon: Daemon, run: Run, text: str, days: list[str]
) -> None:
    daemon.asked.clear()
    run("--socket", daemon.socket, "account", "set", "shop", "--between", text)
    assert daemon.asked[-1][1]["send_between"] == {"from": "09:00", "to": "20:00", "days": days}


@rows("text", ["1,5", "1.5/s", "fast", "1_0.5", "1e1", "nan", "inf", "\uff16\uff10", "\u0661"])
def test_what_is_no_number_is_named_with_an_example(daemon: Daemon, run: Run, text: str) -> None:
    code, _, err = run(
        "--socket", daemon.socket, "number", "set", "106540352242922", "--messages-per-second", text
    )
    assert (code, daemon.asked) == (2, [])
    assert f"expected a number such as 0.5 or 80, found '{text}'" in " ".join(err.split())


@rows(
    ("line", "said"),
    [
        *(
            (
                ["draft", "create", "--template", "hello", "--spread", text],
                f"a whole number from 1 to 10080, found '{text}'",
            )
            for text in (
                "1_0",
                "\uff16\uff10",
                "\u0661",
                "+5",
                "1.5",
                "1e2",
                "",
                "ten",
                "0",
                "10081",
                "9" * 30,
            )
        ),
        (["broadcast", "list", "--limit", "1_0"], "expected a whole number from 1 to 1000, found '1_0'"),
        (
            ["broadcast", "recipients", "4b6d", "--rid", "1_0"],
            "expected a whole number from 1 on, found '1_0'",
        ),
        (
            ["number", "set", "1", "--messages-per-second", "1001"],
            "expected a number from 0 to 1000, found '1001'",
        ),
        (["log-level", "debug", "--for", "0"], "expected a number above 0 and up to 10080, found '0'"),
        (
            ["key", "rotate", "4b6d", "--overlap", "1_0"],
            "expected a time such as 30min, 24h or 7d, found '1_0'",
        ),
        (["demo", "--recipients", "1_0"], "expected a whole number from 1 to 50000, found '1_0'"),
        (["simulate", "--seed", "1_0"], "expected a whole number, found '1_0'"),
        (["simulate", "--hang-seconds", "1_0"], "expected a number such as 0.5 or 80, found '1_0'"),
        (["simulate", "--failed-codes", "1_0"], "expected a whole number, found '1_0'"),
        (["simulate", "--bind", "127.0.0.1:\uff18"], "expected HOST:PORT"),
    ],
)
def test_what_is_no_number_or_out_of_bounds_is_refused_in_plain_words(
    daemon: Daemon, run: Run, line: list[str], said: str
) -> None:
    """Python takes 1_0 for 10, and digits of other scripts."""
    code, _, err = run("--socket", daemon.socket, *line)
    assert (code, daemon.asked) == (2, []), err
    assert said in " ".join(err.split())
