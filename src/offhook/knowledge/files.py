"""The stored files of sources over HTTP: ``/knowledge-files/{source_id}/{name}``, by signed URLs only."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from offhook.errors import NotFoundError
from offhook.files import FileStore
from offhook.recordings.links import Linker
from offhook.store.knowledge import Source

PATH = "/knowledge-files/{source_id}/{name}"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_UNFIT_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


class SourceFiles:
    """Makes and serves the URLs; ``lookup`` finds a source by its id."""

    def __init__(self, files: FileStore, linker: Linker, lookup: Callable[[str], Source | None]) -> None:
        self._files, self._linker, self._lookup = files, linker, lookup

    def url(self, source: Source, public_url: str) -> str:
        """A URL that gives the file for an hour: the bucket's own where there is one, else this server's."""
        direct = self._files.url(source.file_key)
        if direct is not None:
            return direct
        path = f"/knowledge-files/{source.id}/{_UNFIT_NAME.sub('_', source.name)}"
        return public_url.rstrip("/") + self._linker.signed(path, time.time())

    def routes(self) -> list[Route]:
        """The routes to mount at the root of the server."""
        return [Route(PATH, self.serve, methods=list(_METHODS), include_in_schema=False)]

    async def serve(self, request: Request) -> Response:
        """Answer one request."""
        query = request.query_params.multi_items()
        if not self._linker.allows(request.method, request.url.path, query, time.time()):
            raise HTTPException(403, "This URL is not signed for this request, was changed, or has expired")
        source = await asyncio.to_thread(self._lookup, request.path_params["source_id"])
        if source is None:
            raise HTTPException(404, "There is no such file")
        direct = self._files.url(source.file_key)
        if direct is not None:
            return RedirectResponse(direct)  # the storage moved to a bucket since the URL was made
        try:
            stored = await self._files.find(source.file_key)
        except NotFoundError as error:
            raise HTTPException(404, "There is no such file") from error
        headers = {
            "Content-Length": str(stored.size),
            "Cache-Control": "private, max-age=3600",
            # Never shown by a browser as a page of this server: it is somebody's HTML, or worse.
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(source.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
        }
        content = self._files.stream(source.file_key, 0, stored.size)
        return StreamingResponse(content, headers=headers, media_type="application/octet-stream")
