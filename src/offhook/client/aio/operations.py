"""Operations on operations, for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from offhook.client import shapes
from offhook.client.request import build, read_data
from offhook.client.transport import AsyncTransport


class OperationsMethods(AsyncTransport):
    """What can be done with operations."""

    async def healthz(self) -> shapes.Health:
        """The process answers."""
        request = build("GET", "/healthz")
        return read_data(await self.send(request), shapes.Health)

    async def readyz(self) -> shapes.Health:
        """Database, storage and calls can work; else 503 naming what cannot."""
        request = build("GET", "/readyz")
        return read_data(await self.send(request), shapes.Health)
