"""Bodies of events as they are shown and sent: what is kept, with a fresh URL of the recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Row, select

from offhook.record.webhooks import POST_CALL
from offhook.store.database import Database
from offhook.store.tables import calls

_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_URL = "recording_url"


class Links(Protocol):
    """URLs of a call's recording, made when asked for; ``secure`` ones are signed and expire."""

    def mixed_url(self, call_id: str, *, secure: bool) -> str:
        """URL of the mixed file."""


class Bodies:
    """Completes events; without ``links`` they have no recordings."""

    def __init__(self, database: Database, links: Links | None = None) -> None:
        self._database, self.links = database, links

    def complete(self, events: Sequence[Row[Any]]) -> list[str]:
        """Bodies of rows of the outbox (``type``, ``call_id``, ``body``), to go out now; one query for all."""
        recorded = self._recorded([event.call_id for event in events if event.type == POST_CALL])
        return [
            self._with_url(event.body, event.call_id, secure=recorded[event.call_id])
            if event.type == POST_CALL and event.call_id in recorded
            else event.body
            for event in events
        ]

    def _recorded(self, call_ids: list[str]) -> dict[str, bool]:
        """Those of the calls that have a recording, and whether its URL is to be signed."""
        if not call_ids or self.links is None:
            return {}
        query = select(calls.c.id, calls.c.secure_recording_url).where(calls.c.id.in_(call_ids), calls.c.recorded)
        with self._database.read() as connection:
            return {row.id: row.secure_recording_url for row in connection.execute(query)}

    def _with_url(self, body: str, call_id: str, *, secure: bool) -> str:
        if self.links is None:
            return body
        url = msgspec.Raw(msgspec.json.encode(self.links.mixed_url(call_id, secure=secure)))
        # Only the URLs are touched: decimals keep every digit.
        whole = _RAW.decode(body)
        data = _RAW.decode(whole["data"]) | {_URL: url}
        return msgspec.json.encode(whole | {_URL: url, "data": msgspec.Raw(msgspec.json.encode(data))}).decode()
