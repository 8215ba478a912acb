"""`wacrmd status`."""

import click

from wacrmd.cli.client import call
from wacrmd.cli.frame import Session, Verb
from wacrmd.cli.output import emit, tree


@click.command(cls=Verb)
@click.pass_obj
def status(session: Session) -> None:
    """What the daemon is doing, and what does not move and why."""
    emit(session, call(session, "status"), tree)
