"""Meta's error codes as data: what each means, what the sender does, and what a person can do.

Source: docs/meta.md, Errors. A code says more than the HTTP status that it comes with, so the status counts only
if there is no code, and for code 1, which Meta uses for two things. Most subcodes say nothing more than their code;
those that do have a rule of their own.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus

from wacrmd.clock import DAY, HOUR, MINUTE, Millis
from wacrmd.domain.marketing_route import Endpoint
from wacrmd.domain.retry import RetryLimits


class Action(StrEnum):
    """What the sender does when Meta refuses with a code. With a `failed` webhook the recipient has failed anyway."""

    RETRY = "retry"
    """A temporary fault at Meta: retry this recipient, with growing delays and a few times only."""
    THROTTLE = "throttle"
    """The number sends too fast: lower its rate and retry this recipient."""
    CALL_LIMIT = "call_limit"
    """A call limit of the app or business account: block all its numbers, for a minute at first, then twice as long."""
    PAIR_LIMIT = "pair_limit"
    """Too many messages to this one person: retry this recipient after 1, 4, 16, 64 … s."""
    MAINTENANCE = "maintenance"
    """The number is not available for some minutes: block it, then continue."""
    FAIL = "fail"
    """This recipient fails; the others continue."""
    OPT_OUT = "opt_out"
    """This recipient fails and has opted out."""
    COUNT_FAILURE = "count_failure"
    """May concern one recipient or all: this recipient fails, and many in a row pause the broadcast."""
    PAUSE_BROADCAST = "pause_broadcast"
    """The template or the whole message is wrong: pause the broadcast; the others stay pending."""
    PAUSE_NUMBER = "pause_number"
    """The number cannot send until a person acts: pause it."""
    PAUSE_BUSINESS_ACCOUNT = "pause_business_account"
    """No number of the business account can send until a person acts: pause all of them."""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One of Meta's codes: its meaning, what the sender does, and what a person can do, in a sentence or two.

    `wait` is how long Meta asks to wait before another message to the same person; `is_final`: another one fails as well.
    """

    code: int
    meaning: str
    action: Action
    advice: str
    wait: Millis = 0
    is_final: bool = False


NO_META_ERROR = -1000
"""wacrmd's own code for an HTTP answer below 500 without Meta's error object; Meta's only negative code is -1."""

UNKNOWN = "unknown code"
"""The meaning of a code that Meta does not document."""

_RENEW = "Set a valid system user token for the number, then resume the number."
_PERMISSION = (
    "Give the token's system user the permission whatsapp_business_messaging and access to the business "
    "account, then resume the number."
)
_WAIT = "No action needed: it is retried. If it lasts, look at Meta's status page."
_CALL_LIMIT = (
    "No action needed: sending continues later. If it lasts, look for other programs that use the same app."
)
_PARAMETERS = "Compare the parameters with the template: their number, names, types and order."
_REGISTER = "Register the number with its PIN in WhatsApp Manager, then resume the number."
_NOT_FROM_SENDING = "Not expected when a template is sent; please report it."
_OTHER_CATEGORY = (
    "Meta has given the template another category. Templates are synced within a minute; once the new one is known, it"
    " goes on by itself."
)
_BY_OTHER_WAY = (
    "With the route auto it goes on once Meta says that the account is not onboarded: wacrmd number check ID. Or wacrmd"
    " account set NAME --marketing-route messages, then resume."
)

