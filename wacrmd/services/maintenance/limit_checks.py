"""Findings about Meta's limit: one that is not known, and numbers that share it and are counted apart."""

from collections.abc import Sequence

from wacrmd.domain.number import Number, NumberState
from wacrmd.store import conversations
from wacrmd.store.database import Tx
from wacrmd.views.checks import Check, CheckState

_UNKNOWN = "to how many people it may write first in 24 hours is not known: it sends without a limit"


def unknown(tx: Tx, number: Number) -> list[Check]:
    """That the limit of a number is not known: Meta has told none, and none is configured. A paused one needs none."""
    if number.state is not NumberState.ACTIVE or conversations.budget_of(tx, number.id).is_known:
        return []
    advice = (
        f"Ask Meta: wacrmd number check {number.phone_number_id}. If it tells none, see WhatsApp Manager, and set it: wacrmd"
        f" number set {number.phone_number_id} --daily-limit N"
    )
    return [Check("messaging limit", CheckState.WARN, _UNKNOWN, advice)]


def counted_apart(configured: Sequence[Number]) -> list[Check]:
    """Numbers of one business account whose people are not counted together, though Meta does."""
    found = []
    for waba_id in dict.fromkeys(each.waba_id for each in configured):
        numbers = [each for each in configured if each.waba_id == waba_id]
        if len({each.portfolio or each.account_id for each in numbers}) == 1:
            continue
        names = ", ".join(f"{each.name} of {each.account}" for each in numbers)
        detail = f"Meta counts the people of {names} together (business account {waba_id}), and wacrmd counts them apart"
        advice = "Give them one name: wacrmd number set ID --portfolio NAME for each of them"
        found.append(Check("portfolio", CheckState.WARN, detail, advice))
    return found
