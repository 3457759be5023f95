"""Operations on events, for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from offhook.client import shapes
from offhook.client.events import EventParser, ServerEvent
from offhook.client.request import Page, build, read_page, segment
from offhook.client.transport import AsyncTransport


class EventsMethods(AsyncTransport):
    """What can be done with events."""

    async def list_events(self, *, after: str | None = None, limit: int | None = None) -> Page[shapes.Event]:
        """Events of all the organization's calls, **oldest first**, whether or not a webhook had them."""
        request = build("GET", "/v1/events", query={"after": after, "limit": limit})
        return read_page(await self.send(request), shapes.Event)

    async def stream_events(self, call_id: str) -> AsyncIterator[ServerEvent]:
        """The webhook events of a call from its beginning, live, as Server-Sent Events; to `event_post_call`."""
        request = build("GET", f"/v1/calls/{segment(call_id)}/events")
        async with self._stream(request) as answer:
            parser = EventParser()
            async for line in answer.aiter_lines():
                if (event := parser.feed(line)) is not None:
                    yield event
