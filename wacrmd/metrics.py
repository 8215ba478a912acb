"""The Prometheus metrics: what is counted where it happens, and gauges that are read from the rows at a scrape.

All stand in docs/metrics.md, which a test holds to this module. Labels have few values each: phone number ids,
Meta's error codes, routes; never a person, a broadcast or a key.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_REMOTE = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """One daemon's metrics in a registry of their own; all but the gauges are counted as things happen."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._count_what_happens(registry)
        self._time_what_takes_time(registry)
        self._gauge_the_daemon(registry)
        self._gauge_the_rows(registry)

    def _count_what_happens(self, registry: CollectorRegistry) -> None:
        self.broadcasts_accepted = Counter(
            "wacrmd_broadcasts_accepted", "Broadcasts stored durably.", registry=registry
        )
        self.recipients_submitted = Counter(
            "wacrmd_recipients_submitted",
            "Recipients that callers handed in, by what became of them (accepted, rejected, duplicate, suppressed).",
            ["result"],
            registry=registry,
        )
        self.messages = Counter(
            "wacrmd_messages",
            "Messages by the status that they newly reached (sent, delivered, read, replied, failed, uncertain).",
            ["status"],
            registry=registry,
        )
        self.failures = Counter(
            "wacrmd_failures",
            "Failed messages by Meta's error code (none: not Meta's word), and by who told (answer, webhook).",
            ["code", "source"],
            registry=registry,
        )
        self.retries = Counter(
            "wacrmd_retries",
            "Tries that ended with another try to come, by Meta's error code (none: Meta was not reached).",
            ["code"],
            registry=registry,
        )
        self.attempts_lost = Counter(
            "wacrmd_attempts_lost",
            "Attempts that were in flight when their process died, or were never recorded.",
            registry=registry,
        )
        self.webhook_events = Counter(
            "wacrmd_webhook_events", "Events in Meta's webhooks, by kind.", ["kind"], registry=registry
        )
        self.webhook_signature_failures = Counter(
            "wacrmd_webhook_signature_failures",
            "Webhooks whose signature verified under no configured app secret.",
            registry=registry,
        )
        self.outbox_tries = Counter(
            "wacrmd_outbox_tries",
            "Tries to deliver outbound webhooks (taken, refused).",
            ["result"],
            registry=registry,
        )
        self.api_requests = Counter(
            "wacrmd_api_requests",
            "Requests of local apps by endpoint and HTTP status.",
            ["endpoint", "status"],
            registry=registry,
        )
        self.writes = Counter("wacrmd_writes", "Units of work that were committed.", registry=registry)
        self.rows_deleted = Counter(
            "wacrmd_rows_deleted",
            "Rows that retention deleted, by table.",
            ["table"],
            registry=registry,
        )

    def _time_what_takes_time(self, registry: CollectorRegistry) -> None:
        self.accept_seconds = Histogram(
            "wacrmd_accept_seconds",
            "Time to check and durably store a broadcast.",
            buckets=_FAST,
            registry=registry,
        )
        self.api_seconds = Histogram(
            "wacrmd_api_request_seconds",
            "Time to answer a local app, by endpoint.",
            ["endpoint"],
            buckets=_FAST,
            registry=registry,
        )
        self.meta_seconds = Histogram(
            "wacrmd_meta_request_seconds",
            "Time until Meta's answer to a message, or its failure (accepted, refused, notsent, unknown).",
            ["outcome"],
            buckets=_REMOTE,
            registry=registry,
        )
        self.webhook_seconds = Histogram(
            "wacrmd_webhook_seconds",
            "Time to verify and durably store one webhook of Meta.",
            buckets=_FAST,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "wacrmd_commit_seconds",
            "Time of one transaction, fsync included.",
            buckets=_FAST,
            registry=registry,
        )

    def _gauge_the_daemon(self, registry: CollectorRegistry) -> None:
        self.build_info = Gauge("wacrmd_build_info", "1, with the version.", ["version"], registry=registry)
        self.start_time = Gauge(
            "wacrmd_start_time_seconds",
            "When the daemon started, seconds since the epoch.",
            registry=registry,
        )
        self.draining = Gauge(
            "wacrmd_draining", "1 while the daemon takes no new work and stops.", registry=registry
        )
        self.in_flight = Gauge(
            "wacrmd_in_flight", "Messages on their way to Meta or not yet recorded.", registry=registry
        )
        self.huey_workers = Gauge(
            "wacrmd_huey_workers", "Sender workers that are configured.", registry=registry
        )
        self.huey_workers_alive = Gauge(
            "wacrmd_huey_workers_alive", "Sender workers that live.", registry=registry
        )
        self.huey_busy = Gauge("wacrmd_huey_busy", "Sender workers that run a broadcast.", registry=registry)
        self.huey_waiting = Gauge(
            "wacrmd_huey_waiting", "Broadcasts that wait for a worker.", registry=registry
        )
        self.sweeper_passed = Gauge(
            "wacrmd_sweeper_passed_timestamp_seconds",
            "When the sweeper last ended a pass, seconds since the epoch.",
            registry=registry,
        )
        self.number_rate = Gauge(
            "wacrmd_number_rate",
            "Messages per second that the pacer lets through now.",
            ["number"],
            registry=registry,
        )
        self.number_rate_allowed = Gauge(
            "wacrmd_number_rate_allowed",
            "Messages per second that the number is configured for.",
            ["number"],
            registry=registry,
        )
        self.number_in_flight = Gauge(
            "wacrmd_number_in_flight", "Messages of the number on their way.", ["number"], registry=registry
        )
        self.number_held = Gauge(
            "wacrmd_number_held",
            "1 while the number does not send, by reason.",
            ["number", "reason"],
            registry=registry,
        )

    def _gauge_the_rows(self, registry: CollectorRegistry) -> None:
        self.broadcasts_open = Gauge(
            "wacrmd_broadcasts_open",
            "Broadcasts that are not finished, by status.",
            ["status"],
            registry=registry,
        )
        self.broadcasts_held = Gauge(
            "wacrmd_broadcasts_held",
            "Broadcasts that should move and do not, by reason.",
            ["reason"],
            registry=registry,
        )
        self.recipients_waiting = Gauge(
            "wacrmd_recipients_waiting",
            "Recipients not yet tried or waiting for another try, by their broadcast's status.",
            ["status"],
            registry=registry,
        )
        self.oldest_waiting = Gauge(
            "wacrmd_oldest_waiting_seconds",
            "How long the recipient that waits longest has been due, in broadcasts that are sending.",
            registry=registry,
        )
        self.stalled = Gauge(
            "wacrmd_stalled_seconds",
            "The longest time that a sending broadcast with due recipients has not moved.",
            registry=registry,
        )
        self.uncertain = Gauge(
            "wacrmd_recipients_uncertain",
            "Recipients whose outcome is unknown and that wait for a webhook or a person.",
            registry=registry,
        )
        self.early_updates = Gauge(
            "wacrmd_early_updates", "Statuses that wait for their message to be known.", registry=registry
        )
        self.outbox_waiting = Gauge(
            "wacrmd_outbox_waiting", "Outbound webhooks that are not delivered yet.", registry=registry
        )
        self.outbox_oldest = Gauge(
            "wacrmd_outbox_oldest_seconds",
            "How long the oldest undelivered outbound webhook has waited.",
            registry=registry,
        )
        self.database_trouble = Gauge(
            "wacrmd_database_trouble",
            "1 while the database cannot be written (disk full, read-only).",
            registry=registry,
        )
        self.database_bytes = Gauge("wacrmd_database_bytes", "Size of the database file.", registry=registry)
        self.wal_bytes = Gauge("wacrmd_wal_bytes", "Size of its write-ahead log.", registry=registry)
        self.disk_free_bytes = Gauge(
            "wacrmd_disk_free_bytes", "Free space of the file system that holds it.", registry=registry
        )
        self.backup_at = Gauge(
            "wacrmd_backup_timestamp_seconds",
            "When the last scheduled backup succeeded, seconds since the epoch; 0: never.",
            registry=registry,
        )

    def committed(self, seconds: float, works: int) -> None:
        """One transaction was committed with so many units of work; the database's `on_commit`."""
        self.commit_seconds.observe(seconds)
        self.writes.inc(works)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
