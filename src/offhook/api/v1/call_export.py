"""Calls as a file, streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from offhook.api.resources import Resources
from offhook.api.v1.envelopes import ApiResponseError, answers
from offhook.review.export import BATCH, Batch, Format, Read, columns_of, export

__all__ = ["BATCH", "EXPORT_ANSWERS", "Batch", "ExportForm", "file_of"]

_TEXT = {"schema": {"type": "string"}}
_ARRAY = {"schema": {"type": "array", "items": {"type": "object"}}}
EXPORT_ANSWERS: dict[int | str, dict[str, Any]] = {
    **answers(200, ApiResponseError),
    200: {
        "description": "The calls.",
        "content": {"text/csv": _TEXT, "application/json": _ARRAY, "application/jsonl": _TEXT},
    },
}


class ExportForm(BaseModel):
    """As what calls are written."""

    format: Format = Format.CSV
    bom: bool = False


async def file_of(
    read: Read, form: ExportForm, shared: Resources, organization_id: str, agent_id: str | None
) -> Response:
    """The answer that streams what ``read`` gives; of one agent's calls, each variable and question has a column."""
    columns = None
    if agent_id is not None and form.format is Format.CSV:
        columns = await asyncio.to_thread(columns_of, shared.agents, shared.questions, organization_id, agent_id)
    chunks = export(read, form.format, columns, bom=form.bom)
    # The first batch is read before anything is answered: a database that is away is still told as an error.
    first = await anext(chunks)
    headers = {"Content-Disposition": f'attachment; filename="calls.{form.format}"', "Cache-Control": "no-store"}
    return StreamingResponse(_joined(first, chunks), media_type=form.format.media_type, headers=headers)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
