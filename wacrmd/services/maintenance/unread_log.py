"""Whether somebody reads what the daemon writes to its log."""

from wacrmd import log


def unread_log() -> str | None:
    """A sentence for people if nobody has read the log for some seconds; None if somebody does."""
    unread_s = log.unread_s()
    if not unread_s:
        return None
    return f"nobody has read the log for {unread_s:.0f} s: lines are dropped, and all else goes on"


READ_IT = "Look at what reads the daemon's standard error, such as journald, a pager or a pipe."
