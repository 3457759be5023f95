"""What an organization used: calls, time and cost, added up by the database from one index."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select

from offhook.record.cost import from_parts
from offhook.store.database import Database
from offhook.store.tables import calls

DAY_US = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Used:
    """Of one agent on one day (UTC, of the calls' creation; ``day`` counts from 1970).

    ``answered`` calls have ended and were answered; ``seconds`` and ``cost`` are theirs.
    """

    day: int
    agent_id: str
    calls: int
    answered: int
    seconds: int
    cost: Decimal


def usage(database: Database, organization_id: str, from_us: int, to_us: int) -> list[Used]:
    """By day and agent, of calls made from ``from_us`` on and before ``to_us``."""
    call = calls.c
    day = (call.position // DAY_US).label("day")
    query = (
        select(
            day,
            call.agent_id,
            func.count().label("calls"),
            func.count(call.duration_seconds).label("answered"),
            func.sum(call.duration_seconds).label("seconds"),
            func.sum(call.cost_micros).label("micros"),
            func.sum(call.cost_rest).label("rest"),
        )
        .where(call.organization_id == organization_id, call.position >= from_us, call.position < to_us)
        .group_by(day, call.agent_id)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [
        Used(
            int(row.day),
            row.agent_id,
            row.calls,
            row.answered,
            int(row.seconds or 0),
            from_parts(int(row.micros or 0), int(row.rest or 0)),
        )
        for row in rows
    ]
