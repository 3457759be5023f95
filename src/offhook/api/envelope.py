"""The envelope of every answer: ``data, message, error, status``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from offhook.errors import Fault
from offhook.record.fold import encode


class RawResponse(Response):
    """JSON that is already encoded."""

    media_type = "application/json"


class ApiError(Exception):
    """An answer that is no success. ``type`` is one of the contract's."""

    def __init__(
        self,
        status: int,
        type: str,  # noqa: A002 - the envelope's own name
        message: str,
        details: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.type, self.message = status, type, message
        self.details, self.headers = details, headers or {}
        super().__init__(message)

    def response(self) -> Response:
        """The answer in the error envelope."""
        return RawResponse(error_body(self), status_code=self.status, headers=dict(self.headers))


def error_body(error: ApiError) -> bytes:
    """The error envelope. A message may quote what the client sent, so halves of characters are replaced."""
    return msgspec.json.encode(
        {
            "data": None,
            "message": _sound(error.message),
            "error": {
                "details": [
                    {"field": _sound(fault.field), "message": _sound(fault.message)} for fault in error.details
                ],
                "message": _sound(error.message),
                "status": error.status,
                "type": error.type,
            },
            "status": error.status,
        }
    )


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class SuccessFrame:
    """The success envelope around JSON, encoded once for a message."""

    def __init__(self, message: str, status: int = 200) -> None:
        self._tail = b',"message":%b,"error":null,"status":%d}' % (msgspec.json.encode(message), status)

    def around(self, data: bytes) -> bytes:
        """The whole body."""
        return b'{"data":' + data + self._tail


def success_body(data: bytes, message: str, status: int = 200) -> bytes:
    """The success envelope around JSON."""
    return SuccessFrame(message, status).around(data)


def success(data: object, message: str, status: int = 200) -> Response:
    """An answer in the success envelope."""
    return RawResponse(success_body(encode(data), message, status), status_code=status)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where a list goes on: by cursor ``next_cursor``, by page the other three."""

    next_cursor: str | None = None
    current_page: int | None = None
    total_pages: int | None = None
    total_items: int | None = None

    @classmethod
    def numbered(cls, page: int, limit: int, total_items: int) -> PageInfo:
        """A page by its number; there is one page at least."""
        return cls(None, page, max(1, -(-total_items // limit)), total_items)


def listing(items: Sequence[bytes], message: str, info: PageInfo) -> Response:
    """A list of JSON items in the success envelope."""
    tail: dict[str, Any] = {
        "message": message,
        "error": None,
        "status": 200,
        "next_cursor": info.next_cursor,
        "current_page": info.current_page,
        "total_pages": info.total_pages,
        "total_items": info.total_items,
    }
    return RawResponse(b'{"data":[%b],%b' % (b",".join(items), msgspec.json.encode(tail)[1:]))
