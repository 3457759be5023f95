"""Operations on trunks, for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from offhook.client import shapes
from offhook.client.request import UNSET, Page, Unset, build, read_data, read_page, segment
from offhook.client.transport import AsyncTransport


class TrunksMethods(AsyncTransport):
    """What can be done with trunks."""

    async def list_trunks(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> Page[shapes.Trunk]:
        """Trunks of the organization, newest first."""
        request = build(
            "GET", "/v1/trunks", query={"use_cursor": use_cursor, "cursor": cursor, "page": page, "limit": limit}
        )
        return read_page(await self.send(request), shapes.Trunk)

    async def iter_trunks(self, *, limit: int | None = None) -> AsyncIterator[shapes.Trunk]:
        """All of ``list_trunks``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = await self.list_trunks(limit=limit, use_cursor=True, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def add_trunk(
        self,
        *,
        name: str,
        type: Literal["sip", "twilio"] | Unset = UNSET,
        host: str | Unset | None = UNSET,
        port: int | Unset | None = UNSET,
        transport: Literal["udp", "tcp", "tls"] | Unset = UNSET,
        srtp: bool | Unset = UNSET,
        username: str | Unset | None = UNSET,
        password: str | Unset | None = UNSET,
        register: bool | Unset = UNSET,
        allowed_sources: Sequence[str] | Unset = UNSET,
        codecs: Sequence[Literal["PCMU", "PCMA"]] | Unset = UNSET,
        account_sid: str | Unset | None = UNSET,
        auth_token: str | Unset | None = UNSET,
    ) -> shapes.Trunk:
        """Add a trunk."""
        request = build(
            "POST",
            "/v1/trunks",
            body={
                "name": name,
                "type": type,
                "host": host,
                "port": port,
                "transport": transport,
                "srtp": srtp,
                "username": username,
                "password": password,
                "register": register,
                "allowed_sources": allowed_sources,
                "codecs": codecs,
                "account_sid": account_sid,
                "auth_token": auth_token,
            },
        )
        return read_data(await self.send(request), shapes.Trunk)

    async def get_trunk(self, trunk_id: str) -> shapes.Trunk:
        """One trunk."""
        request = build("GET", f"/v1/trunks/{segment(trunk_id)}")
        return read_data(await self.send(request), shapes.Trunk)

    async def change_trunk(
        self,
        trunk_id: str,
        *,
        name: str | Unset | None = UNSET,
        host: str | Unset | None = UNSET,
        port: int | Unset | None = UNSET,
        transport: Literal["udp", "tcp", "tls"] | Unset | None = UNSET,
        srtp: bool | Unset | None = UNSET,
        username: str | Unset | None = UNSET,
        password: str | Unset | None = UNSET,
        register: bool | Unset | None = UNSET,
        allowed_sources: Sequence[str] | Unset | None = UNSET,
        codecs: Sequence[Literal["PCMU", "PCMA"]] | Unset | None = UNSET,
        account_sid: str | Unset | None = UNSET,
        auth_token: str | Unset | None = UNSET,
    ) -> shapes.Trunk:
        """Change a trunk."""
        request = build(
            "PATCH",
            f"/v1/trunks/{segment(trunk_id)}",
            body={
                "name": name,
                "host": host,
                "port": port,
                "transport": transport,
                "srtp": srtp,
                "username": username,
                "password": password,
                "register": register,
                "allowed_sources": allowed_sources,
                "codecs": codecs,
                "account_sid": account_sid,
                "auth_token": auth_token,
            },
        )
        return read_data(await self.send(request), shapes.Trunk)

    async def delete_trunk(self, trunk_id: str) -> None:
        """Take a trunk away; numbers that used it have none from then on."""
        request = build("DELETE", f"/v1/trunks/{segment(trunk_id)}")
        await self.send(request)
