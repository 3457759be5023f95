"""What a call that is to be placed or expected looks like to those who ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PhoneCallRequest:
    """An outbound call as asked for; ``agent_version`` None takes the published one.

    ``call_id`` is the id to give the call, where somebody has noted it before; a call is only made once with it.
    """

    organization_id: str
    from_number: str
    to_number: str
    agent_id: str
    variables: dict[str, Any]
    custom_headers: dict[str, str]
    metadata: dict[str, Any]
    agent_version: int | None = None
    max_ring_s: int | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class StageRequest:
    """An inbound call that is to come: everything is made ready before its INVITE."""

    organization_id: str
    from_number: str
    to_number: str
    agent_id: str
    variables: dict[str, Any]
    metadata: dict[str, Any]
    agent_version: int | None = None
    call_id: str | None = None
