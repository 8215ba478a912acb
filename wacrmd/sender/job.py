"""A broadcast as the sender needs it, and the request body that it makes for one attempt."""

from dataclasses import dataclass, field
from functools import partial

import orjson

from wacrmd.domain.attempt import Claim
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.callback_token import callback_token
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.number import Number
from wacrmd.domain.template import TemplateContent
from wacrmd.meta import payloads
from wacrmd.services import pausing
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, numbers
from wacrmd.store.database import Tx
from wacrmd.vault import VaultError, access_token_context


@dataclass(frozen=True, slots=True)
class Job:
    """A broadcast with its number, the number's access token, and the content that all recipients share."""

    broadcast: Broadcast
    request_id: str | None
    number: Number
    token: str = field(repr=False)
    defaults: TemplateContent

    def is_current(self, tx: Tx) -> bool:
        """Whether the number is still the same as when the job was loaded, as far as a message depends on it."""
        number = self.number
        known = (number.phone_number_id, number.waba_id, number.access_token)
        return numbers.identity(tx, number.id) == known

    def body(self, claim: Claim) -> bytes:
        """The request body for one attempt; raises if the stored content makes no message."""
        content = _content(claim.params, claim.content).over(self.defaults)
        token = callback_token(self.broadcast.uuid, claim.recipient_id, claim.attempt)
        return payloads.body(
            claim.to, self.broadcast.template_name, self.broadcast.template_language, content, token
        )


async def load_job(ctx: Context, broadcast_id: int) -> Job | None:
    """The job of a broadcast; None if its number was removed or its access token cannot be decrypted.

    If the token cannot be decrypted, the number is paused, so that users see why nothing is sent.
    """

    def work(tx: Tx) -> tuple[Broadcast | None, Number | None, str | None, str | None]:
        broadcast = broadcasts.get(tx, broadcast_id)
        number = numbers.get(tx, broadcast.number_id) if broadcast else None
        return broadcast, number, *broadcasts.content_and_request_id(tx, broadcast_id)

    broadcast, number, content, request_id = await ctx.db.read(work)
    if broadcast is None or number is None or number.is_removed:
        return None
    try:
        token = ctx.vault.decrypt(number.access_token, access_token_context(number.id))
    except VaultError as error:
        detail = f"The access token cannot be read ({error}): set it again with wacrmd number set, then resume the number"
        pause = partial(
            pausing.pause_number,
            number_id=number.id,
            reason=HoldReason.ACCOUNT,
            detail=detail,
            now=ctx.clock.now(),
        )
        pausing.log_pauses(await ctx.db.write(pause))
        return None
    return Job(broadcast, request_id, number, token, _content(None, content))


def _content(params: str | None, content: str | None) -> TemplateContent:
    given = orjson.loads(content) if content else {}
    return TemplateContent(params=orjson.loads(params) if params else None, **given)
