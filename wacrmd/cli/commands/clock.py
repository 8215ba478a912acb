"""`wacrmd clock …`."""

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Noun, Session
from wacrmd.cli.input import confirm
from wacrmd.cli.options import yes_option
from wacrmd.cli.output import details, emit, say
from wacrmd.fields import JsonObject


@click.group(cls=Noun, invoke_without_command=True)
@click.pass_context
def clock(context: click.Context) -> None:
    """The machine's clock, and whether it is trusted.

    A clock that has leapt is not trusted until Meta's agrees with it: nothing is deleted, and the daemon goes by its
    own time. Without a command, it is shown.
    """
    if context.invoked_subcommand is None:
        context.invoke(show)


@clock.command("show")
@click.pass_obj
def show(session: Session) -> None:
    """Show the machine's clock and Meta's.

    The daemon goes by the machine's, unless that is not trusted. For example: wacrmd clock show
    """
    emit(session, call(session, "clock.show"), _render)


@clock.command("accept")
@yes_option
@click.pass_obj
def accept(session: Session, yes: bool) -> None:
    """Trust the machine's clock as it is now.

    The daemon goes by it, whatever Meta's says. What is too old by this clock is deleted then, and broadcasts whose
    time has come start.
    For example: wacrmd clock accept
    """

    def question() -> str | None:
        found = call(session, "clock.show")
        if found["trusted"]:
            return None
        return f"Is it {found['machine']} now? Old data are deleted and broadcasts start by this time."

    confirm(question, yes=yes)
    emit(session, call(session, "clock.accept"), _render)


def _render(found: JsonObject) -> None:
    say(found["hold"]["detail"] if found["hold"] else "The machine's clock is trusted.")
    shown = [("daemon", found["now"]), ("machine", found["machine"]), ("Meta", found["meta"])]
    if found["accepted_s"]:
        shown.append(("accepted", f"{found['accepted_s']} s ahead of Meta's clock"))
    details(shown)
