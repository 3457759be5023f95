"""The audit log: who changed what, when; written in the transaction of the change it tells of."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, or_, select

from offhook.store.database import Database
from offhook.store.ids import now_us
from offhook.store.tables import api_keys, audit_log

# Who acts in this context: ``key:<id>`` for a request of the API, ``cli`` for a command on the data directory.
ACTOR: ContextVar[str] = ContextVar("offhook_actor", default="system")
KEY_ACTOR = "key:"


def note(connection: Connection, organization_id: str, action: str, object_id: str, **detail: Any) -> None:  # noqa: ANN401 - JSON
    """Write down an act of whoever acts now: ``agent.deployed`` is done to an ``agent``.

    ``detail`` is small and never holds a secret.
    """
    values = entry_values(organization_id, action, object_id, detail)
    connection.execute(insert(audit_log), values)


def entry_values(organization_id: str, action: str, object_id: str, detail: dict[str, Any]) -> dict[str, Any]:
    """The row of an act by whoever acts now, to be inserted later or elsewhere."""
    return {
        "organization_id": organization_id,
        "at_us": now_us(),
        "actor": ACTOR.get(),
        "action": action,
        "object_type": action.partition(".")[0],
        "object_id": object_id,
        "detail": detail,
    }


class Place(NamedTuple):
    """Where an entry stands: its time, and its number among those of that time."""

    at_us: int
    id: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. ``key_prefix`` and ``key_name`` tell of the key that acted, when one did."""

    place: Place
    actor: str
    key_prefix: str | None
    key_name: str | None
    action: str
    object_type: str
    object_id: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries; None means any. Times are exclusive bounds."""

    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    time_gt_us: int | None = None
    time_lt_us: int | None = None


class AuditLog:
    """Reads the log of an organization, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(
        self, organization_id: str, wanted: AuditFilter, *, limit: int, before: Place | None = None
    ) -> tuple[list[Entry], Place | None]:
        """Entries before a place, and the place that the next page begins before."""
        query = _entries().where(*_conditions(organization_id, wanted))
        if before is not None:
            log = audit_log.c
            query = query.where(or_(log.at_us < before.at_us, and_(log.at_us == before.at_us, log.id < before.id)))
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        entries = [_entry(row) for row in rows]
        return entries[:limit], entries[limit - 1].place if len(entries) > limit else None

    def page(self, organization_id: str, wanted: AuditFilter, *, limit: int, page: int) -> tuple[list[Entry], int]:
        """A page by number, from 1, and how many entries there are."""
        conditions = _conditions(organization_id, wanted)
        with self._database.read() as connection:
            rows = connection.execute(_entries().where(*conditions).limit(limit).offset((page - 1) * limit)).all()
            total = connection.execute(select(func.count()).select_from(audit_log).where(*conditions)).scalar_one()
        return [_entry(row) for row in rows], total


def _entries() -> Select[Any]:
    who = audit_log.c.actor == KEY_ACTOR + api_keys.c.id
    query = select(audit_log, api_keys.c.prefix, api_keys.c.name).outerjoin(api_keys, who)
    return query.order_by(audit_log.c.at_us.desc(), audit_log.c.id.desc())


def _conditions(organization_id: str, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    log = audit_log.c
    conditions: list[ColumnElement[bool]] = [log.organization_id == organization_id]
    if wanted.actor is not None:
        conditions.append(log.actor == wanted.actor)
    if wanted.action is not None:
        conditions.append(log.action == wanted.action)
    if wanted.object_type is not None:
        conditions.append(log.object_type == wanted.object_type)
    if wanted.object_id is not None:
        conditions.append(log.object_id == wanted.object_id)
    if wanted.time_gt_us is not None:
        conditions.append(log.at_us > wanted.time_gt_us)
    if wanted.time_lt_us is not None:
        conditions.append(log.at_us < wanted.time_lt_us)
    return conditions


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        Place(row.at_us, row.id),
        row.actor,
        row.prefix,
        row.name,
        row.action,
        row.object_type,
        row.object_id,
        row.detail,
    )
