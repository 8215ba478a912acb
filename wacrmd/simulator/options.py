"""The options of the simulated Meta: one field for each, checked when it is set."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_BATCH = 1000
"""The most updates that Meta sends in one webhook (docs/meta.md, Webhooks)."""

_FAULT_SHARES = (
    "error_share",
    "close_before_share",
    "close_after_share",
    "half_answer_share",
    "hang_share",
    "bad_gateway_share",
)
MIN_ERROR_STATUS = 400
_PAIR = re.compile(r"^[^=]+=\d+$")


class OptionError(ValueError):
    """An option is unknown or its value cannot be used; `problems` holds one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _option(
    default: Any,
    meaning: str,
    *,
    secret: bool = False,
    unit: str = "",
    minimum: float = 0,
    maximum: float = 1e12,
) -> Any:
    metadata = {"meaning": meaning, "secret": secret, "unit": unit, "minimum": minimum, "maximum": maximum}
    return field(default=default, metadata=metadata, repr=not secret)


def _share(meaning: str, default: float = 0.0) -> Any:
    return _option(default, meaning, maximum=1)


def _ms(default: int, meaning: str) -> Any:
    return _option(default, meaning, unit="ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the simulated Meta behaves; raises OptionError for a value out of range."""

    # Identity.
    access_token: str | None = _option(
        None, "the only accepted bearer token; none: every token is accepted", secret=True
    )
    app_secret: str | None = _option(
        None, "the secret that signs the webhooks; none: they have no signature", secret=True
    )
    waba_id: str = _option("102290129340398", "the WABA of every number that names none itself")
    phone_numbers: tuple[str, ...] = _option(
        (),
        "the numbers that exist, each `PHONE_NUMBER_ID` or `PHONE_NUMBER_ID=WABA_ID`; none: every id exists",
    )
    display_phone_number: str = _option("15550783881", "the phone number that recipients see")
    templates: tuple[Mapping[str, Any], ...] = _option(
        (),
        "the templates that exist, in the form of Meta's list; none: every name is accepted and not checked",
    )
    allowed_recipients: tuple[str, ...] = _option(
        (), "the recipients of a test number, any other is refused with 131030; none: everybody"
    )
    quality_rating: str = _option("GREEN", "`quality_rating` of the numbers")
    number_status: str = _option("CONNECTED", "`status` of the numbers")
    throughput_level: str = _option("STANDARD", "`throughput.level` of the numbers")
    messaging_limit: str = _option(
        "TIER_UNLIMITED", "`whatsapp_business_manager_messaging_limit` of the numbers"
    )
    marketing_onboarding: str = _option(
        "ELIGIBLE",
        "`marketing_messages_onboarding_status` of the WABAs; only with `ONBOARDED` does `/marketing_messages` exist",
    )
    disable_marketing_messages_on_cloud_api: bool = _option(
        False, "`/messages` refuses marketing templates, with 131063"
    )
    insights: bool = _option(
        False, "`is_enabled_for_insights` of the WABAs; only then are there template analytics"
    )
    people_limit: int = _option(
        0,
        "more different people than this in 24 hours, on all numbers together, are refused with 131048, unless they"
        " have written; 0: no limit",
    )
    can_send_message: str = _option("AVAILABLE", "`health_status.can_send_message` of numbers and WABAs")
    keepalive_s: float = _option(
        75.0, "idle connections are closed after this time; read at the start only", unit="s", minimum=0.01
    )

    date_ahead_s: float = _option(
        0.0,
        "how far the simulated Meta's time, in `Date` and in its webhooks, is ahead of the machine's clock",
        unit="s",
        minimum=-1e12,
    )

    # What happens to messages.
    seed: int = _option(1, "with the same seed, the same happens to the same recipient and template")
    latency_ms: int = _ms(0, "how long an answer takes; the message is accepted before that")
    latency_jitter_ms: int = _ms(0, "up to this much is added to the latency, at random")
    hold_answers: bool = _option(
        False, "while this is true, messages are accepted or refused, and not answered"
    )
    rewrite_wa_id: bool = _option(
        True, "numbers of Argentina, Brazil and Mexico get another `wa_id`, like at Meta"
    )
    user_ids: bool = _option(
        True, "people are named by user id too; false: only those who are sent to by user id"
    )
    hide_phones: bool = _option(False, "people hide their phone numbers: webhooks name them by user id only")
    held_share: float = _share(
        "share of the accepted messages that are answered `held_for_quality_assessment`"
    )
    failed_share: float = _share("share of the accepted messages that fail later, with a `failed` status")
    failed_codes: tuple[int, ...] = _option(
        (131026,), "the error codes of these failures, one at random for each"
    )
    failed_recipients: tuple[str, ...] = _option(
        (), "recipients whose messages always fail later, each `NUMBER=CODE`"
    )
    delivered_share: float = _share("share of the sent messages that are delivered", 1.0)
    read_share: float = _share("share of the delivered messages that are read", 0.5)
    replied_share: float = _share("share of the read messages that get a reply")
    clicked_share: float = _share(
        "share of the read messages whose recipient clicks the first link, as template analytics tell"
    )
    reply_texts: tuple[str, ...] = _option(
        ("Thank you!",), "the texts of the replies, one at random for each"
    )
    stop_share: float = _share("share of the replies that say stop")
    stop_text: str = _option("STOP", "the text of these replies")
    button_share: float = _share("share of the stop replies that are a tap on the template's quick reply")

    # Faults of requests.
    error_share: float = _share("share of the sends that are refused with `error_code`")
    error_code: int = _option(131000, "the error code of these refusals", minimum=0)
    error_status: int = _option(
        0, "the HTTP status of these refusals; 0: the usual one for the error code", unit="HTTP", maximum=599
    )
    regain_minutes: int = _option(
        0,
        "the time to regain access in `X-Business-Use-Case-Usage` of throttling answers; 0: no such header",
        unit="minutes",
    )
    check_media: bool = _option(
        False,
        "whether ids of files that this simulated Meta did not give are refused with 131053, as expired ones are",
    )
    media_error_code: int = _option(
        0, "the error code with which uploads of files are refused; 0: they are not", minimum=0
    )
    media_close_share: float = _share(
        "share of the uploads that are taken, then the connection is closed without an answer"
    )
    refused_recipients: tuple[str, ...] = _option(
        (), "recipients whose messages are always refused at once, each `NUMBER=CODE`"
    )
    throttle_per_second: int = _option(
        0,
        "the throughput of a number, sends above it are refused with 130429; 0: no limit",
        unit="per second",
    )
    close_before_share: float = _share(
        "share of the sends whose connection is closed before the message is accepted"
    )
    close_after_share: float = _share(
        "share of the sends that are accepted, then the connection is closed without an answer"
    )
    half_answer_share: float = _share(
        "share of the sends that are accepted, then the connection is closed in the middle of the answer"
    )
    hang_share: float = _share("share of the sends that are answered only after `hang_seconds`")
    hang_seconds: float = _option(30.0, "how long these sends hang", unit="s")
    hang_taken: bool = _option(
        True,
        "whether they are accepted and answered late; else they are not accepted, and the connection is closed",
    )
    bad_gateway_share: float = _share("share of the sends that are answered with 502 and an HTML page")
    bad_gateway_taken: bool = _option(False, "whether these messages are accepted anyway")

    # Webhooks.
    webhooks: bool = _option(True, "whether webhooks are posted, if there is a `webhook_url`")
    webhook_url: str | None = _option(None, "the URL to which webhooks are posted")
    webhook_connections: int = _option(
        32, "how many webhooks are posted at the same time; read at the start only", minimum=1, maximum=1000
    )
    webhook_timeout_s: float = _option(10.0, "how long one POST may take", unit="s", minimum=0.01)
    webhook_retry_s: float = _option(
        3600.0, "how long a webhook that is not accepted is posted again", unit="s"
    )
    webhook_backoff_s: float = _option(
        5.0, "the longest wait before a webhook is posted again", unit="s", minimum=0.01
    )
    sent_after_ms: int = _ms(50, "when `sent` is posted, after the answer to the send")
    delivered_after_ms: int = _ms(300, "when `delivered` is posted, after the answer to the send")
    read_after_ms: int = _ms(1000, "when `read` is posted, after the answer to the send")
    failed_after_ms: int = _ms(300, "when `failed` is posted, after the answer to the send")
    replied_after_ms: int = _ms(2000, "when the reply is posted, after the answer to the send")
    early_share: float = _share(
        "share of the accepted messages whose first status is posted before the send is answered"
    )
    late_ms: int = _ms(0, "all statuses are posted this much later")
    twice_share: float = _share("share of the statuses that are posted twice")
    shuffle: bool = _option(False, "the statuses of a message are posted in another order")
    batch: int = _option(1, "the most statuses in one POST", minimum=1, maximum=MAX_BATCH)
    batch_wait_ms: int = _ms(
        100, "how long a status waits for others in the same POST, if `batch` is more than 1"
    )
    contacts_in_failed: bool = _option(
        True, "whether a `failed` status comes with `contacts`; Meta sends it with and without"
    )
    callback_in_failed: bool = _option(
        True, "whether a `failed` status has `biz_opaque_callback_data` (not known of Meta)"
    )

    # The ledger.
    keep_bodies: bool = _option(True, "whether the ledger keeps the body of every message")
    ledger_file: str | None = _option(
        None, "a file to which each accepted message is appended as a line of JSON; read at the start only"
    )

    def __post_init__(self) -> None:
        """Check every value."""
        fields = dataclasses.fields(self)
        problems = [p for f in fields if (p := _problem(f, getattr(self, f.name))) is not None]
        if problems := problems or self._conflicts():
            raise OptionError(problems)

    def _conflicts(self) -> list[str]:
        """Problems of values that fit their types."""
        shares = sum(getattr(self, f.name) for f in dataclasses.fields(self) if f.name in _FAULT_SHARES)
        problems = [
            f"{name}: expected at least one value, found none"
            for name in ("failed_codes", "reply_texts")
            if not getattr(self, name)
        ]
        problems += [
            f"{name}: expected NUMBER=CODE such as +15551230001=131026, found {pair!r}"
            for name in ("failed_recipients", "refused_recipients")
            for pair in getattr(self, name)
            if not _PAIR.match(pair)
        ]
        if self.webhook_url is not None and not self.webhook_url.startswith(("http://", "https://")):
            problems.append(f"webhook_url: expected http://… or https://…, found {self.webhook_url!r}")
        if self.error_status and self.error_status < MIN_ERROR_STATUS:
            problems.append(
                f"error_status: expected 0 or a status from 400 to 599, found {self.error_status}"
            )
        if shares > 1 + 1e-9:
            problems.append(f"{', '.join(_FAULT_SHARES)} must add up to at most 1, found {shares:g}")
        return problems

    def changed(self, changes: Mapping[str, Any]) -> "Options":
        """These options with `changes` (JSON values by name); raises OptionError with all problems."""
        kinds = {f.name: f for f in dataclasses.fields(self)}
        if unknown := sorted(set(changes) - set(kinds)):
            raise OptionError([f"{name}: there is no such option" for name in unknown])
        ready: dict[str, Any] = {}
        for name, value in changes.items():
            is_float = isinstance(kinds[name].default, float)
            if isinstance(value, list):
                ready[name] = tuple(value)
            elif is_float and isinstance(value, int) and not isinstance(value, bool):
                ready[name] = float(value)
            else:
                ready[name] = value
        return dataclasses.replace(self, **ready)

    def public(self) -> dict[str, Any]:
        """The options as JSON values. A secret only shows whether it is set."""
        return {
            f.name: ("set" if value else None) if f.metadata["secret"] else value
            for f in dataclasses.fields(self)
            for value in [getattr(self, f.name)]
        }


def _problem(option: dataclasses.Field[Any], value: Any) -> str | None:
    """What is wrong with `value` for `option`, as a sentence, or None."""
    default, minimum, maximum = option.default, option.metadata["minimum"], option.metadata["maximum"]
    shown = "a secret" if option.metadata["secret"] else repr(value)
    if isinstance(default, bool):
        expected = "true or false"
        good = isinstance(value, bool)
    elif isinstance(default, int | float):
        whole = isinstance(default, int)
        expected = f"a {'whole ' if whole else ''}number from {minimum:g} to {maximum:g}"
        good = (
            isinstance(value, int if whole else int | float)
            and not isinstance(value, bool)
            and minimum <= value <= maximum
        )
    elif isinstance(default, tuple):
        of = {"templates": Mapping, "failed_codes": int}.get(option.name, str)
        expected = f"a list of {'objects' if of is Mapping else 'numbers' if of is int else 'strings'}"
        good = isinstance(value, tuple) and all(isinstance(one, of) for one in value)
    else:
        expected = "a string" if default is not None else "a string that is not empty, or null"
        good = (isinstance(value, str) and value != "") or (default is None and value is None)
    return None if good else f"{option.name}: expected {expected}, found {shown}"
