"""A dry run of a single message: that of a broadcast of one, with what is wrong at its place in the message."""

from dataclasses import replace

from wacrmd.domain.message import in_message
from wacrmd.errors import Problem
from wacrmd.services.broadcasts import dry_run as broadcasts
from wacrmd.services.broadcasts.input import BroadcastInput
from wacrmd.services.context import Context
from wacrmd.services.messages.places import at_their_places
from wacrmd.views.broadcasts import DryRun

OPTED_OUT = "this person has opted out of messages from this account"


async def dry_run(ctx: Context, account_id: str, given: BroadcastInput) -> DryRun:
    """What `send` would do now, with all problems; nothing is stored or sent. Raises Refusal as `send` does."""
    with at_their_places():
        found = await broadcasts.dry_run(ctx, account_id, given)
    problems = [in_message(each) for each in found.problems if each.path != "recipients"]
    if found.rejections:
        problems.insert(0, Problem("to", found.rejections[0].reason))
    elif found.suppressed:
        problems.insert(0, Problem("to", OPTED_OUT))
    return replace(found, problems=problems, status=None if problems else found.status)
