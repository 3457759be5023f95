"""Ingestion goes on, whatever stops it: a crash, a store that is away, a source that is removed meanwhile."""

import asyncio
import time

import pytest
from sqlalchemy import func, select, update

from offhook.errors import StorageError
from offhook.knowledge import ingestion as ingesting
from offhook.store.ids import now_us
from offhook.store.knowledge import SourceStatus
from offhook.store.tables import knowledge_passages, knowledge_sources

TEXT = "# Parking\n\nThe garage is below the building.\n\n# Hours\n\nWe open at nine."


class Death(BaseException):
    """The process ends: nothing is caught, nothing is settled."""


def passages(house, source_id):
    query = select(func.count()).where(knowledge_passages.c.source_id == source_id)
    with house.database.read() as connection:
        return connection.execute(query).scalar_one()


def row(house, source_id):
    with house.database.read() as connection:
        query = select(knowledge_sources).where(knowledge_sources.c.id == source_id)
        return connection.execute(query).mappings().one()


def expire_leases(house):
    """The time that a lease lasts goes by."""
    with house.database.write() as connection:
        connection.execute(update(knowledge_sources).values(leased_until_us=1, due_us=1))


async def test_what_a_crash_left_half_done_is_done_anew(house, monkeypatch):
    monkeypatch.setattr(ingesting, "_BATCH", 1)
    source_id = await house.add("rules.md", TEXT)
    dies = house.knowledge._ingestion
    add, added = dies._add, []

    def add_one_and_die(lease, found):
        if added:
            raise Death
        added.append(add(lease, found))

    monkeypatch.setattr(dies, "_add", add_one_and_die)
    lease = await asyncio.to_thread(dies._claim)
    with pytest.raises(Death):
        await dies._read(lease)
    assert passages(house, source_id) == 1
    assert await house.texts("garage") == []  # nothing of it is found before all of it is
    other = house.another()
    assert await other.knowledge._ingestion.work_once() is False  # the lease still holds
    expire_leases(house)
    assert await other.knowledge._ingestion.work_once() is True
    assert (house.source(source_id).status, passages(house, source_id)) == (SourceStatus.READY, 2)
    assert await house.texts("garage") == ["The garage is below the building."]


async def test_who_comes_back_too_late_changes_nothing(house):
    source_id = await house.add("rules.md", TEXT)
    late = house.knowledge._ingestion
    lease = await asyncio.to_thread(late._claim)
    expire_leases(house)
    assert await house.another().knowledge._ingestion.work_once() is True
    with pytest.raises(ingesting._Lost):
        await asyncio.to_thread(late._add, lease, [])
    with pytest.raises(ingesting._Lost):
        await asyncio.to_thread(late._finish, lease, None)
    await asyncio.to_thread(late._give_up, lease, "too late")
    source = house.source(source_id)
    assert (source.status, source.reason, source.passages) == (SourceStatus.READY, None, 2)


async def test_a_source_removed_while_it_is_read_stays_removed(house):
    source_id = await house.add("rules.md", TEXT)
    working = house.knowledge._ingestion
    lease = await asyncio.to_thread(working._claim)
    await house.knowledge.remove(house.organization_id, house.base_id, [source_id])
    with pytest.raises(ingesting._Lost):
        await asyncio.to_thread(working._finish, lease, None)
    assert passages(house, source_id) == 0
    assert house.knowledge.bases.get(house.organization_id, house.base_id).sources == ()


async def test_a_store_that_is_away_is_waited_for_then_given_up_with_a_reason(house, monkeypatch):
    source_id = await house.add("rules.md", TEXT)
    working = house.knowledge._ingestion

    def away(_key):
        raise StorageError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(house.knowledge._files, "path", away)
        for attempt in range(1, ingesting.MAX_ATTEMPTS + 1):
            assert await working.work_once() is True
            found = row(house, source_id)
            if attempt < ingesting.MAX_ATTEMPTS:
                assert (found["status"], found["due_us"] > now_us()) == ("ingesting", True)
                assert await working.work_once() is False
                expire_leases(house)
    assert (found["status"], found["due_us"]) == ("failed", None)
    assert found["reason"] == "it could not be read in 5 tries: the store is away"


async def test_a_source_that_takes_the_server_down_is_given_up(house):
    source_id = await house.add("rules.md", TEXT)
    for _ in range(ingesting.MAX_ATTEMPTS):
        assert await asyncio.to_thread(house.knowledge._ingestion._claim) is not None
        expire_leases(house)  # the process that claimed it is gone, without a word
    assert await house.knowledge._ingestion.work_once() is False
    source = house.source(source_id)
    assert (source.status, source.reason) == (
        SourceStatus.FAILED, "it could not be read in 5 tries; the log has the reasons",
    )  # fmt: skip


async def test_a_file_that_is_gone_fails_its_source(house):
    source_id = await house.add("rules.md", TEXT)
    house.knowledge._files.path(house.source(source_id).file_key).unlink()
    await house.knowledge.start()
    assert (await house.settled(source_id)).reason == "its file is no longer in the store"


async def test_files_of_a_store_elsewhere_are_copied_while_they_are_read(house, monkeypatch):
    source_id = await house.add("rules.md", TEXT)
    monkeypatch.setattr(house.knowledge._files, "_folder", None)  # as a bucket is: without paths
    assert await house.knowledge._ingestion.work_once() is True
    assert house.source(source_id).status is SourceStatus.READY
    assert list((house.settings.data_dir / "incoming").iterdir()) == []


async def test_a_fault_of_ours_stops_only_the_source_that_has_it(house, monkeypatch):
    first, second = await house.add("one.md", TEXT), await house.add("two.md", TEXT)
    working = house.knowledge._ingestion
    ingest = working._ingest

    async def trips(lease):
        if lease.id == first:
            raise RuntimeError("a fault")
        await ingest(lease)

    monkeypatch.setattr(working, "_ingest", trips)
    await house.knowledge.start()
    assert (await house.settled(second)).status is SourceStatus.READY
    assert house.source(first).status is SourceStatus.INGESTING  # until its lease runs out


async def test_the_loop_is_never_held_up_while_a_large_file_is_read(house):
    longest = 0.0

    async def watch():
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    words = " ".join(f"word{number}" for number in range(40_000))
    await house.knowledge.start()
    source_id = await house.add("large.txt", words)
    source = await house.settled(source_id)
    watching.cancel()
    assert source.passages > 100
    assert longest < 0.5  # a busy machine's own pauses; reading alone takes longer


async def test_adding_is_all_or_nothing_in_the_store_too(house, monkeypatch):
    monkeypatch.setattr("offhook.store.knowledge.MAX_SOURCES", 0)
    with pytest.raises(Exception, match="at most 0 sources"):
        await house.add("rules.md", TEXT)
    folder = house.settings.data_dir / "knowledge"
    assert [path for path in folder.rglob("*") if path.is_file()] == []
