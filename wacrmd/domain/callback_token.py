"""The token that travels with each attempt and comes back in Meta's statuses."""


def callback_token(broadcast_uuid: str, recipient_id: int, attempt: int) -> str:
    """The `biz_opaque_callback_data` of one attempt: comes back in Meta's statuses and names the attempt."""
    return f"wacrmd:{broadcast_uuid}:{recipient_id}:{attempt}"


def parse_callback_token(token: str) -> tuple[str, int, int] | None:
    """Broadcast uuid, recipient id and attempt of our own token; None for anybody else's data."""
    parts = token.split(":")
    if len(parts) != 4 or parts[0] != "wacrmd" or not (parts[2].isdecimal() and parts[3].isdecimal()):  # noqa: PLR2004
        return None
    return parts[1], int(parts[2]), int(parts[3])
