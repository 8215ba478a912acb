"""The token that is sent with each attempt and comes back in Meta's statuses."""

import re

_TOKEN = re.compile(r"wacrmd:([^:]*):([0-9]{1,18}):([0-9]{1,18})")
"""Numbers have at most 18 digits, which fit into SQLite's integers: a larger one cannot be a row id."""


def callback_token(broadcast_uuid: str, recipient_id: int, attempt: int) -> str:
    """The `biz_opaque_callback_data` of one attempt: comes back in Meta's statuses and names the attempt."""
    return f"wacrmd:{broadcast_uuid}:{recipient_id}:{attempt}"


def parse_callback_token(token: str) -> tuple[str, int, int] | None:
    """Broadcast uuid, recipient id and attempt of our own token; None for anybody else's data."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else (found[1], int(found[2]), int(found[3]))
