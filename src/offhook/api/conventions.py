"""What holds for every request, as one ASGI middleware: an id, a key, limits, no error without envelope."""

from __future__ import annotations

import itertools
import re
import uuid
from urllib.parse import parse_qsl

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhook.api.envelope import ApiError
from offhook.api.errors import api_error, invalid, unforeseen
from offhook.api.gate import QUOTA, Gate

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 8_000_000  # an agent of 100 states with long prompts fits, the largest thing a client sends
MAX_UPLOAD_BYTES = 50_000_000  # files for a knowledge base, which go to disk as they come
_UPLOAD = re.compile(r"/v1/knowledge-bases/[^/]+/sources")
_V1, _LEGACY = "/v1/", "/api/v0/"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:\-]{1,128}")


class Conventions:
    """Wraps the application. ``/v1`` takes its key from X-Api-Key, the legacy paths theirs from a Bearer token."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate
        # Unique over restarts by its first part, within one by the count.
        self._boot, self._count = uuid.uuid4().hex[:12], itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = dict(scope["headers"])
        request_id = headers.get(b"x-request-id")
        if request_id is None or _REQUEST_ID.fullmatch(request_id) is None:
            request_id = b"%b-%x" % (self._boot.encode(), next(self._count))
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                quota = scope.get(QUOTA)
                limits = quota.headers() if quota is not None else ()
                message["headers"] = [*message.get("headers", ()), *limits, (b"x-request-id", request_id)]
            await send(message)

        try:
            path = scope["path"]
            if path.startswith((_V1, _LEGACY)):
                await self._gate.enter(scope, _secret(headers, path))
            if b"%00" in scope["query_string"]:
                _refuse_nul(scope)
            if b"content-length" in headers or b"transfer-encoding" in headers:
                bound = MAX_UPLOAD_BYTES if _uploads(scope, headers) else MAX_BODY_BYTES
                receive = _bounded(headers.get(b"content-length"), receive, bound)
            await self._app(scope, receive, answer)
        except Exception as error:
            known = api_error(error)
            if known is None or started:
                log.exception("request_broke", request_id=request_id.decode(), path=scope["path"])
            if started:
                # Half an answer is out: only breaking the connection tells the client.
                raise
            await (known or unforeseen(request_id.decode())).response()(scope, receive, answer)


def _refuse_nul(scope: Scope) -> None:
    """A NUL fits into no name and no value, and databases refuse it late. Ids in paths are checked by their routes."""
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if "\x00" in name + value:
            raise invalid(name.replace("\x00", "")[:100], "holds a NUL")


def _uploads(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Whether the body goes to disk as it comes; any other is held in memory."""
    multipart = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
    return multipart and scope["method"] == "POST" and _UPLOAD.fullmatch(scope["path"]) is not None


def _secret(headers: dict[bytes, bytes], path: str) -> bytes | None:
    if path.startswith(_V1):
        return headers.get(b"x-api-key")
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else None


def _bounded(length: bytes | None, receive: Receive, bound: int) -> Receive:
    """The body, refused past its bound: at once where its length is announced, else when it gets there."""
    if length is not None:
        if not length.isdigit():
            raise ApiError(400, "generic_error", "Content-Length is not a number")
        if int(length[:20]) > bound:
            raise _too_large(bound)
    received = 0

    async def read() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > bound:
            # The framework lets its own kind of error through while it reads a body.
            error = _too_large(bound)
            raise HTTPException(error.status, error.message)
        return message

    return read


def _too_large(bound: int) -> ApiError:
    return ApiError(413, "generic_error", f"The body is larger than {bound} bytes")
