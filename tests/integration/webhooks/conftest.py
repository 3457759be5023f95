"""A house with agents, calls that are written down, and a dispatcher whose day has two minutes."""

import asyncio
import time
import uuid

import pytest
from sqlalchemy import select, update

from offhook.egress.guard import Guard, GuardedTransport
from offhook.record import events as e
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.store.agents import Agents
from offhook.store.bootstrap import bootstrap
from offhook.store.database import Database
from offhook.store.deliveries import Deliveries, DeliveryFilter
from offhook.store.sealing import Sealer
from offhook.store.tables import webhook_lanes
from offhook.store.webhooks import Endpoints
from offhook.store.writer import CallWriter
from offhook.webhooks.bodies import Bodies
from offhook.webhooks.dispatcher import Dispatcher
from offhook.webhooks.schedule import Schedule
from offhook.webhooks.sender import Sender

EVENTS = ["event_call_status_updated", "event_transcript"]
# Retries after 5, 30, 120 ms …, a limit of half a second, and dead processes noticed after one.
FAST = Schedule(Schedule().scaled(0.001).retries_s[:4], limit_s=0.5, lease_s=1.0, poll_s=0.02)


class House:
    """The stores, and ways to put things in and wait for what becomes of them."""

    def __init__(self, url):
        self.url, self.database = url, Database(url)
        self.organization_id = bootstrap(self.database).organization.id
        self.writer = CallWriter(self.database, gather_s=0.001)
        self.endpoints = Endpoints(self.database, Sealer("secret"))
        self.deliveries = Deliveries(self.database)
        self.bodies = Bodies(self.database)
        self.dispatchers = []

    def agent(self, url, subscriptions=EVENTS):
        configuration = {"name": "Desk", "webhook_url": url, "webhook_subscriptions": list(subscriptions)}
        return Agents(self.database).create(self.organization_id, configuration).id

    def change_agent(self, agent_id, **settings):
        Agents(self.database).set_globals(self.organization_id, agent_id, settings)

    async def call(self, agent_id, *said, ended=False):
        """A call that rings and in which each of ``said`` is said; its record."""
        created = e.CallCreated(
            at=time.time(), call_id=str(uuid.uuid4()), organization_id=self.organization_id, agent_id=agent_id,
            direction="inbound", from_number="+33123456789", to_number="+33987654321",
        )  # fmt: skip
        record = CallRecord.create(created)
        await self.writer.append(record.call_id, [created], record)
        await self.add(record, e.StatusChanged(at=time.time(), status=Status.RINGING))
        await self.say(record, *said)
        if ended:
            reason = EndReason(EndCode.CALLER_HUNG_UP, "caller")
            await self.add(record, e.StatusChanged(at=time.time(), status=Status.FAILED, end_reason=reason))
        return record

    async def say(self, record, *said):
        for text in said:
            item = record.events_applied
            await self.add(record, e.TranscriptAdded(at=time.time(), item_id=item, role="user", content=text))

    async def add(self, record, event):
        record.apply(event)
        await self.writer.append(record.call_id, [event], record)

    def dispatch(self, schedule=FAST, transport=None):
        transport = transport or GuardedTransport(Guard(["127.0.0.0/8"]))
        sender = Sender(transport, schedule.limit_s)
        dispatcher = Dispatcher(self.database, self.endpoints, self.bodies, sender, schedule)
        loop = asyncio.get_running_loop()
        self.writer.on_commit.append(lambda _: loop.call_soon_threadsafe(dispatcher.wake))
        dispatcher.start()
        self.dispatchers.append(dispatcher)
        return dispatcher

    def log(self, **wanted):
        """Deliveries, oldest first."""
        return self.deliveries.after(self.organization_id, DeliveryFilter(**wanted), limit=1000).items[::-1]

    async def settled(self, *records, limit_s=20):
        """Return when nothing is left to send of these calls."""
        async with asyncio.timeout(limit_s):
            while self._left([record.call_id for record in records]):
                await asyncio.sleep(0.01)

    def _left(self, call_ids):
        query = select(webhook_lanes.c.id).where(webhook_lanes.c.id.in_(call_ids), webhook_lanes.c.due_us.is_not(None))
        with self.database.read() as connection:
            return connection.execute(query).scalars().all()

    def lane(self, record, **values):
        with self.database.write() as connection:
            mine = webhook_lanes.c.id == record.call_id
            if values:
                connection.execute(update(webhook_lanes).where(mine).values(**values))
            return connection.execute(select(webhook_lanes).where(mine)).first()

    async def close(self):
        for dispatcher in self.dispatchers:
            await dispatcher.close()
            await dispatcher._sender.close()
        await self.writer.close()
        self.database.close()


@pytest.fixture
async def house(database_url):
    house = House(database_url)
    yield house
    await house.close()
