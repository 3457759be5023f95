"""The log of webhook deliveries: one row an event, with every attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from offhook.errors import NotFoundError
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.tables import outbox, webhook_attempts, webhook_deliveries

MAX_ERROR = 500


class DeliveryStatus(StrEnum):
    """How an event's delivery stands."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"
    SKIPPED = "skipped"  # its endpoint was stopped when its turn came


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and what came of it. ``response_code`` None: there was no answer, and ``error`` says why."""

    number: int
    at_us: int
    url: str
    delivered: bool
    resend: bool
    response_code: int | None
    latency_ms: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that goes, or went, to an endpoint, with the outcome of its last attempt."""

    id: str
    position: int
    event_id: str
    agent_id: str
    call_id: str
    sequence: int
    type: str
    endpoint_id: str
    url: str
    status: DeliveryStatus
    response_code: int | None
    latency_ms: int | None
    error: str | None
    last_attempt_us: int | None
    next_attempt_us: int | None
    delivered_us: int | None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an attempt came to, to be written down; without ``attempt`` the event was not sent."""

    event: Row[Any]
    endpoint_id: str
    url: str
    status: DeliveryStatus
    at_us: int
    attempted: bool = True
    resend: bool = False
    response_code: int | None = None
    latency_ms: int | None = None
    error: str | None = None
    next_attempt_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries; None means any."""

    call_id: str | None = None
    agent_id: str | None = None
    status: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first. By cursor: ``next_before_us`` goes on. By page: the total."""

    items: list[Delivery] = field(default_factory=list)
    next_before_us: int | None = None
    total_items: int | None = None


class Deliveries:
    """Deliveries of all organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, organization_id: str, delivery_id: str) -> Delivery:
        """One delivery with its attempts. Raises NotFoundError."""
        mine = (webhook_deliveries.c.id == delivery_id, webhook_deliveries.c.organization_id == organization_id)
        with self._database.read() as connection:
            row = connection.execute(select(webhook_deliveries).where(*mine)).first()
            if row is None:
                raise NotFoundError(f"no delivery {delivery_id}")
            return _with_attempts(connection, [row])[0]

    def after(
        self, organization_id: str, wanted: DeliveryFilter, *, limit: int, before_us: int | None = None
    ) -> DeliveryPage:
        """A page by cursor: deliveries begun before ``before_us``."""
        query = select(webhook_deliveries).where(*_conditions(organization_id, wanted))
        if before_us is not None:
            query = query.where(webhook_deliveries.c.position < before_us)
        query = query.order_by(webhook_deliveries.c.position.desc()).limit(limit + 1)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            more = rows[limit - 1].position if len(rows) > limit else None
            return DeliveryPage(_with_attempts(connection, rows[:limit]), next_before_us=more)

    def page(self, organization_id: str, wanted: DeliveryFilter, *, limit: int, page: int) -> DeliveryPage:
        """A page by number, from 1, with the total."""
        conditions = _conditions(organization_id, wanted)
        query = select(webhook_deliveries).where(*conditions).order_by(webhook_deliveries.c.position.desc())
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit).offset((page - 1) * limit)).all()
            total = connection.execute(
                select(func.count()).select_from(webhook_deliveries).where(*conditions)
            ).scalar_one()
            return DeliveryPage(_with_attempts(connection, rows), total_items=total)

    def event(self, event_id: str) -> Row[Any] | None:
        """The event of a delivery, as the outbox has it."""
        with self._database.read() as connection:
            return connection.execute(select(outbox).where(outbox.c.event_id == event_id)).first()


