"""What Meta says messages cost. Pricings are few, so each is stored once, and recipients refer to it."""

import json
from dataclasses import asdict

from wacrmd.domain.billing import Billing, Conversation, Pricing, told_at
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store.database import Tx
from wacrmd.store.receipt_rows import ReceiptRow
from wacrmd.store.recipients import ERASED_PREFIX


class Bills:
    """What a batch of receipts says about the prices of their messages; stored by `write`."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._pricing_ids: dict[Pricing, int] = {}
        self._priced: dict[int, ReceiptRow] = {}
        self._conversations: list[tuple[ReceiptRow, Receipt, Conversation]] = []
        self.broadcasts: set[int] = set()
        """The broadcasts whose recipients have another price or conversation."""
        self.late: set[int] = set()
        """The recipients about whom more is known now than their events for local apps said.

        What comes with `sent` is left out: Meta says it again with `delivered` or `read` (docs/meta.md, Statuses).
        """

    def add(self, row: ReceiptRow, receipt: Receipt, billing: Billing) -> None:
        """Take what a receipt of this recipient says; of an erased person only the price."""
        if billing.pricing is not None:
            self._add_pricing(row, receipt, billing.pricing)
        if billing.conversation is not None and not row.to.startswith(ERASED_PREFIX):
            self._conversations.append((row, receipt, billing.conversation))

    def write(self) -> None:
        """Store it."""
        if self._priced:
            self._tx.executemany(
                "UPDATE recipient SET pricing_id = ?, pricing_order = ? WHERE id = ?",
                [(row.pricing_id, row.pricing_order, row.id) for row in self._priced.values()],
            )
        for row, receipt, conversation in self._conversations:
            if _set_conversation(self._tx, row.id, conversation):
                self._changed(row, receipt)

    def _add_pricing(self, row: ReceiptRow, receipt: Receipt, pricing: Pricing) -> None:
        order = told_at(receipt.status, receipt.at)
        if row.pricing_order is not None and order <= row.pricing_order:
            return
        pricing_id = self._pricing_ids.get(pricing)
        if pricing_id is None:
            pricing_id = self._pricing_ids[pricing] = _id_of(self._tx, pricing)
        row.pricing_order = order
        if row.pricing_id != pricing_id:
            row.pricing_id = pricing_id
            self._priced[row.id] = row
            self._changed(row, receipt)

    def _changed(self, row: ReceiptRow, receipt: Receipt) -> None:
        self.broadcasts.add(row.broadcast_id)
        if receipt.status is not RecipientStatus.SENT:
            self.late.add(row.id)


def _id_of(tx: Tx, pricing: Pricing) -> int:
    """The id of a pricing, which is stored if it is new."""
    values = (pricing.category, pricing.type, pricing.model, pricing.billable)
    row = tx.execute(
        "SELECT id FROM pricing WHERE category IS ? AND type IS ? AND model IS ? AND billable IS ?", values
    ).fetchone()
    if row is None:
        row = tx.execute(
            "INSERT INTO pricing (category, type, model, billable) VALUES (?, ?, ?, ?) RETURNING id", values
        ).fetchone()
    return int(row[0])


def _set_conversation(tx: Tx, recipient_id: int, found: Conversation) -> bool:
    """Set the conversation; what only an earlier status told stays. True if that changes something."""
    cursor = tx.execute(
        "UPDATE recipient SET conversation_id = ?1, conversation_origin = coalesce(?2, conversation_origin),"
        " conversation_expires_at = coalesce(?3, conversation_expires_at) WHERE id = ?4"
        " AND (conversation_id IS NOT ?1 OR conversation_origin IS NOT coalesce(?2, conversation_origin)"
        " OR conversation_expires_at IS NOT coalesce(?3, conversation_expires_at))",
        (found.id, found.origin, found.expires_at, recipient_id),
    )
    return cursor.rowcount > 0


def detail(billing: Billing | None) -> str | None:
    """What a status said, as it is kept with a status whose message is not known yet."""
    return None if billing is None else json.dumps(asdict(billing), ensure_ascii=False)


def stored(text: str | None) -> Billing | None:
    """What `detail` wrote."""
    if text is None:
        return None
    found = json.loads(text)
    pricing, conversation = found["pricing"], found["conversation"]
    return Billing(
        Pricing(**pricing) if pricing else None, Conversation(**conversation) if conversation else None
    )
