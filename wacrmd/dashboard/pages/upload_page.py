"""A form with a file: shown, sent, and shown again with what was typed and with what is wrong, beside each field."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.forms import STATUSES, Form, allow_again, mistakes
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.errors import ERRORS, ErrorCode, Refusal
from wacrmd.http.uploads import OF_PEOPLE, Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPage:
    """The page of a form with a file and what sending it does, both at one address."""

    path: str
    operation: str
    """What it leads to: who may not call this sees no form, and sends no file."""
    template: str
    fields: Collection[str]
    """Those beside which an error can stand; others stand above the form."""
    limit: Callable[[Visit], int]
    """How many bytes the file has at most."""
    send: Callable[[Visit, Form, Upload], Awaitable[Response]]
    """Does what the form is for; a Refusal shows the form again, if a person can correct what was given."""
    values: Callable[[Visit, Refusal | None], Awaitable[Mapping[str, Any]]]
    """What the template needs besides `form`, `errors` and the names of the `accounts`, also after a refusal."""
    advice: str = OF_PEOPLE
    """What to do about a file that is too large."""
    errors: Callable[[Refusal, Collection[str]], Mapping[str, str]] = mistakes
    """What is wrong with which field; raises a refusal again that nobody can correct."""

    @property
    def rows(self) -> tuple[Row, Row]:
        """The rows of the table of pages."""
        return ("GET", self.path, self._show), ("POST", self.path, self._take)

    async def _show(self, visit: Visit) -> Response:
        await visit.require(self.operation)
        return await self._page(visit, Form(), {}, 200)

    async def _take(self, visit: Visit) -> Response:
        await visit.require(self.operation)
        form = Form()
        try:
            async with visit.uploads.read(
                visit.request, visit.visitor.key, limit=self.limit(visit), advice=self.advice
            ) as upload:
                form = Form(upload.fields.items())
                return await self.send(visit, form, upload)
        except Refusal as refusal:
            if refusal.code is ErrorCode.PAYLOAD_TOO_LARGE:
                errors: Mapping[str, str] = {"file": refusal.message.removeprefix("file: ")}
                return await self._page(visit, form, errors, ERRORS[refusal.code].status, refusal)
            errors = self.errors(refusal, self.fields)
            return allow_again(
                await self._page(visit, form, errors, STATUSES[refusal.code], refusal), refusal
            )

    async def _page(
        self,
        visit: Visit,
        form: Form,
        errors: Mapping[str, str],
        status: int,
        refusal: Refusal | None = None,
    ) -> Response:
        return visit.page(
            self.template,
            status=status,
            form=form,
            errors=errors,
            accounts=await account_names(visit),
            **await self.values(visit, refusal),
        )
