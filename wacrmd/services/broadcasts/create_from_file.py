"""A broadcast that an operator makes by hand: the same acceptance as over HTTP, with what a person leaves out."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from wacrmd.clock import Millis
from wacrmd.domain.account import Account
from wacrmd.domain.placeholders import fill
from wacrmd.domain.template import TemplateContent
from wacrmd.errors import Problem, bad_request
from wacrmd.meta.payloads import content_problems
from wacrmd.services.access.keys import account_or_only
from wacrmd.services.broadcasts import create
from wacrmd.services.broadcasts import dry_run as dry_runs
from wacrmd.services.context import Context
from wacrmd.services.numbers.manage import number_of
from wacrmd.services.views import number_view, time
from wacrmd.store import templates


@dataclass(frozen=True, slots=True)
class FileInput:
    """What an operator asks for; `account` may be left out where there is only one."""

    account: str | None
    template_name: str
    template_language: str
    people: list[tuple[object, list[str] | dict[str, str] | None]]
    parameter_names: list[str] | None = None
    name: str | None = None
    sender: str | None = None
    scheduled_at: Millis | None = None
    header: dict[str, Any] | None = None
    buttons: list[dict[str, Any]] | None = None
    components: list[dict[str, Any]] | None = None


async def send(ctx: Context, draft: FileInput) -> dict[str, Any]:
    """Store the broadcast, which is sent then. Refuses what cannot be sent, with nothing stored."""
    account, submission = await _submission(ctx, draft)
    accepted = asdict(await create.create_broadcast(ctx, account.id, submission))
    accepted.pop("replayed")
    return accepted | {"account": account.name}


async def dry_run(ctx: Context, draft: FileInput) -> dict[str, Any]:
    """What `send` would do: who gets it, what does not fit the template, from which number, and for how long."""
    account, submission = await _submission(ctx, draft)
    found = await dry_runs.dry_run(ctx, account.id, submission)
    return {
        "account": account.name,
        "number": number_view(ctx, await number_of(ctx, found.number_id)),
        "status": found.status,
        "total_recipients": found.total_recipients,
        "accepted": found.accepted,
        "rejected": found.rejected,
        "duplicates": found.duplicates,
        "suppressed": found.suppressed,
        "rejections": [asdict(rejection) for rejection in found.rejections],
        "problems": [{"path": one.path, "message": one.message} for one in found.problems],
        "message": await _message(ctx, account, draft, submission, {one.index for one in found.rejections}),
        "template_synced_at": time(found.template_synced_at),
        "expected_duration_s": found.expected_duration_s,
    }


async def _submission(ctx: Context, draft: FileInput) -> tuple[Account, create.BroadcastInput]:
    account = await account_or_only(ctx, draft.account)
    most = ctx.config.limits.max_recipients
    if len(draft.people) > most:
        raise bad_request(
            f"At most {most} recipients fit into one broadcast, found {len(draft.people)}: split the list, or raise "
            "[limits] max_recipients and reload"
        )
    parts = {"header": draft.header, "buttons": draft.buttons, "components": draft.components}
    given = {name: part for name, part in parts.items() if part is not None}
    problems: list[Problem] = content_problems(given)
    if problems:
        raise bad_request(f"{problems[0].path}: {problems[0].message}", problems)
    named = draft.parameter_names if await _is_named(ctx, account, draft) else None
    return account, create.BroadcastInput(
        template_name=draft.template_name,
        template_language=draft.template_language,
        people=[
            create.RecipientInput(to, TemplateContent(_params(params, named))) for to, params in draft.people
        ],
        name=draft.name,
        sender=draft.sender,
        scheduled_at=draft.scheduled_at,
        content=TemplateContent(None, draft.header, draft.buttons, draft.components),
    )


def _params(
    params: list[str] | dict[str, str] | None, names: list[str] | None
) -> list[str] | dict[str, str] | None:
    """The values by name where the template wants names, else as they were given."""
    if names is None or not isinstance(params, list) or len(params) != len(names):
        return params
    return dict(zip(names, params, strict=True))


async def _template(ctx: Context, account: Account, draft: FileInput) -> templates.Template | None:
    """The template as last synced, if it was."""
    number = await create.choose_number(ctx, account.id, draft.sender)
    return await ctx.db.read(
        partial(
            templates.get, waba_id=number.waba_id, name=draft.template_name, language=draft.template_language
        )
    )


async def _is_named(ctx: Context, account: Account, draft: FileInput) -> bool:
    """Whether the template, as last synced, has named parameters."""
    if not draft.parameter_names:
        return False
    template = await _template(ctx, account, draft)
    return template is not None and template.parameter_format.upper() == "NAMED"


async def _message(
    ctx: Context, account: Account, draft: FileInput, submission: create.BroadcastInput, rejected: set[int]
) -> str | None:
    """The body as the first person would read it; None where the template is not known here."""
    template = await _template(ctx, account, draft)
    first = next((person for at, person in enumerate(submission.people) if at not in rejected), None)
    if template is None or first is None:
        return None
    texts = (part.get("text") for part in template.components if str(part.get("type")).upper() == "BODY")
    body = next((text for text in texts if isinstance(text, str)), None)
    return None if body is None else fill(body, first.content.params or [])
