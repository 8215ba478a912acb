"""The tables in which `wacrmd broadcast` shows broadcasts, recipients, their history, prices and failures."""

from wacrmd.cli.output import Kind
from wacrmd.cli.table import Column

COLUMNS = (
    Column("ID", "id", Kind.ID),
    Column("NAME", "name"),
    Column("STATUS", "status", Kind.STATE),
    Column("TOTAL", "total_recipients", Kind.NUMBER, optional=1),
    Column("PENDING", "pending_count", Kind.NUMBER, optional=1),
    Column("SENT", "sent_count", Kind.NUMBER, optional=2),
    Column("DELIVERED", "delivered_count", Kind.NUMBER, optional=4),
    Column("READ", "read_count", Kind.NUMBER, optional=4),
    Column("FAILED", "failed_count", Kind.NUMBER, work=True),
    Column("HELD", "held_count", Kind.NUMBER, work=True),
    Column("UNCERTAIN", "uncertain_count", Kind.NUMBER, work=True),
    Column("CREATED", "created_at", Kind.TIME, optional=3),
    Column("HOLD", "hold", Kind.PROSE),
)

RECIPIENTS = (
    Column("ID", "id", Kind.NUMBER, optional=2),
    Column("TO", "to", Kind.KEY),
    Column("STATUS", "status", Kind.STATE),
    Column("ATTEMPTS", "attempts", Kind.NUMBER, optional=2),
    Column("SENT", "sent_at", Kind.TIME),
    Column("DELIVERED", "delivered_at", Kind.TIME, optional=True),
    Column("READ", "read_at", Kind.TIME, optional=True),
    Column("ERROR", "error", Kind.PROSE),
)

HISTORY = (
    Column("WHEN", "at", Kind.MOMENT),
    Column("EVENT", "event"),
    Column("ATTEMPT", "attempt", Kind.NUMBER),
    Column("OUTCOME", "outcome", Kind.STATE),
    Column("NOTE", "note", Kind.PROSE),
    Column("ERROR", "error", Kind.PROSE),
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
    Column("WHAT TO DO", "advice", Kind.PROSE),
)

TIMELINE = (
    Column("BY", "at", Kind.TIME),
    Column("SENT", "sent", Kind.NUMBER),
    Column("DELIVERED", "delivered", Kind.NUMBER),
    Column("READ", "read", Kind.NUMBER),
    Column("REPLIED", "replied", Kind.NUMBER, optional=True),
    Column("FAILED", "failed", Kind.NUMBER),
)
