"""Messages in a byte stream (RFC 3261 §18.3): cut by Content-Length."""

from __future__ import annotations

import re
from collections.abc import Iterator

from offhook.errors import LineError
from offhook.lines.sip.message import MAX_MESSAGE_BYTES

_LENGTH = re.compile(rb"(?:^|\r\n)(?:content-length|l)[ \t]*:[ \t]*(\d{1,7})[ \t]*(?=\r\n)", re.IGNORECASE)


class FramingError(LineError):
    """A stream in which the next message cannot be found."""

    code = "sip_framing"


class Framer:
    """Collects bytes and yields messages; an empty one stands for a keep-alive ping (double CRLF)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what is complete. Raises FramingError."""
        self._buffer += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> bytes | None:
        while self._buffer.startswith(b"\r\n"):
            if self._buffer.startswith(b"\r\n\r\n"):
                del self._buffer[:4]
                return b""
            if len(self._buffer) < 4:
                return None  # half a ping, or the empty line before a message
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_MESSAGE_BYTES:
                raise FramingError("headers without end")
            return None
        length = _LENGTH.search(bytes(self._buffer[: end + 2]))
        if length is None:
            raise FramingError("no Content-Length")
        size = end + 4 + int(length[1])
        if size > MAX_MESSAGE_BYTES:
            raise FramingError("message too large")
        if len(self._buffer) < size:
            return None
        message = bytes(self._buffer[:size])
        del self._buffer[:size]
        return message
