"""Server-Sent Events, line by line, as the HTML standard parses them (§9.2.6). Pure."""

from __future__ import annotations

from typing import Any

import msgspec


class ServerEvent(msgspec.Struct, frozen=True):
    """One event: ``id`` to go on after it, its ``type``, and its ``data`` as JSON."""

    id: str | None
    type: str
    data: Any


class EventParser:
    """``feed`` takes lines without their ends; an event comes with the empty line behind it."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._type = ""
        self._data: list[str] = []

    def feed(self, line: str) -> ServerEvent | None:
        """Take one line."""
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _end(self) -> ServerEvent | None:
        data, kind = self._data, self._type or "message"
        self._data, self._type = [], ""
        if not data:
            return None
        return ServerEvent(self._id, kind, msgspec.json.decode("\n".join(data)))
