"""The log: the content of a line, redaction, and the log lines of libraries."""

import importlib
import io
import json
import logging
import os
import pty
import re
import threading
import time
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import wacrmd
from wacrmd import log
from wacrmd.redact import REDACTED, clean, redact

KEY = "wacrm_live_" + "k7Jx2-_9" * 5 + "abc"
HOOK_SECRET = "whsec_3f4/4TnHy7n9JeZ+0TJ70gax8CDpNoRO"
META_TOKEN = "EAAGm0PX4ZCpsBAKZBqZBZC8yZAZC"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Restore the logging of the process."""
    processors, stream, level = log._processors[:], log._output.stream, log.level()
    root = logging.getLogger()
    handlers, root_level = root.handlers[:], root.level
    yield
    log.configure(level, "json", stream=stream)
    log._processors[:] = processors
    root.handlers[:] = handlers
    root.setLevel(root_level)
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(level: str = "info", log_format: str = "json", **options: Any) -> io.StringIO:
    stream = io.StringIO()
    log.configure(level, log_format, stream=stream, environ={}, **options)
    return stream


def test_an_event_is_one_line_of_json() -> None:
    stream = configured()
    log.get_logger("wacrmd.x").bind(broadcast="b-1").info("broadcast_accepted", recipients=3, text="a\nb")
    (line,) = lines(stream)
    assert list(line) == ["timestamp", "level", "event", "logger", "broadcast", "recipients", "text"]
    moment = datetime.fromisoformat(line.pop("timestamp"))
    assert abs(moment.timestamp() - time.time()) < 60
    assert line == {
        "level": "info",
        "event": "broadcast_accepted",
        "logger": "wacrmd.x",
        "broadcast": "b-1",
        "recipients": 3,
        "text": "a\nb",
    }


def test_a_logger_follows_a_later_configuration() -> None:
    logger = log.get_logger("early")
    first = configured()
    logger.info("one")
    second = configured("warning")
    logger.info("two")
    logger.warning("three")
    assert [line["event"] for line in lines(first)] == ["one"]
    assert [line["event"] for line in lines(second)] == ["three"]


def test_the_level_changes_while_running() -> None:
    stream = configured("info")
    logger = log.get_logger("x")
    logger.debug("unseen")
    log.set_level("debug")
    logger.debug("seen")
    assert log.level() == "debug"
    log.set_level("error")
    logger.warning("unseen")
    logging.getLogger("some.library").warning("unseen")
    logger.critical("seen_too")
    assert [(line["level"], line["event"]) for line in lines(stream)] == [
        ("debug", "seen"),
        ("critical", "seen_too"),
    ]


def test_values_of_the_context_are_added() -> None:
    stream = configured()
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        log.get_logger("x").info("inside")
    log.get_logger("x").info("outside")
    assert [line.get("request_id") for line in lines(stream)] == ["r-1", None]


def test_a_value_cannot_replace_the_level_or_the_time() -> None:
    stream = configured()
    log.get_logger("x").info("log_level_changed", level="error", timestamp="never")
    (line,) = lines(stream)
    assert line["level"] == "info"
    assert line["level_"] == "error"
    assert line["timestamp_"] == "never"


def test_libraries_and_warnings_are_logged_too() -> None:
    stream = configured()
    logging.getLogger("hypercorn.error").warning("port %d is %s", 80, "taken")
    logging.getLogger("httpx").info("HTTP Request: POST …")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    written = lines(stream)
    assert [(line["level"], line["event"], line["logger"]) for line in written] == [
        ("warning", "library_logged", "hypercorn.error"),
        ("warning", "library_logged", "py.warnings"),
    ]
    assert written[0]["message"] == "port 80 is taken"
    assert "DeprecationWarning: old thing" in written[1]["message"]


def test_configuring_twice_does_not_log_everything_twice() -> None:
    configured()
    stream = configured()
    logging.getLogger("x").error("once")
    assert len(lines(stream)) == 1


def test_hpack_never_shows_headers() -> None:
    stream = configured("debug")
    logging.getLogger("hpack.hpack").debug("Decoded (b'authorization', b'Bearer x')")
    assert stream.getvalue() == ""


def test_an_exception_brings_its_traceback_without_secrets() -> None:
    stream = configured()
    try:
        int(f"refused Bearer {META_TOKEN} for +14155550123")
    except ValueError:
        log.get_logger("x").exception("send_failed", attempt=1)
        logging.getLogger("asyncio").exception("task failed with %s", META_TOKEN)
    ours, theirs = lines(stream)
    assert ours["level"] == theirs["level"] == "error"
    for line in (ours, theirs):
        assert "Traceback (most recent call last)" in line["exception"]
        assert "'refused Bearer [redacted] for +1415•••0123'" in line["exception"]
        assert META_TOKEN not in json.dumps(line)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_value_leaks_a_secret(log_format: str) -> None:
    stream = configured(log_format=log_format)
    logger = log.get_logger("x").bind(app_secret="s3cr3t-bound")
    logger.warning(
        "everything",
        access_token="s3cr3t-1",
        Authorization="s3cr3t-2",
        key=KEY,
        verify_token_old=["s3cr3t-3"],
        nested={"headers": [("authorization", f"Bearer {META_TOKEN}")], "password": "s3cr3t-4"},
        body=f'{{"secret": "{HOOK_SECRET}", "deep": "{{\\"access_token\\": \\"s3cr3t-5\\"}}"}}'.encode(),
        url="https://user:s3cr3t-6@host/hook?hub.verify_token=s3cr3t-7&hub.challenge=12",
        error=RuntimeError(f"bad key {KEY}"),
        raw=b"[(b'authorization', b's3cr3t-8')]",
    )
    written = stream.getvalue()
    for secret in ("s3cr3t", KEY, KEY[20:], HOOK_SECRET, META_TOKEN):
        assert secret not in written
    assert "hub.challenge=12" in written


def test_text_that_only_resembles_a_secret_is_kept() -> None:
    kept = {
        "tokens": 12,
        "tokens_left": 1.5,
        "secret_set": True,
        "app_secret": None,
        "key_file": "/etc/wacrmd/key",
        "key_prefix": KEY[:19],
        "key_id": "k-1",
        "detail": "Error validating access token: Session has expired",
        "code": "the bearer of this",
        "wamid": "wamid.HBgLMTQxNTU1NTAxMjMVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA",
    }
    assert clean(kept, mask_phones=True) == kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key {KEY}.", f"key {KEY[:19]}{REDACTED}."),
        (KEY[:19], KEY[:19]),
        (HOOK_SECRET, f"whsec_{REDACTED}"),
        (f"Authorization: Bearer {META_TOKEN}", f"Authorization: Bearer {REDACTED}"),
        (f"token {META_TOKEN}", f"token EAA{REDACTED}"),
        ("GET /?access_token=abc&x=1", f"GET /?access_token={REDACTED}&x=1"),
        ("{'app_secret': 'abc', 'x': 1}", f"{{'app_secret': '{REDACTED}', 'x': 1}}"),
        ("https://me:pw@host/", f"https://{REDACTED}@host/"),
        ("mail me@host or see https://host/a@b", "mail me@host or see https://host/a@b"),
        ("broadcast eaa8b85f-20c1-492c-a484-cc366edf69c2", "broadcast eaa8b85f-20c1-492c-a484-cc366edf69c2"),
    ],
)
def test_secrets_are_removed_from_free_text(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_phone_numbers_are_masked_unless_that_is_switched_off() -> None:
    values = {
        "to": "14155550123",
        "wa_id": "5511987654321",
        "detail": "to +14155550123, from +5511987654321",
        "recipient": 7,
        "contacts": [{"wa_id": "14155550123"}],
        "phone_number_id": "106540352242922",
        "at": "2026-11-23T12:00:00+01:00",
    }
    stream = configured()
    log.get_logger("x").info("sent", **values)
    (masked,) = lines(stream)
    assert masked["to"] == "14155•••0123"
    assert masked["detail"] == "to +1415•••0123, from +5511•••4321"
    assert masked["contacts"] == [{"wa_id": "14155•••0123"}]
    assert {name: masked[name] for name in ("recipient", "phone_number_id", "at")} == {
        "recipient": 7,
        "phone_number_id": "106540352242922",
        "at": "2026-11-23T12:00:00+01:00",
    }
    log.mask_phone_numbers(False)
    log.get_logger("x").info("sent", **values)
    assert values.items() <= lines(stream)[1].items()
    whole = configured(mask_phone_numbers=False)
    log.get_logger("x").info("sent", **values)
    assert values.items() <= lines(whole)[0].items()


def test_masking_does_not_hide_the_prefix_of_a_key_in_the_same_text() -> None:
    values = clean({"text": f"{KEY} +14155550123"}, mask_phones=True)
    assert values == {"text": f"{KEY[:19]}{REDACTED} +1415•••0123"}


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner)
    ),
    max_leaves=10,
)


@given(value=JSON_LIKE)
def test_any_value_makes_exactly_one_line(value: Any) -> None:
    stream = configured()
    log.get_logger("x").info("event", value=value)
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["event"] == "event"


def test_a_value_that_contains_itself_is_cut() -> None:
    value: dict[str, Any] = {}
    value["again"] = value
    stream = configured()
    log.get_logger("x").info("event", value=value)
    assert "…" in stream.getvalue()


def test_a_long_text_is_cut_in_linear_time() -> None:
    text = "token_" * 400_000 + f"\n{META_TOKEN} the end"
    took = []
    for _ in range(5):
        started = time.process_time()
        cut = clean({"text": text, "raw": text.encode()}, mask_phones=True)
        took.append(time.process_time() - started)
    assert min(took) < 1
    assert len(str(cut["text"])) < 17_000
    assert str(cut["text"]).endswith(f"left out … EAA{REDACTED} the end")
    assert len(str(cut["raw"])) < 17_000


def test_a_value_cannot_control_the_terminal() -> None:
    stream = configured(log_format="console")
    log.get_logger("x").info("received", text="\x1b[2Jhello\x9b", more={"a": "\x1b]0;title\x07"})
    assert "\x1b" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()
    assert "hello" in stream.getvalue()


def test_the_format_follows_the_terminal() -> None:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal, os.fdopen(leader, "rb", buffering=0) as screen:
        log.configure("info", "auto", stream=terminal, environ={})
        log.get_logger("x").info("on_a_terminal")
        log.configure("info", "json", stream=terminal, environ={})
        log.get_logger("x").info("as_json")
        shown = screen.read(4096).decode()
        while "as_json" not in shown:
            shown += screen.read(4096).decode()
    console, as_json = shown.strip().splitlines()
    assert "on_a_terminal" in console
    assert not console.startswith("{")
    assert json.loads(as_json)["event"] == "as_json"
    stream = configured(log_format="auto")
    log.get_logger("x").info("in_a_file")
    assert lines(stream)[0]["event"] == "in_a_file"


def test_lines_for_the_journal_have_their_priority(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as stream:
        status = os.fstat(stream.fileno())
        log.configure(
            "debug", "auto", stream=stream, environ={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        )
        for level in log.LEVELS:
            getattr(log.get_logger("x"), level)("event")
    assert [line[:4] for line in path.read_text().splitlines()] == ["<7>{", "<6>{", "<4>{", "<3>{", "<2>{"]


def test_another_stream_than_the_journal_s_gets_no_priority(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        log.configure("info", "auto", stream=stream, environ={"JOURNAL_STREAM": "1:2"})
        log.get_logger("x").info("event")
    assert (tmp_path / "log").read_text().startswith("{")


def test_a_log_that_cannot_be_written_does_not_stop_the_daemon() -> None:
    stream = configured()
    stream.close()
    log.get_logger("x").error("lost")
    full = Path("/dev/full").open("w")  # noqa: SIM115 - closing it is what must fail
    log.configure("info", "json", stream=full, environ={})
    log.get_logger("x").error("lost")
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_lines_of_many_threads_stay_whole() -> None:
    stream = configured()
    logger = log.get_logger("x")

    def write() -> None:
        for number in range(50):
            logger.info("event", number=number, text="x" * 500)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(stream)) == 400


def test_structlog_s_own_test_helper_sees_our_events() -> None:
    configured()
    with structlog.testing.capture_logs() as events:
        log.get_logger("x").info("captured", value=1)
        log.get_logger("x").debug("below_the_level")
    assert events == [{"logger": "x", "event": "captured", "value": 1, "log_level": "info"}]


def modules_that_log() -> list[str]:
    """Every module with a logger, except the simulator, which is another program."""
    top = Path(wacrmd.__file__).parent
    found = [path for path in sorted(top.rglob("*.py")) if path.relative_to(top).parts[0] != "simulator"]
    return [
        ".".join(path.relative_to(top.parent).with_suffix("").parts)
        for path in found
        if re.search(r"^log = ", path.read_text(), re.MULTILINE)
    ]


@pytest.mark.parametrize("name", modules_that_log())
def test_each_module_s_log_lines_name_their_logger(name: str) -> None:
    logger = importlib.import_module(name).log
    stream = configured()
    logger.warning("something_happened")
    (line,) = lines(stream)
    assert line["logger"] == name
