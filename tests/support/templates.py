"""Message templates as Meta has them."""

from dataclasses import replace
from typing import Any

from wacrmd.domain.template import Template

_SALE = Template(
    waba_id="1",
    meta_id="2",
    name="sale",
    language="en_US",
    status="APPROVED",
    category="MARKETING",
    parameter_format="POSITIONAL",
    components=[],
    quality=None,
    reason=None,
    synced_at=0,
)


def approved(*components: Any, **changed: Any) -> Template:
    """A template that can be sent: its components, and of its other fields those that the test is about."""
    return replace(_SALE, components=list(components), **changed)
