"""Applies Meta's webhooks to recipients, broadcasts, templates, numbers and opt-outs."""
