"""Recordings over HTTP: ``GET`` and ``HEAD /recordings/{call_id}/{name}``, for who has the URL."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from offhook.errors import NotFoundError
from offhook.files import FileStore
from offhook.recordings.content import Content, Stored, open_wav
from offhook.recordings.links import Linker
from offhook.recordings.ranges import READING, ranged

PATH = "/recordings/{call_id}/{name}"
# All are routed here, since a signed URL used with another method is refused (403), not merely unknown (405).
_METHODS = (*READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_NOT_FOUND = HTTPException(404, "There is no such recording")


@dataclass(frozen=True, slots=True)
class Published:
    """What the record says of a call's recording: the keys of its files, and whether its URLs must be signed."""

    keys: tuple[str, ...]
    secure: bool

    def key(self, name: str) -> str | None:
        """The key of the file of that name."""
        return next((key for key in self.keys if PurePosixPath(key).name == name), None)


Lookup = Callable[[str], Awaitable[Published | None]]


class RecordingPages:
    """Serves recordings. Errors are Starlette's HTTPException, for the application's own envelope."""

    def __init__(self, store: FileStore, linker: Linker, lookup: Lookup) -> None:
        self._store, self._linker, self._lookup = store, linker, lookup

    def routes(self) -> list[Route]:
        """The routes to mount at the root of the server."""
        return [Route(PATH, self.serve, methods=list(_METHODS), include_in_schema=False)]

    async def serve(self, request: Request) -> Response:
        """Answer a request for a URL: with the sound, or with the bucket's own URL of it."""
        key = await self._permitted_key(request)
        wav = _wants_wav(request)
        elsewhere = None if wav else self._store.url(key, "HEAD" if request.method == "HEAD" else "GET")
        if elsewhere is not None:
            # Kept by nobody: it is good for an hour, and made in microseconds.
            return RedirectResponse(elsewhere, 307, {"Cache-Control": "no-store"})
        return await send(self._store, request, request.path_params["call_id"], key, wav=wav)

    async def _permitted_key(self, request: Request) -> str:
        """The key of the file asked for, once the request may have it; who may not learns nothing of what exists."""
        signed = self._linker.allows(request.method, request.url.path, request.query_params.multi_items(), time.time())
        published = await self._lookup(request.path_params["call_id"])
        if not signed and (published is None or published.secure):
            raise HTTPException(403, "This URL is not signed for this request, was changed, or has expired")
        if request.method not in READING:
            raise HTTPException(405, "Recordings can only be read", {"Allow": ", ".join(READING)})
        key = None if published is None else published.key(request.path_params["name"])
        if key is None:
            raise _NOT_FOUND
        return key


async def send(store: FileStore, request: Request, call_id: str, key: str, *, wav: bool) -> Response:
    """Answer with a file of the store, or the part of it that is asked for."""
    try:
        file = await store.find(key)
        content: Content = await open_wav(store, key) if wav else Stored(store, file)
    except NotFoundError as error:
        raise _NOT_FOUND from error
    kind = "wav" if wav else "ogg"
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.etag.strip(chr(34))}-{kind}"',
        "Last-Modified": file.modified_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "Cache-Control": "private, max-age=3600",
        "Content-Disposition": f'inline; filename="{call_id}.{kind}"',
        "X-Content-Type-Options": "nosniff",
    }
    try:
        return ranged(request, content, f"audio/{kind}", headers)
    except HTTPException:
        content.close()
        raise


def _wants_wav(request: Request) -> bool:
    kind = request.query_params.get("format", "ogg")
    if kind not in ("ogg", "wav"):
        raise HTTPException(422, "format: must be ogg or wav")
    return kind == "wav"
