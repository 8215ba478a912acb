"""The reference in docs/webhooks.md: the fields of the envelope, and of the data of each event."""

from wacrmd.reference.schema import Objects
from wacrmd.views.events import EVENT_DATA, Envelope


def parts() -> dict[str, str]:
    """One part for the envelope and for each kind of data, by the name of its type."""
    objects = Objects({})
    return {
        kind.__name__: "\n".join(objects.fields_table(kind)) + "\n"
        for kind in (Envelope, *EVENT_DATA.values())
    }
