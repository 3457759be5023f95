"""What a call that is to be placed looks like to those who ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PhoneCallRequest:
    """An outbound call as asked for; ``agent_version`` None takes the published one."""

    organization_id: str
    from_number: str
    to_number: str
    agent_id: str
    variables: dict[str, Any]
    custom_headers: dict[str, str]
    metadata: dict[str, Any]
    agent_version: int | None = None
    max_ring_s: int | None = None
