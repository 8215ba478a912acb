"""All operations: the one table that every door, OpenAPI and the references in docs/ are made from."""

from wacrmd.operations import (
    access,
    broadcasts,
    daemon,
    maintenance,
    numbers,
    optouts,
    recipients,
    templates,
    webhooks,
)
from wacrmd.operations.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *access.operations,
    *broadcasts.operations,
    *recipients.operations,
    *numbers.operations,
    *templates.operations,
    *optouts.operations,
    *webhooks.operations,
    *daemon.operations,
    *maintenance.operations,
)
