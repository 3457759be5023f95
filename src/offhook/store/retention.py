"""Which calls are older than their agent keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import and_, func, select

from offhook.record.lifecycle import FINAL
from offhook.store.database import Database
from offhook.store.tables import agent_versions, agents, calls

DAY_US = 86_400 * 1_000_000
_FINAL_NAMES = [status.value for status in FINAL]


class _Rule(NamedTuple):
    organization_id: str
    agent_id: str
    days: int


class Retention:
    """Rules are those of each agent's published version, also of an agent that is deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expired(self, now_us: int, limit: int) -> list[tuple[str, str]]:
        """Up to ``limit`` finished calls (organization, id) that ended more than their agent's days ago, oldest first
        within an agent."""
        found: list[tuple[str, str]] = []
        for rule in self._rules():
            found += self._calls(rule, now_us - rule.days * DAY_US, limit - len(found))
            if len(found) >= limit:
                break
        return found

    def _rules(self) -> Iterator[_Rule]:
        days = agent_versions.c.configuration["privacy"]["retention_days"].as_integer()
        query = (
            select(agents.c.organization_id, agents.c.id, days)
            .join(
                agent_versions,
                and_(agent_versions.c.agent_id == agents.c.id, agent_versions.c.version == agents.c.published_version),
            )
            .where(days.is_not(None))
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        yield from (_Rule(*row) for row in rows)

    def _calls(self, rule: _Rule, before_us: int, limit: int) -> list[tuple[str, str]]:
        query = (
            select(calls.c.organization_id, calls.c.id)
            .where(
                calls.c.organization_id == rule.organization_id,
                calls.c.agent_id == rule.agent_id,
                # A call is created before it ends: the index on it leaves few rows to look at.
                calls.c.position < before_us,
                func.coalesce(calls.c.end_us, calls.c.position) < before_us,
                calls.c.status.in_(_FINAL_NAMES),
            )
            .order_by(calls.c.position)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [(row.organization_id, row.id) for row in connection.execute(query)]
