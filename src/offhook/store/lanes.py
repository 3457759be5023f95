"""Lanes: how far each call's events have got on their way to a webhook, as a queue of calls.

The events of a call go one after the other, calls don't wait for each other: so calls are what is leased. A lane is
extended in the transaction that writes the events, and only for an agent that has a URL: an installation without
webhooks pays one index look-up for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, case, null, select, text

from offhook.record.events import CallCreated
from offhook.store.ids import now_us
from offhook.store.leases import Lease, Queue
from offhook.store.tables import outbox, webhook_lanes

READ_AHEAD = 50  # events of one call read at a time; more than a call makes while one is on its way

# One statement for both databases. A lane that is idle becomes due; one that waits for a retry goes on waiting.
_EXTEND = text("""
    INSERT INTO webhook_lanes (id, organization_id, agent_id, settled_sequence, last_sequence, failures, due_us)
    SELECT CAST(:call AS VARCHAR(36)), organization_id, id, CAST(:settled AS INTEGER), CAST(:last AS INTEGER), 0,
           CAST(:now AS BIGINT)
    FROM agents WHERE id = :agent AND webhook_url IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET
        last_sequence = excluded.last_sequence, due_us = COALESCE(webhook_lanes.due_us, excluded.due_us)
""")


class WaitingCall(NamedTuple):
    """A call with an event to send, and whose agent it is."""

    call_id: str
    agent_id: str


def extend_lane(connection: Connection, created: CallCreated, before: int, last: int) -> None:
    """Tell the call's lane that the outbox has its events up to ``last``; those up to ``before`` came earlier."""
    connection.execute(
        _EXTEND,
        {"call": created.call_id, "agent": created.agent_id, "settled": before, "last": last, "now": now_us()},
    )


class Lanes(Queue):
    """The queue of calls with events to send."""

    def __init__(self, *, lease_s: float) -> None:
        super().__init__(webhook_lanes, lease_s=lease_s)

    def waiting(self, connection: Connection, *, without_agents: Collection[str], limit: int) -> list[WaitingCall]:
        """Calls that could be claimed, those that wait longest first; agents that have their share are left out."""
        query = select(self.table.c.id, self.table.c.agent_id).where(*self._free(now_us()))
        if without_agents:
            query = query.where(self.table.c.agent_id.not_in(list(without_agents)))
        rows = connection.execute(query.order_by(self.table.c.due_us, self.table.c.id).limit(limit))
        return [WaitingCall(row.id, row.agent_id) for row in rows]

    def settle(self, connection: Connection, lease: Lease, sequence: int) -> bool | None:
        """Everything up to ``sequence`` is done. True: there is more, and the lease goes on; None: it was lost."""
        columns, now = self.table.c, now_us()
        more = columns.last_sequence > sequence
        # Decided by the row as it is then: events that come at this moment make the lane due again, or find it so.
        held = self._settle(
            connection,
            lease,
            {
                "settled_sequence": sequence,
                "failures": 0,
                "due_us": case((more, now), else_=null()),
                "leased_until_us": case((more, now + self._lease_us), else_=0),
            },
        )
        if not held:
            return None
        row = connection.execute(select(columns.last_sequence).where(columns.id == lease.id)).one()
        return bool(row.last_sequence > sequence)


def events_after(connection: Connection, call_id: str, sequence: int) -> Sequence[Row[Any]]:
    """The next events of a call in the outbox, in order."""
    query = select(outbox).where(outbox.c.call_id == call_id, outbox.c.sequence > sequence)
    return connection.execute(query.order_by(outbox.c.sequence).limit(READ_AHEAD)).all()


def hurry(connection: Connection, call_id: str) -> None:
    """Let a call that waits for a retry go on now."""
    waiting = (webhook_lanes.c.id == call_id, webhook_lanes.c.due_us > now_us())
    connection.execute(webhook_lanes.update().where(*waiting).values(due_us=now_us()))
