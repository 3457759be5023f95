"""Whose turn it is in a call: the first event that is left, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select

from offhook.errors import SealError
from offhook.store.deliveries import DeliveryStatus, status_of
from offhook.store.lanes import events_after
from offhook.store.leases import Lease
from offhook.store.tables import agents, webhook_lanes
from offhook.store.webhooks import Endpoint, Endpoints


@dataclass(frozen=True, slots=True)
class Pass:
    """Nothing up to ``sequence`` is to be sent: not subscribed to, or delivered by a resend."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Turn:
    """An event to be sent. ``endpoint`` None: the agent's URL has none yet. ``secrets`` None: they can't be opened."""

    event: Row[Any]
    url: str
    failures: int
    endpoint: Endpoint | None = None
    secrets: tuple[str, ...] | None = None

    @property
    def sequence(self) -> int:
        """The event's number in its call."""
        number: int = self.event.sequence
        return number


def next_turn(connection: Connection, endpoints: Endpoints, lease: Lease) -> Turn | Pass | None:
    """The next thing to do for a call that is ours; None when there is nothing.

    The agent's URL and subscriptions are those of now, not of when the event happened: a wrong URL that is corrected
    gets what waited.
    """
    lane = connection.execute(
        select(
            webhook_lanes.c.settled_sequence,
            webhook_lanes.c.failures,
            agents.c.webhook_url,
            agents.c.webhook_subscriptions,
        )
        .outerjoin(agents, agents.c.id == webhook_lanes.c.agent_id)
        .where(webhook_lanes.c.id == lease.id)
    ).first()
    if lane is None:
        return None
    events = events_after(connection, lease.id, lane.settled_sequence)
    if not events:
        return None
    wanted = frozenset(lane.webhook_subscriptions or ()) if lane.webhook_url else frozenset()
    head = next((event for event in events if event.type in wanted), None)
    if head is None:
        return Pass(events[-1].sequence)
    if status_of(connection, head.event_id) == DeliveryStatus.DELIVERED:  # by a resend, meanwhile
        return Pass(head.sequence)
    return addressed(connection, endpoints, Turn(head, lane.webhook_url, lane.failures))


def addressed(connection: Connection, endpoints: Endpoints, turn: Turn) -> Turn:
    """The turn with the endpoint of its URL and the secrets that sign for it, as far as they are there."""
    endpoint = endpoints.find(connection, turn.event.agent_id, turn.url)
    if endpoint is None:
        return turn
    try:
        secrets = tuple(secret.value for secret in endpoints.live_secrets(connection, endpoint.id))
    except SealError:
        return replace(turn, endpoint=endpoint)
    return replace(turn, endpoint=endpoint, secrets=secrets)
