"""The state machine of recipients: each event with the states that it applies to, and the reason.

This table is the only place of these rules. The SQL of store/ is built from it, docs/delivery-guarantees.md
shows it, and tests take every pair of state and event through it and through the SQL. An event that does not apply
to a state changes nothing, so each one may be repeated.
"""

from enum import StrEnum

from wacrmd.domain.attempt import AttemptResult
from wacrmd.domain.recipient import RecipientState, RecipientStatus
from wacrmd.domain.state_machine import StateMachine, Transition


class RecipientEvent(StrEnum):
    """What can happen to a recipient; the table below says what it means."""

    CREATED = "created"
    CLAIMED = "claimed"
    OPTED_OUT = "opted_out"
    SAME_PERSON = "same_person"
    ACCEPTED = "accepted"
    REFUSED_FOR_GOOD = "refused_for_good"
    ATTEMPT_GIVEN_UP = "attempt_given_up"
    RETRY_SCHEDULED = "retry_scheduled"
    OUTCOME_UNKNOWN = "outcome_unknown"
    RESULT_OUTDATED = "result_outdated"
    ACCEPTANCE_SUPERSEDED = "acceptance_superseded"
    LEASE_EXPIRED_HOLD = "lease_expired_hold"
    LEASE_EXPIRED_RESEND = "lease_expired_resend"
    LEASE_EXPIRED_FAIL = "lease_expired_fail"
    ATTEMPT_LOST = "attempt_lost"
    BROADCAST_CANCELLED = "broadcast_cancelled"
    ERASED = "erased"
    REQUEUED = "requeued"
    NOT_DELIVERED_REQUEUED = "not_delivered_requeued"
    RETRIED_BY_RULE = "retried_by_rule"
    UNCERTAIN_GIVEN_UP = "uncertain_given_up"
    STATUS_SENT = "status_sent"
    STATUS_DELIVERED = "status_delivered"
    STATUS_READ = "status_read"
    STATUS_REPLIED = "status_replied"
    STATUS_FAILED = "status_failed"
    STATUS_FAILED_AFTER_GUESS = "status_failed_after_guess"
    STATUS_SENT_SUPERSEDED = "status_sent_superseded"
    STATUS_FAILED_SUPERSEDED = "status_failed_superseded"
    STATUS_FAILED_OUTDATED = "status_failed_outdated"


_S, _E = RecipientState, RecipientEvent
_NOT_SETTLED = frozenset({_S.PENDING, _S.SENDING, _S.UNCERTAIN, _S.CANCELLED, _S.GIVEN_UP})
"""The states in which the outcome of the newest attempt is not known from Meta, or there was no attempt."""

