"""Every code has a rule, and the rules do what the table says where it matters most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.meta.errors import NO_META_ERROR, RULES, Action, code_without_json, rule_for

DOCUMENTED = """
0 1 2 3 4 10 17 32 613 33 100 104 190 200 368 80007 80008 130403 130429 130472 130497 130501 131000
131005 131008 131009 131014 131016 131021 131026 131030 131031 131037 131042 131045 131047 131048
131049 131050 131051 131052 131053 131055 131056 131057 131060 131061 131062 131063 131064 132000
132001 132005 132007 132008 132012 132015 132016 132018 132068 132069 133000 133005 133006 133008
133009 133015 133004 133010 133016 134011 134100 134101 134102 135000 137000 2388019 2494100
"""


def test_every_documented_code_has_one_rule() -> None:
    assert set(RULES) == {int(code) for code in DOCUMENTED.split()} | {NO_META_ERROR}
    assert all(code == rule.code for code, rule in RULES.items())


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_rule_tells_a_human_something(code: int) -> None:
    rule = RULES[code]
    assert rule.meaning[0].islower() or rule.meaning.startswith("Meta")
    assert rule.advice.endswith(".")
    assert len(rule.advice) < 200


@pytest.mark.parametrize(
    ("code", "action"),
    [
        (1, Action.RETRY),
        (2, Action.RETRY),
        (131016, Action.RETRY),
        (133004, Action.RETRY),
        (130429, Action.THROTTLE),
        (4, Action.CALL_LIMIT),
        (80007, Action.CALL_LIMIT),
        (131056, Action.PAIR_LIMIT),
        (131057, Action.MAINTENANCE),
        (131026, Action.FAIL),
        (131050, Action.OPT_OUT),
        (132000, Action.COUNT_FAILURE),
        (132001, Action.PAUSE_BROADCAST),
        (190, Action.PAUSE_NUMBER),
        (250, Action.PAUSE_NUMBER),
        (368, Action.PAUSE_BUSINESS_ACCOUNT),
        (999_999, Action.COUNT_FAILURE),
    ],
)
def test_the_action_of_a_refusal(code: int, action: Action) -> None:
    assert rule_for(code).action is action


@pytest.mark.parametrize(
    ("code", "action"),
    [
        (131000, Action.FAIL),
        (131016, Action.FAIL),
        (131056, Action.FAIL),
        (135000, Action.PAUSE_BUSINESS_ACCOUNT),
        (132015, Action.PAUSE_BROADCAST),
        (131050, Action.OPT_OUT),
        (131049, Action.FAIL),
    ],
)
def test_the_action_of_a_failed_webhook(code: int, action: Action) -> None:
    assert rule_for(code, from_webhook=True).action is action


def test_code_1_is_a_passing_fault_only_with_a_server_error() -> None:
    assert rule_for(1, http_status=500).action is Action.RETRY
    assert rule_for(1, http_status=400).action is Action.COUNT_FAILURE


@given(st.integers(), st.booleans())
def test_no_code_is_without_a_rule(code: int, from_webhook: bool) -> None:
    rule = rule_for(code, from_webhook=from_webhook)
    assert rule.code == code
    assert not (from_webhook and rule.action in (Action.RETRY, Action.PAIR_LIMIT))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, None),
        (302, NO_META_ERROR),
        (400, NO_META_ERROR),
        (401, 0),
        (403, 0),
        (404, NO_META_ERROR),
        (408, None),
        (429, 130429),
        (500, None),
        (502, None),
        (599, None),
    ],
)
def test_an_answer_without_json_is_read_by_its_status(status: int, code: int | None) -> None:
    assert code_without_json(status) == code
