"""Meta's error codes as data: what each means, what the sender does about it, and what a human can do.

Source: Meta's error page and the reports collected beside it; a code says more than the HTTP status it
comes with, so the status counts only where there is no code (and for code 1, which Meta uses for two things).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus


class Action(StrEnum):
    """What the sender does when Meta refuses with a code; on a `failed` webhook the row has failed anyway."""

    RETRY = "retry"
    """A passing fault at Meta: try this recipient again, slowly and few times."""
    THROTTLE = "throttle"
    """The number sends too fast: lower its rate, try this recipient again."""
    LIMIT = "limit"
    """A call limit of the app or business account: all its numbers wait, 60 s at first, then doubling."""
    PAIR = "pair"
    """Too much to this one person: try again after 1, 4, 16, 64 … s; nobody else is concerned."""
    MAINTENANCE = "maintenance"
    """The number is not available for a minute or some: it waits, then goes on."""
    FAIL = "fail"
    """This recipient fails for good; the rest goes on."""
    OPT_OUT = "opt_out"
    """This recipient fails and has opted out: never again."""
    COUNT_FAILURE = "suspect"
    """The row's fault or everybody's: fail the row, and pause the broadcast if the first ones all get it."""
    PAUSE_BROADCAST = "pause_broadcast"
    """The template or the whole payload is at fault: pause the broadcast, keep the rest pending."""
    PAUSE_NUMBER = "pause_number"
    """Nothing will leave this number until a human acts."""
    PAUSE_BUSINESS = "pause_business"
    """Nothing will leave any number of this business account until a human acts."""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One of Meta's codes: its meaning, what the sender does, and one sentence on what a human can do."""

    code: int
    meaning: str
    action: Action
    advice: str


NO_META_ERROR = -1
"""Our own code for an HTTP answer below 500 without Meta's error object; Meta's codes are never negative."""

_RENEW = "Give the number a valid system user token, then resume the number."
_PERMISSION = (
    "Give the token's system user the permission whatsapp_business_messaging and access to the business "
    "account, then resume the number."
)
_WAIT = "Nothing: it is tried again by itself; see Meta's status page if it lasts."
_CALL_LIMIT = (
    "Nothing: sending goes on by itself; look for other programs that use up the app's calls if it lasts."
)
_PARAMETERS = "Compare the parameters with the template: their number, names, kinds and order."
_REGISTER = "Register the number with its PIN in WhatsApp Manager, then resume the number."
_NOT_FROM_SENDING = "Nothing: this code does not come from sending templates; report it if it does."
_MARKETING_API = "Send this template through the API it was made for, or use another template."

