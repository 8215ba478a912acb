"""Meta's Graph API: connections, message bodies, error codes, webhook payloads.

Services and `sender` import it; `meta_webhooks` uses `webhook.py`. It knows nothing of the database.
"""
