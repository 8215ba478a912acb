"""What happens to an accepted message: the statuses and the reply that webhooks report, and when. Pure."""

import hashlib
import struct
from dataclasses import dataclass
from enum import StrEnum

from wacrmd.simulator.faults import code_for
from wacrmd.simulator.options import Options

_NUMBERS = struct.Struct("<8Q")
_MAX = float(2**64)


class UpdateKind(StrEnum):
    """A status of the message, or an answer of its recipient: a text, or a tap on a button."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    REPLY = "reply"
    TAP = "tap"


@dataclass(frozen=True, slots=True)
class Update:
    """One thing that a webhook reports about a message.

    It is posted `post_after_ms` after the message was answered. It carries the time `happens_after_ms` after the
    message was accepted: late and shuffled updates keep their own time.
    """

    kind: UpdateKind
    post_after_ms: int
    happens_after_ms: int
    code: int | None = None
    text: str | None = None
    twice: bool = False


def random_numbers(seed: int, key: str) -> tuple[float, ...]:
    """Eight numbers from 0 to 1 that depend on `seed` and `key` only."""
    digest = hashlib.blake2b(f"{seed}/{key}".encode()).digest()
    return tuple(number / _MAX for number in _NUMBERS.unpack(digest))


def updates_for(options: Options, key: str, number: str, *, has_button: bool) -> list[Update]:
    """The updates of a message in the order of posting; always the same for the same seed and `key`."""
    failing, code, delivered, read, replied, stop, button, text = random_numbers(options.seed, key)
    updates: list[Update] = []
    forced = code_for(options.failed_recipients, number) if options.failed_recipients else None
    if forced is not None or failing < options.failed_share:
        chosen = options.failed_codes[int(code * len(options.failed_codes))] if forced is None else forced
        updates.append(_update(UpdateKind.FAILED, options.failed_after_ms, code=chosen))
        return _disordered(options, key, updates)
    updates.append(_update(UpdateKind.SENT, options.sent_after_ms))
    if delivered < options.delivered_share:
        updates.append(_update(UpdateKind.DELIVERED, options.delivered_after_ms))
        if read < options.read_share:
            updates.append(_update(UpdateKind.READ, options.read_after_ms))
            if replied < options.replied_share:
                stops = stop < options.stop_share
                taps = stops and has_button and button < options.button_share
                chosen_text = options.reply_texts[int(text * len(options.reply_texts))]
                updates.append(
                    _update(
                        UpdateKind.TAP if taps else UpdateKind.REPLY,
                        options.replied_after_ms,
                        text=options.stop_text if stops else chosen_text,
                    )
                )
    return _disordered(options, key, updates)


def is_early(options: Options, key: str) -> bool:
    """Whether the message's first status is posted before its send is answered."""
    return options.early_share > 0 and random_numbers(options.seed, f"{key}/early")[0] < options.early_share


def is_held(options: Options, key: str) -> bool:
    """Whether the message is answered `held_for_quality_assessment`."""
    return options.held_share > 0 and random_numbers(options.seed, f"{key}/held")[0] < options.held_share


def _update(kind: UpdateKind, after_ms: int, code: int | None = None, text: str | None = None) -> Update:
    return Update(kind, after_ms, after_ms, code, text)


def _disordered(options: Options, key: str, updates: list[Update]) -> list[Update]:
    """The updates, late, twice and out of order as the options say; each keeps the time at which it happens."""
    if not (options.late_ms or options.twice_share or options.shuffle):
        return updates
    times = sorted(update.post_after_ms + options.late_ms for update in updates)
    randoms = random_numbers(options.seed, f"{key}/disorder")
    if options.shuffle and len(updates) > 1:
        # A rotation moves every update, so no message keeps its order by chance.
        turn = 1 + int(randoms[7] * (len(updates) - 1))
        updates = updates[turn:] + updates[:turn]
    return [
        Update(
            update.kind,
            at,
            update.happens_after_ms,
            update.code,
            update.text,
            twice=randoms[n] < options.twice_share,
        )
        for n, (update, at) in enumerate(zip(updates, times, strict=True))
    ]
