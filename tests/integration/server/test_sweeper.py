"""Orphans: a call whose process died is ended once, soon, and nobody else's call is."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from offhook.record import events as e
from offhook.record.cost import PriceList
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, Status
from offhook.server import sweeper as timing
from offhook.server.node import Node
from offhook.server.sweeper import Sweeper
from offhook.store.calls import Calls
from offhook.store.database import Database
from offhook.store.tables import outbox, workers
from offhook.store.workers import Workers
from offhook.store.writer import CallWriter

ORGANIZATION = "00000000-0000-4000-8000-000000000001"


class Process:
    """What one server process has: an identity, a writer, a sweeper."""

    def __init__(self, url, node_id=None):
        self.database = Database(url)
        self.workers = Workers(self.database)
        self.id = self.workers.register(node_id)
        self.writer = CallWriter(self.database, gather_s=0.001, worker_id=self.id)
        self.sounds = set()  # calls whose tape is on this process's disk
        self.sweeper = Sweeper(
            self.workers, self.writer, self.id, node_id,
            prices_of=lambda _: PriceList(telephony_minute=Decimal("0.024")), has_sound=self.sounds.__contains__,
        )  # fmt: skip

    async def call(self, status=Status.RINGING):
        created = e.CallCreated(
            at=100.0, call_id=os.urandom(16).hex(), organization_id=ORGANIZATION, agent_id="a", direction="inbound",
            from_number="+331", to_number="+332",
        )  # fmt: skip
        record = CallRecord.create(created)
        steps = [e.StatusChanged(at=101.5, status=Status.RINGING)]
        if status is Status.IN_PROGRESS:
            steps.append(e.StatusChanged(at=103.25, status=status))
        for step in steps:
            record.apply(step)
        await self.writer.append(record.call_id, [created, *steps], record)
        return record.call_id

    def record(self, call_id):
        return Calls(self.database).load_record(call_id)

    def final_events(self, call_id):
        query = select(outbox.c.body).where(outbox.c.call_id == call_id)
        with self.database.read() as connection:
            return [body for body in connection.execute(query).scalars() if '"end_reason"' in body]

    def silent_for(self, seconds, worker_id):
        """The worker's last heartbeat was so long ago."""
        with self.database.write() as connection:
            long_ago = round((time.time() - seconds) * 1e6)
            mine = update(workers).where(workers.c.id == worker_id)
            assert connection.execute(mine.values(heartbeat_us=long_ago)).rowcount == 1

    async def sweep(self):
        """As one that has been beating for long."""
        self.sweeper._beating_since, self.sweeper._last_beat = time.monotonic() - 100, time.monotonic()
        return await self.sweeper.once()

    async def close(self):
        await self.writer.close()
        self.database.close()


@pytest.fixture
async def start(database_url):
    running = []

    def begin(node_id=None):
        running.append(Process(database_url, node_id))
        return running[-1]

    yield begin
    for process in running:
        await process.close()


async def test_the_calls_of_a_silent_process_end_with_platform_failure_where_their_last_event_was(start):
    dead, alive = start(), start()
    ringing, talking = await dead.call(), await dead.call(Status.IN_PROGRESS)
    own = await alive.call(Status.IN_PROGRESS)
    dead.silent_for(timing.DEAD_AFTER_S + 1, dead.id)
    assert await alive.sweep() == 2
    for call_id, ended_at in ((ringing, 101.5), (talking, 103.25)):
        record = alive.record(call_id)
        assert (record.status, record.end_reason.code, record.end_at) == (
            Status.FAILED, EndCode.PLATFORM_FAILURE, ended_at,
        )  # fmt: skip
        assert len(alive.final_events(call_id)) == 1
    assert alive.record(own).status is Status.IN_PROGRESS
    assert await alive.sweep() == 0


async def test_a_process_that_beats_keeps_its_calls(start):
    one, other = start(), start()
    call_id = await one.call()
    one.silent_for(timing.DEAD_AFTER_S - 5, one.id)
    assert await other.sweep() == 0
    one.silent_for(timing.DEAD_AFTER_S + 1, one.id)
    await one.sweeper.once()  # it beats again
    assert await other.sweep() == 0
    assert other.record(call_id).status is Status.RINGING


async def test_many_who_sweep_at_once_give_one_final_event(start):
    dead, *alive = [start() for _ in range(5)]
    calls = [await dead.call() for _ in range(10)]
    dead.silent_for(timing.DEAD_AFTER_S + 1, dead.id)
    await asyncio.gather(*(process.sweep() for process in alive))
    for call_id in calls:
        assert len(alive[0].final_events(call_id)) == 1


async def test_a_restart_closes_what_its_directory_left_at_once_and_nothing_else(start):
    before, elsewhere = start("node-1"), start("node-2")
    left, others = await before.call(), await elsewhere.call()
    after = start("node-1")
    assert await after.sweeper.sweep_own() == 1
    assert after.record(left).status is Status.FAILED
    assert after.record(others).status is Status.RINGING


