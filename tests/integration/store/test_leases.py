"""Leases: a due row is one worker's at a time, and nobody's work is lost or settled twice."""

import threading

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select

from offhook.store import leases
from offhook.store.leases import Queue, lease_columns

jobs = Table(
    "jobs", MetaData(), Column("id", Integer, primary_key=True), Column("answer", String(20)), *lease_columns()
)
LEASE_S = 60


class Clock:
    """Microseconds that pass when told."""

    def __init__(self):
        self.now = 1_000_000_000

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += round(seconds * 1e6)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(leases, "now_us", clock)
    return clock


@pytest.fixture
def queue(database, clock):
    with database.write() as connection:
        jobs.create(connection)
    return Queue(jobs, lease_s=LEASE_S)


@pytest.fixture
def put(database, clock):
    def add(*ids, in_s=0.0):
        with database.write() as connection:
            connection.execute(insert(jobs), [{"id": each, "due_us": clock.now + round(in_s * 1e6)} for each in ids])

    return add


@pytest.fixture
def do(database):
    """One of a queue's methods in a write transaction of its own."""

    def run(method, *arguments, **keywords):
        with database.write() as connection:
            return method(connection, *arguments, **keywords)

    return run


def ids(claimed):
    return [lease.id for lease in claimed]


def test_claims_what_is_due_first_first_and_no_more_than_asked_for(queue, put, do, clock):
    put(3)
    clock.advance(1)
    put(1, 2)
    put(4, in_s=10)
    assert ids(do(queue.claim, limit=2)) == [3, 1]
    assert ids(do(queue.claim, limit=9)) == [2]
    assert do(queue.claim, limit=9) == []
    clock.advance(10)
    assert ids(do(queue.claim, limit=9)) == [4]


def test_a_lease_shows_its_row_and_counts_the_attempts(queue, put, do, clock):
    put(1)
    (first,) = do(queue.claim, limit=1)
    assert (first.attempt, first.until_us, first.row["answer"]) == (1, clock.now + LEASE_S * 1_000_000, None)
    do(queue.again, first, clock.now, answer="not yet")
    (second,) = do(queue.claim, limit=1)
    assert (second.attempt, second.row["answer"]) == (2, "not yet")


def test_conditions_narrow_a_claim(queue, put, do):
    put(1, 2)
    assert ids(do(queue.claim, jobs.c.id > 1, limit=9)) == [2]


def test_a_row_comes_again_when_its_workers_lease_ran_out(queue, put, do, clock):
    put(1)
    (dead,) = do(queue.claim, limit=1)
    clock.advance(LEASE_S - 1)
    assert not do(queue.claim, limit=1)
    clock.advance(1)
    (alive,) = do(queue.claim, limit=1)
    assert not do(queue.finish, dead, answer="late")
    assert not do(queue.renew, dead)
    assert do(queue.finish, alive, answer="right")


def test_what_came_late_but_was_not_taken_over_counts(queue, put, do, clock, database):
    put(1)
    (lease,) = do(queue.claim, limit=1)
    clock.advance(LEASE_S + 5)
    assert do(queue.finish, lease, answer="late")
    with database.read() as connection:
        assert connection.execute(select(jobs.c.answer)).scalar() == "late"


def test_renewal_keeps_a_row(queue, put, do, clock):
    put(1)
    (lease,) = do(queue.claim, limit=1)
    clock.advance(LEASE_S - 1)
    assert do(queue.renew, lease)
    clock.advance(LEASE_S - 1)
    assert not do(queue.claim, limit=1)


def test_a_row_given_back_is_due_when_said(queue, put, do, clock):
    put(1)
    (lease,) = do(queue.claim, limit=1)
    assert do(queue.again, lease, clock.now + 5_000_000)
    assert not do(queue.claim, limit=1)
    clock.advance(5)
    assert ids(do(queue.claim, limit=1)) == [1]


def test_what_is_finished_is_settled_once_and_never_claimed_again(queue, put, do, clock, database):
    put(1)
    (lease,) = do(queue.claim, limit=1)
    assert do(queue.finish, lease, answer="yes")
    assert not do(queue.finish, lease, answer="again")
    assert not do(queue.again, lease, clock.now)
    clock.advance(LEASE_S * 10)
    assert not do(queue.claim, limit=1)
    with database.read() as connection:
        assert connection.execute(select(jobs.c.answer, jobs.c.due_us)).one() == ("yes", None)


def test_tells_from_a_read_whether_there_is_work(queue, put, do, clock, database):
    def due(*where):
        with database.read() as connection:
            return queue.has_due(connection, *where)

    assert not due()
    put(1)
    assert due()
    assert not due(jobs.c.id > 1)
    do(queue.claim, limit=1)
    assert not due()
    clock.advance(LEASE_S)
    assert due()


def test_workers_at_once_share_the_rows_and_none_goes_twice(queue, put, do, database):
    put(*range(200))
    taken, start = [], threading.Barrier(4)

    def work():
        start.wait()
        while claimed := do(queue.claim, limit=7):
            taken.extend(ids(claimed))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(200))
