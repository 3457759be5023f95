"""Files of deleted calls go, with proof, whatever fails on the way; and calls past their days are deleted."""

from __future__ import annotations

import asyncio
import hashlib
import uuid

import pytest
from sqlalchemy import select

from offhook.errors import StorageError
from offhook.files import folder_files
from offhook.record import events as e
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.recordings import Recordings
from offhook.server import erasing
from offhook.server.erasing import Eraser, Retainer
from offhook.server.recovery import Recovery
from offhook.store.agents import Agents
from offhook.store.database import Database, sqlite_url
from offhook.store.organizations import Organizations
from offhook.store.tables import audit_log, calls
from offhook.store.writer import CallWriter

DAY_US = 86_400 * 1_000_000
SOUND = b"\1\2" * 160


@pytest.fixture
def database(tmp_path):
    database = Database.open(sqlite_url(tmp_path / "offhook.db"))
    yield database
    database.close()


@pytest.fixture
async def writer(database):
    writer = CallWriter(database, gather_s=0.001)
    yield writer
    await writer.close()


@pytest.fixture
async def recordings(tmp_path):
    made = Recordings(tmp_path, folder_files(tmp_path / "recordings"), "secret", "")
    yield made
    await made.close()


@pytest.fixture
def owner(database):
    return Organizations(database).create("Owner").id


@pytest.fixture
def ended(writer, owner):
    """A call that is over; ``agent_id`` may be given."""

    async def make(agent_id=None):
        created = e.CallCreated(
            at=1.0, call_id=str(uuid.uuid4()), organization_id=owner, agent_id=agent_id or str(uuid.uuid4()),
            direction="inbound", from_number="+331", to_number="+332",
        )  # fmt: skip
        record = CallRecord.create(created)
        reason = EndReason(EndCode.CALLER_HUNG_UP, "caller")
        steps = [
            e.StatusChanged(at=1.0, status=Status.RINGING),
            e.StatusChanged(at=2.0, status=Status.IN_PROGRESS),
            e.StatusChanged(at=60.0, status=Status.COMPLETED, end_reason=reason),
        ]
        for step in steps:
            record.apply(step)
        await writer.append(record.call_id, [created, *steps], record)
        return record.call_id

    return make


@pytest.fixture
def taped(recordings, owner):
    def make(call_id):
        tape = recordings.open_tape(call_id, owner, 8000, 1.0)
        for index in range(50):
            tape.append(index, SOUND, None)
        return tape

    return make


@pytest.fixture
def erase(writer, owner):
    async def delete(call_id):
        await writer.erase(call_id, owner, actor="key:k1", reason="request")

    return delete


@pytest.fixture
def proofs(database):
    def read():
        query = select(audit_log.c.detail).where(audit_log.c.action == "call.files_deleted")
        with database.read() as connection:
            return list(connection.execute(query).scalars())

    return read


def left(tmp_path) -> list[str]:
    return sorted(
        path.name for part in ("recordings", "tapes") for path in (tmp_path / part).rglob("*") if path.is_file()
    )


async def test_files_go_and_the_audit_log_has_the_proof(
    database, recordings, ended, taped, erase, proofs, tmp_path
):  # fmt: skip
    call_id = await ended()
    stored = await recordings.finish(taped(call_id))
    await recordings.acknowledge(call_id)
    mixed = await recordings.store.read(stored.mixed)
    await erase(call_id)
    assert await Eraser(database, recordings).work()
    assert left(tmp_path) == []
    (proof,) = proofs()
    assert [each["key"] for each in proof["files"]] == [stored.channels, stored.mixed, stored.peaks]
    assert proof["files"][1] == {
        "key": stored.mixed, "size": len(mixed), "sha256": hashlib.sha256(mixed).hexdigest(),
    }  # fmt: skip
    assert not await Eraser(database, recordings).work()