RECIPIENT = StateMachine[RecipientState, RecipientEvent](
    [
        Transition(
            _E.CREATED, frozenset(), _S.PENDING, "The row is the queue: a pending recipient is to be sent to."
        ),
        Transition(
            _E.CLAIMED,
            frozenset({_S.PENDING}),
            _S.SENDING,
            "The attempt is on disk before the first byte of its request leaves.",
            "The broadcast is sending, its number is active, the recipient's time has come.",
        ),
        Transition(
            _E.OPTED_OUT,
            frozenset({_S.PENDING}),
            _S.CANCELLED,
            "The opt-out is found before the claim: nothing is sent, and no attempt is counted.",
        ),
        Transition(
            _E.SAME_PERSON,
            frozenset({_S.PENDING}),
            _S.CANCELLED,
            "Meta has shown that two recipients of the broadcast are one person: nobody gets it twice.",
            "The other one is older, or was sent to.",
        ),
        Transition(
            _E.ACCEPTED,
            _NOT_SETTLED,
            _S.SENT,
            "Meta accepted the message. This is true whatever wacrmd assumed about the attempt.",
            "The attempt is the newest one, and newer than `failed_attempt`.",
        ),
        Transition(
            _E.REFUSED_FOR_GOOD,
            frozenset({_S.SENDING}),
            _S.FAILED,
            "Meta refused it, and another attempt would not help, or no retries are left.",
            "The attempt is the newest one.",
        ),
        Transition(
            _E.ATTEMPT_GIVEN_UP,
            frozenset({_S.SENDING}),
            _S.GIVEN_UP,
            "wacrmd assumes a failure: the recipient is too old, the message cannot be built, or policy `fail` says so.",
            "The attempt is the newest one.",
        ),
        Transition(
            _E.RETRY_SCHEDULED,
            frozenset({_S.SENDING}),
            _S.PENDING,
            "It was certainly not sent, or policy `resend` takes the risk: another attempt at `next_attempt_at`.",
            "The attempt is the newest one.",
        ),
        Transition(
            _E.OUTCOME_UNKNOWN,
            frozenset({_S.SENDING}),
            _S.UNCERTAIN,
            "Meta may have the message: only its webhook or a person can decide.",
            "The attempt is the newest one.",
        ),
        Transition(
            _E.RESULT_OUTDATED,
            frozenset(),
            None,
            "A result of an older attempt: the newest one decides.",
            "The attempt is older than the newest one.",
        ),
        Transition(
            _E.ACCEPTANCE_SUPERSEDED,
            frozenset(),
            None,
            "This message was accepted, then it failed, or was not delivered, and is sent again: the retry stays.",
            "The attempt is not newer than `failed_attempt`.",
        ),
        Transition(
            _E.LEASE_EXPIRED_HOLD,
            frozenset({_S.SENDING}),
            _S.UNCERTAIN,
            "The process that made the attempt is gone. Policy `hold`: nobody is messaged twice.",
        ),
        Transition(
            _E.LEASE_EXPIRED_RESEND,
            frozenset({_S.SENDING}),
            _S.PENDING,
            "The process that made the attempt is gone. Policy `resend`: another attempt, the person may get it twice.",
            "Retries are left.",
        ),
        Transition(
            _E.LEASE_EXPIRED_FAIL,
            frozenset({_S.SENDING}),
            _S.GIVEN_UP,
            "The process that made the attempt is gone. Policy `fail`, or policy `resend` without retries left.",
        ),
        Transition(
            _E.ATTEMPT_LOST,
            frozenset({_S.PENDING}),
            _S.UNCERTAIN,
            "The file was damaged: an index knows of an attempt, and the row is older. Nobody is messaged twice.",
        ),
        Transition(
            _E.BROADCAST_CANCELLED,
            frozenset({_S.PENDING}),
            _S.CANCELLED,
            "A recipient that waits, for its first attempt or a retry, gets no message. An attempt in flight is completed.",
        ),
        Transition(
            _E.ERASED,
            frozenset({_S.PENDING}),
            _S.CANCELLED,
            "The data of the person were erased: there is no address to send to.",
        ),
        Transition(
            _E.REQUEUED,
            frozenset({_S.FAILED, _S.GIVEN_UP, _S.UNCERTAIN}),
            _S.PENDING,
            "A person asked for it, and takes the risk if Meta may have the message. An attempt that"
            " Meta said failed becomes `failed_attempt`.",
        ),
        Transition(
            _E.NOT_DELIVERED_REQUEUED,
            frozenset({_S.SENT}),
            _S.PENDING,
            "A person asked for it, and takes the risk: if Meta still delivers the old message, it may come twice."
            " Its attempt becomes `failed_attempt`. If it is delivered before the next one is sent, that ends the retry.",
            "Meta accepted it as long ago as the person said, and does not hold it back.",
        ),
        Transition(
            _E.RETRIED_BY_RULE,
            frozenset({_S.FAILED}),
            _S.PENDING,
            "A rule of the broadcast asks for it, `next_attempt_at` says when. The attempt becomes `failed_attempt`.",
            "Meta's code is in a rule that has not been used up for this recipient, and the broadcast is not cancelled.",
        ),
        Transition(
            _E.UNCERTAIN_GIVEN_UP,
            frozenset({_S.UNCERTAIN}),
            _S.GIVEN_UP,
            "A person decided that the message was not sent.",
        ),
        Transition(
            _E.STATUS_SENT,
            _NOT_SETTLED,
            _S.SENT,
            "Meta has the message, so nothing is sent again. It never undoes a failure that Meta reported.",
            "The attempt is newer than `failed_attempt`.",
        ),
        Transition(
            _E.STATUS_DELIVERED,
            _NOT_SETTLED | {_S.SENT, _S.FAILED},
            _S.DELIVERED,
            "The person has the message. This counts for any attempt, and wins over every failure.",
        ),
        Transition(
            _E.STATUS_READ,
            _NOT_SETTLED | {_S.SENT, _S.FAILED, _S.DELIVERED},
            _S.READ,
            "Like `status_delivered`; read implies delivered.",
        ),
        Transition(
            _E.STATUS_REPLIED,
            _NOT_SETTLED | {_S.SENT, _S.FAILED, _S.DELIVERED, _S.READ},
            _S.REPLIED,
            "Like `status_delivered`; a reply implies read.",
        ),
        Transition(
            _E.STATUS_FAILED,
            _NOT_SETTLED | {_S.SENT},
            _S.FAILED,
            "It applies wherever `status_sent` applies: Meta reports a failure only once. If a waiting recipient"
            " ignored it, a `sent` that comes later would hide it for ever.",
            "The attempt is the newest one, and newer than `failed_attempt`.",
        ),
        Transition(
            _E.STATUS_FAILED_AFTER_GUESS,
            _NOT_SETTLED | {_S.SENT, _S.REPLIED},
            _S.FAILED,
            "Like `status_failed`. The reply quotes nothing, and is then one to the message before.",
            "The attempt is the newest one, and newer than `failed_attempt`. Nothing but a reply that quotes nothing"
            " says that the person has the message.",
        ),
        Transition(
            _E.STATUS_SENT_SUPERSEDED,
            frozenset(),
            None,
            "The message is sent again after this attempt. A late `sent` of it says nothing new.",
            "The attempt is not newer than `failed_attempt`.",
        ),
        Transition(
            _E.STATUS_FAILED_SUPERSEDED,
            frozenset(),
            None,
            "The message is sent again after this attempt: that it failed changes only how long the retry waits.",
            "The attempt is not newer than `failed_attempt`.",
        ),
        Transition(
            _E.STATUS_FAILED_OUTDATED,
            frozenset(),
            None,
            "The failure of an older attempt says nothing about the newest one.",
            "The attempt is older than the newest one.",
        ),
    ]
)

