"""A form: shown, sent, and shown again with what was typed and with what is wrong, beside each field."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.forms import STATUSES, Form, allow_again, mistakes, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.errors import ErrorCode, Refusal

CHANGED = "Somebody has changed this meanwhile, and nothing was stored. Here it is as it is now: change it once more"


async def _nothing(_visit: Visit) -> None:
    """What a form is about that makes something new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPage:
    """The page of a form and what sending it does, both at one address."""

    path: str
    operation: str
    """What it leads to: who may not call this sees no form."""
    template: str
    fields: Collection[str]
    """Those beside which an error can stand; others stand above the form."""
    send: Callable[[Visit, Form, Any], Awaitable[Response]]
    """Does what the form is for; a Refusal shows the form again, if a person can correct what was typed."""
    about: Callable[[Visit], Awaitable[Any]] = _nothing
    """Finds the thing that the form changes; raises Refusal if there is none."""
    first: Callable[[Any], Form] = lambda _about: Form()
    """What stands in the fields at first."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What the template needs besides `form`, `errors`, `about` and the names of the `accounts`."""

    @property
    def rows(self) -> tuple[Row, Row]:
        """The rows of the table of pages."""
        return ("GET", self.path, self._show), ("POST", self.path, self._take)

    async def _show(self, visit: Visit) -> Response:
        await visit.require(self.operation)
        about = await self.about(visit)
        return await self._page(visit, about, self.first(about), {})

    async def _take(self, visit: Visit) -> Response:
        await visit.require(self.operation)
        form, about = await read_form(visit.request), await self.about(visit)
        if form.get("seen") not in (None, self._seen(about)):
            status = STATUSES[ErrorCode.CONFLICT]
            return await self._page(visit, about, self.first(about), {"": CHANGED}, status)
        try:
            return await self.send(visit, form, about)
        except Refusal as refusal:
            errors = mistakes(refusal, self.fields)
            return allow_again(await self._page(visit, about, form, errors, STATUSES[refusal.code]), refusal)

    def _seen(self, about: Any) -> str:
        """What the form shows at first, in short: a form that carries it overwrites nothing that it has not shown."""
        return sha256(repr(self.first(about).pairs).encode()).hexdigest()[:16]

    async def _page(
        self, visit: Visit, about: Any, form: Form, errors: Mapping[str, str], status: int = 200
    ) -> Response:
        return visit.page(
            self.template,
            status=status,
            form=form,
            errors=errors,
            about=about,
            seen=self._seen(about),
            accounts=await account_names(visit),
            **self.values,
        )
