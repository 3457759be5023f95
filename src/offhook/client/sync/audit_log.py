"""Operations on audit log.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from offhook.client import shapes
from offhook.client.request import Page, build, read_page
from offhook.client.transport import Transport


class AuditLogMethods(Transport):
    """What can be done with audit log."""

    def list_audit_log(
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
        return read_page(self.send(request), shapes.AuditEntry)

    def iter_audit_log(
        self,
        *,
        limit: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        object_type: str | None = None,
        object_id: str | None = None,
        time_gt: datetime | None = None,
        time_lt: datetime | None = None,
    ) -> Iterator[shapes.AuditEntry]:
        """All of ``list_audit_log``, page after page; ``limit`` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_audit_log(
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
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return
