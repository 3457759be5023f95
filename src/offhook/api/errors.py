"""Every error as the envelope: ours, the framework's, the database's."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from offhook.api.envelope import ApiError
from offhook.api.methods import not_taken
from offhook.errors import (
    AgentConfigError,
    CapacityError,
    ConfigurationError,
    ConflictError,
    DatabaseAwayError,
    Fault,
    NotFoundError,
    OffhookError,
    ProviderTimeoutError,
    StorageError,
)
from offhook.store.database import unavailable

log = structlog.get_logger(__name__)

_HTTP_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    422: "validation_error",
    429: "rate_limited",
}
_NOTHING_HERE = "There is nothing here; see /docs"
# Our own errors name the field they are about before a colon: "to_number: …".
_NAMES_FIELD = re.compile(r"([a-z][a-z0-9_.\[\]]*): (.+)", re.DOTALL)
# What pydantic says of a body that isn't an object: an array, or bytes that were not announced as JSON.
_NO_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type"})
_AWAY = (DatabaseAwayError, sqlite3.OperationalError, TimeoutError)
_RETRY = {"Retry-After": "5"}  # a database that restarts takes about that long


def api_error(error: Exception) -> ApiError | None:
    """The error as a client is to see it; None for one that nobody foresaw."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _http(error)
    if isinstance(error, OffhookError) and not isinstance(error, DatabaseAwayError):
        return _ours(error)
    if isinstance(error, _AWAY) or unavailable(error):
        return ApiError(503, "internal_error", "The database does not answer; try again", headers=_RETRY)
    return None


def respond(request: Request, error: Exception) -> Response:
    """Exception handler for what the framework lets us handle."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return not_taken(request.app.state.methods.taken(request.scope)).response()
    known = api_error(error)
    if known is None:
        raise error
    if known.status >= 500:
        log.error("request_failed", error=repr(error), status=known.status)
    return known.response()


def unforeseen(request_id: str) -> ApiError:
    """An error nobody foresaw: the client gets the id under which it stands in the log."""
    return ApiError(500, "internal_error", f"Something went wrong here; request id {request_id}")


def invalid(field: str, message: str) -> ApiError:
    """One field doesn't fit."""
    return ApiError(422, "validation_error", f"{field}: {message}", [Fault(field, message)])


def _invalid(error: RequestValidationError) -> ApiError:
    faults = [_fault(row) for row in error.errors()]
    return ApiError(422, "validation_error", "The request does not fit; see details", faults)


def _fault(row: dict[str, Any]) -> Fault:
    path, text = _path(row["loc"]), _text(row)
    # A rule about several fields is told of the whole body; it names the field itself.
    match = None if path else _NAMES_FIELD.fullmatch(text)
    return Fault(match[1], match[2]) if match else Fault(path, text)


def _path(location: tuple[Any, ...]) -> str:
    """``("body", "questions", 0, "name")`` as ``questions[0].name``."""
    path = ""
    if location[-1:] and isinstance(location[-1], int) and len(location) == 2:
        # Where the parser stopped in a body that is no JSON: a place, not a field.
        return path
    for part in location[1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".")


def _text(row: dict[str, Any]) -> str:
    if row["type"] == "extra_forbidden":
        return "unknown field; remove it or correct its name"
    if row["loc"] == ("body",) and row["type"] in _NO_OBJECT:
        return "the body must be a JSON object, sent with Content-Type: application/json"
    if row["type"] == "json_invalid":
        return f"the body is not valid JSON: {row['ctx']['error']}"
    return str(row["msg"]).removeprefix("Value error, ")


def _http(error: HTTPException) -> ApiError:
    kind = _HTTP_TYPES.get(error.status_code, "internal_error" if error.status_code >= 500 else "generic_error")
    message = _NOTHING_HERE if error.detail == "Not Found" else error.detail
    return ApiError(error.status_code, kind, str(message), headers=error.headers)


def _ours(error: OffhookError) -> ApiError:
    text = str(error)
    match = _NAMES_FIELD.fullmatch(text)
    faults = [Fault(match[1], match[2])] if match else []
    match error:
        case AgentConfigError():
            return ApiError(422, "validation_error", "The agent's configuration has faults; see details", error.faults)
        case ConfigurationError():
            return ApiError(422, "validation_error", text, faults)
        case NotFoundError():
            return ApiError(404, "not_found", text, faults)
        case ConflictError():
            return ApiError(409, "conflict", text, faults)
        case CapacityError():
            return ApiError(503, "capacity_exceeded", text, headers={"Retry-After": str(error.retry_after_s)})
        case StorageError():
            # Where the files are is not the client's to know; the log has it.
            return ApiError(503, "internal_error", "The store of files fails", headers={"Retry-After": "10"})
        case ProviderTimeoutError():
            return ApiError(504, "timeout", text)
        case _:
            return ApiError(502, "generic_error", text)
