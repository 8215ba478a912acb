"""The job queue (Huey) and the scheduler for periodic jobs.

Only `daemon`, `periodic_jobs` and `systemd` import it. Services reach it through `services/context.py`.
"""
