"""Webhooks as the rest of the house has them: delivery in the background, and what is asked for by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import select

from offhook.egress.guard import Guard, GuardedTransport
from offhook.errors import ConflictError
from offhook.record.fold import encode
from offhook.store import audit
from offhook.store.database import Database
from offhook.store.deliveries import Deliveries, Delivery, DeliveryStatus, note
from offhook.store.ids import new_id
from offhook.store.lanes import hurry
from offhook.store.outbox import Outbox
from offhook.store.sealing import Sealer
from offhook.store.tables import agents
from offhook.store.webhooks import Endpoint, Endpoints
from offhook.store.writer import CallWriter
from offhook.webhooks.bodies import Bodies, Links
from offhook.webhooks.dispatcher import MAX_AT_ONCE, Dispatcher, result_of
from offhook.webhooks.live import LiveEvents
from offhook.webhooks.schedule import Schedule
from offhook.webhooks.sender import Outcome, Sender
from offhook.webhooks.turn import Turn, addressed

TEST_TYPE = "event_test"
NO_CALL = "00000000-0000-0000-0000-000000000000"


class Webhooks:
    """``start`` delivering, ``close`` at the end; the rest serves the API. Made on the loop it works on."""

    def __init__(
        self,
        database: Database,
        secret_key: str,
        allow: Iterable[str] = (),
        schedule: Schedule | None = None,
        links: Links | None = None,
    ) -> None:
        schedule = schedule or Schedule()
        self._database = database
        self.endpoints = Endpoints(database, Sealer(secret_key))
        self.deliveries = Deliveries(database)
        self.outbox = Outbox(database)
        self.live = LiveEvents(database)
        self.bodies = Bodies(database, links)
        self._sender = Sender(GuardedTransport(Guard(allow), connections=MAX_AT_ONCE), schedule.limit_s)
        self._dispatcher = Dispatcher(database, self.endpoints, self.bodies, self._sender, schedule)

    def start(self, writer: CallWriter) -> None:
        """Deliver what is there, and what the writer adds, as soon as it is durable."""
        loop = asyncio.get_running_loop()

        def committed(_: frozenset[str]) -> None:
            with suppress(RuntimeError):  # the loop is closed: the next start delivers
                loop.call_soon_threadsafe(self._dispatcher.wake)

        writer.on_commit += [committed, self.live.committed]
        self._dispatcher.start()

    async def close(self) -> None:
        """Stop delivering and listening."""
        await self.live.close()
        await self._dispatcher.close()
        await self._sender.close()

    async def resend(self, organization_id: str, delivery_id: str) -> Delivery:
        """Send an event again, now, to where its agent's events go now; how its delivery stands then.

        Raises NotFoundError, and ConflictError where there is nothing to send or nowhere to send it.
        """
        delivery = await asyncio.to_thread(self.deliveries.get, organization_id, delivery_id)
        turn = await asyncio.to_thread(self._turn, delivery)
        outcome = await self._send(turn)
        await asyncio.to_thread(self._note, delivery, turn, outcome)
        if outcome.delivered:
            self._dispatcher.wake()
        return await asyncio.to_thread(self.deliveries.get, organization_id, delivery_id)

    async def test(self, endpoint: Endpoint) -> Outcome:
        """Send an event that tells of nothing, signed like all others. Raises SealError."""
        secrets = await asyncio.to_thread(self.endpoints.secrets, endpoint.organization_id, endpoint.id)
        event_id = new_id()
        body = encode(
            {
                "type": TEST_TYPE,
                "timestamp": time.time(),
                "call_id": NO_CALL,
                "agent_id": endpoint.agent_id,
                "event_id": event_id,
                "sequence": 0,
            }
        )
        return await self._sender.send(endpoint.url, event_id, body.decode(), [secret.value for secret in secrets])

    async def _send(self, turn: Turn) -> Outcome:
        if turn.secrets is None:
            raise ConflictError("the endpoint's secret can't be opened: OFFHOOK_SECRET_KEY is not the one it was under")
        (body,) = await asyncio.to_thread(self.bodies.complete, [turn.event])
        return await self._sender.send(turn.url, turn.event.event_id, body, turn.secrets)

    def _turn(self, delivery: Delivery) -> Turn:
        event = self.deliveries.event(delivery.event_id)
        if event is None:
            raise ConflictError("the event was deleted with its call")
        with self._database.write() as connection:
            url = connection.execute(select(agents.c.webhook_url).where(agents.c.id == event.agent_id)).scalar()
            if url is None:
                raise ConflictError("the agent has no webhook_url now")
            self.endpoints.ensure(connection, event.organization_id, event.agent_id, url)
            turn = addressed(connection, self.endpoints, Turn(event, url, 0))
        if turn.endpoint is not None and turn.endpoint.stopped_us is not None:
            raise ConflictError("the endpoint is stopped; enable it first")
        return turn

    def _note(self, delivery: Delivery, turn: Turn, outcome: Outcome) -> None:
        retrying = delivery.status is DeliveryStatus.RETRYING
        failed = DeliveryStatus.RETRYING if retrying else DeliveryStatus.FAILED
        result = result_of(
            turn,
            outcome,
            DeliveryStatus.DELIVERED if outcome.delivered else failed,
            None if outcome.delivered else delivery.next_attempt_us,
            resend=True,
        )
        with self._database.write() as connection:
            note(connection, result)
            audit.note(
                connection, turn.event.organization_id, "webhook_delivery.resent", delivery.id,
                event_id=delivery.event_id, delivered=outcome.delivered,
            )  # fmt: skip
            if outcome.delivered:
                hurry(connection, turn.event.call_id)
