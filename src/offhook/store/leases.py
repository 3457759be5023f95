"""Queues in tables: rows that are due are claimed under a lease, by one process at a time, on both databases.

A queue is any table with an ``id`` and ``lease_columns()``. A row waits while ``due_us`` lies ahead, is work from then
on, and is done with when ``due_us`` is null. A worker claims rows, works outside of any transaction, and then settles
them: ``finish``, or ``again`` at another time. When it dies, its lease runs out and another worker gets the row, so
work is done at least once. Whoever comes too late can't settle what was claimed anew: each claim counts ``attempts``
up, and a lease holds only as long as that number is its own.

PostgreSQL lets many workers claim at once, none waiting for another (``SKIP LOCKED``); on SQLite the write
transaction has the whole database to itself anyway.

    with database.write() as connection:
        leases = JOBS.claim(connection, limit=10)
    for lease in leases:
        ...  # the work, on lease.row
        with database.write() as connection:
            if JOBS.finish(connection, lease):  # in the transaction that stores the result
                ...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    RowMapping,
    Table,
    literal,
    select,
    update,
)

from offhook.store.ids import now_us


def lease_columns() -> tuple[Column[Any] | Index, ...]:
    """What a table needs to be a queue, with the index that claims use."""
    return (
        # When the row is work; null when nothing is left to do.
        Column("due_us", BigInteger),
        Column("leased_until_us", BigInteger, nullable=False, server_default="0"),
        # How often it was claimed: the number that tells one lease from the next.
        Column("attempts", Integer, nullable=False, server_default="0"),
        Index(None, "due_us"),
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """A row that is ours until ``until_us``; ``row`` as it was when claimed."""

    id: Any
    attempt: int
    until_us: int
    row: RowMapping


class Queue:
    """A table with ``lease_columns()``. Every method works in the caller's write transaction.

    ``lease_s`` is longer than the work takes, or than the pause between renewals: it is how long a row lies still
    after its worker died. Clocks of the workers may differ by a small part of it.
    """

    def __init__(self, table: Table, *, lease_s: float) -> None:
        self.table, self._lease_us = table, round(lease_s * 1e6)

    def claim(self, connection: Connection, *where: ColumnElement[bool], limit: int) -> list[Lease]:
        """Lease up to ``limit`` rows that are due and nobody else's, those due first first."""
        table, now = self.table, now_us()
        free = (
            select(table)
            .where(*self._free(now), *where)
            .order_by(table.c.due_us, table.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)  # left out on SQLite, which needs no row locks
        )
        rows = connection.execute(free).mappings().all()
        if not rows:
            return []
        until_us = now + self._lease_us
        connection.execute(
            update(table)
            .where(table.c.id.in_([row["id"] for row in rows]))
            .values(leased_until_us=until_us, attempts=table.c.attempts + 1)
        )
        return [Lease(row["id"], row["attempts"] + 1, until_us, row) for row in rows]

    def renew(self, connection: Connection, lease: Lease) -> bool:
        """Keep a lease for its full time from now; False when it was lost."""
        return self._settle(connection, lease, {"leased_until_us": now_us() + self._lease_us})

    def finish(self, connection: Connection, lease: Lease, **values: object) -> bool:
        """Done, well or badly: nobody claims the row again. False, and nothing written, when the lease was lost."""
        return self._settle(connection, lease, {**values, "due_us": None, "leased_until_us": 0})

    def again(self, connection: Connection, lease: Lease, due_us: int, **values: object) -> bool:
        """Give the row back, due at ``due_us``. False, and nothing written, when the lease was lost."""
        return self._settle(connection, lease, {**values, "due_us": due_us, "leased_until_us": 0})

    def has_due(self, connection: Connection, *where: ColumnElement[bool]) -> bool:
        """Whether ``claim`` would find a row. A read transaction will do: a worker that looks every second with this
        doesn't take SQLite's write lock for nothing."""
        return connection.execute(select(literal(1)).where(*self._free(now_us()), *where).limit(1)).first() is not None

    def _free(self, now: int) -> tuple[ColumnElement[bool], ...]:
        return self.table.c.due_us <= now, self.table.c.leased_until_us <= now

    def _settle(self, connection: Connection, lease: Lease, values: dict[str, Any]) -> bool:
        columns = self.table.c
        # A lease that ran out but that nobody took over still holds: the work was done, and is not done twice for it.
        held = (columns.id == lease.id, columns.attempts == lease.attempt, columns.leased_until_us > 0)
        return connection.execute(update(self.table).where(*held).values(values)).rowcount == 1
