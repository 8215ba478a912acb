"""The Prometheus metrics: counters and histograms count as things happen, gauges are set at each scrape.

docs/metrics.md lists all of them, and a test compares it with this module. Labels have few values each: phone
number ids, Meta's error codes, routes; never a person, a broadcast or a key.
"""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST

_LOCAL_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Buckets for work on this machine."""
_META_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Buckets for requests to Meta."""


class Metrics:
    """One daemon's metrics in a registry of their own. An attribute is named like its metric, without prefix and unit."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._known: list[tuple[Counter | Histogram, Iterable[Sequence[object]]]] = []
        ProcessCollector(registry=self.registry)
        self._add_broadcasts()
        self._add_messages()
        self._add_numbers()
        self._add_drafts()
        self._add_media()
        self._add_meta_webhooks()
        self._add_webhooks()
        self._add_api()
        self._add_http()
        self._add_daemon()
        self._add_database()

    def _add_broadcasts(self) -> None:
        self.broadcasts_created = self._counter(
            "broadcasts_created", "Broadcasts and single messages stored durably."
        )
        self.broadcast_create_duration = self._histogram(
            "broadcast_create_duration_seconds", "Time to validate and durably store a broadcast.", _LOCAL_S
        )
        self.recipients_submitted = self._counter(
            "recipients_submitted",
            "Recipients in requests to create a broadcast, by result (accepted, rejected, duplicate, suppressed).",
            "result",
        )
        self.broadcasts_open = self._gauge(
            "broadcasts_open", "Broadcasts that are not finished, by status.", "status"
        )
        self.broadcasts_held = self._gauge(
            "broadcasts_held",
            "Broadcasts that do not move, by reason and by status (sending, paused).",
            "reason",
            "broadcast_status",
        )
        self.broadcast_stalled = self._gauge(
            "broadcast_stalled_seconds",
            "The longest time without progress of a broadcast that is sending, has due recipients and is not to wait.",
        )

    def _add_messages(self) -> None:
        self.message_statuses = self._counter(
            "message_statuses",
            "Messages that reached a status (sent, delivered, read, replied, failed, uncertain).",
            "status",
        )
        self.message_failures = self._counter(
            "message_failures",
            "Failed messages by Meta's error code (none: no code of Meta's) and by source (answer, webhook).",
            "code",
            "source",
        )
        self.message_retries = self._counter(
            "message_retries",
            "Attempts that failed and will be retried, by Meta's error code (none: no code of Meta's).",
            "code",
        )
        self.leases_expired = self._counter(
            "leases_expired", "Attempts whose process died before their result was recorded."
        )
        self.meta_request_duration = self._histogram(
            "meta_request_duration_seconds",
            "Time from sending a message to its outcome (accepted, refused, not_sent, unknown).",
            _META_S,
            "outcome",
        )
        self.requests_in_flight = self._gauge(
            "requests_in_flight", "Messages whose request to Meta is in flight or not yet recorded."
        )
        self.recipients_pending = self._gauge(
            "recipients_pending",
            "Recipients that wait for their first attempt or a retry, by their broadcast's status.",
            "broadcast_status",
        )
        self.oldest_due_recipient_age = self._gauge(
            "oldest_due_recipient_age_seconds",
            "Time since the oldest due recipient became due, in broadcasts that are sending.",
        )
        self.recipients_held = self._gauge(
            "recipients_held",
            "Messages that Meta took and holds back for quality; it sends or drops them by itself.",
        )
        self.recipients_uncertain = self._gauge(
            "recipients_uncertain",
            "Recipients whose outcome is unknown: a webhook or a person must settle them.",
        )

    def _add_numbers(self) -> None:
        self.number_rate_limit = self._gauge(
            "number_rate_limit", "Messages per second that the rate limiter allows now.", "number"
        )
        self.number_rate_limit_configured = self._gauge(
            "number_rate_limit_configured",
            "Messages per second that the number is configured for.",
            "number",
        )
        self.number_requests_in_flight = self._gauge(
            "number_requests_in_flight",
            "Requests to Meta in flight for the number, with those that Meta leaves without an answer.",
            "number",
        )
        self.number_in_flight_limited = self._gauge(
            "number_in_flight_limited",
            "1 while [sender] max_in_flight makes the number send more slowly than it may, and for 5 s afterwards.",
            "number",
        )
        self.number_blocked = self._gauge(
            "number_blocked", "1 while the number does not send, by reason.", "number", "reason"
        )

        self.number_notice = self._gauge(
            "number_notice",
            "1 while Meta's notice about the number or its business account holds, by kind.",
            "number",
            "kind",
        )
        self.number_messaging_limit = self._gauge(
            "number_messaging_limit",
            "How many people a day the number may write to first, as told by Meta or configured; +Inf if there is no limit.",
            "number",
        )
        self.number_messaging_limit_used = self._gauge(
            "number_messaging_limit_used",
            "To how many people the number, and those that share its limit, have written first in 24 hours.",
            "number",
        )

    def _add_media(self) -> None:
        self.media_uploads = self._counter(
            "media_uploads", "Uploads of files to Meta, by result (success, failure, refused).", "result"
        )

    def _add_drafts(self) -> None:
        self.drafts = self._gauge("drafts", "Drafts that are neither sent nor deleted, by state.", "state")
        self.oldest_waiting_draft_age = self._gauge(
            "oldest_waiting_draft_age_seconds",
            "Age of the oldest draft that waits to be checked, sent, taken back or deleted.",
        )

    def _add_meta_webhooks(self) -> None:
        self.meta_webhook_events = self._counter(
            "meta_webhook_events", "Events in webhooks from Meta, by kind.", "kind"
        )
        self.meta_webhook_signature_failures = self._counter(
            "meta_webhook_signature_failures",
            "Webhooks from Meta whose signature is missing, malformed or verifies under no configured app secret.",
        )
        self.meta_webhooks_refused = self._counter(
            "meta_webhooks_refused",
            "Webhooks from Meta that were refused because too many waited; Meta sends them again.",
        )
        self.meta_webhooks_waiting = self._gauge(
            "meta_webhooks_waiting", "Webhooks from Meta that wait to be stored."
        )
        self.meta_webhook_duration = self._histogram(
            "meta_webhook_duration_seconds",
            "Time to parse and durably store one webhook from Meta.",
            _LOCAL_S,
        )
        self.unmatched_statuses = self._gauge(
            "unmatched_statuses", "Statuses from Meta whose message is not known yet, counted up to 10,000."
        )

    def _add_webhooks(self) -> None:
        self.webhook_delivery_attempts = self._counter(
            "webhook_delivery_attempts",
            "Attempts to deliver webhooks to local apps (success, failure).",
            "result",
        )
        self.webhook_deliveries_pending = self._gauge(
            "webhook_deliveries_pending", "Webhooks to local apps that are not delivered yet."
        )
        self.oldest_webhook_delivery_age = self._gauge(
            "oldest_webhook_delivery_age_seconds", "Age of the oldest webhook that is not delivered yet."
        )
        self.webhooks_behind = self._gauge(
            "webhooks_behind",
            "Outbound webhooks that are behind: a delivery waits for 5 minutes, or 1,000 for 30 seconds.",
        )

    def _add_api(self) -> None:
        self.api_requests = self._counter(
            "api_requests", "Requests of local apps, by endpoint and HTTP status.", "endpoint", "status"
        )
        self.api_request_duration = self._histogram(
            "api_request_duration_seconds",
            "Time to answer a request of a local app, by endpoint.",
            _LOCAL_S,
            "endpoint",
        )

    def _add_http(self) -> None:
        self.http_connections = self._gauge(
            "http_connections", "Connections that are open, by listener (api, webhooks).", "listener"
        )
        self.http_body_bytes = self._gauge(
            "http_body_bytes", "Bytes of request bodies that are not answered yet, by listener.", "listener"
        )
        self.http_shortages = self._counter(
            "http_shortages",
            "Clients that had to go, or were not let in, because a listener held too much (connections, bodies).",
            "listener",
            "reason",
        )

    def _add_daemon(self) -> None:
        self.build_info = self._gauge("build_info", "1, with the version.", "version")
        self.start_time = self._gauge(
            "start_time_seconds", "When the daemon started, in seconds since the epoch."
        )
        self.clock_distrusted = self._gauge(
            "clock_distrusted", "1 while the machine's clock is not trusted: the daemon goes by its own time."
        )
        self.clock_ahead = self._gauge(
            "clock_ahead_seconds",
            "How far the machine's clock is ahead of the time by which the daemon goes.",
        )
        self.draining = self._gauge("draining", "1 while the daemon drains: it accepts and sends nothing.")
        self.drained_for_good = self._gauge(
            "drained_for_good", "1 while it drains until `wacrmd undrain`, also after a restart."
        )
        self.handed_over = self._gauge(
            "handed_over",
            "1 if a copy of the database sends in place of this one (`wacrmd backup --hand-over`).",
        )
        self.workers = self._gauge("workers", "Sender workers that are configured.")
        self.workers_alive = self._gauge("workers_alive", "Sender workers that are alive.")
        self.workers_busy = self._gauge("workers_busy", "Sender workers that are sending a broadcast.")
        self.jobs_waiting = self._gauge("jobs_waiting", "Jobs that are stored and wait for a worker.")
        self.job_signals = self._counter(
            "job_signals", "Huey's signals about jobs (enqueued, executing, complete, error).", "signal"
        )
        self.log_lines_dropped = self._counter(
            "log_lines_dropped",
            "Lines of the log that were dropped because nobody read it, or it could not be written.",
        )
        self.scheduler_last_pass = self._gauge(
            "scheduler_last_pass_timestamp_seconds",
            "When the scheduler last looked for due jobs, in seconds since the epoch.",
        )

    def _add_database(self) -> None:
        self.database_writes = self._counter(
            "database_writes", "Writes that were committed; several may share one transaction."
        )
        self.database_commit_duration = self._histogram(
            "database_commit_duration_seconds", "Time of one write transaction, fsync included.", _LOCAL_S
        )
        self.database_unwritable = self._gauge(
            "database_unwritable",
            "1 while the database cannot be used (disk full, read-only, damaged, deleted).",
        )
        self.database_damaged = self._gauge(
            "database_damaged", "1 while a part of the database file is known to be broken."
        )
        self.database_last_check = self._gauge(
            "database_last_check_timestamp_seconds",
            "When the database was last checked whole for damage, in seconds since the epoch; 0: never.",
        )
        self.database_last_check_duration = self._gauge(
            "database_last_check_duration_seconds", "How long that check took."
        )
        self.database_size = self._gauge("database_size_bytes", "Size of the database file.")
        self.database_wal_size = self._gauge("database_wal_size_bytes", "Size of the write-ahead log.")
        self.disk_free = self._gauge(
            "disk_free_bytes", "Free space of the file system that holds the database."
        )
        self.rows_pruned = self._counter("rows_pruned", "Rows that retention deleted, by table.", "table")
        self.backup_scheduled = self._gauge(
            "backup_scheduled", "1 if the configuration has a directory for daily backups."
        )
        self.last_backup = self._gauge(
            "last_backup_timestamp_seconds",
            "When the last scheduled backup succeeded, in seconds since the epoch; 0: never.",
        )

    def start_at_zero(self, metric: Counter | Histogram, labels: Iterable[Sequence[object]]) -> None:
        """Let the metric have all these labels in the first text, whether or not anything was counted.

        Prometheus sees no increase in a counter that appears with its first event, so that an alert would miss it. They
        are made with that text: to make the hundreds of them takes a tenth of a start.
        """
        self._known.append((metric, labels))

    def committed(self, seconds: float, writes: int) -> None:
        """One transaction of so many writes was committed; the database's `on_commit`."""
        self.database_commit_duration.observe(seconds)
        self.database_writes.inc(writes)

    def job_signalled(self, signal: str) -> None:
        """Huey has given a signal; the job queue's `on_signal`."""
        self.job_signals.labels(signal).inc()

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        while self._known:
            metric, labels = self._known.pop()
            for each in labels:
                metric.labels(*each)
        return generate_latest(self.registry)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"wacrmd_{name}", documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(f"wacrmd_{name}", documentation, labels, registry=self.registry)

    def _histogram(self, name: str, documentation: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"wacrmd_{name}", documentation, labels, buckets=buckets, registry=self.registry)
