"""All operations: the HTTP API, the admin socket, OpenAPI, docs/api.md and docs/admin.md are made from this table."""

from wacrmd.operations import (
    access,
    broadcasts,
    collected_drafts,
    daemon,
    drafts,
    maintenance,
    media,
    messages,
    numbers,
    optouts,
    prices,
    recipients,
    statistics,
    templates,
    users,
    webhooks,
)
from wacrmd.operations.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *access.operations,
    *broadcasts.operations,
    *recipients.operations,
    *messages.operations,
    *drafts.operations,
    *collected_drafts.operations,
    *media.operations,
    *numbers.operations,
    *templates.operations,
    *statistics.operations,
    *optouts.operations,
    *prices.operations,
    *webhooks.operations,
    *users.operations,
    *daemon.operations,
    *maintenance.operations,
)