_A = Action
_RULES = (
    ErrorRule(NO_META_ERROR, "an answer without Meta's error object", _A.COUNT_FAILURE,
        "Check [meta] graph_url and api_version, and any proxy between here and Meta."),
    ErrorRule(0, "the access token could not be authenticated", _A.PAUSE_NUMBER, _RENEW),
    ErrorRule(1, "a passing server error at Meta", _A.RETRY, _WAIT),
    ErrorRule(2, "Meta is down or overloaded for the moment", _A.RETRY, _WAIT),
    ErrorRule(3, "the app lacks the capability or permission", _A.PAUSE_NUMBER, _PERMISSION),
    ErrorRule(4, "the app's call limit is reached", _A.LIMIT, _CALL_LIMIT),
    ErrorRule(10, "the permission is missing or was removed", _A.PAUSE_NUMBER, _PERMISSION),
    ErrorRule(17, "the user's call limit is reached", _A.LIMIT, _CALL_LIMIT),
    ErrorRule(32, "the page's call limit is reached", _A.LIMIT, _CALL_LIMIT),
    ErrorRule(33, "the business phone number was deleted", _A.PAUSE_NUMBER,
        "Remove the number here, or correct its phone number id."),
    ErrorRule(100, "a parameter is unknown, misspelt or too long", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(104, "the access token is missing", _A.PAUSE_NUMBER, _RENEW),
    ErrorRule(190, "the access token has expired or was revoked", _A.PAUSE_NUMBER, _RENEW),
    ErrorRule(200, "a permission is missing", _A.PAUSE_NUMBER, _PERMISSION),
    ErrorRule(368, "the business account is restricted for a policy violation", _A.PAUSE_BUSINESS,
        "See Account Quality in Business Manager and appeal there, then resume the numbers."),
    ErrorRule(613, "the call rate limit is reached", _A.LIMIT, _CALL_LIMIT),
    ErrorRule(80007, "the business account's rate limit is reached", _A.LIMIT, _CALL_LIMIT),
    ErrorRule(80008, "the business account's management rate limit is reached", _A.LIMIT, _CALL_LIMIT),
    ErrorRule(130403, "you have blocked this user", _A.FAIL, "Unblock the user to write to them again."),
    ErrorRule(130429, "the number's throughput is reached", _A.THROTTLE,
        "Nothing: the rate is lowered by itself; set messages_per_second lower if it happens often."),
    ErrorRule(130472, "the user is part of an experiment of Meta's", _A.FAIL,
        "Nothing: Meta withholds marketing from this user; write by another way."),
    ErrorRule(130497, "the business account may not write to this country", _A.COUNT_FAILURE,
        "Leave out recipients of this country, or ask Meta for access to it."),
    ErrorRule(130501, "this kind of message is not supported in groups", _A.FAIL, _NOT_FROM_SENDING),
    ErrorRule(131000, "an unknown error at Meta", _A.RETRY, _WAIT),
    ErrorRule(131005, "the permission is missing or was removed", _A.PAUSE_NUMBER, _PERMISSION),
    ErrorRule(131008, "a required parameter is missing", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(131009, "a parameter's value is invalid", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(131014, "Meta could not fetch the header's media", _A.PAUSE_BROADCAST,
        "Check that the media link is public, or upload the file and use its id, then resume."),
    ErrorRule(131016, "the service is not available for the moment", _A.RETRY, _WAIT),
    ErrorRule(131021, "sender and recipient are the same number", _A.FAIL, "Leave out your own number."),
    ErrorRule(131026, "undeliverable: no WhatsApp, terms not accepted, or too old a client", _A.FAIL,
        "Check the number; ask the person to install or update WhatsApp."),
    ErrorRule(131030, "the recipient is not on the list of a test number", _A.COUNT_FAILURE,
        "Add the recipient to the test number's list in the app dashboard, or send from a real number."),
    ErrorRule(131031, "the account is locked, or its data do not match", _A.PAUSE_BUSINESS,
        "See Account Quality in Business Manager, check the two-step PIN, then resume the numbers."),
    ErrorRule(131037, "the number's display name is not approved", _A.PAUSE_NUMBER,
        "Have the display name approved in WhatsApp Manager, then resume the number."),
    ErrorRule(131042, "a payment or billing problem", _A.PAUSE_BUSINESS,
        "Check the payment method and credit line of the business account, then resume the numbers."),
    ErrorRule(131045, "the number's registration is faulty", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(131047, "more than 24 hours since the user last wrote", _A.FAIL,
        "Send a template instead of a free message."),
    ErrorRule(131048, "restricted because of spam or quality signals", _A.PAUSE_NUMBER,
        "See the number's quality in WhatsApp Manager; wait some hours, write to those who asked for it."),
    ErrorRule(131049, "withheld by Meta: this user gets enough marketing from businesses", _A.FAIL,
        "Try this person again after 24 hours at the earliest, with growing gaps."),
    ErrorRule(131050, "the user has stopped marketing messages from you", _A.OPT_OUT,
        "Nothing: the person has opted out."),
    ErrorRule(131051, "this type of message is not supported", _A.PAUSE_BROADCAST,
        "Check the raw components of the broadcast."),
    ErrorRule(131052, "inbound media could not be downloaded", _A.FAIL, _NOT_FROM_SENDING),
    ErrorRule(131053, "the header's media could not be loaded or has an unsupported type", _A.COUNT_FAILURE,
        "Check the media link's address, type and size, or upload the file and use its id."),
    ErrorRule(131055, "only marketing templates are allowed here", _A.PAUSE_BROADCAST, _MARKETING_API),
    ErrorRule(131056, "too many messages to this one person in a short time", _A.PAIR, _WAIT),
    ErrorRule(131057, "the account is in maintenance, often a throughput upgrade", _A.MAINTENANCE, _WAIT),
    ErrorRule(131060, "the message is not available", _A.FAIL, _NOT_FROM_SENDING),
    ErrorRule(131061, "the price is above your maximum-price setting", _A.FAIL,
        "Raise the maximum price, or leave out this recipient."),
    ErrorRule(131062, "a user id cannot be written to with this kind of template", _A.FAIL,
        "Write to the phone number instead."),
    ErrorRule(131063, "marketing through the Cloud API is switched off for this business account",
        _A.PAUSE_BROADCAST, "Switch it on again for the business account."),
    ErrorRule(131064, "limited because templates were put into the wrong category", _A.PAUSE_BUSINESS,
        "Wait until Meta lifts the limit, correct the templates' categories, then resume the numbers."),
    ErrorRule(132000, "the number of parameters differs from the template", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(132001, "the template does not exist or is not approved in this language", _A.PAUSE_BROADCAST,
        "Check the template's name, language and status, then resume, or cancel the broadcast."),
    ErrorRule(132005, "the text is too long once the parameters are filled in", _A.FAIL,
        "Shorten this recipient's parameters."),
    ErrorRule(132007, "the content violates a policy", _A.PAUSE_BROADCAST,
        "Change the template to follow WhatsApp's policy."),
    ErrorRule(132008, "a parameter's value is invalid", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(132012, "a parameter's format differs from the template", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(132015, "the template is paused for low quality", _A.PAUSE_BROADCAST,
        "Wait until the template is active again or unpause it in WhatsApp Manager, then resume."),
    ErrorRule(132016, "the template is disabled for good", _A.PAUSE_BROADCAST,
        "Cancel the broadcast and use another template."),
    ErrorRule(132018, "a parameter of the template is faulty", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(132068, "the template's flow is blocked", _A.PAUSE_BROADCAST, "Repair the flow, then resume."),
    ErrorRule(132069, "the template's flow is throttled to 10 messages an hour", _A.PAUSE_BROADCAST,
        "Repair the flow and resume in an hour."),
    ErrorRule(133000, "a deregistration is not finished", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133004, "the server is not available for the moment", _A.RETRY, _WAIT),
    ErrorRule(133005, "the two-step PIN is wrong", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133006, "the number must be verified again", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133008, "the two-step PIN was wrong too often", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133009, "the two-step PIN was entered too fast", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133010, "the number is not registered", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133015, "the number was deleted a short time ago", _A.PAUSE_NUMBER, _REGISTER),
    ErrorRule(133016, "too many registrations of this number (10 in 72 hours)", _A.PAUSE_NUMBER,
        "Wait 72 hours, register the number, then resume it."),
    ErrorRule(134011, "the terms of WhatsApp Payments are not accepted", _A.PAUSE_BROADCAST,
        "Accept the terms, then resume."),
    ErrorRule(134100, "only marketing templates are allowed here", _A.PAUSE_BROADCAST, _MARKETING_API),
    ErrorRule(134101, "the template is still being synced", _A.PAUSE_BROADCAST, "Resume in 10 minutes."),
    ErrorRule(134102, "the template is not available here", _A.PAUSE_BROADCAST, _MARKETING_API),
    ErrorRule(135000, "an unknown error with the parameters", _A.COUNT_FAILURE, _PARAMETERS),
    ErrorRule(137000, "the user's identity has changed", _A.FAIL,
        "Confirm the user's new identity before you write again."),
    ErrorRule(2388019, "the limit of templates is reached", _A.FAIL, _NOT_FROM_SENDING),
    ErrorRule(2494100, "the number is in maintenance", _A.MAINTENANCE, _WAIT),
)  # fmt: skip

RULES: dict[int, ErrorRule] = {rule.code: rule for rule in _RULES}
"""Every known code of Meta's and our own `NO_META_ERROR`."""

_FAILED_RULES: dict[int, ErrorRule] = {
    132015: ErrorRule(
        132015,
        "held back by template pacing, then dropped because the template was paused",
        Action.PAUSE_BROADCAST,
        "Unpause the template in WhatsApp Manager, then resume and retry the failed recipients.",
    ),
    135000: ErrorRule(
        135000,
        "dropped by portfolio pacing; the portfolio may not send until Meta has reviewed it",
        Action.PAUSE_BUSINESS,
        "See Account Quality in Business Manager and wait for the review, then resume the numbers.",
    ),
}
"""Codes that mean something else when they come in a `failed` webhook."""

_BAD_REQUEST = ErrorRule(1, "Meta finds the request invalid", Action.COUNT_FAILURE, _PARAMETERS)

_STATUS_CODES: dict[int, int | None] = {
    HTTPStatus.UNAUTHORIZED: 0,
    HTTPStatus.FORBIDDEN: 0,
    HTTPStatus.TOO_MANY_REQUESTS: 130429,
    HTTPStatus.REQUEST_TIMEOUT: None,
}


def rule_for(code: int, *, asynchronous: bool = False, http_status: int | None = None) -> ErrorRule:
    """The rule for `code`, from an answer or (`asynchronous`) from a `failed` webhook; unknown codes too.

    An unknown code is COUNT_FAILURE: it fails the row, and stops the broadcast once the first ones all get it.
    In a webhook nothing is left to retry: what would be RETRY or PAIR in an answer is FAIL there.
    """
    if asynchronous:
        rule = _FAILED_RULES.get(code) or rule_for(code)
        retries = rule.action in (Action.RETRY, Action.PAIR)
        return replace(rule, action=Action.FAIL, advice="Retry this recipient later.") if retries else rule
    if code == 1 and http_status is not None and http_status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _BAD_REQUEST
    if code in RULES:
        return RULES[code]
    if 200 <= code <= 299:  # noqa: PLR2004 - Meta's own range of permission errors
        return replace(RULES[200], code=code)
    return ErrorRule(code, "unknown code", Action.COUNT_FAILURE, "Look the code up on Meta's error page.")


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
