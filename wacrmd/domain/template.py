"""Message templates, and the content that fills one."""

from dataclasses import dataclass, field
from typing import Annotated

from wacrmd.clock import Millis
from wacrmd.fields import Doc, JsonObject, Time, json_name


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """The content for a template: body params, and either header and buttons or Meta's raw components.

    `params` is a list for positional and a dict for named body parameters; None if none were given.
    """

    params: list[str] | dict[str, str] | None = None
    header: JsonObject | None = None
    buttons: list[JsonObject] | None = None
    components: list[JsonObject] | None = None

    def over(self, defaults: "TemplateContent") -> "TemplateContent":
        """A recipient's content over the broadcast's defaults; raw components replace the other kinds."""
        if self.components is not None:
            return self
        given = self.header is not None or self.buttons is not None
        return TemplateContent(
            params=self.params if self.params is not None else defaults.params,
            header=self.header if self.header is not None else defaults.header,
            buttons=self.buttons if self.buttons is not None else defaults.buttons,
            components=None if given or self.params is not None else defaults.components,
        )


AUTO_GENERATED = "auto_generated_"
"""The beginning of the names of templates that Meta makes for Direct Send; nobody writes or sends them by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template in one language, with Meta's own values."""

    waba_id: Annotated[str, Doc("the WhatsApp business account")] = field(
        metadata=json_name("business_account_id")
    )
    meta_id: Annotated[str, Doc("Meta's id")] = field(metadata=json_name("id"))
    name: Annotated[str, Doc("its name")]
    language: Annotated[str, Doc("language code")]
    status: Annotated[str, Doc("only `APPROVED` can be sent")]
    category: Annotated[str | None, Doc("its category, in Meta's words")]
    parameter_format: Annotated[str, Doc("`POSITIONAL` or `NAMED`")]
    components: Annotated[list[JsonObject], Doc("as Meta gives them")]
    quality: Annotated[str | None, Doc("its quality rating, in Meta's words")]
    reason: Annotated[str | None, Doc("why it was rejected")]
    time_to_live_s: Annotated[
        int | None,
        Doc(
            "for how many seconds Meta tries to deliver a message, as the template says; null: Meta's default. That of"
            " a marketing template counts only on `/marketing_messages`"
        ),
    ] = None
    next_category: Annotated[str | None, Doc("the category that Meta has announced for it")] = None
    next_category_at: Annotated[Time | None, Doc("when it gets that category")] = None
    synced_at: Annotated[Time, Doc("when it was synced, or changed by a webhook")]

    @property
    def is_auto_generated(self) -> bool:
        """Whether Meta made it, for a text that was sent without a template (Direct Send)."""
        return self.name.startswith(AUTO_GENERATED)


@dataclass(frozen=True, slots=True)
class SyncedTemplate:
    """What the last sync found for a name and language: the template, or None and the languages that exist."""

    template: Template | None
    languages: list[str]
    synced_at: Millis
