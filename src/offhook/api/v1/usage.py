"""What the organization used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from offhook.api.auth import Caller, requires
from offhook.api.envelope import success
from offhook.api.errors import invalid
from offhook.api.paging import time_us
from offhook.api.resources import Shared
from offhook.api.v1.call_schemas import Answer
from offhook.api.v1.envelopes import Success, answers
from offhook.record.times import iso_us
from offhook.store.ids import now_us
from offhook.store.keys import Scope
from offhook.store.usage import DAY_US, Used, usage

router = APIRouter(tags=["usage"])
Admin = Annotated[Caller, Depends(requires(Scope.ADMIN))]
GroupBy = Literal["day", "month", "agent", "day,agent", "month,agent", "none"]
MOST_DAYS = 3700  # ten years
_DEFAULT_DAYS = 30
_EPOCH = date(1970, 1, 1)
_MINUTE_STEP = Decimal("0.0001")  # as in a call's cost lines


class UsageSums(Answer):
    """``answered_calls`` are those that were answered and have ended; minutes and cost are theirs."""

    calls: int
    answered_calls: int
    duration_seconds: int
    minutes: float = Field(description="duration_seconds ÷ 60, to four decimals.")
    cost: float = Field(description="Exact decimal sum of the calls' costs.")


class UsageRow(UsageSums):
    """Of one group; null where the grouping has no such part."""

    period: str | None = Field(description="YYYY-MM-DD or YYYY-MM, UTC, of the calls' creation.")
    agent_id: UUID | None


class UsageData(Answer):
    """Calls created from ``from`` on and before ``to``."""

    from_: datetime = Field(alias="from")
    to: datetime
    group_by: GroupBy
    currency: str
    total: UsageSums
    rows: list[UsageRow]


class UsageQuery(BaseModel):
    """Which time, and how it is cut."""

    from_: Annotated[datetime | None, Field(alias="from", description="Absent: 30 days before `to`.")] = None
    to: Annotated[datetime | None, Field(description="Absent: now.")] = None
    group_by: GroupBy = "day"

    def span_us(self) -> tuple[int, int]:
        """Its ends. Raises the 422 of a span that is none or too long."""
        to_us = time_us(self.to)
        to_us = now_us() if to_us is None else to_us
        from_us = time_us(self.from_)
        from_us = to_us - _DEFAULT_DAYS * DAY_US if from_us is None else from_us
        if from_us >= to_us:
            raise invalid("from", "is not before to")
        if to_us - from_us > MOST_DAYS * DAY_US:
            raise invalid("from", f"is more than {MOST_DAYS} days before to")
        return from_us, to_us


@router.get("/v1/usage", responses=answers(200, Success[UsageData]))
def get_usage(query: Annotated[UsageQuery, Query()], caller: Admin, shared: Shared) -> Response:
    """Calls, minutes and cost, by day or month and agent."""
    from_us, to_us = query.span_us()
    used = usage(shared.deps.database, caller.organization_id, from_us, to_us)
    data = {
        "from": iso_us(from_us),
        "to": iso_us(to_us),
        "group_by": query.group_by,
        "currency": shared.organizations.get(caller.organization_id).currency,
        "total": _sums(used),
        "rows": _rows(used, query.group_by),
    }
    return success(data, "Usage retrieved successfully")


def _rows(used: Iterable[Used], group_by: GroupBy) -> list[dict[str, Any]]:
    if group_by == "none":
        return []
    parts = group_by.split(",")
    groups: dict[tuple[str | None, str | None], list[Used]] = {}
    for each in used:
        period = (_EPOCH + timedelta(days=each.day)).isoformat() if parts[0] != "agent" else None
        if parts[0] == "month" and period:
            period = period[:7]
        groups.setdefault((period, each.agent_id if "agent" in parts else None), []).append(each)
    ordered = sorted(groups.items(), key=lambda group: (group[0][0] or "", group[0][1] or ""))
    return [{"period": period, "agent_id": agent_id, **_sums(group)} for (period, agent_id), group in ordered]


def _sums(used: Iterable[Used]) -> dict[str, Any]:
    rows = list(used)
    seconds = sum(row.seconds for row in rows)
    return {
        "calls": sum(row.calls for row in rows),
        "answered_calls": sum(row.answered for row in rows),
        "duration_seconds": seconds,
        "minutes": (Decimal(seconds) / 60).quantize(_MINUTE_STEP, ROUND_HALF_UP),
        "cost": sum((row.cost for row in rows), Decimal(0)),
    }
