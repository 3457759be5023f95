"""A deleted call leaves a tombstone and nothing else, whatever is written of it meanwhile."""

import asyncio
import uuid

import pytest
from sqlalchemy import MetaData, insert, select

from offhook.errors import ConflictError, NotFoundError
from offhook.record import events as e
from offhook.store.agents import Agents
from offhook.store.calls import CallFilter, Calls
from offhook.store.erasure import TOMBSTONES, Erasure, erase, files_gone, forget_words, is_erased, note_files
from offhook.store.organizations import Organizations
from offhook.store.retention import DAY_US, Retention
from offhook.store.tables import audit_log, metadata, post_call_jobs, tombstones, webhook_attempts, webhook_deliveries

ORGANIZATION = "00000000-0000-4000-8000-000000000001"
SECRET = "xylophone"
NUMBER = "+33698765432"


@pytest.fixture
def erased(writer):
    async def delete(call_id, organization_id=ORGANIZATION):
        await writer.erase(call_id, organization_id, actor="key:k1", reason="request")

    return delete


def everything(database) -> dict[str, str]:
    """All rows of all tables that there really are, as text."""
    found = MetaData()
    found.reflect(database.engine)
    with database.read() as connection:
        return {
            name: "\n".join(str(tuple(row)) for row in connection.execute(select(table)))
            for name, table in found.tables.items()
        }


def forget(database) -> None:
    first = True
    while True:
        with database.write() as connection:
            if not forget_words(connection, first=first):
                return
        first = False


def audit(database) -> list[tuple[str, str, dict]]:
    columns = audit_log.c
    query = select(columns.actor, columns.action, columns.detail).order_by(columns.id)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


async def ended(writer, begin, **values):
    talk = begin(writer, from_number=NUMBER, metadata={"note": SECRET}, **values)
    talk.say(f"My password is {SECRET}.")
    talk.add(e.VariableSet(at=6.0, name="word", variable_type="string", value=SECRET))
    await talk.end()
    await talk.add(e.Recorded(at=61.0, mixed="old/place/mixed.ogg", channels="old/place/channels.ogg", duration_ms=1))
    return talk


async def test_nothing_of_a_deleted_call_is_left_but_its_tombstone(database, writer, begin, erased):
    talk, other = await ended(writer, begin), await ended(writer, begin)
    call_id = talk.record.call_id
    with database.write() as connection:
        delivery = {
            "id": str(uuid.uuid4()), "organization_id": ORGANIZATION, "position": 1, "event_id": str(uuid.uuid4()),
            "agent_id": str(uuid.uuid4()), "call_id": call_id, "sequence": 1, "type": "t",
            "endpoint_id": str(uuid.uuid4()), "url": "https://x", "status": "failed", "attempts": 1, "error": SECRET,
        }  # fmt: skip
        connection.execute(insert(webhook_deliveries), delivery)
        attempt = {"delivery_id": delivery["id"], "number": 1, "at_us": 1, "url": "u", "delivered": False}
        connection.execute(insert(webhook_attempts), attempt | {"resend": False, "latency_ms": 1, "error": SECRET})
    await erased(call_id)
    left = everything(database)
    assert {name for name, rows in left.items() if call_id in rows} == {"tombstones", "audit_log"}
    assert left["webhook_attempts"] == ""
    assert all(SECRET not in left[name] and NUMBER not in left[name] for name in ("tombstones", "audit_log"))
    assert left["call_events"].count(SECRET) == 3, "the other call keeps its own"
    assert other.record.call_id in left["calls"]


async def test_the_tombstone_tells_what_when_and_by_whom(database, writer, begin, erased):
    talk = await ended(writer, begin)
    await erased(talk.record.call_id)
    ((actor, action, detail),) = audit(database)
    assert (actor, action) == ("key:k1", "call.deleted")
    assert detail == {
        "reason": "request",
        "agent_id": talk.record.created.agent_id,
        "type": "phone_call",
        "status": "completed",
        "created_at": "1970-01-01T00:00:01.000000Z",
        "start_time": "1970-01-01T00:01:00.000000Z",
        "end_time": "1970-01-01T00:01:00.000000Z",
        "recorded": True,
    }


async def test_a_running_call_is_not_deleted(writer, begin, erased, rows):
    talk = begin(writer)
    with pytest.raises(ConflictError, match="terminate it first"):
        await erased(talk.record.call_id)
    assert rows("SELECT count(*) FROM calls") == [(1,)]
    await talk.end()
    await erased(talk.record.call_id)
    assert rows("SELECT count(*) FROM calls") == [(0,)]


async def test_another_organizations_call_is_not_there(writer, begin, erased):
    talk = await ended(writer, begin)
    with pytest.raises(NotFoundError):
        await erased(talk.record.call_id, "00000000-0000-4000-8000-000000000002")
    await erased(talk.record.call_id)
    with pytest.raises(NotFoundError):
        await erased(talk.record.call_id)


