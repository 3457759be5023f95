"""JSON bodies that every part of the house can take: no name twice, no number JSON doesn't have, no unfit character.

Python's reader keeps the last of two equal names, so that a check elsewhere may have seen the other; it reads NaN and
1e400, which can't be given back; and a NUL or half a character is what a database refuses late.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offhook.api.envelope import ApiError
from offhook.api.errors import invalid

# Written as escapes: JSON can't hold them otherwise. Only then is it worth looking through the strings.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNFIT = re.compile("[\x00\ud800-\udfff]")


class StrictJson:
    """An ASGI application before another one; reads JSON bodies first and hands them on whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, or refuse."""
        if scope["method"] not in {"POST", "PATCH", "PUT", "DELETE"} or not _is_json(scope):
            await self._app(scope, receive, send)
            return
        parts = []  # joined once: adding each to those before would copy 8 MB for a third of a second
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client went away
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                break
        body = b"".join(parts)
        check(body)
        await self._app(scope, _replayed(body, receive), send)


def check(body: bytes) -> None:
    """Raise the ApiError that says what is wrong. What is no JSON at all is left to the framework, which names it."""
    reader = _Reader()
    try:
        value = json.loads(body, object_pairs_hook=reader.object, parse_constant=reader.float, parse_float=reader.float)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return
    except RecursionError:
        raise ApiError(400, "generic_error", "The body is nested too deep") from None
    except ValueError:
        # More digits in an integer than Python reads.
        raise ApiError(400, "generic_error", "The body holds a number with too many digits") from None
    if reader.twice is not None:
        raise invalid(reader.twice[:100], "is there twice")
    if (reader.infinite or _SUSPECT.search(body)) and (found := _unfit(value, "")) is not None:
        raise invalid(*found)


class _Reader:
    """Hooks of Python's reader, which note what is wrong and read on: the place is found when all is read."""

    def __init__(self) -> None:
        self.twice: str | None = None
        self.infinite = False

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            self.twice = next(name for name in names if names.count(name) > 1)
        return found

    def float(self, text: str) -> float:
        value = float(text)
        self.infinite = self.infinite or not math.isfinite(value)
        return value


def _unfit(value: object, path: str) -> tuple[str, str] | None:
    """Where the first unfit string or number stands, and what is wrong with it."""
    match value:
        case str() if _UNFIT.search(value):
            return path, "holds a NUL or half a character"
        case float() if not math.isfinite(value):
            return path, "is no number, or too large a one"
        case dict():
            if any(_UNFIT.search(name) for name in value):
                return path, "has a name that holds a NUL or half a character"
            places = ((f"{path}.{name}".removeprefix("."), item) for name, item in value.items())
        case list():
            places = ((f"{path}[{number}]", item) for number, item in enumerate(value))
        case _:
            return None
    return next((found for place, item in places if (found := _unfit(item, place)) is not None), None)


def _is_json(scope: Scope) -> bool:
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return b"json" in kind.lower()


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def read() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read