_A = Action
_RULES = (
    ErrorRule(NO_META_ERROR, "an answer without Meta's error object", _A.COUNT_FAILURE,
        "Check [meta] graph_url and api_version, and every proxy between this server and Meta."),
    ErrorRule(-1, "an unknown error at Meta", _A.COUNT_FAILURE,
        "Retry these recipients later. If it lasts, look at Meta's status page."),
    ErrorRule(0, "the access token could not be authenticated", _A.PAUSE_NUMBER, _RENEW),
    ErrorRule(1, "a temporary server error at Meta", _A.RETRY, _WAIT),
    ErrorRule(2, "Meta is down or overloaded", _A.RETRY, _WAIT),
    ErrorRule(3, "the app lacks the capability or permission", _A.PAUSE_NUMBER, _PERMISSION),
    ErrorRule(4, "the app's call limit is reached", _A.CALL_LIMIT, _CALL_LIMIT),
    ErrorRule(10, "the permission is missing or was removed", _A.PAUSE_NUMBER, _PERMISSION),
    ErrorRule(17, "the user's call limit is reached", _A.CALL_LIMIT, _CALL_LIMIT),
    ErrorRule(32, "the page's call limit is reached", _A.CALL_LIMIT, _CALL_LIMIT),
    ErrorRule(33, "the business phone number was deleted", _A.PAUSE_NUMBER,
        "Remove the number from wacrmd, or correct its phone number id."),
    ErrorRule(100, "a parameter is unknown, misspelt or too long", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(102, "the session of the access token has ended", _A.PAUSE_NUMBER, _RENEW),
    ErrorRule(104, "the access token is missing", _A.PAUSE_NUMBER, _RENEW),
    ErrorRule(190, "the access token has expired or was revoked", _A.PAUSE_NUMBER, _RENEW),
    ErrorRule(200, "a permission is missing", _A.PAUSE_NUMBER, _PERMISSION),
    ErrorRule(341, "a limit of the app is reached", _A.CALL_LIMIT, _CALL_LIMIT),
    ErrorRule(368, "the business account is restricted for a policy violation", _A.PAUSE_BUSINESS_ACCOUNT,
        "Open Account Quality in Business Manager and request a review there, then resume the numbers."),
    ErrorRule(613, "the call rate limit is reached", _A.CALL_LIMIT, _CALL_LIMIT),
    ErrorRule(80007, "the business account's rate limit is reached", _A.CALL_LIMIT, _CALL_LIMIT),
    ErrorRule(80008, "the business account's management rate limit is reached", _A.CALL_LIMIT, _CALL_LIMIT),
    ErrorRule(130403, "you have blocked this user", _A.FAIL, "Unblock the user, then retry."),
    ErrorRule(130429, "the number's throughput is reached", _A.THROTTLE,
        "No action needed: the rate is lowered by itself. If it happens often, lower messages_per_second."),
    ErrorRule(130472, "the user is part of an experiment by Meta", _A.FAIL,
        "Meta delivers no marketing messages to this user: use another channel.", is_final=True),
    ErrorRule(130497, "the business account may not send to this country", _A.COUNT_FAILURE,
        "Leave out recipients in this country, or ask Meta for access."),
    ErrorRule(130501, "this kind of message is not supported in groups", _A.FAIL, _NOT_FROM_SENDING),
    ErrorRule(131000, "an unknown error at Meta", _A.RETRY, _WAIT),
    ErrorRule(131005, "the permission is missing or was removed", _A.PAUSE_NUMBER, _PERMISSION),
    ErrorRule(131008, "a required parameter is missing", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(131009, "a parameter's value is invalid", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(131014, "Meta could not fetch the header's media", _A.PAUSE_BROADCAST,
        "Make the media link public, or upload the file and use its id, then resume."),
    ErrorRule(131016, "the service is temporarily not available", _A.RETRY, _WAIT),
    ErrorRule(131021, "sender and recipient are the same number", _A.FAIL, "Leave out your own number."),
    ErrorRule(131026, "not deliverable: no WhatsApp account, terms not accepted, or an outdated app", _A.FAIL,
        "Check the phone number; ask the person to install or update WhatsApp."),
    ErrorRule(131030, "the recipient is not on the test number's list of recipients", _A.COUNT_FAILURE,
        "Add the recipient to the list in the app dashboard, or send from a real number."),
    ErrorRule(131031, "the business account is locked or its data do not match", _A.PAUSE_BUSINESS_ACCOUNT,
        "Open Account Quality in Business Manager, check the two-step PIN, then resume the numbers."),
    ErrorRule(131037, "the number's display name is not approved", _A.PAUSE_NUMBER,
        "Have the display name approved in WhatsApp Manager, then resume the number."),
    ErrorRule(131042, "a payment or billing problem", _A.PAUSE_BUSINESS_ACCOUNT,
        "Check the payment method and credit line of the business account, then resume the numbers."),
    ErrorRule(131045, "the number's registration failed", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(131047, "more than 24 hours since the user's last message", _A.FAIL,
        "Send a template instead of a free-form message."),
    ErrorRule(131048, "restricted because of spam or quality signals", _A.PAUSE_NUMBER,
        "Check the number's quality in WhatsApp Manager, wait some hours, and send only to people who asked for it."),
    ErrorRule(131049, "not delivered by Meta: this user gets many marketing messages already", _A.FAIL,
        "Retry after 24 hours at the earliest, and wait longer each time.", wait=DAY),
    ErrorRule(131050, "the user has stopped marketing messages from you", _A.OPT_OUT,
        "No action needed: the person has opted out.", is_final=True),
    ErrorRule(131051, "this type of message is not supported", _A.PAUSE_BROADCAST,
        "Check the raw components of the broadcast."),
    ErrorRule(131052, "inbound media could not be downloaded", _A.FAIL, _NOT_FROM_SENDING),
    ErrorRule(131053, "the header's media could not be loaded or has an unsupported type", _A.COUNT_FAILURE,
        "Check the media link, the file's type and its size, or upload the file and use its id."),
    ErrorRule(131055, "only marketing templates go to /marketing_messages", _A.PAUSE_BROADCAST, _OTHER_CATEGORY),
    ErrorRule(131056, "too many messages to this person in a short time", _A.PAIR_LIMIT, _WAIT, wait=5 * MINUTE),
    ErrorRule(131057, "the business account is in maintenance, often for a throughput upgrade", _A.MAINTENANCE, _WAIT),
    ErrorRule(131060, "the message is not available", _A.FAIL, _NOT_FROM_SENDING),
    ErrorRule(131061, "the price is above your maximum price", _A.FAIL,
        "Raise the maximum price, or leave out this recipient."),
    ErrorRule(131062, "this kind of template cannot be sent to a user id", _A.FAIL,
        "Use the phone number instead."),
    ErrorRule(131063, "marketing templates of this business account do not go to /messages", _A.PAUSE_BROADCAST,
        "It goes on by itself once Meta says that the account is onboarded: wacrmd number check ID. Or wacrmd account set"
        " NAME --marketing-route marketing_messages, then resume."),
    ErrorRule(131064, "limited because templates have the wrong category", _A.PAUSE_BUSINESS_ACCOUNT,
        "Wait until Meta lifts the limit, correct the templates' categories, then resume the numbers."),
    ErrorRule(132000, "the number of parameters differs from the template", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(132001, "the template does not exist or is not approved in this language", _A.PAUSE_BROADCAST,
        "Check the template's name, language and status, then resume, or cancel the broadcast."),
    ErrorRule(132005, "the text is too long once the parameters are filled in", _A.FAIL,
        "Shorten this recipient's parameters."),
    ErrorRule(132007, "the content violates a policy of WhatsApp", _A.PAUSE_BROADCAST,
        "Change the template so that it follows the policy, then cancel or resume."),
    ErrorRule(132008, "a parameter's value is invalid", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(132012, "a parameter's format differs from the template", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(132015, "the template is paused for low quality", _A.PAUSE_BROADCAST,
        "Wait until the template is active again, or unpause it in WhatsApp Manager, then resume."),
    ErrorRule(132016, "the template is disabled permanently", _A.PAUSE_BROADCAST,
        "Cancel the broadcast and use another template."),
    ErrorRule(132018, "a parameter of the template is invalid", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(132068, "the template's flow is blocked", _A.PAUSE_BROADCAST, "Repair the flow, then resume."),
    ErrorRule(132069, "the template's flow is throttled to 10 messages an hour", _A.PAUSE_BROADCAST,
        "Repair the flow, then resume after an hour.", wait=HOUR),
    ErrorRule(133000, "an earlier deregistration has not finished", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133004, "the server is temporarily not available", _A.RETRY, _WAIT),
    ErrorRule(133005, "the two-step PIN is wrong", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133006, "the number must be verified again", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133008, "the two-step PIN was wrong too often", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133009, "the two-step PIN was entered too fast", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133010, "the number is not registered", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133015, "the number was deleted a short time ago", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133016, "too many registrations of this number (10 in 72 hours)", _A.PAUSE_NUMBER,
        "Wait 72 hours, register the number, then resume it."),
    ErrorRule(134011, "the terms of WhatsApp Payments were not accepted", _A.PAUSE_BROADCAST,
        "Accept the terms, then resume."),
    ErrorRule(134100, "only marketing templates go to /marketing_messages", _A.PAUSE_BROADCAST, _OTHER_CATEGORY),
    ErrorRule(134101, "Meta still prepares the template for /marketing_messages", _A.PAUSE_BROADCAST,
        "Resume after 10 minutes.", wait=10 * MINUTE),
    ErrorRule(134102, "the template or the business account may not use /marketing_messages", _A.PAUSE_BROADCAST,
        _BY_OTHER_WAY),
    ErrorRule(135000, "an unknown error with the parameters", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(137000, "the user's identity has changed", _A.FAIL,
        "Confirm the user's new identity, then retry."),
    ErrorRule(2388019, "the maximum number of templates is reached", _A.FAIL, _NOT_FROM_SENDING),
    ErrorRule(2494100, "the number is in maintenance", _A.MAINTENANCE, _WAIT),
)  # fmt: skip

RULES: dict[int, ErrorRule] = {rule.code: rule for rule in _RULES}
"""Every known code of Meta's, and `NO_META_ERROR`."""

RETRY_LIMITS = RetryLimits(
    {rule.code: rule.wait for rule in _RULES if rule.wait},
    frozenset(rule.code for rule in _RULES if rule.is_final),
)
"""When Meta allows another message to somebody to whom one has failed (docs/meta.md, Errors)."""

_WEBHOOK_RULES: dict[int, ErrorRule] = {
    132015: ErrorRule(
        132015,
        "held back by template pacing, then dropped because the template was paused",
        Action.PAUSE_BROADCAST,
        "Unpause the template in WhatsApp Manager, then resume the broadcast and retry its failed recipients.",
    ),
    135000: ErrorRule(
        135000,
        "dropped by portfolio pacing: the business portfolio may not send until Meta has reviewed it",
        Action.PAUSE_BUSINESS_ACCOUNT,
        "Open Account Quality in Business Manager and wait for the review, then resume the numbers.",
    ),
}
"""Codes with another meaning in a `failed` webhook."""

_SYSTEM_USER = "Set a token of a system user, which no person's account can end, then resume the number."

_SUBCODE_RULES: dict[tuple[int, int], ErrorRule] = {
    (100, 33): ErrorRule(
        100,
        "the phone number id does not exist, or the access token may not see it",
        Action.PAUSE_NUMBER,
        "Check the phone number id, and give the token's system user access to the business account, then resume the"
        " number.",
    ),
    **{
        (code, subcode): ErrorRule(code, meaning, Action.PAUSE_NUMBER, advice)
        for code in (102, 190)
        for subcode, meaning, advice in (
            (458, "the token's user has removed the app",
                "Give the app access to the business account again, set a new token, then resume the number."),
            (459, "the token's user must confirm something at Facebook",
                f"Log in at facebook.com as this user and do what it asks. Or: {_SYSTEM_USER}"),
            (460, "the password of the token's user has changed", _SYSTEM_USER),
            (463, "the access token has expired",
                "Set a token of a system user that never expires, then resume the number."),
            (464, "the token's user is not confirmed",
                f"Log in at facebook.com as this user and do what it asks. Or: {_SYSTEM_USER}"),
            (467, "the access token was revoked or is invalid", _RENEW),
            (492, "the session of the token's user is not valid any more", _SYSTEM_USER),
        )
    },
}  # fmt: skip
"""Codes that mean something else, or ask a person to do something else, with this subcode."""

_MARKETING_RULES: dict[tuple[int, int | None], ErrorRule] = {
    (100, 33): ErrorRule(
        100,
        "Meta knows no /marketing_messages for this number: mostly its business account is not onboarded there",
        Action.PAUSE_BROADCAST,
        _BY_OTHER_WAY,
    ),
    (131009, None): ErrorRule(
        131009,
        "a parameter's value is invalid, or Meta still prepares the template for /marketing_messages",
        Action.COUNT_FAILURE,
        f"{_PARAMETERS} A template that is new, or was not used for a week, is ready after 10 minutes.",
    ),
}
"""Codes, and subcodes, with another meaning in an answer of `/marketing_messages`."""

_WRONG_WAY = frozenset({131055, 131063, 134100, 134102})
_UNKNOWN_OBJECT = (100, 33)


def is_wrong_way(code: int, subcode: int | None, endpoint: Endpoint) -> bool:
    """Whether Meta says that the template must not go to this endpoint, and perhaps takes it at the other one.

    Mostly its category is not the one that was synced, or the business account is onboarded no more.
    """
    is_closed = endpoint is Endpoint.MARKETING_MESSAGES and (code, subcode) == _UNKNOWN_OBJECT
    return code in _WRONG_WAY or is_closed


_BAD_REQUEST = ErrorRule(1, "Meta found the request invalid", Action.COUNT_FAILURE, _PARAMETERS)

_STATUS_CODES: dict[int, int | None] = {
    HTTPStatus.UNAUTHORIZED: 0,
    HTTPStatus.FORBIDDEN: 0,
    HTTPStatus.TOO_MANY_REQUESTS: 130429,
    HTTPStatus.REQUEST_TIMEOUT: None,
}


def rule_for(
    code: int,
    subcode: int | None = None,
    *,
    from_webhook: bool = False,
    http_status: int | None = None,
    endpoint: Endpoint = Endpoint.MESSAGES,
) -> ErrorRule:
    """The rule for any `code`, known or not, from an answer of `endpoint` or (`from_webhook`) from a `failed` webhook.

    A subcode without a rule of its own changes nothing. An unknown code is COUNT_FAILURE. A message that a webhook
    reports as failed is not retried by itself, so RETRY and PAIR_LIMIT become FAIL there.
    """
    if endpoint is Endpoint.MARKETING_MESSAGES:
        for known in ((code, subcode), (code, None)):
            if known in _MARKETING_RULES:
                return _MARKETING_RULES[known]
    if subcode is not None and (code, subcode) in _SUBCODE_RULES:
        return _SUBCODE_RULES[code, subcode]
    if from_webhook:
        rule = _WEBHOOK_RULES.get(code) or rule_for(code)
        retries = rule.action in (Action.RETRY, Action.PAIR_LIMIT)
        return replace(rule, action=Action.FAIL, advice="Retry this recipient later.") if retries else rule
    if code == 1 and http_status is not None and http_status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _BAD_REQUEST
    if code in RULES:
        return RULES[code]
    if 200 <= code <= 299:  # noqa: PLR2004 - Meta's own range of permission errors
        return replace(RULES[200], code=code)
    return ErrorRule(code, UNKNOWN, Action.COUNT_FAILURE, "Look the code up on Meta's error page.")


def code_without_json(http_status: int) -> int | None:
    """The code that stands for an answer without Meta's error object; None where the outcome is unknown.

    401 and 403 come from the token check (0), 429 is throttling (130429), other 3xx and 4xx mean that
    something other than the API answered (`NO_META_ERROR`). 408, 2xx and 5xx say nothing about the message.
    Source: Meta's older HTTP tables (docs/meta.md, Errors).
    """
    if http_status in _STATUS_CODES:
        return _STATUS_CODES[http_status]
    refused = HTTPStatus.MULTIPLE_CHOICES <= http_status < HTTPStatus.INTERNAL_SERVER_ERROR
    return NO_META_ERROR if refused else None
