"""A drain: the daemon accepts and sends nothing, until the next start or for good."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.clock import iso
from wacrmd.fields import Doc, Time


@dataclass(frozen=True, slots=True)
class HandOver:
    """A copy of the database that sends in place of this one."""

    file: Annotated[str, Doc("the file that the copy was written to")]
    at: Annotated[Time, Doc("when")]

    @property
    def text(self) -> str:
        """What happened, for people."""
        return f"it was handed over to {self.file} at {iso(self.at)}, and only that copy may send and store"


@dataclass(frozen=True, slots=True)
class Drain:
    """Since when nothing is accepted or sent. One that is for good, or a hand-over, is stored and outlasts a restart."""

    since: Annotated[Time, Doc("since when")]
    for_good: Annotated[bool, Doc("whether it goes on after a restart")] = False
    handed_over: Annotated[HandOver | None, Doc("the copy that sends in place of this database")] = None

    @property
    def detail(self) -> str:
        """What it means and how it ends, a sentence for people."""
        if self.handed_over is not None:
            return f"This database does not send: {self.handed_over.text}"
        if self.for_good:
            return "Drained for good: nothing is accepted or sent, also after a restart, until wacrmd undrain"
        return "The daemon is draining: sending continues after its restart"

    @property
    def advice(self) -> str:
        """What an operator can do, a sentence."""
        if self.handed_over is not None:
            return (
                "Stop this daemon and its socket: systemctl disable --now wacrmd.socket wacrmd.service. If the copy is"
                " never used: wacrmd undrain --take-back"
            )
        return "To send again: wacrmd undrain" + ("" if self.for_good else ", or restart the daemon")
