"""Processes that write at the same time: each a writer of its own on one database. Nothing is lost, nothing twice."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from offhook.record import events as e
from offhook.store import writer as writer_module
from offhook.store.calls import Calls
from offhook.store.database import Database, retried
from offhook.store.organizations import Organizations
from offhook.store.tables import calls as calls_table
from offhook.store.tables import organizations
from offhook.store.writer import CallWriter

ORGANIZATION = "00000000-0000-4000-8000-000000000001"
only_postgresql = pytest.mark.parametrize("make_database_url", ["postgresql"], indirect=True)


@pytest.fixture
async def other(database_url):
    """The writer of another process."""
    database = Database(database_url)
    writer = CallWriter(database, gather_s=0.002)
    yield writer
    await writer.close(limit_s=5)
    database.close()


def add(name):
    return lambda record: [e.MetadataChanged(at=1.0, metadata={**record.metadata, name: 1})]


async def until_locked(database):
    """Return when somebody waits for a lock in this database."""
    waits = text("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    while True:
        with database.read() as connection:
            if pids := connection.scalars(waits).all():
                return pids
        await asyncio.sleep(0.01)


async def test_a_call_that_two_processes_write_to_has_all_of_it(database, writer, other, begin):
    talk = begin(writer)
    await talk.say("one")
    # The writer knows how far the call was; now it isn't so any more.
    await other.amend(talk.record.call_id, ORGANIZATION, add("theirs"))
    await talk.say("two")
    await other.amend(talk.record.call_id, ORGANIZATION, add("again"))
    await talk.end()
    record = Calls(database).load_record(talk.record.call_id)
    assert record.transcript.text() == "User: one\nUser: two"
    assert record.metadata == {"theirs": 1, "again": 1}
    assert record.events_applied == 8


async def test_changes_of_two_processes_at_once_all_hold(database, writer, other, begin):
    talk = begin(writer)
    await talk.end()
    changes = [
        each.amend(talk.record.call_id, ORGANIZATION, add(f"{name}{number}"))
        for number in range(25)
        for name, each in (("a", writer), ("b", other))
    ]
    await asyncio.gather(*changes)
    record = Calls(database).load_record(talk.record.call_id)
    assert len(record.metadata) == 50


async def test_calls_of_one_microsecond_from_two_processes_have_own_places(database, writer, other, begin, rows):
    with capture_logs() as logs:
        talks = [begin(each, at=7.0) for _ in range(20) for each in (writer, other)]
        await asyncio.gather(*[future for talk in talks for future in talk.futures])
    assert "call_not_stored" not in {row["event"] for row in logs}
    assert rows("SELECT position FROM calls ORDER BY position") == [(7_000_000 + number,) for number in range(40)]


@only_postgresql
async def test_a_place_that_another_process_is_taking_is_waited_for_and_passed_over(database, writer, begin, rows):
    first = begin(writer, at=7.0)
    await first.futures[-1]
    with database.read() as connection:
        row = dict(connection.execute(select(calls_table)).mappings().one())
    with database.write() as connection:
        connection.execute(insert(calls_table), {**row, "id": "theirs", "position": 7_000_001})
        second = begin(writer, at=7.0)
        await until_locked(database)
    await second.futures[-1]
    assert [position for (position,) in rows("SELECT position FROM calls ORDER BY position")] == [
        7_000_000,
        7_000_001,
        7_000_002,
    ]


@only_postgresql
async def test_a_deadlock_of_two_processes_is_dissolved(database, writer, other, begin):
    one, two = begin(writer), begin(writer)
    await asyncio.gather(one.end(), two.end())
    both_hold_one = threading.Barrier(2)
    tries = {"first": 0, "second": 0}

    def holding(name):
        def decide(record):
            tries[name] += 1
            if tries[name] == 1:
                both_hold_one.wait(10)
            return add(name)(record)

        return decide

    changes = [
        writer.amend(one.record.call_id, ORGANIZATION, holding("first")),
        other.amend(two.record.call_id, ORGANIZATION, holding("second")),
        writer.amend(two.record.call_id, ORGANIZATION, add("third")),
        other.amend(one.record.call_id, ORGANIZATION, add("fourth")),
    ]
    await asyncio.wait_for(asyncio.gather(*changes), 30)
    assert sum(tries.values()) > 2
    calls = Calls(database)
    assert calls.load_record(one.record.call_id).metadata == {"first": 1, "fourth": 1}
    assert calls.load_record(two.record.call_id).metadata == {"second": 1, "third": 1}


@only_postgresql
async def test_a_connection_killed_in_mid_transaction_loses_and_doubles_nothing(database, writer, begin, monkeypatch):
    monkeypatch.setattr(writer_module, "RETRY_FIRST_S", 0.01)
    talk = begin(writer)
    await talk.end()
    with capture_logs() as logs:
        with database.write() as connection:
            connection.execute(select(calls_table.c.id).with_for_update())
            # The writer has stored the events of a new call in its transaction, and waits for the other one.
            new = begin(writer)
            change = writer.amend(talk.record.call_id, ORGANIZATION, add("mine"))
            (pid,) = await until_locked(database)
            with database.write() as another:
                another.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        await asyncio.gather(*new.futures, change)
    assert "database_write_failed" in {row["event"] for row in logs}
    calls = Calls(database)
    assert calls.load_record(new.record.call_id).events_applied == 2
    assert calls.load_record(talk.record.call_id).metadata == {"mine": 1}
    assert calls.load_record(talk.record.call_id).events_applied == 5


async def test_a_commit_whose_answer_was_lost_is_not_done_again(database, writer, begin, monkeypatch):
    monkeypatch.setattr(writer_module, "RETRY_FIRST_S", 0.01)
    talk = begin(writer)
    await talk.say("before")
    real, lost = Database.write, []

    @contextmanager
    def write(self, **options):
        with real(self, **options) as connection:
            yield connection
        if not lost:
            lost.append(True)
            raise OperationalError("COMMIT", {}, Exception("the connection broke"))

    monkeypatch.setattr(Database, "write", write)
    with capture_logs() as logs:
        new = begin(writer)
        said, changed = talk.say("once"), writer.amend(talk.record.call_id, ORGANIZATION, add("mine"))
        await asyncio.gather(said, changed, *new.futures)
    assert lost
    assert {row["event"] for row in logs} == {"database_write_failed", "database_write_recovered"}
    record = Calls(database).load_record(talk.record.call_id)
    assert (record.transcript.text(), record.events_applied) == ("User: before\nUser: once", 5)
    assert (await changed).metadata == {"mine": 1}
    assert Calls(database).load_record(new.record.call_id).events_applied == 2


@only_postgresql
def test_a_change_that_a_deadlock_undid_is_made_again(database):
    both_hold_one, tries = threading.Barrier(2), []
    first, second = Organizations(database).create("first").id, Organizations(database).create("second").id

    @retried
    def swap(one, two):
        tries.append(one)
        with database.write() as connection:
            for number, each in enumerate((one, two)):
                connection.execute(update(organizations).where(organizations.c.id == each), {"name": f"by {one}"})
                if number == 0 and len(tries) <= 2:
                    both_hold_one.wait(10)

    threads = [threading.Thread(target=swap, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) >= 3  # who was undone may be undone again before the other one is through
    names = {Organizations(database).get(each).name for each in (first, second)}
    assert names in ({f"by {first}"}, {f"by {second}"})
