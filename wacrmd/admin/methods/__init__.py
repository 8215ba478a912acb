"""The methods that operators call: one module a noun, one table for all."""

from wacrmd.admin.methods import (
    accounts,
    broadcasts,
    control,
    keys,
    maintenance,
    numbers,
    optouts,
    status,
    templates,
    webhooks,
)
from wacrmd.admin.registry import Method, Registry
from wacrmd.services.context import Context

METHODS: tuple[Method[Context], ...] = (
    *status.METHODS,
    *accounts.METHODS,
    *numbers.METHODS,
    *keys.METHODS,
    *broadcasts.METHODS,
    *templates.METHODS,
    *optouts.METHODS,
    *webhooks.METHODS,
    *control.METHODS,
    *maintenance.METHODS,
)


def registry() -> Registry[Context]:
    """All methods of the daemon."""
    return Registry(METHODS)
