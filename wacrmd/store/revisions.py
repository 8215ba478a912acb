"""The revision of a broadcast: each transaction that changes what callers see of it raises it.

That is what they see of the broadcast, of its recipients and of their history. The statements that change a row of
`broadcast` raise it themselves (`RAISED`); those that change recipients are followed by `broadcasts.recipients_changed`
or `raise_for` in the same transaction. There is no trigger: one would cost 2 to 4 µs for each row that changes. A test
watches every transaction of a site that is used in every way instead (tests/ops/test_revisions.py).
"""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.store.database import Tx

RAISED = "revision = revision + 1"
"""Belongs into each UPDATE of a broadcast."""


def raise_for(tx: Tx, broadcast_ids: Iterable[int]) -> None:
    """Raise the revisions of broadcasts whose recipients have changed in a way that is no progress, such as a claim."""
    tx.execute(
        f"UPDATE broadcast SET {RAISED} WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(broadcast_ids)),),
    )


def raise_after_restore(tx: Tx, now: Millis) -> None:
    """Raise the revisions of all broadcasts above those that callers may know from after the backup.

    The time is added, because a backup may be restored twice, and the second time callers know revisions from after
    the first. No broadcast changes a thousand times a second.
    """
    tx.execute(
        "UPDATE broadcast SET revision = revision + ?1,"
        " counts_revision = iif(counts_revision = revision, revision + ?1, NULL),"
        " stats_revision = iif(stats_revision = revision, revision + ?1, stats_revision)",
        (now,),
    )
