"""What the API asks of the rest of the house; who composes the server hands it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from offhook.api.limits import RateLimits
from offhook.calls.request import PhoneCallRequest, StageRequest
from offhook.knowledge.service import Knowledge
from offhook.record.fold import CallRecord
from offhook.store.database import Database
from offhook.store.sealing import Sealer
from offhook.store.writer import CallWriter
from offhook.webhooks.service import Webhooks


class CallControl(Protocol):
    """The calls of this server."""

    async def start_phone_call(self, request: PhoneCallRequest) -> str:
        """Place a call; its id, once it is stored.

        Raises CapacityError, ConfigurationError, NotFoundError; ConflictError where one of that id exists.
        """

    async def stage(self, request: StageRequest, *, wait: bool) -> str:
        """Make an inbound call ready; its id, with ``wait`` once it is. Raises as above, and TimeoutError."""

    async def terminate(self, call_id: str) -> bool:
        """End a call and return when it is over; False, and nothing happens, when it doesn't live here."""

    async def update_metadata(self, call_id: str, metadata: dict[str, Any]) -> bool:
        """Set a live call's metadata before the first await; False when it doesn't live here."""

    def record(self, call_id: str) -> CallRecord | None:
        """The record of a call that lives here."""

    def readiness(self) -> Mapping[str, str | None]:
        """Part of the server → None when it can work, else what is wrong, in a sentence."""


class RecordingLinks(Protocol):
    """URLs of a call's recording, made when asked for, and its sound; ``secure`` URLs are signed and expire."""

    def mixed_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the mixed file."""

    def channels_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the file with a channel for each party."""

    async def send(self, request: Request, call_id: str, key: str, *, wav: bool) -> Response:
        """Answer ``GET`` or ``HEAD`` with a file of the store, or the part of it that is asked for.

        Raises HTTPException, for a file that is gone (404) or a part beyond its end (416).
        """


@dataclass(frozen=True, slots=True)
class ApiDeps:
    """Everything the API works with. ``routes`` are served beside its own, with the same error envelope."""

    database: Database
    writer: CallWriter
    control: CallControl
    links: RecordingLinks
    knowledge: Knowledge
    webhooks: Webhooks
    sealer: Sealer
    routes: Sequence[BaseRoute] = field(default=())
    limits: RateLimits = field(default_factory=RateLimits)
