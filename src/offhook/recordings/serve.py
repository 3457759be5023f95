"""Recordings over HTTP: ``GET`` and ``HEAD /recordings/{call_id}/{name}``, with ranges, so that a browser can seek.

RFC 9110 §14 (ranges, one a request) and §13 (If-Range, If-None-Match).
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from offhook.errors import NotFoundError
from offhook.files import FileStore, StoredFile
from offhook.recordings.links import Linker
from offhook.recordings.wav import WavView

PATH = "/recordings/{call_id}/{name}"
_READING = ("GET", "HEAD")
# All are routed here, since a signed URL used with another method is refused (403), not merely unknown (405).
_METHODS = (*_READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\s*", re.ASCII)
_NOT_FOUND = HTTPException(404, "There is no such recording")


@dataclass(frozen=True, slots=True)
class Published:
    """What the record says of a call's recording: the keys of its files, and whether its URLs must be signed."""

    keys: tuple[str, ...]
    secure: bool


Lookup = Callable[[str], Awaitable[Published | None]]


class _Content(Protocol):
    """Bytes that can be read from anywhere."""

    @property
    def size(self) -> int: ...

    def stream(self, start: int, end: int) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file as the store has it."""

    store: FileStore
    file: StoredFile

    @property
    def size(self) -> int:
        return self.file.size

    def stream(self, start: int, end: int) -> AsyncIterator[bytes]:
        return self.store.stream(self.file.key, start, end)


class RecordingPages:
    """Serves recordings. Errors are Starlette's HTTPException, for the application's own envelope."""

    def __init__(self, store: FileStore, linker: Linker, lookup: Lookup) -> None:
        self._store, self._linker, self._lookup = store, linker, lookup

    def routes(self) -> list[Route]:
        """The routes to mount at the root of the server."""
        return [Route(PATH, self.serve, methods=list(_METHODS), include_in_schema=False)]

    async def serve(self, request: Request) -> Response:
        """Answer one request."""
        file = await self._permitted_file(request)
        wav = _wants_wav(request)
        content: _Content = WavView(await self._store.read(file.key)) if wav else _Stored(self._store, file)
        kind = "wav" if wav else "ogg"
        etag = f'"{file.etag.strip(chr(34))}-{kind}"'
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Last-Modified": file.modified_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "Cache-Control": "private, max-age=3600",
            "Content-Disposition": f'inline; filename="{request.path_params["call_id"]}.{kind}"',
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") in (etag, "*"):
            return Response(status_code=304, headers=headers)
        return _ranged(request, content, f"audio/{kind}", headers)

    async def _permitted_file(self, request: Request) -> StoredFile:
        """The file asked for, once the request may have it; who may not learns nothing of what exists."""
        signed = self._linker.allows(request.method, request.url.path, request.query_params.multi_items(), time.time())
        published = await self._lookup(request.path_params["call_id"])
        if not signed and (published is None or published.secure):
            raise HTTPException(403, "This URL is not signed for this request, was changed, or has expired")
        if request.method not in _READING:
            raise HTTPException(405, "Recordings can only be read", {"Allow": ", ".join(_READING)})
        name = request.path_params["name"]
        key = next((key for key in published.keys if PurePosixPath(key).name == name), None) if published else None
        if key is None:
            raise _NOT_FOUND
        try:
            return await self._store.find(key)
        except NotFoundError as error:
            raise _NOT_FOUND from error


def _wants_wav(request: Request) -> bool:
    kind = request.query_params.get("format", "ogg")
    if kind not in ("ogg", "wav"):
        raise HTTPException(422, "format: must be ogg or wav")
    return kind == "wav"


def _ranged(request: Request, content: _Content, media_type: str, headers: dict[str, str]) -> Response:
    span = _span(request, content.size, headers["ETag"], headers["Last-Modified"])
    start, end = span or (0, content.size)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size}"
    headers["Content-Length"] = str(end - start)
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(content.stream(start, end), status, headers, media_type)


def _span(request: Request, size: int, etag: str, modified: str) -> tuple[int, int] | None:
    """The bytes ``start … end-1`` asked for; None for all: no range, one we don't serve, or of another version."""
    asked = request.headers.get("range")
    if asked is None or request.headers.get("if-range", etag) not in (etag, modified):
        return None
    match = _RANGE.fullmatch(asked.strip())
    if match is None or match.group(1) == match.group(2) == "":
        return None  # RFC 9110 §14.2: an unknown unit, a malformed or a multiple range may be ignored
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or end <= start:
        raise HTTPException(416, "The range is beyond the end", {"Content-Range": f"bytes */{size}"})
    return start, end
