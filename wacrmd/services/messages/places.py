"""Where in a single message something is wrong: it is checked as a broadcast of one."""

from collections.abc import Iterator
from contextlib import contextmanager

from wacrmd.domain.message import in_message
from wacrmd.errors import ErrorCode, Refusal, invalid


@contextmanager
def at_their_places() -> Iterator[None]:
    """What a broadcast of one is refused for is named by its place in the message."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code is not ErrorCode.BAD_REQUEST or not refusal.details:
            raise
        raise invalid([in_message(each) for each in refusal.details]) from None