STATUS_EVENTS: dict[RecipientStatus, RecipientEvent] = {
    RecipientStatus.SENT: _E.STATUS_SENT,
    RecipientStatus.DELIVERED: _E.STATUS_DELIVERED,
    RecipientStatus.READ: _E.STATUS_READ,
    RecipientStatus.REPLIED: _E.STATUS_REPLIED,
    RecipientStatus.FAILED: _E.STATUS_FAILED,
}
"""The event of each status that Meta reports."""

_RESULT_EVENTS = {
    RecipientStatus.SENT: _E.ACCEPTED,
    RecipientStatus.PENDING: _E.RETRY_SCHEDULED,
    RecipientStatus.UNCERTAIN: _E.OUTCOME_UNKNOWN,
}


def status_event(
    status: RecipientStatus, *, attempt: int, newest_attempt: int, failed_attempt: int, is_guess: bool = False
) -> RecipientEvent:
    """The event of a status of `attempt`: what it means depends on the attempts since then.

    `is_guess`: nothing but a reply that quotes nothing says that the person has the message.
    """
    if status is RecipientStatus.FAILED:
        if attempt <= failed_attempt:
            return _E.STATUS_FAILED_SUPERSEDED
        if attempt < newest_attempt:
            return _E.STATUS_FAILED_OUTDATED
        if is_guess:
            return _E.STATUS_FAILED_AFTER_GUESS
    elif status is RecipientStatus.SENT and attempt <= failed_attempt:
        return _E.STATUS_SENT_SUPERSEDED
    return STATUS_EVENTS[status]


def result_event(result: AttemptResult) -> RecipientEvent:
    """The event of an attempt's result."""
    if result.status is RecipientStatus.FAILED:
        return _E.REFUSED_FOR_GOOD if result.error is not None else _E.ATTEMPT_GIVEN_UP
    return _RESULT_EVENTS[result.status]