async def test_what_comes_after_the_deletion_brings_nothing_back(database, writer, begin, erased):
    talk = await ended(writer, begin)
    late = asyncio.ensure_future(erased(talk.record.call_id))
    await asyncio.sleep(0)
    appended = talk.say(f"late: {SECRET}")
    amended = writer.amend(talk.record.call_id, ORGANIZATION, lambda _: [e.MetadataChanged(at=9, metadata={"x": 1})])
    await late
    for write in (appended, amended):
        with pytest.raises(NotFoundError):
            await write
    forget(database)
    assert all(SECRET not in rows for rows in everything(database).values())


async def test_words_of_deleted_calls_leave_the_search_index(database, writer, begin, erased):
    talks = [await ended(writer, begin) for _ in range(9)]
    kept = begin(writer)
    kept.say("only bananas")
    await kept.end()
    for talk in talks:
        await erased(talk.record.call_id)
    forget(database)
    assert all(SECRET not in rows for rows in everything(database).values())
    found = Calls(database).after(ORGANIZATION, CallFilter(text="bananas"), limit=9)
    assert [call.call_id for call in found.items] == [kept.record.call_id]


async def test_an_erasure_whose_end_was_not_seen_is_not_an_error(database, writer, begin):
    talk = await ended(writer, begin)
    wanted = Erasure(
        organization_id=ORGANIZATION, call_id=talk.record.call_id, actor="key:k1", reason="request", at_us=7
    )
    for _ in range(2):
        with database.write() as connection:
            erase(connection, wanted)
    assert len(audit(database)) == 1


async def test_files_are_a_queue_that_ends_with_the_proof(database, writer, begin, erased):
    talk = await ended(writer, begin)
    call_id = talk.record.call_id
    await erased(call_id)
    with database.write() as connection:
        assert is_erased(connection, call_id)
        assert not is_erased(connection, "another")
        (lease,) = TOMBSTONES.claim(connection, limit=9)
        assert TOMBSTONES.claim(connection, limit=9) == []
    assert [each["key"] for each in lease.row["files"]] == ["old/place/mixed.ogg", "old/place/channels.ogg"]
    files = [{"key": "old/place/mixed.ogg", "size": 3, "sha256": "ab"}]
    with database.write() as connection:
        assert note_files(connection, lease, files)
        assert files_gone(connection, lease, files)
        assert not files_gone(connection, lease, files), "once"
    actor, action, detail = audit(database)[-1]
    assert (actor, action, detail["files"], detail["reason"]) == ("key:k1", "call.files_deleted", files, "request")
    with database.read() as connection:
        row = connection.execute(select(tombstones)).one()
        assert (row.due_us, row.completed_us is not None) == (None, True)
        assert not TOMBSTONES.has_due(connection)


def test_every_table_of_a_call_says_so():
    """A queue whose rows are calls names no ``call_id``; it must name its column another way."""
    assert post_call_jobs.info == {"call_id": "id"}
    for table in metadata.tables.values():
        column = table.info.get("call_id", "call_id")
        assert "call_id" not in table.info or column in table.c, table.name


# ---------------------------------------------------------------------- retention

AGENT = {"name": "A", "states": [{"name": "s", "prompt": "p"}], "initial_state_name": "s"}


@pytest.fixture
def agents(database):
    """Agents by their days; each has a call that ended at second 60 of 1970."""
    owner = Organizations(database).create("Owner").id

    def make(*versions):
        store, agent = Agents(database), None
        for days in versions:
            config = AGENT | ({"privacy": {"retention_days": days}} if days != "none" else {})
            if agent is None:
                agent = store.create(owner, config, deploy=True)
            else:
                store.deploy(owner, agent.id, store.save_draft(owner, agent.id, config).version)
        return owner, agent.id

    return make


async def test_a_call_expires_its_agents_days_after_its_end(database, writer, begin, agents):
    for versions in ((1,), (30,), ("none",), (None,)):
        owner, agent_id = agents(*versions)
        await ended(writer, begin, organization_id=owner, agent_id=agent_id)
        await begin(writer, organization_id=owner, agent_id=agent_id).futures[-1]
    retention, end_us = Retention(database), 60_000_000
    for days, count in ((0, 0), (0.999, 0), (1, 0), (1.001, 1), (29.9, 1), (30.1, 2), (4000, 2)):
        assert len(retention.expired(round(end_us + days * DAY_US), 9)) == count, days
    assert len(retention.expired(round(end_us + 99 * DAY_US), 1)) == 1


async def test_the_published_versions_days_count_also_of_a_deleted_agent(database, writer, begin, agents):
    owner, agent_id = agents(300, 2)
    await ended(writer, begin, organization_id=owner, agent_id=agent_id)
    Agents(database).delete(owner, agent_id)
    retention = Retention(database)
    assert retention.expired(3 * DAY_US, 9) == [(owner, retention.expired(3 * DAY_US, 9)[0][1])]
    assert retention.expired(1 * DAY_US, 9) == []
