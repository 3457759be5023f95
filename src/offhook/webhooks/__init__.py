"""Webhooks: the outbox's events on their way to their receivers."""
