"""Operations on phone numbers, for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from offhook.client import shapes
from offhook.client.request import UNSET, Page, Unset, build, read_data, read_page, segment
from offhook.client.transport import AsyncTransport


class PhoneNumbersMethods(AsyncTransport):
    """What can be done with phone numbers."""

    async def list_numbers(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> Page[shapes.PhoneNumber]:
        """Numbers of the organization, newest first; by page unless asked otherwise."""
        request = build(
            "GET", "/v1/phone-numbers", query={"use_cursor": use_cursor, "cursor": cursor, "page": page, "limit": limit}
        )
        return read_page(await self.send(request), shapes.PhoneNumber)

    async def iter_numbers(self, *, limit: int | None = None) -> AsyncIterator[shapes.PhoneNumber]:
        """All of ``list_numbers``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = await self.list_numbers(limit=limit, use_cursor=True, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def add_number(
        self,
        *,
        number: str,
        name: str | Unset | None = UNSET,
        type: Literal["pstn", "sip"] | Unset = UNSET,
        inbound_agent_id: str | Unset | None = UNSET,
        redirect: bool | Unset = UNSET,
        redirect_phone_number: str | Unset | None = UNSET,
        trunk_id: str | Unset | None = UNSET,
    ) -> shapes.PhoneNumber:
        """Add a number."""
        request = build(
            "POST",
            "/v1/phone-numbers",
            body={
                "number": number,
                "name": name,
                "type": type,
                "inbound_agent_id": inbound_agent_id,
                "redirect": redirect,
                "redirect_phone_number": redirect_phone_number,
                "trunk_id": trunk_id,
            },
        )
        return read_data(await self.send(request), shapes.PhoneNumber)

    async def get_number(self, number_id: str) -> shapes.PhoneNumber:
        """One number."""
        request = build("GET", f"/v1/phone-numbers/{segment(number_id)}")
        return read_data(await self.send(request), shapes.PhoneNumber)

    async def change_number(
        self,
        number_id: str,
        *,
        name: str | Unset | None = UNSET,
        inbound_agent_id: str | Unset | None = UNSET,
        redirect: bool | Unset | None = UNSET,
        redirect_phone_number: str | Unset | None = UNSET,
        trunk_id: str | Unset | None = UNSET,
    ) -> shapes.PhoneNumber:
        """Change who answers a number, or where it goes on to."""
        request = build(
            "PATCH",
            f"/v1/phone-numbers/{segment(number_id)}",
            body={
                "name": name,
                "inbound_agent_id": inbound_agent_id,
                "redirect": redirect,
                "redirect_phone_number": redirect_phone_number,
                "trunk_id": trunk_id,
            },
        )
        return read_data(await self.send(request), shapes.PhoneNumber)

    async def delete_number(self, number_id: str) -> None:
        """Give a number up."""
        request = build("DELETE", f"/v1/phone-numbers/{segment(number_id)}")
        await self.send(request)
