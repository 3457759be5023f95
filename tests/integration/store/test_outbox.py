"""Reading on from a place in the outbox: nothing that is written later is missed, whoever commits first."""

import asyncio
import threading

import pytest
from sqlalchemy import select, text, update

from offhook.errors import NotFoundError
from offhook.store.outbox import Outbox
from offhook.store.tables import outbox

ORGANIZATION = "00000000-0000-4000-8000-000000000001"
only_postgresql = pytest.mark.parametrize("make_database_url", ["postgresql"], indirect=True)


async def read_all(database, after=None):
    """Everything after a place, three at a time; the events and the place reached."""
    found = []
    while True:
        page = Outbox(database).after(ORGANIZATION, after, limit=3)
        after = page.cursor
        if not page.events:
            return [event.event_id for event in found], after
        found += page.events


async def test_reads_on_from_where_it_was(database, writer, begin):
    calls = [begin(writer) for _ in range(4)]
    await asyncio.gather(*(call.say("Hello") for call in calls))
    first, place = await read_all(database)
    assert len(first) == len(set(first)) == 8
    await calls[0].say("Later")
    later, _ = await read_all(database, place)
    assert len(later) == 1
    # An event's own id is a place as well.
    assert await read_all(database, first[4]) == (first[5:] + later, _)


async def test_a_place_that_is_not_there_is_told(database):
    with pytest.raises(NotFoundError):
        Outbox(database).after(ORGANIZATION, "00000000-0000-4000-8000-00000000dead", limit=3)
    assert Outbox(database).after(ORGANIZATION, None, limit=3).cursor is None


@only_postgresql  # SQLite has one writing transaction at a time
async def test_nothing_is_missed_when_transactions_end_in_another_order_than_they_began(database, writer, begin):
    """The one that took its row numbers first commits last: its rows must not be passed over."""
    one, other = begin(writer), begin(writer)
    await asyncio.gather(one.futures[-1], other.futures[-1])
    seen, place = await read_all(database)
    values = {
        "organization_id": ORGANIZATION, "agent_id": "a", "type": "event_transcript", "at_us": 1, "body": "{}",
        "sequence": 99,
    }  # fmt: skip
    slow_wrote, quick_is_done = threading.Event(), threading.Event()

    def slow():
        with database.write() as connection:
            connection.execute(outbox.insert(), {**values, "event_id": "slow", "call_id": "slow"})
            slow_wrote.set()
            assert quick_is_done.wait(10)

    thread = threading.Thread(target=slow)
    thread.start()
    assert await asyncio.to_thread(slow_wrote.wait, 10)
    with database.write() as connection:
        connection.execute(outbox.insert(), {**values, "event_id": "quick", "call_id": "quick"})
    meanwhile, place = await read_all(database, place)
    quick_is_done.set()
    thread.join()
    afterwards, _ = await read_all(database, place)
    assert sorted(meanwhile + afterwards) == ["quick", "slow"]
    assert not {"quick", "slow"} & set(seen)


@only_postgresql  # SQLite has no transaction numbers
async def test_a_dump_that_was_restored_elsewhere_is_readable(database, writer, begin):
    """Transaction numbers of another cluster may lie far above this one's."""
    await begin(writer).say("Hello")
    before, _ = await read_all(database)
    with database.write() as connection:
        connection.execute(update(outbox).values(xid=4_000_000_000))
    assert await read_all(database) == ([], None)
    assert Outbox(database).settle_in()
    assert (await read_all(database))[0] == before
    assert not Outbox(database).settle_in()


async def test_its_queries_use_the_index_of_the_organization(database, writer, begin):
    await begin(writer).say("Hello")
    query = (
        select(outbox.c.id)
        .where(outbox.c.organization_id == ORGANIZATION, outbox.c.xid >= 0)
        .order_by(outbox.c.xid, outbox.c.id)
        .limit(3)
    )
    compiled = str(query.compile(database.engine, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.read() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = " ".join(str(row) for row in connection.execute(text(explain + compiled)))
    assert "ix_outbox_organization_id_xid_id" in plan
