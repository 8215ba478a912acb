"""The log on standard error, for wacrmd's own events and for what libraries log.

An event has a stable name and values: `log.info("number_unblocked", number=id)`; docs/logs.md lists all events.
Values bound with `structlog.contextvars`, such as the request id, are added. Secrets and phone numbers are removed.

Whoever is not trusted must not fill the log: an event that a stranger or a reader can cause has the value `summed`, which
says who or what causes it (True: nobody in particular). It is written at once, and again once a minute, with `count`.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from time import time_ns
from typing import Any, TextIO

import orjson
import structlog
from structlog.contextvars import merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import format_exc_info
from structlog.typing import Processor

from wacrmd import redact
from wacrmd.clock import Millis, iso
from wacrmd.log_sums import LineSums
from wacrmd.log_writer import LogWriter
from wacrmd.plain_text import in_json, in_lines

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
"""The levels by name, with their numbers in the standard library."""

_LIBRARY_LEVELS = {
    "aiosqlite": 30,
    "httpx": 30,
    "httpcore": 30,
    "hpack": 30,
    "h2": 30,
    "asyncio": 30,
    "aiohttp": 30,
    "huey": 50,
    "huey.consumer": 30,
}
"""The lowest level of some libraries: below it they log noise, or headers with tokens."""

_PRIORITY = {"debug": "<7>", "info": "<6>", "warning": "<4>", "error": "<3>", "critical": "<2>"}
"""The prefix that gives a line its priority in the journal (sd-daemon(3))."""

FLUSH_S = 1.0
"""How long the daemon waits at its end for the last lines to be read."""


class _Output:
    """Where lines are written. A line that cannot be written is lost; it does not stop the daemon."""

    def __init__(self) -> None:
        self.stream: TextIO = sys.stderr
        self.writer: LogWriter | None = None
        """Writes in place of this, without waiting for a reader (`in_background`)."""
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        if self.writer is not None:
            self.writer.put(line)
            return
        with self._lock:
            try:
                self.stream.write(line + "\n")
                self.stream.flush()
            except (OSError, ValueError):
                return

    debug = info = warning = error = critical = write


class _Settings:
    """What can change while the daemon runs."""

    threshold = LEVELS["info"]
    mask_phones = True
    on_drop: Callable[[], object] = staticmethod(lambda: None)
    sums: LineSums | None = None
    monotonic: Callable[[], Millis] = staticmethod(lambda: 0)


_output = _Output()
_settings = _Settings()


class Logger(structlog.BoundLoggerBase):
    """Logs events; a call below the level in force costs one comparison."""

    def debug(self, event: str, **values: object) -> None:
        """Details for finding a fault."""
        self._write("debug", event, values)

    def info(self, event: str, **values: object) -> None:
        """Something that an operator wants to see."""
        self._write("info", event, values)

    def warning(self, event: str, **values: object) -> None:
        """Something that an operator should look at soon."""
        self._write("warning", event, values)

    def error(self, event: str, **values: object) -> None:
        """Something that an operator should look at now."""
        self._write("error", event, values)

    def critical(self, event: str, **values: object) -> None:
        """Something that stops the daemon."""
        self._write("critical", event, values)

    def exception(self, event: str, **values: object) -> None:
        """An error, with the traceback of the current exception."""
        self._write("error", event, {"exc_info": True} | values)

    def _write(self, level: str, event: str, values: dict[str, Any]) -> None:
        if LEVELS[level] < _settings.threshold:
            return
        summed = values.pop("summed", None)
        if summed is not None:
            values = {"count": 1} | values
            cause = (level, self._context["logger"], event, summed)
            sums = _settings.sums
            if sums is not None and not sums.admit(cause, values, _settings.monotonic()):
                return
        self._proxy_to_logger(level, event, **values)


class _Bridge(logging.Handler):
    """Logs what libraries log as the event `library_logged`."""

    def emit(self, record: logging.LogRecord) -> None:
        level = next((name for name, number in LEVELS.items() if record.levelno <= number), "critical")
        try:
            values = {"message": record.getMessage(), "exc_info": record.exc_info, "summed": str(record.msg)}
            getattr(get_logger(record.name), level)("library_logged", **values)
        except Exception:  # noqa: BLE001 - a library's broken log call must not be a failure of ours
            self.handleError(record)


def get_logger(name: str) -> Logger:
    """The logger of a module; it may be created before `configure` and follows it."""
    return Logger(_output, _processors, {"logger": name})


def configure(
    level: str,
    log_format: str,
    *,
    stream: TextIO = sys.stderr,
    mask_phone_numbers: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Write events of `level` and above to `stream`, as `log_format`: `console`, `json` or `auto`.

    `auto` is `console` on a terminal and `json` otherwise. For the journal, JSON lines begin with their priority.
    The standard library's loggers and warnings are included.
    """
    _output.stream = stream
    _settings.mask_phones = mask_phone_numbers
    terminal = stream.isatty()
    console = log_format == "console" or (log_format == "auto" and terminal)
    _processors[:] = _build_processors(console=console, colors=terminal, journal=_is_journal(stream, environ))
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    logging.captureWarnings(capture=True)
    set_level(level)


