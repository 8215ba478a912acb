"""Whether what the daemon writes to its log arrives."""

from wacrmd import log


def unread_log() -> str | None:
    """A sentence for people if lines of the log are dropped, or will be soon; None otherwise."""
    problem = log.problem()
    return problem and f"{problem}, and all else goes on"


READ_IT = "Look at where the daemon's standard error goes, such as journald, a file, a pager or a pipe."
