"""The metrics of a run are right, all are documented, and alerts and dashboard name only existing ones."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.clock import ShiftClock
from tests.support.site import PHONE_NUMBER_ID, Site, people, site
from tests.support.table import rows
from wacrmd.clock import HOUR, SECOND
from wacrmd.metrics import Metrics

pytestmark = pytest.mark.anyio

TOP = Path(__file__).parents[2]
NAMED = re.compile(r"\b(?:wacrmd|process)_[a-z_]+\b")


def existing() -> set[str]:
    """Every name of a sample that /metrics may hold."""
    names: set[str] = set()
    for family in Metrics().registry.collect():
        match family.type:
            case "counter":
                names.add(f"{family.name}_total")
            case "histogram":
                names |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
            case _:
                names.add(family.name)
    return names


async def values(here: Site) -> dict[str, float]:
    """Each sample of /metrics as `name{label=value,…}`."""
    answer = await here.api.get("/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        sample.name
        + "".join(f"{{{key}={value}}}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def held(seen: dict[str, float]) -> dict[tuple[str, str], float]:
    """How many broadcasts do not move, by status and reason."""
    label = re.compile(r"wacrmd_broadcasts_held\{broadcast_status=(\w+)\}\{reason=(\w+)\}")
    return {(found[1], found[2]): value for name, value in seen.items() if (found := label.fullmatch(name))}


async def test_a_run_is_counted_from_the_request_to_the_read_status(tmp_path: Path) -> None:
    async with site(
        tmp_path, delivered_share=1.0, read_share=0.5, replied_share=0.0, failed_share=0.1, early_share=0.3
    ) as here:
        recipients = [*people(40), {"to": "12"}, people(1)[0]]
        broadcast_id = await here.send(recipients)
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        shown = await here.show(broadcast_id)
        await here.hook.post("/webhooks/meta", content=b"{}", headers={"X-Hub-Signature-256": "sha256=00"})
        seen = await values(here)
        statuses = [entry.statuses for entry in here.sim.ledger.entries]
    assert seen["wacrmd_broadcasts_created_total"] == 1
    for result, count in (("accepted", 40), ("rejected", 1), ("duplicate", 1), ("suppressed", 0)):
        assert seen[f"wacrmd_recipients_submitted_total{{result={result}}}"] == count
    assert seen["wacrmd_message_statuses_total{status=sent}"] == 40
    for status in ("delivered", "read"):
        assert seen[f"wacrmd_message_statuses_total{{status={status}}}"] == sum(
            status in one for one in statuses
        )
    assert seen["wacrmd_message_statuses_total{status=failed}"] == shown["failed_count"]
    assert (
        sum(value for name, value in seen.items() if name.startswith("wacrmd_message_failures_total"))
        == shown["failed_count"]
    )
    assert seen["wacrmd_meta_request_duration_seconds_count{outcome=accepted}"] == 40
    assert seen["wacrmd_broadcast_create_duration_seconds_count"] == 1
    assert seen["wacrmd_meta_webhook_signature_failures_total"] == 1
    assert seen["wacrmd_meta_webhook_duration_seconds_count"] > 0
    assert seen["wacrmd_database_commit_duration_seconds_count"] > 0
    assert seen["wacrmd_api_requests_total{endpoint=POST /api/v1/broadcasts}{status=202}"] == 1
    assert seen[f"wacrmd_number_rate_limit_configured{{number={PHONE_NUMBER_ID}}}"] == 500
    assert (seen["wacrmd_workers"], seen["wacrmd_workers_alive"]) == (4, 4)
    assert seen["wacrmd_recipients_pending{broadcast_status=sending}"] == 0
    assert seen["wacrmd_database_size_bytes"] > 0


@pytest.mark.exhaustive(only=True)
async def test_every_labelled_counter_exists_at_zero_from_the_start(tmp_path: Path) -> None:
    """Prometheus sees no increase in a counter that appears with its first event."""

    def counters(seen: dict[str, float]) -> dict[str, float]:
        return {name: value for name, value in seen.items() if re.search(r"_(?:total|count|bucket)\b", name)}

    async with site(
        tmp_path, delivered_share=1.0, read_share=0.5, replied_share=0.5, failed_share=0.2, early_share=0.3
    ) as here:
        first = counters(await values(here))
        about_messages = [
            name for name in first if re.match("wacrmd_(?:message|recipients|meta|webhook|rows)", name)
        ]
        assert len(about_messages) > 100
        assert {first[name] for name in about_messages} == {0}
        broadcast_id = await here.send([*people(60), {"to": "12"}, people(1)[0]])
        await here.until_status(broadcast_id, "sent")
        await here.sim.idle()
        await here.hook.post("/webhooks/meta", content=b"{}", headers={"X-Hub-Signature-256": "sha256=00"})
        await here.api.get("/api/v1/broadcasts/unknown")
        await here.api.post("/api/v1/broadcasts", json={})
        last = counters(await values(here))
    assert last.keys() == first.keys()
    assert last["wacrmd_message_statuses_total{status=failed}"] > 0
    assert last["wacrmd_meta_webhook_events_total{kind=message}"] > 0


async def test_pending_held_and_uncertain_recipients_are_shown(tmp_path: Path) -> None:
    async with site(tmp_path, close_after_share=1.0, webhooks=False) as here:
        uncertain = await here.send(people(2))
        await here.until(uncertain, lambda shown: shown["uncertain_count"] == 2)
        await here.admin("number.pause", id=PHONE_NUMBER_ID, reason="a test")
        waiting = await here.send(people(5, start=10))
        paused = await here.send(people(3, start=20))
        await here.admin("broadcast.pause", id=paused)
        seen = await values(here)
        assert seen["wacrmd_recipients_uncertain"] == 2
        assert seen["wacrmd_recipients_pending{broadcast_status=sending}"] == 5
        assert seen["wacrmd_recipients_pending{broadcast_status=paused}"] == 3
        assert seen["wacrmd_broadcasts_held{broadcast_status=sending}{reason=number_paused}"] == 1
        assert seen["wacrmd_broadcasts_held{broadcast_status=paused}{reason=paused_by_operator}"] == 1
        assert seen[f"wacrmd_number_blocked{{number={PHONE_NUMBER_ID}}}{{reason=paused_by_operator}}"] == 1
        assert seen["wacrmd_broadcast_stalled_seconds"] > 0
        await here.admin("broadcast.cancel", id=waiting)
        seen = await values(here)
        assert seen["wacrmd_recipients_pending{broadcast_status=sending}"] == 0
        assert "wacrmd_broadcasts_held{broadcast_status=sending}{reason=number_paused}" not in seen


async def test_a_broadcast_that_waits_as_planned_is_not_stalled(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        first = await here.send(people(3), canary={"count": 1, "wait_minutes": 600})
        thin = await here.send(people(3, start=10), spread_over_minutes=3000)
        for each in (first, thin):
            await here.until(each, lambda shown: shown["hold"] is not None)
        await here.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=1)
        full = await here.send(people(1, start=20))
        await here.until(full, lambda shown: shown["hold"] is not None)
        clock.advance(HOUR)
        seen = await values(here)
        assert held(seen) == {("sending", "canary"): 1, ("sending", "limit"): 2}
        assert seen["wacrmd_broadcast_stalled_seconds"] == 0
        await here.admin("number.set", id=PHONE_NUMBER_ID, daily_limit=0)
        await here.until_status(full, "sent")
        seen = await values(here)
        assert held(seen) == {("sending", "canary"): 1, ("sending", "pace"): 1}
        assert seen["wacrmd_broadcast_stalled_seconds"] == 0


async def test_a_canary_that_waits_and_one_that_needs_a_person_are_told_apart(tmp_path: Path) -> None:
    async with site(tmp_path, webhooks=False) as here:
        waits = await here.send(people(3), canary={"count": 1, "wait_minutes": 600})
        failed = await here.send(people(3, start=10), canary={"count": 1, "wait_minutes": 0})
        await here.until_status(failed, "paused")
        await here.until(waits, lambda shown: shown["hold"] is not None)
        assert held(await values(here)) == {("sending", "canary"): 1, ("paused", "canary"): 1}


async def test_a_broadcast_whose_first_people_are_tried_again_later_is_not_stalled(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131000) as here:
        sent = await here.send(people(3), canary={"count": 1, "wait_minutes": 15})
        await here.until(sent, lambda shown: shown["hold"] is not None)
        clock.advance(10 * SECOND)
        seen = await values(here)
        assert held(seen) == {("sending", "waiting_for_retry"): 1}
        assert seen["wacrmd_broadcast_stalled_seconds"] == 0


async def test_metrics_can_be_switched_off(tmp_path: Path) -> None:
    async with site(tmp_path, extra="[metrics]\nenabled = false\n") as here:
        assert (await here.api.get("/metrics")).status_code == 404


def families() -> dict[str, tuple[str, list[str], str]]:
    """Each metric of ours under its name in Prometheus: its type, labels and help."""
    registry = Metrics().registry
    labels = {
        getattr(collector, "_name", ""): list(getattr(collector, "_labelnames", ()))
        for collector in registry._collector_to_names
    }
    return {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            labels[family.name],
            family.documentation,
        )
        for family in registry.collect()
        if family.name.startswith("wacrmd_")
    }


def test_exactly_the_existing_metrics_are_documented() -> None:
    documented = {}
    for section in re.split(r"^## ", (TOP / "docs/metrics.md").read_text(), flags=re.MULTILINE):
        kind = section.partition("\n")[0].removesuffix("s").lower()
        for name, labels, meaning in re.findall(
            r"^\| `(wacrmd_\w+)` \| (.*?) ?\| (.+) \|$", section, re.MULTILINE
        ):
            documented[name] = (kind, re.findall(r"`(\w+)`", labels), meaning)
    assert documented == families()


@rows(("name", "family"), families().items())
def test_names_follow_the_conventions_of_prometheus(name: str, family: tuple[str, list[str], str]) -> None:
    """Base units at the end, `_total` for counters only; help in one sentence."""
    kind, labels, text = family
    assert name.endswith("_total") == (kind == "counter")
    assert kind != "histogram" or name.endswith("_duration_seconds")
    assert not re.search(r"_(?:ms|milliseconds|minutes|kb|mb|percent)(?:_|$)", name)
    assert not {"id", "broadcast", "recipient", "phone", "key"} & set(labels)
    assert text.endswith(".")


@pytest.mark.parametrize("file", ["contrib/prometheus/wacrmd.rules.yml", "contrib/grafana/wacrmd.json"])
def test_alerts_and_dashboard_name_only_metrics_that_exist(file: str) -> None:
    text = (TOP / file).read_text()
    named = set(NAMED.findall(text))
    assert len(named) > 10
    assert named <= existing(), named - existing()
    if file.endswith(".json"):
        titles = [panel["title"] for panel in json.loads(text)["panels"]]
        assert len(titles) == len(set(titles))
