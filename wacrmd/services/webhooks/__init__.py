"""Endpoints of outbound webhooks and their deliveries."""
