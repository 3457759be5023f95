"""The sound of a call, for who has a key."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from offhook.api.resources import Shared
from offhook.api.v1.calls import Reader
from offhook.api.v1.envelopes import ApiResponseError
from offhook.errors import NotFoundError

router = APIRouter(tags=["calls"])
_SOUND: dict[str, Any] = {
    "description": "The sound, or the part of it that `Range` asked for (206).",
    "content": {f"audio/{kind}": {"schema": {"type": "string", "format": "binary"}} for kind in ("ogg", "wav")},
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": ApiResponseError} for code in (401, 403, 404, 416, 422, 500, 503)
}


class RecordingQuery(BaseModel):
    """Which of a recording's files, and in which form."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["ogg", "wav"] = "ogg"
    channels: Literal["mixed", "split"] = "mixed"


@router.head("/v1/calls/{call_id}/recording", include_in_schema=False)
@router.get(
    "/v1/calls/{call_id}/recording",
    response_class=Response,
    responses={200: _SOUND, 206: _SOUND, 304: {"description": "It has not changed."}, **_ERRORS},
)
async def get_recording(
    call_id: UUID, request: Request, query: Annotated[RecordingQuery, Query()], caller: Reader, shared: Shared
) -> Response:
    """A call's recording: Opus in Ogg or 16-bit WAV, both parties mixed, or left the caller and right the agent."""
    stored = await shared.reads.call(caller.organization_id, str(call_id))
    if stored is None:
        raise NotFoundError(f"No call {call_id}")
    record = await asyncio.to_thread(shared.calls.load_record, str(call_id))
    if record is None or record.recording is None:
        raise NotFoundError(f"Call {call_id} has no recording (yet)")
    key = record.recording.channels if query.channels == "split" else record.recording.mixed
    return await shared.links.send(request, str(call_id), key, wav=query.format == "wav")
