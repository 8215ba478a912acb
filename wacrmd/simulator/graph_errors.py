"""Meta's errors as data: the HTTP status and title of each code, and the JSON of the answer."""

from dataclasses import dataclass
from typing import Any

GENERIC_STATUS = 400

# code: (HTTP status, title). Statuses are those of Meta's older tables (docs/meta.md, Errors); for throttling,
# where the sources disagree, 429.
ERRORS: dict[int, tuple[int, str]] = {
    0: (401, "AuthException"),
    1: (400, "API Unknown"),
    2: (503, "API Service"),
    3: (500, "API Method"),
    4: (429, "API Too Many Calls"),
    10: (403, "Permission Denied"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    104: (401, "An access token is required to request this resource."),
    190: (401, "Invalid OAuth access token - Cannot parse access token"),
    200: (403, "API Permission"),
    368: (403, "Temporarily blocked for policies violations"),
    2500: (400, "Unknown path components"),
    80007: (429, "Rate limit issues"),
    130403: (400, "User is blocked by the business"),
    130429: (429, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country."),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Account has been locked"),
    131037: (400, "WhatsApp provided number needs display name approval before message can be sent."),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (429, "Spam Rate limit hit"),
    131049: (400, "This message was not delivered to maintain healthy ecosystem engagement."),
    131050: (400, "User has stopped marketing messages from this business"),
    131051: (400, "Unsupported message type"),
    131053: (400, "Media upload error"),
    131055: (400, "Method not allowed: only marketing templates are supported"),
    131056: (429, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131062: (400, "Business-scoped user id is not supported for this message"),
    131063: (400, "Marketing messages are disabled on Cloud API for this account"),
    131064: (400, "Messaging limit because of template misclassification"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132005: (400, "Translated text too long"),
    132007: (400, "Template format character policy violated"),
    132012: (400, "Parameter format does not match format in the created template"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132018: (400, "There's an issue with the parameters in your template"),
    133004: (503, "Server Temporarily Unavailable"),
    133010: (400, "Phone number not registered"),
    134100: (400, "Only marketing messages supported"),
    134101: (400, "Template still syncing"),
    134102: (500, "Template unavailable for use"),
    135000: (400, "Generic user error"),
    137000: (400, "Identity key hash mismatch"),
}


@dataclass(frozen=True, slots=True)
class GraphError:
    """One refusal: Meta's code and details, and status and message if they differ from the usual ones."""

    code: int
    details: str | None = None
    http_status: int = 0
    message: str | None = None
    subcode: int | None = None
    kind: str = "OAuthException"

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self.http_status or ERRORS.get(self.code, (GENERIC_STATUS, ""))[0]

    @property
    def title(self) -> str:
        """Meta's short text for the code."""
        return title(self.code)

    def body(self, trace_id: str) -> dict[str, Any]:
        """The JSON of the answer (docs/meta.md, Errors)."""
        error: dict[str, Any] = {
            "message": self.message or f"(#{self.code}) {self.title}",
            "type": self.kind,
            "code": self.code,
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.details is not None:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        error["fbtrace_id"] = trace_id
        return {"error": error}


def title(code: int) -> str:
    """Meta's short text for `code`."""
    return ERRORS.get(code, (GENERIC_STATUS, "Unknown error"))[1]


BAD_TOKEN = GraphError(190, message=title(190))
NO_TOKEN = GraphError(104, message=title(104))
THROTTLING_CODES = frozenset({4, 80007, 130429, 131048, 131056})
"""Codes that ask the sender to slow down."""


def no_object(object_id: str, method: str) -> GraphError:
    """The refusal of a request for an object that does not exist."""
    text = (
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded"
        " due to missing permissions, or does not support this operation."
    )
    return GraphError(100, message=text, subcode=33, kind="GraphMethodException")
