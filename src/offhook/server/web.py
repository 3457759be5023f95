"""The HTTP application of one process: the API with this process's calls and recordings behind it."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from offhook.api.app import create_app
from offhook.api.control import ApiDeps
from offhook.calls.manager import CallManager
from offhook.recordings import Published, Recordings
from offhook.store.calls import Calls
from offhook.store.database import Database
from offhook.store.writer import CallWriter

MIXED = "mixed.ogg"
CHANNELS = "channels.ogg"


class Links:
    """URLs of recordings, made when asked for."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings

    def mixed_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the mixed file."""
        return self._recordings.url(call_id, MIXED, secure=secure)

    def channels_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the file with a channel for each party."""
        return self._recordings.url(call_id, CHANNELS, secure=secure)


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


def build_app(database: Database, writer: CallWriter, calls: CallManager, recordings: Recordings) -> FastAPI:
    """The API on this process's calls and recordings."""
    routes = recordings.routes(PublishedRecordings(Calls(database)))
    return create_app(ApiDeps(database, writer, calls, Links(recordings), routes))
