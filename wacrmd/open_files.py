"""How many files and connections this process may have open, and how many of them may be requests to Meta."""

import resource
from contextlib import suppress

MAX_FILES = 65_536
"""More than that is not asked for."""

MIN_REQUESTS = 16


def raise_limit() -> None:
    """Raise the soft limit to what the system allows: 1,024 is a default for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit() -> int:
    """How many may be open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_FILES if soft == resource.RLIM_INFINITY else min(soft, MAX_FILES)


def most_requests() -> int:
    """How many requests to Meta may be under way, also when Meta answers none: half of what may be open.

    The rest is for connections that rest between two requests, for apps, webhooks and the database.
    """
    return max(MIN_REQUESTS, limit() // 2)
