"""Pricing and conversation of a status, in each form in which Meta may write them."""

from typing import Any

import pytest

from wacrmd.domain.billing import Billing, Conversation, Pricing, told_at
from wacrmd.domain.recipient import RecipientStatus as S
from wacrmd.meta.billing import billing_of

REGULAR = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, None),
        ({"pricing": {}}, None),
        ({"pricing": None, "conversation": None}, None),
        ({"pricing": "marketing", "conversation": ["c1"]}, None),
        ({"pricing": {"billable": True}}, None),
        ({"pricing": REGULAR}, Billing(Pricing("marketing", "regular", "PMP", True), None)),
        (
            {"pricing": {"category": "sales-business-agent", "billable": "yes"}},
            Billing(Pricing("sales-business-agent", None, None, None), None),
        ),
        (
            {"pricing": {"category": 7, "type": "", "pricing_model": "CBP"}},
            Billing(Pricing(None, None, "CBP", None), None),
        ),
        (
            {"pricing": {"category": "marketing", "type": ["regular"], "billable": {}}},
            Billing(Pricing("marketing", None, None, None), None),
        ),
        (
            {"pricing": {"category": "utility", "billable": 1}},
            Billing(Pricing("utility", None, None, None), None),
        ),
        (
            {"pricing": {"category": "utility", "billable": True}},
            Billing(Pricing("utility", None, None, True), None),
        ),
        (
            {"pricing": REGULAR, "conversation": {"id": "c1"}},
            Billing(Pricing("marketing", "regular", "PMP", True), Conversation("c1", None, None)),
        ),
        (
            {"pricing": dict.fromkeys(("category", "type", "pricing_model"), "x" * 99)},
            Billing(Pricing("x" * 64, "x" * 64, "x" * 64, None), None),
        ),
        ({"conversation": {"id": "c1"}}, Billing(None, Conversation("c1", None, None))),
        (
            {
                "conversation": {
                    "id": "c1",
                    "origin": {"type": "service"},
                    "expiration_timestamp": "1750000000",
                }
            },
            Billing(None, Conversation("c1", "service", 1750000000000)),
        ),
        (
            {"conversation": {"id": "c1", "origin": "service", "expiration_timestamp": "soon"}},
            Billing(None, Conversation("c1", None, None)),
        ),
        ({"conversation": {"origin": {"type": "service"}}}, None),
    ],
)
def test_what_a_status_says_about_its_price(status: dict[str, Any], expected: Billing | None) -> None:
    assert billing_of(status) == expected


def test_the_last_status_tells_the_price_and_in_one_second_the_later_stage() -> None:
    in_order = [
        told_at(S.FAILED, 1000),
        told_at(S.SENT, 1000),
        told_at(S.DELIVERED, 1000),
        told_at(S.READ, 1000),
    ]
    assert sorted({*in_order, told_at(S.SENT, 1001)}) == [*in_order, told_at(S.SENT, 1001)]
