"""The OpenAPI document as a file for the programs that read it."""

import json
from pathlib import Path

from wacrmd.api.app import ENDPOINTS
from wacrmd.api.openapi import describe


def write_document(folder: Path) -> Path:
    """Write the document into a folder; where."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(describe((operation for operation, _ in ENDPOINTS), 1000)))
    return file