def note(connection: Connection, result: Result) -> None:
    """Write down what an attempt came to, in the caller's transaction.

    What was delivered stays delivered, whatever a later attempt (a resend) comes to.
    """
    found = connection.execute(
        select(webhook_deliveries.c.id, webhook_deliveries.c.attempts, webhook_deliveries.c.status)
        .where(webhook_deliveries.c.event_id == result.event.event_id)
        .with_for_update()
    ).first()
    delivery_id, number = (found.id, found.attempts) if found else (new_id(), 0)
    number += result.attempted
    outcome = {**_outcome(result), "attempts": number}
    if found is None:
        connection.execute(insert(webhook_deliveries), _new_row(connection, delivery_id, result) | outcome)
    else:
        if found.status == DeliveryStatus.DELIVERED and result.status != DeliveryStatus.DELIVERED:
            del outcome["status"]
        connection.execute(update(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id).values(outcome))
    if result.attempted:
        connection.execute(insert(webhook_attempts), _attempt_row(delivery_id, number, result))


def status_of(connection: Connection, event_id: str) -> str | None:
    """How an event's delivery stands; None when it was never tried."""
    query = select(webhook_deliveries.c.status).where(webhook_deliveries.c.event_id == event_id)
    found: str | None = connection.execute(query).scalar()
    return found


def _outcome(result: Result) -> dict[str, Any]:
    values: dict[str, Any] = {
        "endpoint_id": result.endpoint_id,
        "url": result.url,
        "status": result.status.value,
        "response_code": result.response_code,
        "latency_ms": result.latency_ms,
        "error": result.error and result.error[:MAX_ERROR],
        "next_attempt_us": result.next_attempt_us,
    }
    if result.attempted:
        values["last_attempt_us"] = result.at_us
    if result.status is DeliveryStatus.DELIVERED:
        values["delivered_us"] = result.at_us
    return values


def _new_row(connection: Connection, delivery_id: str, result: Result) -> dict[str, Any]:
    event = result.event
    return {
        "id": delivery_id,
        "position": _free_position(connection, event.organization_id),
        "organization_id": event.organization_id,
        "event_id": event.event_id,
        "agent_id": event.agent_id,
        "call_id": event.call_id,
        "sequence": event.sequence,
        "type": event.type,
    }


def _free_position(connection: Connection, organization_id: str) -> int:
    """Now, or the first microsecond after it that no delivery of the organization has."""
    wanted = now_us()
    mine = webhook_deliveries.c.organization_id == organization_id
    newest = connection.execute(select(func.max(webhook_deliveries.c.position)).where(mine)).scalar()
    return wanted if newest is None else max(wanted, newest + 1)


def _attempt_row(delivery_id: str, number: int, result: Result) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "number": number,
        "at_us": result.at_us,
        "url": result.url,
        "delivered": result.error is None,
        "resend": result.resend,
        "response_code": result.response_code,
        "latency_ms": result.latency_ms or 0,
        "error": result.error and result.error[:MAX_ERROR],
    }


def _conditions(organization_id: str, wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    conditions = [webhook_deliveries.c.organization_id == organization_id]
    for name in ("call_id", "agent_id", "status", "type"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(webhook_deliveries.c[name] == value)
    return conditions


def _with_attempts(connection: Connection, rows: Sequence[Row[Any]]) -> list[Delivery]:
    """Deliveries with their attempts, which one query fetches for all."""
    found: dict[str, list[Attempt]] = {row.id: [] for row in rows}
    if found:
        query = select(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(list(found)))
        for row in connection.execute(query.order_by(webhook_attempts.c.number)):
            found[row.delivery_id].append(_attempt(row))
    return [_delivery(row, tuple(found[row.id])) for row in rows]


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        row.number, row.at_us, row.url, row.delivered, row.resend, row.response_code, row.latency_ms, row.error
    )


def _delivery(row: Row[Any], attempts: tuple[Attempt, ...]) -> Delivery:
    return Delivery(
        row.id, row.position, row.event_id, row.agent_id, row.call_id, row.sequence, row.type, row.endpoint_id, row.url,
        DeliveryStatus(row.status), row.response_code, row.latency_ms, row.error, row.last_attempt_us,
        row.next_attempt_us, row.delivered_us, attempts,
    )  # fmt: skip
