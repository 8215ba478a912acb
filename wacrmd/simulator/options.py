"""Everything that can be chosen about the simulated Meta: one field an option, checked when it is set."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_BATCH = 1000
"""Updates that Meta puts in one webhook at most (docs/meta.md, Webhooks)."""

_FAULT_SHARES = (
    "error_share",
    "close_before_share",
    "close_after_share",
    "half_answer_share",
    "hang_share",
    "bad_gateway_share",
)
_LOWEST_ERROR_STATUS = 400
_PAIR = re.compile(r"^[^=]+=\d+$")


class OptionError(ValueError):
    """An option is unknown or its value cannot be used; `problems` holds one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _option(
    default: Any, meaning: str, *, secret: bool = False, unit: str = "", least: float = 0, most: float = 1e12
) -> Any:
    metadata = {"meaning": meaning, "secret": secret, "unit": unit, "least": least, "most": most}
    return field(default=default, metadata=metadata, repr=not secret)


def _share(meaning: str, default: float = 0.0) -> Any:
    return _option(default, meaning, unit="share", most=1)


def _ms(default: int, meaning: str) -> Any:
    return _option(default, meaning, unit="ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the simulated Meta behaves; raises OptionError for a value out of range."""

    # Who it is.
    access_token: str | None = _option(
        None, "the only bearer token that is taken; none: every token is", secret=True
    )
    app_secret: str | None = _option(None, "signs the webhooks; none: they carry no signature", secret=True)
    waba_id: str = _option("102290129340398", "the WABA of every number that names none itself")
    phone_numbers: tuple[str, ...] = _option(
        (), "the numbers that exist, each `PHONE_NUMBER_ID` or `PHONE_NUMBER_ID=WABA_ID`; none: every id does"
    )
    display_phone_number: str = _option("15550783881", "the number that recipients see")
    templates: tuple[Mapping[str, Any], ...] = _option(
        (), "the templates that exist, in the shape of Meta's list; none: every name is taken, unchecked"
    )
    allowed_recipients: tuple[str, ...] = _option(
        (), "recipients of a test number: a send to any other is refused with 131030; none: everybody"
    )
    quality_rating: str = _option("GREEN", "`quality_rating` of the numbers")
    number_status: str = _option("CONNECTED", "`status` of the numbers")
    throughput_level: str = _option("STANDARD", "`throughput.level` of the numbers")
    messaging_limit: str = _option(
        "TIER_UNLIMITED", "`whatsapp_business_manager_messaging_limit` of the numbers"
    )
    can_send_message: str = _option("AVAILABLE", "`health_status.can_send_message` of numbers and WABAs")
    keepalive_s: float = _option(
        75.0, "idle connections are closed after that time; read at the start only", unit="s", least=0.01
    )

    # What becomes of messages.
    seed: int = _option(1, "the same seed gives the same fate to the same recipient and template")
    latency_ms: int = _ms(0, "time until an answer is given; the message is taken before it")
    latency_jitter_ms: int = _ms(0, "up to that much more, at random")
    hold_answers: bool = _option(False, "while this is true, messages are taken and not answered")
    rewrite_wa_id: bool = _option(True, "Brazilian and Mexican numbers get another `wa_id`, as with Meta")
    held_share: float = _share("of the messages taken, answered `held_for_quality_assessment`")
    failed_share: float = _share("of the messages taken, those that fail later, told by webhook")
    failed_codes: tuple[int, ...] = _option((131026,), "the codes of those failures, one at random each")
    failed_recipients: tuple[str, ...] = _option(
        (), "recipients whose messages always fail later, each `NUMBER=CODE`"
    )
    delivered_share: float = _share("of the messages sent, those that are delivered", 1.0)
    read_share: float = _share("of the messages delivered, those that are read", 0.5)
    replied_share: float = _share("of the messages read, those that are answered")
    reply_texts: tuple[str, ...] = _option(("Thank you!",), "what the answers say, one at random each")
    stop_share: float = _share("of the answers, those that say stop")
    stop_text: str = _option("STOP", "what these say")
    button_share: float = _share(
        "of the answers that say stop, those that are a tap on the template's quick reply"
    )

    # Faults of requests.
    error_share: float = _share("of the sends, refused with `error_code`")
    error_code: int = _option(131000, "the code of these refusals", least=0)
    error_status: int = _option(
        0, "their HTTP status; 0: the one that Meta gives that code", unit="HTTP", most=599
    )
    regain_minutes: int = _option(
        0,
        "throttling answers name it in `X-Business-Use-Case-Usage`, as time to regain access; 0: not",
        unit="minutes",
    )
    refused_recipients: tuple[str, ...] = _option(
        (), "recipients whose messages are always refused at once, each `NUMBER=CODE`"
    )
    throttle_per_second: int = _option(
        0, "a number's throughput: sends above it are refused with 130429; 0: none", unit="per second"
    )
    close_before_share: float = _share("of the sends, connection closed before the message is taken")
    close_after_share: float = _share("of the sends, message taken, then connection closed without an answer")
    half_answer_share: float = _share("of the sends, message taken, then cut off in the middle of the answer")
    hang_share: float = _share("of the sends, answered only after `hang_seconds`")
    hang_seconds: float = _option(30.0, "how long these hang", unit="s")
    hang_taken: bool = _option(
        True, "they are taken and answered late; else not taken, and the connection closed"
    )
    bad_gateway_share: float = _share("of the sends, answered 502 with an HTML page")
    bad_gateway_taken: bool = _option(False, "whether their messages were taken all the same")

    # Webhooks.
    webhooks: bool = _option(True, "whether webhooks are posted at all (and there is a `webhook_url`)")
    webhook_url: str | None = _option(None, "where webhooks are posted")
    webhook_connections: int = _option(
        32, "webhooks under way at one time; read at the start only", least=1, most=1000
    )
    webhook_timeout_s: float = _option(10.0, "time for one POST", unit="s", least=0.01)
    webhook_retry_s: float = _option(3600.0, "time over which a refused webhook is posted again", unit="s")
    webhook_backoff_s: float = _option(
        5.0, "the longest wait until a refused webhook is posted again", unit="s", least=0.01
    )
    sent_after_ms: int = _ms(50, "`sent` comes that long after the send was answered")
    delivered_after_ms: int = _ms(300, "`delivered`, likewise")
    read_after_ms: int = _ms(1000, "`read`, likewise")
    failed_after_ms: int = _ms(300, "`failed`, likewise")
    replied_after_ms: int = _ms(2000, "the answer of the recipient, likewise")
    early_share: float = _share(
        "of the messages taken, those whose first status is posted before their send is answered"
    )
    late_ms: int = _ms(0, "every status comes that much later")
    twice_share: float = _share("of the statuses, those that are posted twice")
    shuffle: bool = _option(False, "the statuses of a message change places")
    batch: int = _option(1, "statuses in one POST at most", least=1, most=MAX_BATCH)
    batch_wait_ms: int = _ms(
        100, "how long a status waits for others to share its POST, if `batch` is over 1"
    )
    callback_in_failed: bool = _option(
        True, "whether a `failed` status carries `biz_opaque_callback_data` (not certain of Meta)"
    )

    # The ledger.
    keep_bodies: bool = _option(True, "whether the ledger keeps the body of every message")
    ledger_file: str | None = _option(
        None, "a file to which every message taken is appended as a JSON line; read at the start only"
    )

    def __post_init__(self) -> None:
        """Hold every value against its field."""
        fields = dataclasses.fields(self)
        problems = [p for f in fields if (p := _problem(f, getattr(self, f.name))) is not None]
        if problems := problems or self._contradictions():
            raise OptionError(problems)

    def _contradictions(self) -> list[str]:
        """What is wrong although each value is of its kind."""
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
        if self.error_status and self.error_status < _LOWEST_ERROR_STATUS:
            problems.append(
                f"error_status: expected 0 or a status from 400 to 599, found {self.error_status}"
            )
        if shares > 1 + 1e-9:
            problems.append(f"{', '.join(_FAULT_SHARES)} must add up to at most 1, found {shares:g}")
        return problems

    def changed(self, changes: Mapping[str, Any]) -> "Options":
        """These options with `changes` (JSON values by name); raises OptionError that names all faults."""
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
        """The options as JSON values; a secret shows only whether it is set."""
        return {
            f.name: ("set" if value else None) if f.metadata["secret"] else value
            for f in dataclasses.fields(self)
            for value in [getattr(self, f.name)]
        }


def _problem(option: dataclasses.Field[Any], value: Any) -> str | None:
    """What is wrong with `value` for `option`, as a sentence, or None."""
    default, least, most = option.default, option.metadata["least"], option.metadata["most"]
    shown = "a secret" if option.metadata["secret"] else repr(value)
    if isinstance(default, bool):
        expected = "true or false"
        good = isinstance(value, bool)
    elif isinstance(default, int | float):
        whole = isinstance(default, int)
        expected = f"a {'whole ' if whole else ''}number from {least:g} to {most:g}"
        good = (
            isinstance(value, int if whole else int | float)
            and not isinstance(value, bool)
            and least <= value <= most
        )
    elif isinstance(default, tuple):
        of = {"templates": Mapping, "failed_codes": int}.get(option.name, str)
        expected = f"a list of {'objects' if of is Mapping else 'numbers' if of is int else 'strings'}"
        good = isinstance(value, tuple) and all(isinstance(one, of) for one in value)
    else:
        expected = "a string" if default is not None else "a string that is not empty, or null"
        good = (isinstance(value, str) and value != "") or (default is None and value is None)
    return None if good else f"{option.name}: expected {expected}, found {shown}"
