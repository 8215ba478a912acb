"""The levels of the daemon's log that can be configured, the most verbose first."""

from enum import StrEnum


class LogLevel(StrEnum):
    """Events of this level and of those below it in this list are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
