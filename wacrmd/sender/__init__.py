"""Claims recipients, keeps to the rate, sends, decides what the response means, records it.

Only `daemon` and `periodic_jobs` import it. Services reach it through `services/context.py`.
"""