@contextmanager
def in_background() -> Iterator[None]:
    """Within the block, nobody who logs waits for the reader of the log: what is too much for it is dropped, and told."""
    stream = _output.stream
    stream.flush()
    log = get_logger(__name__)
    _output.writer = LogWriter(
        stream.fileno(), on_drop=_dropped, tell=lambda count: log.warning("log_lines_dropped", count=count)
    )
    try:
        yield
    finally:
        writer, _output.writer = _output.writer, None
        writer.close(FLUSH_S)


@contextmanager
def summing(monotonic: Callable[[], Millis]) -> Iterator[None]:
    """Within the block, lines with `summed` are written once a minute; without it each of them is.

    `monotonic` is the clock that counts the minutes; call `write_sums` every second or so.
    """
    before = _settings.sums, _settings.monotonic
    _settings.sums, _settings.monotonic = LineSums(), monotonic
    try:
        yield
    finally:
        _write_sums(None)
        _settings.sums, _settings.monotonic = before


def write_sums() -> None:
    """Write the sums of the minutes that have ended."""
    _write_sums(_settings.monotonic())


def _write_sums(now: Millis | None) -> None:
    for line in _settings.sums.due(now) if _settings.sums is not None else ():
        getattr(get_logger(line.logger), line.level)(line.event, **line.values)


def count_dropped(counted: Callable[[], object]) -> None:
    """Call `counted` for each line that is dropped from now on; from any thread."""
    _settings.on_drop = counted


def problem() -> str | None:
    """Why lines are dropped now, or will be soon; None while the log is written and read."""
    return _output.writer.problem if _output.writer is not None else None


def _dropped() -> None:
    _settings.on_drop()


def set_level(level: str) -> None:
    """Change the lowest level that is written, from now on."""
    threshold = LEVELS[level]
    _settings.threshold = threshold
    logging.getLogger().setLevel(threshold)
    for name, floor in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(floor, threshold))


def level() -> str:
    """The lowest level that is written."""
    return next(name for name, number in LEVELS.items() if number == _settings.threshold)


def mask_phone_numbers(on: bool) -> None:
    """Hide the middle of phone numbers, or not, from now on."""
    _settings.mask_phones = on


def _build_processors(*, console: bool, colors: bool, journal: bool) -> list[Processor]:
    """The steps from an event to a line; tracebacks become text before secrets are removed."""
    if not console:
        return [merge_contextvars, format_exc_info, _stamp, _JournalJson() if journal else _to_json]
    return [
        merge_contextvars,
        format_exc_info,
        _stamp,
        _remove_controls,
        ConsoleRenderer(colors=colors, exception_formatter=plain_traceback, sort_keys=False),
    ]


def _stamp(_logger: object, level: str, event: MutableMapping[str, Any]) -> dict[str, object]:
    """The event with its time and level, without secrets, in the order in which people read it."""
    name, logger = str(event.pop("event", "")), event.pop("logger", None)
    head: dict[str, object] = {
        "timestamp": iso(time_ns() // 1_000_000),
        "level": level,
        "event": redact.redact(name),
    }
    if logger is not None:
        head["logger"] = logger
    values = redact.clean(event, mask_phones=_settings.mask_phones)
    return head | {f"{name}_" if name in head else name: value for name, value in values.items()}


def _to_json(_logger: object, _level: str, event: MutableMapping[str, Any]) -> str:
    try:
        return in_json(orjson.dumps(event).decode())  # people read it on terminals
    except TypeError:  # an integer over 64 bits, or a lone surrogate
        return json.dumps(event)


class _JournalJson:
    """JSON lines with the journal's prefix of their priority."""

    def __call__(self, logger: object, level: str, event: MutableMapping[str, Any]) -> str:
        return _PRIORITY[level] + _to_json(logger, level, event)


def _remove_controls(_logger: object, _level: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Texts without characters that control a terminal."""
    return {
        in_lines(name): in_lines(value) if isinstance(value, str) else value for name, value in event.items()
    }


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether `stream` is connected to the journal (systemd.exec(5), `$JOURNAL_STREAM`)."""
    named = environ.get("JOURNAL_STREAM")
    if not named:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{status.st_dev}:{status.st_ino}"


_processors: list[Processor] = _build_processors(console=False, colors=False, journal=False)
"""Only changed in place: every logger has a reference to this list, and structlog's test helpers have one."""

structlog.configure(processors=_processors, wrapper_class=Logger, logger_factory=lambda *_: _output)
