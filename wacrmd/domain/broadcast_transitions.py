"""The state machine of broadcasts: each event with the statuses that it applies to, and the reason.

As the table of recipients (recipient_transitions.py), this one is the only place of its rules.
"""

from enum import StrEnum

from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.state_machine import StateMachine, Transition


class BroadcastEvent(StrEnum):
    """What can happen to a broadcast; the table below says what it means."""

    DRAFTED = "drafted"
    CREATED = "created"
    SCHEDULED = "scheduled"
    DRAFT_SENT = "draft_sent"
    DRAFT_SCHEDULED = "draft_scheduled"
    STARTED = "started"
    PAUSED = "paused"
    PAUSED_BY_PERSON = "paused_by_person"
    RESTORED = "restored"
    RESUMED = "resumed"
    RESUMED_EARLY = "resumed_early"
    TEMPLATE_APPROVED = "template_approved"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    REOPENED = "reopened"


_S, _E = BroadcastStatus, BroadcastEvent

BROADCAST = StateMachine[BroadcastStatus, BroadcastEvent](
    [
        Transition(
            _E.DRAFTED, frozenset(), _S.DRAFT, "A person makes it step by step; nothing of it is sent."
        ),
        Transition(_E.CREATED, frozenset(), _S.SENDING, "It is on disk before the request is answered."),
        Transition(
            _E.SCHEDULED,
            frozenset(),
            _S.SCHEDULED,
            "It was created with a time, and waits for it.",
            "`scheduled_at` was given.",
        ),
        Transition(
            _E.DRAFT_SENT,
            frozenset({_S.DRAFT}),
            _S.SENDING,
            "A person has asked for it, and all of its people are recipients now.",
            "`scheduled_at` was not given, or has come.",
        ),
        Transition(
            _E.DRAFT_SCHEDULED,
            frozenset({_S.DRAFT}),
            _S.SCHEDULED,
            "The same for a draft with a time.",
            "`scheduled_at` is in the future.",
        ),
        Transition(
            _E.STARTED,
            frozenset({_S.SCHEDULED}),
            _S.SENDING,
            "The scheduler checks every second; a start that was missed happens later.",
            "`scheduled_at` has come.",
        ),
        Transition(
            _E.PAUSED,
            frozenset({_S.SCHEDULED, _S.SENDING}),
            _S.PAUSED,
            "By a fault that concerns all recipients. The first reason stays.",
        ),
        Transition(
            _E.PAUSED_BY_PERSON,
            frozenset({_S.SCHEDULED, _S.SENDING, _S.PAUSED}),
            _S.PAUSED,
            "It lasts until a person resumes: it replaces a reason that an event of Meta could lift.",
            "It is not paused by a person already.",
        ),
        Transition(
            _E.RESTORED,
            frozenset({_S.SCHEDULED, _S.SENDING, _S.PAUSED}),
            _S.PAUSED,
            "It comes from a backup: what was sent after that is not known, so a person must decide.",
        ),
        Transition(
            _E.RESUMED,
            frozenset({_S.PAUSED}),
            _S.SENDING,
            "It continues where it stopped: what is pending is sent.",
            "It had started, or its `scheduled_at` has come.",
        ),
        Transition(
            _E.RESUMED_EARLY,
            frozenset({_S.PAUSED}),
            _S.SCHEDULED,
            "It had not started yet: it waits for its time again.",
            "It never started, and its `scheduled_at` is in the future.",
        ),
        Transition(
            _E.TEMPLATE_APPROVED,
            frozenset({_S.PAUSED}),
            _S.SENDING,
            "What Meta stopped continues when Meta approves the template, or it would go to the endpoint that takes it."
            " What a person paused stays paused.",
            "The reason of the pause is `template`, and it had started.",
        ),
        Transition(
            _E.CANCELLED,
            frozenset({_S.SCHEDULED, _S.SENDING, _S.PAUSED}),
            _S.CANCELLED,
            "It is stopped for good: pending recipients are cancelled with it.",
        ),
        Transition(
            _E.COMPLETED,
            frozenset({_S.SENDING, _S.PAUSED}),
            _S.SENT,
            "Nothing is left to send. The counts show what became of each recipient.",
            "No recipient is pending or in flight.",
        ),
        Transition(
            _E.REOPENED,
            frozenset({_S.SENT}),
            _S.SENDING,
            "Recipients were requeued: there is something to send again.",
        ),
    ]
)
