"""Parts of a file over HTTP, so that a browser can seek.

RFC 9110 §14 (ranges, one a request) and §13 (If-Range, If-None-Match).
"""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from offhook.recordings.content import Content

READING = ("GET", "HEAD")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\s*", re.ASCII)


def ranged(request: Request, content: Content, media_type: str, headers: dict[str, str]) -> Response:
    """Answer ``GET`` or ``HEAD`` with all of it, the part asked for, or that it hasn't changed; adds its own headers.

    ``headers`` have an ETag and Last-Modified. Raises HTTPException (416) for a part beyond the end.
    """
    if request.headers.get("if-none-match") in (headers["ETag"], "*"):
        content.close()
        return Response(status_code=304, headers=headers)
    span = _span(request, content.size, headers["ETag"], headers["Last-Modified"])
    start, end = span or (0, content.size)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size}"
    headers["Content-Length"] = str(end - start)
    status = 200 if span is None else 206
    if request.method == "HEAD":
        content.close()
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
