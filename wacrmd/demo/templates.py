"""The templates of the demo's business, in the form of Meta's list."""

from wacrmd.fields import JsonObject

OFFER = "spring_offer"

TEMPLATES: tuple[JsonObject, ...] = (
    {
        "id": "1",
        "name": OFFER,
        "language": "en_US",
        "category": "MARKETING",
        "status": "APPROVED",
        "quality_score": {"score": "GREEN"},
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Spring is here"},
            {
                "type": "BODY",
                "text": "Hello {{1}}, all tulips are {{2}} cheaper this week. Shall we put some aside for you?",
                "example": {"body_text": [["Jane", "20 %"]]},
            },
            {"type": "FOOTER", "text": "Flower shop, Market Street 5"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Yes, please"},
                    {"type": "QUICK_REPLY", "text": "Stop"},
                    {"type": "URL", "text": "See the tulips", "url": "https://shop.example/tulips"},
                ],
            },
        ],
    },
    {
        "id": "2",
        "name": "order_ready",
        "language": "en_US",
        "category": "UTILITY",
        "status": "APPROVED",
        "quality_score": {"score": "GREEN"},
        "components": [
            {
                "type": "BODY",
                "text": "Hello {{1}}, your order is ready. We are open until 6 pm.",
                "example": {"body_text": [["Jane"]]},
            },
        ],
    },
    {
        "id": "3",
        "name": "summer_hours",
        "language": "de",
        "category": "UTILITY",
        "status": "APPROVED",
        "quality_score": {"score": "YELLOW"},
        "components": [
            {
                "type": "BODY",
                "text": "Guten Tag {{1}}, ab Juni ist unser Laden bis 20 Uhr für Sie da.",
                "example": {"body_text": [["Jana"]]},
            },
        ],
    },
    {
        "id": "4",
        "name": "winter_sale",
        "language": "en_US",
        "category": "MARKETING",
        "status": "REJECTED",
        "rejected_reason": "ABUSIVE_CONTENT",
        "components": [{"type": "BODY", "text": "Everything must go!"}],
    },
)
