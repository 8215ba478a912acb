"""What fills a template."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """What fills a template: body params, and either header and buttons or Meta's raw components.

    `params` is a list for positional and a dict for named body parameters; None where nothing was given.
    """

    params: list[str] | dict[str, str] | None = None
    header: dict[str, Any] | None = None
    buttons: list[dict[str, Any]] | None = None
    components: list[dict[str, Any]] | None = None

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
