"""The formats in which the recipients of a broadcast are exported."""

from enum import StrEnum


class ExportFormat(StrEnum):
    """CSV with a header, or one JSON object a line."""

    CSV = "csv"
    JSONL = "jsonl"
