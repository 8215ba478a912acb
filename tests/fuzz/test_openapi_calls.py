"""Schemathesis calls all that the OpenAPI document describes, with valid and invalid data: it describes each answer."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.effort import IS_LONG
from tests.fuzz.fuzzed_site import FuzzedSite

# Not positive_data_acceptance: a cursor must be one that was given, a time in the future, a number one of a plan.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
EXAMPLES = 200 if IS_LONG else 5
PHASES = "examples,coverage,fuzzing"
"""Coverage makes a call for each schema, parameter and kind of invalid value."""


def document_for(here: FuzzedSite, served: dict[str, Any]) -> dict[str, Any]:
    """The document with ids of what exists, so that calls get further than a 404."""
    ids = {
        "broadcasts": {"id": here.broadcast_id, "rid": "2"},
        "webhooks": {"id": here.webhook_id, "delivery_id": here.broadcast_id},
    }
    for path, item in served["paths"].items():
        known = ids.get(path.split("/")[3] if path.count("/") > 3 else "", {})
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["name"] in known:
                    parameter["schema"] = {"const": known[parameter["name"]]}
    schemas = served["components"]["schemas"]
    # A `to` of another type rejects one recipient and not the request (docs/api.md, Sending).
    del schemas["NewRecipient"]["properties"]["to"]["type"]
    for schema in ("NewWebhook", "WebhookChanges"):  # the name of another host would be looked up
        url = schemas[schema]["properties"]["url"]
        url = next(iter(url.get("anyOf", [url])))
        url |= {"enum": ["http://127.0.0.1:9/a", "http://127.0.0.1:9/b"]}
    return served


@pytest.mark.exhaustive(only=not IS_LONG)
def test_every_answer_is_described(here: FuzzedSite, tmp_path: Path) -> None:
    with here.api as api:
        served = api.get("/api/v1/openapi.json").json()
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document_for(here, served)))
    options = {
        "--url": f"http://{here.api_address}",
        "--header": f"Authorization: Bearer {here.key}",
        "--phases": PHASES,
        "--checks": ",".join(CHECKS),
        "--max-examples": str(EXAMPLES),
        "--suppress-health-check": "all",
        "--warnings": "off",
        # Each call to the first may last for seconds. The second answers 502 with what Meta says of a message, which is no
        # fault of the server; `test_api_bodies.py` gives it strange bodies.
        "--exclude-path-regex": r"/broadcasts/\{id\}/events$|/messages$",
    }
    command = [
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *("run", str(file), "--no-color", *(() if IS_LONG else ("--generation-deterministic",))),
        *(word for option in options.items() for word in option),
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout
