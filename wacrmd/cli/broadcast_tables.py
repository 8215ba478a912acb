"""The tables in which `wacrmd broadcast` shows broadcasts, recipients, their history, prices and failures."""

from wacrmd.cli.output import Column, Kind

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("NAME", "name"),
    Column("STATUS", "status", Kind.STATE),
    Column("TOTAL", "total_recipients", Kind.NUMBER),
    Column("PENDING", "pending_count", Kind.NUMBER),
    Column("SENT", "sent_count", Kind.NUMBER),
    Column("DELIVERED", "delivered_count", Kind.NUMBER, optional=True),
    Column("READ", "read_count", Kind.NUMBER, optional=True),
    Column("FAILED", "failed_count", Kind.NUMBER),
    Column("HELD", "held_count", Kind.NUMBER, optional=True),
    Column("UNCERTAIN", "uncertain_count", Kind.NUMBER, optional=True),
    Column("CREATED", "created_at", Kind.TIME),
    Column("HOLD", "hold"),
)

RECIPIENTS = (
    Column("ID", "id", Kind.NUMBER),
    Column("TO", "to", Kind.KEY),
    Column("STATUS", "status", Kind.STATE),
    Column("ATTEMPTS", "attempts", Kind.NUMBER),
    Column("SENT", "sent_at", Kind.TIME),
    Column("DELIVERED", "delivered_at", Kind.TIME, optional=True),
    Column("READ", "read_at", Kind.TIME, optional=True),
    Column("ERROR", "error"),
)

HISTORY = (
    Column("WHEN", "at", Kind.MOMENT),
    Column("EVENT", "event"),
    Column("ATTEMPT", "attempt", Kind.NUMBER),
    Column("OUTCOME", "outcome", Kind.STATE),
    Column("NOTE", "note"),
    Column("ERROR", "error"),
)

BILLED = (
    Column("BILLED", "count", Kind.NUMBER),
    Column("CATEGORY", "category"),
    Column("TYPE", "type"),
)

FAILURES = (
    Column("FAILED", "count", Kind.NUMBER),
    Column("CODE", "code", Kind.NUMBER),
    Column("REASON", "title"),
    Column("WHAT TO DO", "advice"),
)
