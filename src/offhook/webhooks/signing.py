"""The Standard Webhooks scheme: three headers by which a receiver knows who sent an event, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook


def signed_headers(event_id: str, body: str, secrets: Iterable[str], at: float) -> dict[str, str]:
    """The headers for a body sent at ``at`` (Unix seconds), signed with every secret: one that verifies is enough."""
    moment = datetime.fromtimestamp(int(at), UTC)
    signatures = [Webhook(secret).sign(event_id, moment, body) for secret in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": " ".join(signatures),
    }
