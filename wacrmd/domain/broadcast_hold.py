"""Why a broadcast does not move; pure."""

from wacrmd.clock import Millis, iso
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus, Progress
from wacrmd.domain.drain import Drain
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.number import Number, NumberState


def has_work(broadcast: Broadcast, progress: Progress) -> bool:
    """Whether a broadcast is sending and has pending recipients: only then can more than its own pause hold it."""
    return broadcast.status is BroadcastStatus.SENDING and progress.pending_count > 0


def broadcast_hold(
    broadcast: Broadcast,
    progress: Progress,
    number: Number | None,
    *,
    storage: Hold | None,
    throughput: Hold | None,
    drain: Drain | None,
    media: Hold | None = None,
    waiting: Hold | None,
) -> Hold | None:
    """The first reason that applies, in the order of the lines below; None while it moves or has nothing to send.

    Messages that Meta holds back come last: they hold up no other message.

    `storage` and `throughput` are the holds of the database and of the number's rate limiter, `media` that of a file which
    Meta does not have yet, `waiting` that of the people who may not be sent to yet (`waiting_hold`).
    """
    if not has_work(broadcast, progress):
        return idle_hold(broadcast, progress)
    if number is None or number.is_removed:
        detail = "Its number was removed: cancel it, and make a new broadcast from another number"
        return Hold(HoldReason.NUMBER_REMOVED, detail, broadcast.updated_at)
    if number.state is NumberState.PAUSED and number.hold is not None:
        detail = f"Number {number.name} is paused: {number.hold.detail}"
        return Hold(HoldReason.NUMBER_PAUSED, detail, number.hold.since)
    if storage is not None:
        return storage
    if throughput is not None:
        return throughput
    if drain is not None:
        return Hold(HoldReason.DRAINING, drain.detail, drain.since)
    if media is not None:
        return media
    return waiting or _held_by_meta(progress)


def waiting_hold(
    broadcast: Broadcast, waiting: int, *, next_at: Millis, opens_at: Millis | None, now: Millis
) -> Hold | None:
    """The hold of a broadcast so many of whose people wait, the first until `next_at`; None if one of them is due.

    `opens_at` is when the hours of that first person begin: `now` if it is such an hour.
    """
    if next_at <= now:
        return None
    people = "1 person" if waiting == 1 else f"{waiting} people"
    waits = "waits" if waiting == 1 else "wait"
    verb = "is" if waiting == 1 else "are"
    if broadcast.send_between is not None and opens_at != now:
        detail = f"{people} {waits} for the hours {broadcast.send_between}, the first until {iso(next_at)}"
        return Hold(HoldReason.HOURS, detail, broadcast.updated_at)
    detail = f"{people} {verb} tried again, the first at {iso(next_at)}"
    return Hold(HoldReason.WAITING_FOR_RETRY, detail, broadcast.updated_at)


def pace_hold(broadcast: Broadcast, next_at: Millis | None) -> Hold | None:
    """The hold of a broadcast whose own pace lets its next message go at `next_at`; None if it moves."""
    if next_at is None:
        return None
    detail = f"It is sent slowly, as it was asked for: the next message goes at {iso(next_at)}"
    return Hold(HoldReason.PACE, detail, broadcast.updated_at)


def media_hold(
    file_name: str, error: str | None, next_attempt_at: Millis, now: Millis, since: Millis, *, is_stored: bool
) -> Hold:
    """The hold of a broadcast whose messages name a file that Meta does not have for its number."""
    if not is_stored:
        detail = f"Its file {file_name} was removed: upload it again, or cancel the broadcast"
    elif error is None:
        detail = f"Its file {file_name} is being uploaded to Meta"
    elif next_attempt_at > now:
        again = f"that is tried again at {iso(next_attempt_at)}"
        detail = f"Its file {file_name} could not be uploaded to Meta; {again}: {error}"
    else:
        detail = f"Its file {file_name} could not be uploaded to Meta; that is tried again now: {error}"
    return Hold(HoldReason.MEDIA, detail, since)


def waits_for_clock(broadcast: Broadcast, machine: Millis) -> bool:
    """Whether a scheduled broadcast would have started by the machine's clock: then that is not trusted."""
    at = broadcast.scheduled_at
    return broadcast.status is BroadcastStatus.SCHEDULED and at is not None and at <= machine


def idle_hold(broadcast: Broadcast, progress: Progress) -> Hold | None:
    """The hold of a broadcast that has no work: its own pause, or messages that Meta holds back."""
    return broadcast.hold or _held_by_meta(progress)


def _held_by_meta(progress: Progress) -> Hold | None:
    if not progress.held:
        return None
    parts = ", ".join(f"{number} {how}" for how, number, _ in progress.held)
    detail = f"Meta holds messages back ({parts}): it sends or drops them once it has seen how people react to others"
    return Hold(HoldReason.HELD_BY_META, detail, min(since for _, _, since in progress.held))
