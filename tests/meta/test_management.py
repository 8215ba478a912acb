"""Reading Meta's JSON about numbers, health, apps and templates, in any shape."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.template import Template
from wacrmd.meta.management import MAX_TEXT, Health, HealthError, NumberInfo, app_names, templates_of

NOW = 1_795_000_000_000
NOTHING = NumberInfo(None, None, None, None, None, None, is_on_business_app=False)


def test_every_field_of_a_number_is_read() -> None:
    node = {
        "id": "106540352242922",
        "display_phone_number": "+1 555-078-3881",
        "verified_name": "Jasper's Market",
        "status": "CONNECTED",
        "quality_rating": "GREEN",
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
        "throughput": {"level": "STANDARD"},
        "is_on_biz_app": True,
    }
    assert NumberInfo.of(node) == NumberInfo(
        "+1 555-078-3881",
        "Jasper's Market",
        "CONNECTED",
        "GREEN",
        "TIER_2K",
        "STANDARD",
        is_on_business_app=True,
    )


@pytest.mark.parametrize("value", [None, "", 7, [], {}])
def test_missing_fields_of_a_number_are_none(value: Any) -> None:
    names = ("display_phone_number", "verified_name", "status", "quality_rating", "throughput")
    node = dict.fromkeys((*names, "whatsapp_business_manager_messaging_limit", "is_on_biz_app"), value)
    assert NumberInfo.of(node) == NumberInfo.of({}) == NOTHING


def test_long_texts_about_a_number_are_cut() -> None:
    long = "x" * (MAX_TEXT + 1)
    names = ("display_phone_number", "verified_name", "status", "quality_rating")
    node = dict.fromkeys((*names, "whatsapp_business_manager_messaging_limit"), long)
    cut = long[:-1]
    assert NumberInfo.of(node | {"throughput": {"level": long}}) == NumberInfo(
        cut, cut, cut, cut, cut, cut, is_on_business_app=False
    )


def test_health_is_read_with_its_errors() -> None:
    status = {
        "can_send_message": "LIMITED",
        "entities": [
            {"entity_type": "PHONE_NUMBER", "can_send_message": "AVAILABLE"},
            {
                "entity_type": "WABA",
                "errors": [
                    {"error_code": 141006, "error_description": "No money.", "possible_solution": "Pay."},
                    {"error_code": 5},
                    "odd",
                ],
            },
            {"errors": [{"error_description": "Who?"}]},
            "odd",
        ],
    }
    assert Health.of(status) == Health(
        "LIMITED",
        (
            HealthError("WABA", "No money.", "Pay."),
            HealthError("WABA", "error 5", None),
            HealthError(None, "Who?", None),
        ),
        status,
    )
    assert Health.of({"entities": "odd"}) == Health(None, (), {"entities": "odd"})


def test_the_names_of_subscribed_apps_are_read() -> None:
    subscriptions: list[dict[str, Any]] = [
        {"whatsapp_business_api_data": {"name": "CRM", "id": "7"}},
        {"whatsapp_business_api_data": {"id": "8"}},
        {"name": "Old form"},
        {"whatsapp_business_api_data": "odd"},
        {"whatsapp_business_api_data": {}},
    ]
    assert app_names(subscriptions) == ["CRM", "8", "Old form"]


def template(**changed: Any) -> Template:
    fields: dict[str, Any] = {
        "waba_id": "waba",
        "meta_id": "",
        "name": "a",
        "language": "de",
        "status": "UNKNOWN",
        "category": None,
        "parameter_format": "POSITIONAL",
        "components": [],
        "quality": None,
        "reason": None,
        "synced_at": NOW,
    }
    return Template(**fields | changed)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {
                "id": "1",
                "name": "a",
                "language": "de",
                "status": "APPROVED",
                "category": "MARKETING",
                "parameter_format": "NAMED",
                "components": [{"type": "BODY"}, 1],
                "quality_score": {"score": "GREEN"},
                "rejected_reason": "SPAM",
            },
            template(
                meta_id="1",
                status="APPROVED",
                category="MARKETING",
                parameter_format="NAMED",
                components=[{"type": "BODY"}],
                quality="GREEN",
                reason="SPAM",
            ),
        ),
        ({"name": "a", "language": "de", "id": 12}, template(meta_id="12")),
        ({"name": "a", "language": "de", "rejected_reason": "NONE"}, template()),
        ({"name": "a", "language": "de", "quality_score": "RED"}, template(quality="RED")),
        ({"name": "a", "language": "de", "components": "none", "status": 7, "category": []}, template()),
    ],
)
def test_every_field_of_a_template_is_read(item: dict[str, Any], expected: Template) -> None:
    assert templates_of("waba", [item], NOW) == [expected]


def test_each_template_and_language_is_read_once_and_an_item_without_both_is_left_out() -> None:
    items: list[dict[str, Any]] = [
        {"name": "b", "language": "de"},
        {"name": "a", "language": "de"},
        {"name": "b", "language": "de", "status": "REJECTED"},
        {"name": "b", "language": "en"},
        {"name": 7, "language": "de"},
        {"name": "c"},
        {"language": "de"},
    ]
    found = templates_of("waba", items, NOW)
    assert [(each.name, each.language, each.status) for each in found] == [
        ("b", "de", "REJECTED"),
        ("a", "de", "UNKNOWN"),
        ("b", "en", "UNKNOWN"),
    ]


KEYS = ["name", "language", "id", "entities", "errors", "throughput", "quality_score", "components"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING))
def test_no_json_of_any_shape_raises(node: dict[str, Any]) -> None:
    NumberInfo.of(node)
    Health.of(node)
    app_names([node])
    templates_of("waba", [node], NOW)


def test_a_template_without_a_name_does_not_hide_those_after_it() -> None:
    items = [{"language": "en"}, {"name": "hello"}, {"name": "hello", "language": "en"}]
    assert [(each.name, each.language) for each in templates_of("1", items, NOW)] == [("hello", "en")]
