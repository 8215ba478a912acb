"""Webhooks to local apps: schedule, signature, delivery.

Only `daemon` imports it.
"""
