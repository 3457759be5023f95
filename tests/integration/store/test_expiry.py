"""What consumers were told goes after its days; what is owed to somebody stays."""

import asyncio

import pytest
from sqlalchemy import select, update

from offhook.store import expiry
from offhook.store.agents import Agents
from offhook.store.bootstrap import bootstrap
from offhook.store.calls import Calls
from offhook.store.deliveries import Deliveries, DeliveryFilter, DeliveryStatus, Result, note
from offhook.store.expiry import Expiry
from offhook.store.ids import now_us
from offhook.store.outbox import Outbox
from offhook.store.tables import outbox, webhook_attempts, webhook_deliveries, webhook_lanes

CUT_US = 100_000_000


@pytest.fixture
def owner(database):
    return bootstrap(database).organization.id


@pytest.fixture
def calls(database, writer, begin, owner):
    """Make an ended call of a time (s) whose events went to a webhook; its id."""
    configuration = {"name": "Desk", "webhook_url": "https://hooks.example.com/"}
    agent = Agents(database).create(owner, configuration)

    async def make(at=1.0, *, settled=True):
        talk = begin(writer, at=at, organization_id=owner, agent_id=agent.id)
        await talk.end(at=at + 1)
        call_id = talk.record.call_id
        if settled:
            with database.write() as connection:
                connection.execute(update(webhook_lanes).where(webhook_lanes.c.id == call_id).values(due_us=None))
        return call_id

    return make


def sequences(database, call_id):
    query = select(outbox.c.sequence).where(outbox.c.call_id == call_id).order_by(outbox.c.sequence)
    with database.read() as connection:
        return list(connection.execute(query).scalars())


def lanes(database):
    with database.read() as connection:
        return set(connection.execute(select(webhook_lanes.c.id)).scalars())


def deliver(database, call_id, sequence, status, position=1):
    """Write down what came of an event, and when (µs) that was begun."""
    mine = (outbox.c.call_id == call_id, outbox.c.sequence == sequence)
    with database.write() as connection:
        event = connection.execute(select(outbox).where(*mine)).one()
        url = "https://hooks.example.com/"
        note(connection, Result(event=event, endpoint_id="", url=url, status=status, at_us=1, latency_ms=1))
        begun = update(webhook_deliveries).where(webhook_deliveries.c.event_id == event.event_id)
        connection.execute(begun.values(position=position))


async def test_events_go_after_their_days_and_calls_keep_their_record(database, calls, owner):
    old, young = await calls(1.0), await calls(200.0)
    assert Expiry(database).events(CUT_US) == 3
    assert (sequences(database, old), sequences(database, young)) == ([], [1, 2, 3])
    assert lanes(database) == {young}
    assert Calls(database).load_record(old).status.value == "completed"
    assert Expiry(database).events(CUT_US) == 0


async def test_what_is_still_to_be_sent_or_failed_stays(database, calls):
    waiting, failed = await calls(settled=False), await calls()
    for sequence, status in ((1, DeliveryStatus.DELIVERED), (2, DeliveryStatus.FAILED), (3, DeliveryStatus.DELIVERED)):
        deliver(database, failed, sequence, status, sequence)
    assert Expiry(database).events(CUT_US) == 2
    assert sequences(database, waiting) == [1, 2, 3]
    assert sequences(database, failed) == [2]
    assert lanes(database) == {waiting, failed}


async def test_settled_deliveries_go_with_their_attempts(database, calls, owner):
    call_id = await calls()
    statuses = (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED)
    for sequence, status in enumerate(statuses, 1):
        deliver(database, call_id, sequence, status, sequence)
    other = await calls()
    deliver(database, other, 1, DeliveryStatus.DELIVERED, CUT_US)
    assert Expiry(database).deliveries(CUT_US) == 2
    left = Deliveries(database).after(owner, DeliveryFilter(), limit=9).items
    assert [(each.call_id, each.status, len(each.attempts)) for each in left] == [
        (other, DeliveryStatus.DELIVERED, 1), (call_id, DeliveryStatus.FAILED, 1),
    ]  # fmt: skip
    with database.read() as connection:
        assert len(connection.execute(select(webhook_attempts)).all()) == 2


async def test_all_of_many_go_and_a_place_before_them_is_still_one(database, calls, owner, monkeypatch):
    monkeypatch.setattr(expiry, "BATCH", 4)
    await calls()
    place = Outbox(database).after(owner, None, limit=1).cursor
    old = [place, *[await calls(at) for at in (2.0, 3.0, 4.0, 5.0)]][1:]
    for sequence in (1, 2, 3):  # a whole batch that stays doesn't end the work
        deliver(database, old[0], sequence, DeliveryStatus.FAILED, sequence)
    young = await calls(300.0)
    found = await asyncio.gather(*(asyncio.to_thread(Expiry(database).events, CUT_US) for _ in range(3)))
    assert sum(found) == 12
    rest = Outbox(database).after(owner, place, limit=100)
    assert [event.call_id for event in rest.events] == [old[0]] * 3 + [young] * 3
    assert Expiry(database).events(now_us()) == 3
