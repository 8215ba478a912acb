"""The files that a broadcast needs: noted when it is stored, so that they are kept and uploaded for it."""

from collections.abc import Set as AbstractSet

from wacrmd.clock import Millis
from wacrmd.errors import conflict
from wacrmd.store import media
from wacrmd.store.database import Tx


def use_files(
    tx: Tx, account_id: str, number_id: str, broadcast_id: int, uuids: AbstractSet[str], now: Millis
) -> None:
    """Note which files a broadcast needs; raises Refusal if one was removed a moment ago."""
    if not uuids:
        return
    found = media.facts(tx, account_id, number_id, uuids)
    if missing := uuids - found.keys():
        raise conflict(f"The file {min(missing)} was removed a moment ago: upload it again")
    media.use(tx, broadcast_id, [each.id for each in found.values()], now)