async def test_an_answered_call_is_billed_its_minutes_up_to_its_last_event_and_says_that_more_is_not_known(start):
    dead, alive = start(), start()
    ringing, talking = await dead.call(), await dead.call(Status.IN_PROGRESS)
    said = e.TranscriptAdded(at=133.25, item_id=1, role="user", content="Hello")
    await dead.writer.amend(talking, ORGANIZATION, lambda _: [said])
    dead.silent_for(timing.DEAD_AFTER_S + 1, dead.id)
    await alive.sweep()
    record = alive.record(talking)
    assert record.cost_lines == (
        {"component": "telephony", "quantity": "0.5", "unit": "minute", "unit_price": "0.024", "amount": "0.012"},
        {"component": "platform", "quantity": "0.5", "unit": "minute", "unit_price": "0", "amount": "0"},
    )
    assert (record.cost, [flag.code for flag in record.flags]) == (Decimal("0.012"), ["cost_incomplete"])
    # Nobody answered the other one: it cost nothing that we know of.
    assert (alive.record(ringing).cost, alive.record(ringing).flags) == (None, [])


async def test_a_restart_tells_of_the_calls_that_left_no_sound_that_no_recording_will_come(start):
    before = start("node-1")
    with_sound, without, unanswered = [
        await before.call(status) for status in (Status.IN_PROGRESS, Status.IN_PROGRESS, Status.RINGING)
    ]
    after = start("node-1")
    after.sounds.add(with_sound)
    assert await after.sweeper.sweep_own() == 3
    told = {call_id: after.record(call_id).not_recorded for call_id in (with_sound, without, unanswered)}
    assert [call_id for call_id, event in told.items() if event] == [without]


async def test_what_is_on_another_directory_s_disk_is_not_judged_from_here(start):
    dead, alive = start("node-1"), start("node-2")
    call_id = await dead.call(Status.IN_PROGRESS)
    dead.silent_for(timing.DEAD_AFTER_S + 1, dead.id)
    assert await alive.sweep() == 1
    assert alive.record(call_id).not_recorded is None


async def test_a_process_beside_another_on_its_directory_closes_nothing_at_its_start(start):
    server, beside = start("node-1"), start(None)
    call_id = await server.call()
    assert await beside.sweeper.sweep_own() == 0
    assert beside.record(call_id).status is Status.RINGING


async def test_a_call_of_before_there_were_workers_is_an_orphan(start):
    process = start()
    process.writer._worker_id = None
    call_id = await process.call()
    assert await process.sweep() == 1
    assert process.record(call_id).status is Status.FAILED


async def test_nobody_is_ended_because_the_database_was_away(start):
    """All heartbeats are old then; who comes back first must not end the calls of those who come back second."""
    one, other = start(), start()
    await other.call()
    one.sweeper._beating_since = time.monotonic() - 500
    one.sweeper._last_beat = time.monotonic() - timing.DEAD_AFTER_S - 5
    other.silent_for(timing.DEAD_AFTER_S + 5, other.id)
    assert await one.sweeper.once() == 0
    await other.sweeper.once()
    assert await one.sweep() == 0


async def test_a_new_process_watches_for_a_while_before_it_ends_anything(start):
    dead, new = start(), start()
    await dead.call()
    dead.silent_for(timing.DEAD_AFTER_S + 1, dead.id)
    assert await new.sweeper.once() == 0


async def test_a_worker_that_was_forgotten_comes_back(start):
    one, other = start(), start()
    one.silent_for(25 * 3600, one.id)
    await other.sweeper.once()
    with one.database.read() as connection:
        assert connection.execute(select(workers.c.id).where(workers.c.id == one.id)).first() is None
    await one.sweeper.once()
    call_id = await one.call()
    assert await other.sweep() == 0
    assert other.record(call_id).status is Status.RINGING


async def test_what_a_worker_leaves_in_order_is_closed_at_the_next_look(start):
    gone, other = start(), start()
    call_id = await gone.call()
    gone.workers.remove(gone.id)
    assert await other.sweep() == 1
    assert other.record(call_id).status is Status.FAILED


async def test_a_process_that_was_cut_off_can_not_end_its_call_a_second_time(start):
    cut_off, other = start(), start()
    call_id = await cut_off.call(Status.IN_PROGRESS)
    live = cut_off.record(call_id)
    cut_off.silent_for(timing.DEAD_AFTER_S + 1, cut_off.id)
    await other.sweep()
    late = e.StatusChanged(at=200.0, status=Status.COMPLETED)
    live.apply(late)
    await cut_off.writer.append(call_id, [late], live)
    assert other.record(call_id).status is Status.FAILED
    assert len(other.final_events(call_id)) == 1


def test_a_directory_is_one_process_es_at_a_time_and_keeps_its_identity(tmp_path):
    first = Node.take(tmp_path)
    second = Node.take(tmp_path)
    assert first.id is not None
    assert second.id is None
    second.close()
    first.close()
    again = Node.take(tmp_path)
    assert again.id == first.id
    again.close()


def test_a_killed_process_gives_its_directory_back(tmp_path):
    code = (
        "import pathlib, sys, time\n"
        "from offhook.server.node import Node\n"
        "print(Node.take(pathlib.Path(sys.argv[1])).id, flush=True)\n"
        "time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    node_id = holder.stdout.readline().strip()
    assert Node.take(tmp_path).id is None
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    again = Node.take(tmp_path)
    assert again.id == node_id
    again.close()
