"""The daemon's own state: status, doctor, metrics, reload, drain, backups, retention, audit, one person's data."""
