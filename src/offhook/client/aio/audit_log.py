"""Operations on audit log, for asyncio.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from offhook.client import shapes
from offhook.client.request import Page, build, read_page
from offhook.client.transport import AsyncTransport


class AuditLogMethods(AsyncTransport):
    """What can be done with audit log."""

    async def list_audit_log(
        self,
        *,
        use_cursor: bool | None = None,
        cursor: str | None = None,
        page: int | None = None,
        limit: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        object_type: str | None = None,
        object_id: str | None = None,
        time_gt: datetime | None = None,
        time_lt: datetime | None = None,
    ) -> Page[shapes.AuditEntry]:
        """What was changed, by whom, newest first."""
        request = build(
            "GET",
            "/v1/audit-log",
            query={
                "use_cursor": use_cursor,
                "cursor": cursor,
                "page": page,
                "limit": limit,
                "actor": actor,
                "action": action,
                "object_type": object_type,
                "object_id": object_id,
                "time_gt": time_gt,
                "time_lt": time_lt,
            },
        )
        return read_page(await self.send(request), shapes.AuditEntry)

    async def iter_audit_log(
        self,
        *,
        limit: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        object_type: str | None = None,
        object_id: str | None = None,
        time_gt: datetime | None = None,
        time_lt: datetime | None = None,
    ) -> AsyncIterator[shapes.AuditEntry]:
        """All of ``list_audit_log``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = await self.list_audit_log(
                limit=limit,
                actor=actor,
                action=action,
                object_type=object_type,
                object_id=object_id,
                time_gt=time_gt,
                time_lt=time_lt,
                use_cursor=True,
                cursor=cursor,
            )
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return
