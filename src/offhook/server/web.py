"""The HTTP application of one process: the API with this process's calls and recordings behind it."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from offhook.api.app import create_app
from offhook.api.control import ApiDeps
from offhook.api.limits import RateLimits
from offhook.calls.manager import CallManager
from offhook.knowledge.service import Knowledge
from offhook.recordings import Published, Recordings
from offhook.settings import Settings
from offhook.store.calls import Calls
from offhook.store.database import Database
from offhook.store.sealing import Sealer
from offhook.store.writer import CallWriter
from offhook.webhooks.service import Webhooks


class PublishedRecordings:
    """What the records say of recordings: the answer decides whether a URL is served, and whether it must be signed."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def __call__(self, call_id: str) -> Published | None:
        """Keys of a call's files; None where there is no such recording."""
        record = await asyncio.to_thread(self._calls.load_record, call_id)
        if record is None or record.recording is None:
            return None
        keys = (record.recording.mixed, record.recording.channels)
        return Published(keys, record.created.secure_recording_url)


def build_app(
    settings: Settings,
    database: Database,
    *,
    writer: CallWriter,
    calls: CallManager,
    recordings: Recordings,
    knowledge: Knowledge,
    webhooks: Webhooks,
    sealer: Sealer,
) -> FastAPI:
    """The API on this process's calls, recordings and knowledge bases."""
    limits = RateLimits(settings.rate_limit_key, settings.rate_limit_organization, settings.rate_limit_failures)
    routes = [*recordings.routes(PublishedRecordings(Calls(database))), *knowledge.routes()]
    return create_app(ApiDeps(database, writer, calls, recordings, knowledge, webhooks, sealer, routes, limits))
