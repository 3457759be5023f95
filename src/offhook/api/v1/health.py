"""Whether the server lives, and whether it can work. Neither shows data."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from offhook.api.envelope import ApiError, success
from offhook.api.resources import Resources, Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import ApiResponseError, Success
from offhook.errors import Fault

router = APIRouter(tags=["operations"])
_PING_LIMIT_S = 3.0  # a probe that waits longer than its prober counts as failed anyway


class Health(Answer):
    """``ok``."""

    status: str


@router.get("/healthz", responses={200: {"model": Success[Health]}})
async def healthz() -> Response:
    """The process answers."""
    return success({"status": "ok"}, "Alive")


@router.get("/readyz", responses={200: {"model": Success[Health]}, 503: {"model": ApiResponseError}})
async def readyz(shared: Shared) -> Response:
    """Database, storage and calls can work; else 503 naming what cannot."""
    faults = [Fault(part, problem) for part, problem in shared.control.readiness().items() if problem]
    if problem := await _database(shared):
        faults.append(Fault("database", problem))
    if faults:
        raise ApiError(503, "internal_error", "Not ready; see details", faults)
    return success({"status": "ok"}, "Ready")


async def _database(shared: Resources) -> str | None:
    if not shared.writer.healthy:
        return "writes fail or lag behind"
    try:
        await asyncio.wait_for(asyncio.to_thread(shared.deps.database.ping), _PING_LIMIT_S)
    except (SQLAlchemyError, TimeoutError):
        return "does not answer"
    return None
