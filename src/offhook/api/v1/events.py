"""Events: those of the organization after a point, and those of one call as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from offhook.api.auth import Caller, requires
from offhook.api.envelope import PageInfo, listing
from offhook.api.resources import Resources, Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Listing, answers
from offhook.errors import NotFoundError
from offhook.record.webhooks import POST_CALL
from offhook.store.keys import Scope

router = APIRouter(tags=["events"])
Reader = Annotated[Caller, Depends(requires(Scope.CALLS_READ))]

_STREAM = "text/event-stream"
_PLACE = r"^(?:\d{1,19}\.\d{1,19}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"


class EventData(Answer):
    """A webhook's body: these fields, and those of its type (docs/webhooks.md)."""

    model_config = ConfigDict(extra="allow")

    type: str
    timestamp: float
    call_id: UUID
    agent_id: UUID
    event_id: UUID
    sequence: int = Field(description="Counts up per call, without gaps.")


class EventsQuery(BaseModel):
    """From where on, and how many."""

    after: Annotated[
        str | None,
        Field(pattern=_PLACE, description="`next_cursor` of the answer before, or the `event_id` seen last."),
    ] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50


@router.get("/v1/events", responses=answers(200, Listing[EventData], 404))
def list_events(query: Annotated[EventsQuery, Query()], caller: Reader, shared: Shared) -> Response:
    """Events of all the organization's calls, **oldest first**, whether or not a webhook had them.

    `next_cursor` is where to go on, also when there was nothing new: nothing that happens later is missed by it.
    """
    after = query.after.lower() if query.after else None
    page = shared.webhooks.outbox.after(caller.organization_id, after, limit=query.limit)
    bodies = [body.encode() for body in shared.webhooks.bodies.complete(page.events)]
    return listing(bodies, "Events retrieved successfully", PageInfo(next_cursor=page.cursor))


_EXAMPLE = 'id: 3f0c…\nevent: event_transcript\ndata: {"type":"event_transcript","text":"Hello",…}\n\n'
_ANSWER: dict[int | str, dict[str, Any]] = {
    **answers(200, Listing[EventData], 404),
    200: {
        "description": "The call's events as Server-Sent Events, until the last of them, `event_post_call`.",
        "content": {_STREAM: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    204: {"description": "The event in `Last-Event-ID` was the last one: don't come back."},
}


@router.get("/v1/calls/{call_id}/events", responses=_ANSWER, response_class=StreamingResponse)
async def stream_events(
    call_id: UUID,
    caller: Reader,
    shared: Shared,
    last_event_id: Annotated[str | None, Header(max_length=100, description="Resumes after this event.")] = None,
) -> Response:
    """The webhook events of a call from its beginning, live, as Server-Sent Events; to `event_post_call`."""
    if await shared.reads.call(caller.organization_id, str(call_id)) is None:
        raise NotFoundError(f"No call {call_id}")
    if last_event_id is not None and await shared.webhooks.live.has_told(
        caller.organization_id, str(call_id), last_event_id
    ):
        return Response(status_code=204)  # a browser's EventSource would come back every two seconds for ever
    stream = _stream(shared, caller.organization_id, str(call_id), last_event_id)
    # A proxy that gathers an answer before it passes it on would make nothing live of it.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type=_STREAM, headers=headers)


async def _stream(
    shared: Resources, organization_id: str, call_id: str, last_event_id: str | None
) -> AsyncIterator[bytes]:
    # The first bytes open the stream in the browser; it comes back two seconds after it was cut off.
    yield b"retry: 2000\n\n"
    async for event in shared.webhooks.live.listen(organization_id, call_id, last_event_id):
        if event is None:
            yield b": still here\n\n"
        else:
            body = event.body
            if event.type == POST_CALL:
                (body,) = await asyncio.to_thread(shared.webhooks.bodies.complete, [event])
            yield f"id: {event.event_id}\nevent: {event.type}\ndata: {body}\n\n".encode()
