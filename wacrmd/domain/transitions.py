"""How a recipient's status changes."""

from wacrmd.domain.recipient import RUNG, RecipientStatus


def after_receipt(current: RecipientStatus, receipt: RecipientStatus) -> RecipientStatus:
    """The status after Meta told `receipt` (a rung or FAILED) of one of the recipient's messages.

    Forward only, and truth wins: a receipt settles an attempt whose answer was never seen, even where the
    recipient waits for another try; `failed` yields to delivered, read and replied (docs/meta.md, Statuses).
    """
    if receipt is RecipientStatus.FAILED:
        settles = current in (RecipientStatus.SENDING, RecipientStatus.UNCERTAIN, RecipientStatus.SENT)
        return RecipientStatus.FAILED if settles else current
    if current is RecipientStatus.FAILED:
        return current if receipt is RecipientStatus.SENT else receipt
    return receipt if RUNG[receipt] > RUNG.get(current, 0) else current
