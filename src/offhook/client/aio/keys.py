"""Operations on keys, for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from offhook.client import shapes
from offhook.client.request import UNSET, Page, Unset, build, read_data, read_page, segment
from offhook.client.transport import AsyncTransport


class KeysMethods(AsyncTransport):
    """What can be done with keys."""

    async def list_keys(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> Page[shapes.ApiKey]:
        """Keys of the organization, newest first, revoked ones too."""
        request = build(
            "GET", "/v1/api-keys", query={"use_cursor": use_cursor, "cursor": cursor, "page": page, "limit": limit}
        )
        return read_page(await self.send(request), shapes.ApiKey)

    async def iter_keys(self, *, limit: int | None = None) -> AsyncIterator[shapes.ApiKey]:
        """All of ``list_keys``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = await self.list_keys(limit=limit, use_cursor=True, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def create_key(
        self, *, name: str, scopes: Sequence[shapes.Scope] | Unset = UNSET, expires_at: datetime | Unset | None = UNSET
    ) -> shapes.NewApiKey:
        """Make a key; the answer is the only one that has it."""
        request = build("POST", "/v1/api-keys", body={"name": name, "scopes": scopes, "expires_at": expires_at})
        return read_data(await self.send(request), shapes.NewApiKey)

    async def revoke_key(self, key_id: str) -> None:
        """Revoke a key: the next request with it is refused."""
        request = build("DELETE", f"/v1/api-keys/{segment(key_id)}")
        await self.send(request)
