"""Each of Meta's codes has the rule of this table."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.table import rows
from wacrmd.domain.marketing_route import Endpoint
from wacrmd.meta.errors import NO_META_ERROR, RULES, Action, ErrorRule, code_without_json, rule_for

BY_ACTION = {
    Action.RETRY: "1 2 131000 131016 133004",
    Action.THROTTLE: "130429",
    Action.CALL_LIMIT: "4 17 32 341 613 80007 80008",
    Action.PAIR_LIMIT: "131056",
    Action.MAINTENANCE: "131057 2494100",
    Action.FAIL: """
        130403 130472 130501 131021 131026 131047 131049 131052 131060 131061 131062 132005 137000 2388019
    """,
    Action.OPT_OUT: "131050",
    Action.COUNT_FAILURE: """
        -1000 -1 100 130497 131008 131009 131030 131053 132000 132008 132012 132018 135000
    """,
    Action.PAUSE_BROADCAST: """
        131014 131051 131055 131063 132001 132007 132015 132016 132068 132069 134011 134100 134101 134102
    """,
    Action.PAUSE_NUMBER: """
        0 3 10 33 102 104 190 200 131005 131037 131045 131048 133000 133005 133006 133008 133009 133010 133015
        133016
    """,
    Action.PAUSE_BUSINESS_ACCOUNT: "368 131031 131042 131064",
}
"""Meta's documented codes and NO_META_ERROR, by what the sender does."""

ACTIONS = {int(code): action for action, codes in BY_ACTION.items() for code in codes.split()}


def test_every_documented_code_has_one_rule_with_this_action() -> None:
    assert {code: rule.action for code, rule in RULES.items()} == ACTIONS
    assert all(code == rule.code for code, rule in RULES.items())
    assert NO_META_ERROR == -1000


@rows("code", sorted(RULES))
def test_every_rule_says_what_it_means_and_what_to_do(code: int) -> None:
    rule = RULES[code]
    assert rule.meaning[0].islower() or rule.meaning.startswith("Meta")
    assert not rule.meaning.endswith(".")
    assert rule.advice[0].isupper()
    assert rule.advice.endswith(".")
    assert len(rule.advice) < 200


@rows("code", sorted(RULES))
def test_an_answer_gets_the_rule_of_its_code(code: int) -> None:
    assert rule_for(code) is RULES[code]
    assert rule_for(code, http_status=500) is RULES[code]


@rows("code", sorted({*RULES, 424242} - {131009}))
def test_a_code_means_the_same_at_both_endpoints(code: int) -> None:
    assert rule_for(code, endpoint=Endpoint.MARKETING_MESSAGES) == rule_for(code)


def test_what_only_marketing_messages_answers_so_has_a_rule_of_its_own() -> None:
    for code, subcode in ((100, 33), (131009, None), (131009, 2494010)):
        rule = rule_for(code, subcode, endpoint=Endpoint.MARKETING_MESSAGES)
        assert "/marketing_messages" in rule.meaning
        assert rule != rule_for(code, subcode)
        assert rule.advice.endswith(".")


SUBCODES = [
    (100, 33),
    *((code, subcode) for code in (102, 190) for subcode in (458, 459, 460, 463, 464, 467, 492)),
]


@rows("from_webhook", [False, True])
@rows(("code", "subcode"), SUBCODES)
def test_a_subcode_that_means_more_than_its_code_has_a_rule(
    code: int, subcode: int, *, from_webhook: bool
) -> None:
    rule = rule_for(code, subcode, from_webhook=from_webhook, http_status=400)
    assert (rule.code, rule.action) == (code, Action.PAUSE_NUMBER)
    assert rule.meaning != RULES[code].meaning
    assert rule.advice.endswith("resume the number.")
    assert len(rule.advice) < 200


def test_the_advice_about_an_object_that_is_not_seen_names_id_and_token() -> None:
    rule = rule_for(100, 33)
    assert "phone number id" in rule.advice
    assert "token" in rule.advice


@rows("code", sorted(RULES))
@rows("subcode", [None, 0, 1, 2494055])
def test_another_subcode_changes_nothing(code: int, subcode: int | None) -> None:
    assert rule_for(code, subcode) is rule_for(code)


def test_metas_unknown_error_does_not_blame_the_configuration() -> None:
    assert "graph_url" not in rule_for(-1).advice
    assert "graph_url" in rule_for(NO_META_ERROR).advice


@pytest.mark.parametrize("code", [201, 250, 299])
def test_codes_from_200_to_299_are_permission_errors(code: int) -> None:
    assert rule_for(code) == replace(RULES[200], code=code)


@pytest.mark.parametrize("code", [199, 300, 999_999, -2])
@pytest.mark.parametrize("from_webhook", [False, True])
def test_an_unknown_code_counts_as_a_failure(code: int, *, from_webhook: bool) -> None:
    assert rule_for(code, from_webhook=from_webhook) == ErrorRule(
        code, "unknown code", Action.COUNT_FAILURE, "Look the code up on Meta's error page."
    )


@rows("code", sorted(RULES))
def test_a_failed_message_of_a_webhook_is_not_retried_by_itself(code: int) -> None:
    rule = rule_for(code, from_webhook=True)
    if RULES[code].action in (Action.RETRY, Action.PAIR_LIMIT):
        assert rule == replace(RULES[code], action=Action.FAIL, advice="Retry this recipient later.")
    elif code == 135000:
        assert (rule.code, rule.action) == (code, Action.PAUSE_BUSINESS_ACCOUNT)
        assert "portfolio pacing" in rule.meaning
    elif code == 132015:
        assert (rule.code, rule.action) == (code, Action.PAUSE_BROADCAST)
        assert "template pacing" in rule.meaning
    else:
        assert rule is RULES[code]


@pytest.mark.parametrize("status", [400, 401, 429, 499])
def test_code_1_with_a_client_error_is_a_bad_request(status: int) -> None:
    rule = rule_for(1, http_status=status)
    assert (rule.code, rule.action) == (1, Action.COUNT_FAILURE)
    assert rule.advice == RULES[100].advice
    assert rule_for(2, http_status=status) is RULES[2]


@pytest.mark.parametrize("status", [None, 500, 503])
def test_code_1_otherwise_is_a_temporary_fault(status: int | None) -> None:
    assert rule_for(1, http_status=status) is RULES[1]


@given(st.integers(), st.booleans())
def test_every_code_has_a_rule(code: int, from_webhook: bool) -> None:
    rule = rule_for(code, from_webhook=from_webhook)
    assert rule.code == code
    assert not (from_webhook and rule.action in (Action.RETRY, Action.PAIR_LIMIT))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, None),
        (299, None),
        (300, NO_META_ERROR),
        (302, NO_META_ERROR),
        (400, NO_META_ERROR),
        (401, 0),
        (403, 0),
        (404, NO_META_ERROR),
        (408, None),
        (429, 130429),
        (499, NO_META_ERROR),
        (500, None),
        (502, None),
        (599, None),
    ],
)
def test_an_answer_without_json_is_read_by_its_status(status: int, code: int | None) -> None:
    assert code_without_json(status) == code