async def test_a_call_whose_recording_is_still_on_tape_can_be_deleted(
    database, writer, recordings, ended, taped, erase, proofs, tmp_path, monkeypatch
):
    monkeypatch.setattr(erasing, "RETRY_FIRST_S", 0)
    call_id = await ended()
    tape = taped(call_id)
    await asyncio.to_thread(tape.flush)
    await erase(call_id)
    eraser = Eraser(database, recordings)
    assert await eraser.work()
    assert proofs() == [], "the tape is in use"
    await asyncio.wrap_future(recordings._deck.eject(tape))
    assert await eraser.work()
    assert (left(tmp_path), [proof["files"] for proof in proofs()]) == ([], [[]])
    assert await recordings.finish(tape) is None


async def test_a_tape_that_a_crash_left_of_a_deleted_call_is_not_kept(
    database, writer, recordings, ended, taped, erase, tmp_path
):
    call_id = await ended()
    await erase(call_id)
    assert await Eraser(database, recordings).work()
    tape = taped(call_id)  # as another machine of the installation may have it
    await asyncio.wrap_future(recordings._deck.eject(tape))
    recovery = Recovery(database, writer, recordings)
    assert await recordings.recover(recovery._note_recording) == 0
    assert left(tmp_path) == []


async def test_a_store_that_is_away_only_delays_it_also_across_a_crash(
    database, recordings, ended, taped, erase, proofs, tmp_path, monkeypatch
):
    monkeypatch.setattr(erasing, "RETRY_FIRST_S", 0)
    call_id = await ended()
    await recordings.finish(taped(call_id))
    await recordings.acknowledge(call_id)
    await erase(call_id)
    delete, deleted = recordings.store.delete, []

    async def fails_at_the_second(key):
        if deleted:
            raise StorageError("away")
        deleted.append(key)
        await delete(key)

    monkeypatch.setattr(recordings.store, "delete", fails_at_the_second)
    assert await Eraser(database, recordings).work()
    assert (len(left(tmp_path)), proofs()) == (2, [])
    monkeypatch.setattr(recordings.store, "delete", delete)
    assert await Eraser(database, recordings).work(), "as after a restart"
    (proof,) = proofs()
    assert left(tmp_path) == []
    assert len(proof["files"]) == 3, "the file that went at the first try is in the proof"


async def test_a_call_without_a_recording_leaves_a_proof_of_no_files(database, recordings, ended, erase, proofs):
    await erase(await ended())
    assert await Eraser(database, recordings).work()
    assert [proof["files"] for proof in proofs()] == [[]]


# ---------------------------------------------------------------------- retention


async def test_calls_past_their_agents_days_are_deleted_the_same_way(
    database, writer, recordings, owner, ended, taped, proofs, tmp_path, monkeypatch
):
    monkeypatch.setattr(erasing, "BATCH", 4)
    config = {"name": "A", "states": [{"name": "s", "prompt": "p"}], "initial_state_name": "s"}
    agent = Agents(database).create(owner, config | {"privacy": {"retention_days": 30}}, deploy=True)
    kept, old = await ended(), [await ended(agent.id) for _ in range(9)]
    await recordings.finish(taped(old[0]))
    await recordings.acknowledge(old[0])
    now_us = 60_000_000 + 30 * DAY_US
    retainer = Retainer(database, writer, lambda: now_us)
    assert await retainer.sweep() == 0
    now_us += 1
    assert await retainer.sweep() == 9, "more than a batch"
    assert await retainer.sweep() == 0
    with database.read() as connection:
        assert list(connection.execute(select(calls.c.id)).scalars()) == [kept]
        entry = connection.execute(select(audit_log).where(audit_log.c.object_id == old[0])).one()
    assert (entry.actor, entry.action, entry.detail["reason"]) == ("retention", "call.deleted", "retention")
    eraser = Eraser(database, recordings)
    while await eraser.work():
        pass
    assert left(tmp_path) == []
    assert sorted(len(proof["files"]) for proof in proofs()) == [0] * 8 + [3]
