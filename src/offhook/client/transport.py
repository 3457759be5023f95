"""Requests over the network, sync and async alike: connections kept, failures told, tried again where that is safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self

import httpx2

from offhook.client.errors import ApiStatusError, ConnectionFailedError
from offhook.client.request import Request, failure, pause_s
from offhook.errors import ConfigurationError

TIMEOUT_S = 30.0  # nothing the API answers takes seconds; a server that is gone should not hold a program


def _options(url: str, api_key: str, timeout_s: float) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"url: {url!r} must begin with http:// or https://")
    if not api_key:
        raise ConfigurationError("api_key: a server needs a key, see `offhook keys create`")
    return {"base_url": url.rstrip("/"), "headers": {"X-Api-Key": api_key}, "timeout": timeout_s}


def _arguments(request: Request) -> dict[str, Any]:
    headers = dict(request.headers)
    if request.json is not None:
        headers["Content-Type"] = "application/json"
    return {
        "params": list(request.query) or None,
        "content": request.json,
        "files": list(request.files) or None,
        "data": dict(request.form) or None,
        "headers": headers,
    }


def _lost(request: Request, error: httpx2.HTTPError) -> ConnectionFailedError:
    return ConnectionFailedError(f"no answer to {request.method} {request.path}: {error or type(error).__name__}")


class Transport:
    """A server at ``url``. Close it, or use it in a ``with``."""

    def __init__(
        self, url: str, api_key: str, *, timeout_s: float = TIMEOUT_S, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._http = httpx2.Client(**_options(url, api_key, timeout_s), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, request: Request) -> bytes:
        """Send a request that ``request.build`` made; the answer as it came.

        Raises ApiStatusError and ConnectionFailedError.
        """
        attempt = 0
        while True:
            attempt += 1
            error: ApiStatusError | None = None
            try:
                answer = self._http.request(request.method, request.path, **_arguments(request))
            except httpx2.HTTPError as lost:
                wait_s = pause_s(request, attempt, None)
                if wait_s is None:
                    raise _lost(request, lost) from lost
            else:
                if answer.is_success:
                    return answer.content
                error = failure(answer.status_code, answer.headers, answer.content)
                wait_s = pause_s(request, attempt, error)
                if wait_s is None:
                    raise error
            time.sleep(wait_s)

    @contextmanager
    def _stream(self, request: Request) -> Iterator[httpx2.Response]:
        """A successful answer whose body is read as it comes."""
        try:
            with self._http.stream(request.method, request.path, **_arguments(request)) as answer:
                if not answer.is_success:
                    raise failure(answer.status_code, answer.headers, answer.read())
                yield answer
        except httpx2.HTTPError as lost:
            raise _lost(request, lost) from lost


class AsyncTransport:
    """A server at ``url``. Close it, or use it in an ``async with``."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx2.AsyncClient(**_options(url, api_key, timeout_s), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, request: Request) -> bytes:
        """Send a request that ``request.build`` made; the answer as it came.

        Raises ApiStatusError and ConnectionFailedError.
        """
        attempt = 0
        while True:
            attempt += 1
            error: ApiStatusError | None = None
            try:
                answer = await self._http.request(request.method, request.path, **_arguments(request))
            except httpx2.HTTPError as lost:
                wait_s = pause_s(request, attempt, None)
                if wait_s is None:
                    raise _lost(request, lost) from lost
            else:
                if answer.is_success:
                    return answer.content
                error = failure(answer.status_code, answer.headers, answer.content)
                wait_s = pause_s(request, attempt, error)
                if wait_s is None:
                    raise error
            await asyncio.sleep(wait_s)

    @asynccontextmanager
    async def _stream(self, request: Request) -> AsyncIterator[httpx2.Response]:
        """A successful answer whose body is read as it comes."""
        try:
            async with self._http.stream(request.method, request.path, **_arguments(request)) as answer:
                if not answer.is_success:
                    raise failure(answer.status_code, answer.headers, await answer.aread())
                yield answer
        except httpx2.HTTPError as lost:
            raise _lost(request, lost) from lost
