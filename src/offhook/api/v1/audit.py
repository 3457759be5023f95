"""The audit log."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.bounds import Text100
from offhook.api.envelope import PageInfo, listing
from offhook.api.errors import invalid
from offhook.api.paging import Paging, time_us
from offhook.api.resources import Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Listing, answers
from offhook.record.fold import encode
from offhook.record.times import iso_us, parse_iso_us
from offhook.store.audit import KEY_ACTOR, AuditFilter, Entry, Place
from offhook.store.keys import Scope

router = APIRouter(tags=["audit log"])
Admin = Annotated[Caller, Depends(requires(Scope.ADMIN))]
# A cursor is the entry's time, with its number in further decimals: entries of one microsecond stay apart.
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})(\d{12})Z")
_NUMBER_DIGITS = 12


class AuditEntryData(Answer):
    """One act. ``actor`` is ``key:<id>``, ``cli`` or ``system``; of a key its prefix and name are shown."""

    id: int
    time: datetime
    actor: str
    key_id: UUID | None
    key_prefix: str | None
    key_name: str | None
    action: str = Field(description="What was done, such as `agent.deployed`.")
    object_type: str
    object_id: str
    detail: dict[str, Any]


class AuditQuery(Paging):
    """Which entries; times are exclusive bounds."""

    actor: Text100 | None = None
    action: Text100 | None = None
    object_type: Text100 | None = None
    object_id: Text100 | None = None
    time_gt: datetime | None = None
    time_lt: datetime | None = None

    def filter(self) -> AuditFilter:
        """As the store takes it."""
        return AuditFilter(
            actor=self.actor,
            action=self.action,
            object_type=self.object_type,
            object_id=self.object_id,
            time_gt_us=time_us(self.time_gt),
            time_lt_us=time_us(self.time_lt),
        )

    def before(self) -> Place | None:
        """The place that the cursor means; a plain time is good too."""
        if match := _CURSOR.fullmatch(self.cursor or ""):
            try:
                return Place(parse_iso_us(match[1]), int(match[2]))
            except ValueError:
                raise invalid("cursor", "not an ISO 8601 time; give next_cursor of the page before") from None
        before_us = self.before_us()
        return None if before_us is None else Place(before_us, 0)


@router.get("/v1/audit-log", responses=answers(200, Listing[AuditEntryData]))
def list_audit_log(query: Annotated[AuditQuery, Query()], caller: Admin, shared: Shared) -> Response:
    """What was changed, by whom, newest first."""
    wanted, organization_id = query.filter(), caller.organization_id
    if query.use_cursor:
        entries, more = shared.audit.after(organization_id, wanted, limit=query.limit, before=query.before())
        info = PageInfo(next_cursor=None if more is None else _cursor(more))
    else:
        entries, total = shared.audit.page(organization_id, wanted, limit=query.limit, page=query.page)
        info = PageInfo.numbered(query.page, query.limit, total)
    return listing([encode(_shown(entry)) for entry in entries], "Audit log retrieved successfully", info)


def _cursor(place: Place) -> str:
    return f"{iso_us(place.at_us).removesuffix('Z')}{place.id:0{_NUMBER_DIGITS}d}Z"


def _shown(entry: Entry) -> dict[str, Any]:
    by_key = entry.actor.startswith(KEY_ACTOR)
    return {
        "id": entry.place.id,
        "time": iso_us(entry.place.at_us),
        "actor": entry.actor,
        "key_id": entry.actor.removeprefix(KEY_ACTOR) if by_key else None,
        "key_prefix": entry.key_prefix,
        "key_name": entry.key_name,
        "action": entry.action,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "detail": entry.detail,
    }
