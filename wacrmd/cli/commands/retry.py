"""`wacrmd broadcast retry`: to whom it is sent again, with a question where somebody may get it twice."""

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.input import confirm
from wacrmd.cli.options import CodesOption, Whole, broadcast_id, yes_option
from wacrmd.cli.output import emit, hint, local, people, say
from wacrmd.cli.times import Hours, StartTime, start_shown, timezone_option
from wacrmd.domain.retry import MAX_NOT_DELIVERED_HOURS
from wacrmd.fields import JsonObject


@click.command("retry", cls=Verb)
@broadcast_id
@click.option("--failed", is_flag=True, help="Recipients that failed (default).")
@click.option("--uncertain", is_flag=True, help="Uncertain recipients: they may get the message twice.")
@click.option(
    "--code",
    "codes",
    cls=CodesOption,
    type=Whole(),
    metavar="CODE",
    help="Of those who failed, only who did with these codes of Meta's, several with commas between them; repeatable.",
)
@click.option(
    "--not-delivered-after",
    "not_delivered_after_hours",
    type=Hours(least=1, most=MAX_NOT_DELIVERED_HOURS),
    metavar="TIME",
    help="Recipients whom Meta took the message for so long ago, such as 48h, and has not delivered it to: they get it twice"
    " if the old one is delivered later.",
)
@click.option(
    "--waiting",
    is_flag=True,
    help="Nobody new: all who wait for a retry wait until --at, or no more.",
)
@click.option(
    "--at",
    type=StartTime(),
    metavar="TIME",
    help="Not before this time. Nobody gets it earlier than Meta allows. "
    "Who waits for such a retry already waits until then.",
)
@timezone_option
@yes_option
@click.pass_obj
def retry(
    session: Session,
    broadcast_id: str,
    failed: bool,
    uncertain: bool,
    codes: tuple[int, ...],
    not_delivered_after_hours: float | None,
    waiting: bool,
    at: str | None,
    yes: bool,
) -> None:
    """Send again to recipients that failed, are uncertain, or were not delivered.

    For example: wacrmd broadcast retry 4b6d --code 131049
    """
    late = not_delivered_after_hours is not None

    def question() -> str | None:
        found = call(session, "broadcast.show", id=broadcast_id)
        parts = []
        if uncertain and found["uncertain_count"]:
            who = people(found["uncertain_count"])
            parts.append(f"{who} may have got {found['name']} already, and would get it twice.")
        without = found["sent_count"] - found["delivered_count"]
        if late and without:
            who = f"up to {people(without)}"
            parts.append(f"Who has the phone off gets {found['name']} twice when it is on again ({who}).")
        return f"{' '.join(parts)} Send again?" if parts else None

    if uncertain or late:
        confirm(question, yes=yes)
        if yes and uncertain:
            hint("warning: people whose outcome is uncertain may get the message twice")
        if yes and late:
            hint("warning: people whose old message is delivered later get it twice")
    result = call(
        session,
        "broadcast.retry",
        id=broadcast_id,
        failed=failed,
        uncertain=uncertain,
        codes=list(codes) or None,
        not_delivered_after_hours=not_delivered_after_hours,
        waiting=waiting,
        at=at,
    )

    def render(made: JsonObject) -> None:
        when = start_shown(at, click.get_current_context())
        watch = f"To watch: wacrmd broadcast watch {broadcast_id}"
        if made["requeued"]:
            say(f"Sending again to {people(made['requeued'])}{f', {when}' if at else ''}. {watch}")
        if made["moved"]:
            say(f"Moved: {people(made['moved'])}, who waited for a retry already, now {when}. {watch}")
        if not made["requeued"] and not made["moved"]:
            say(_nobody(made) if waiting else "There is no recipient to send to again.")
        if made["waiting"]:
            until = local(made["waiting_until"])
            hint(
                f"Meta allows no earlier message to {people(made['waiting'])}: the last waits until {until}."
            )
        if made["left_out"]:
            hint(
                f"Not to {people(made['left_out'])}, to whom it would fail again: wacrmd broadcast show {broadcast_id}"
            )

    emit(session, result, render)


def _nobody(made: JsonObject) -> str:
    """Why no retry is moved; who waits because of Meta is named beside it."""
    return f"No retry is moved{'' if made['waiting'] else ': nobody waits for one, or all wait for this time already'}."
