"""Operations on events.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Iterator

from offhook.client import shapes
from offhook.client.events import EventParser, ServerEvent
from offhook.client.request import Page, build, read_page, segment
from offhook.client.transport import Transport


class EventsMethods(Transport):
    """What can be done with events."""

    def list_events(self, *, after: str | None = None, limit: int | None = None) -> Page[shapes.Event]:
        """Events of all the organization's calls, **oldest first**, whether or not a webhook had them."""
        request = build("GET", "/v1/events", query={"after": after, "limit": limit})
        return read_page(self.send(request), shapes.Event)

    def stream_events(self, call_id: str) -> Iterator[ServerEvent]:
        """The webhook events of a call from its beginning, live, as Server-Sent Events; to `event_post_call`."""
        request = build("GET", f"/v1/calls/{segment(call_id)}/events")
        with self._stream(request) as answer:
            parser = EventParser()
            for line in answer.iter_lines():
                if (event := parser.feed(line)) is not None:
                    yield event
