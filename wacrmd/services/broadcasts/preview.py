"""Previews for operators: named parameters from a file's columns, and the text of the first message."""

from dataclasses import replace
from functools import partial

from wacrmd.domain.placeholders import fill
from wacrmd.domain.template import Template, TemplateContent
from wacrmd.services.broadcasts.input import BroadcastInput, RecipientInput
from wacrmd.services.broadcasts.prepare import sending_number
from wacrmd.services.broadcasts.template_requirements import MAX_BODY
from wacrmd.services.context import Context
from wacrmd.store import templates


async def name_params(
    ctx: Context, account_id: str, given: BroadcastInput, names: list[str] | None
) -> BroadcastInput:
    """The broadcast with its params as objects with these names, if its template has named parameters."""
    if not names:
        return given
    template = await _template(ctx, account_id, given)
    if template is None or template.parameter_format.upper() != "NAMED":
        return given
    return replace(given, recipients=[_named(recipient, names) for recipient in given.recipients])


def _named(recipient: RecipientInput, names: list[str]) -> RecipientInput:
    params = recipient.content.params
    if not isinstance(params, list) or len(params) != len(names):
        return recipient
    by_name = dict(zip(names, params, strict=True))
    return replace(recipient, content=replace(recipient.content, params=by_name))


async def first_message(
    ctx: Context, account_id: str, given: BroadcastInput, rejected: set[int]
) -> str | None:
    """The text that the first recipient would get; None if the template is not stored."""
    template = await _template(ctx, account_id, given)
    first = next((each for index, each in enumerate(given.recipients) if index not in rejected), None)
    if template is None or first is None:
        return None
    return body_text(template, first.content)


def body_text(template: Template, content: TemplateContent) -> str | None:
    """The body as its reader sees it; None if the template has none. Pure."""
    texts = (part.get("text") for part in template.components if str(part.get("type")).upper() == "BODY")
    body = next((text for text in texts if isinstance(text, str)), None)
    return None if body is None else fill(body, _shortened(content.params or []))


def _shortened(params: list[str] | dict[str, str]) -> list[str] | dict[str, str]:
    """The parameters, none longer than any template takes: a text may have the same placeholder many times."""
    if isinstance(params, dict):
        return {name: text[:MAX_BODY] for name, text in params.items()}
    return [text[:MAX_BODY] for text in params]


async def _template(ctx: Context, account_id: str, given: BroadcastInput) -> Template | None:
    """The template as last synced; None if it is not stored."""
    number = await sending_number(ctx, account_id, given.number, abbreviates=given.abbreviates)
    return await ctx.db.read(
        partial(
            templates.get, waba_id=number.waba_id, name=given.template_name, language=given.template_language
        )
    )
