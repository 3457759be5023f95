"""The hot read: a call to its owner only, never a stale answer, and well again when the database is."""

import asyncio
import uuid

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from offhook.errors import DatabaseAwayError
from offhook.store.calls import Calls
from offhook.store.database import Database
from offhook.store.hot import open_reads
from offhook.store.hot_postgresql import CONNECTIONS
from offhook.store.ids import now_us
from offhook.store.keys import ApiKeys, Scope, digest
from offhook.store.organizations import Organizations
from offhook.store.writer import CallWriter
from offhook.testing.postgres import PostgresServer

ORGANIZATION = "00000000-0000-4000-8000-000000000001"
only_postgresql = pytest.mark.parametrize("make_database_url", ["postgresql"], indirect=True)


@pytest.fixture
async def reads(database):
    found = open_reads(database)
    yield found
    found.close()


async def test_the_hot_read_gives_a_call_to_its_owner_only_and_never_a_stale_one(database, writer, begin, reads):
    talk = begin(writer)
    await talk.futures[-1]
    call_id = talk.record.call_id
    assert (await reads.call(ORGANIZATION, call_id)).document == Calls(database).get(ORGANIZATION, call_id).document
    assert await reads.call("another", call_id) is None
    for said in ("one", "two", "three"):
        await talk.say(said)
        assert f"User: {said}" in (await reads.call(ORGANIZATION, call_id)).document.decode().replace("\\n", " ")


async def test_the_hot_read_knows_a_key_until_it_is_revoked(database, reads):
    organization = Organizations(database).create("o")
    keys = ApiKeys(database)
    key, secret = keys.create(
        organization.id, "k", scopes=(Scope.CALLS_READ, Scope.CALLS_WRITE), expires_us=now_us() + 1
    )
    found = await reads.key(digest(secret.encode()))
    assert (found.id, found.organization_id, found.expires_us) == (key.id, organization.id, key.expires_us)
    assert found.scopes == {"calls:read", "calls:write"}
    assert await reads.key(digest(b"else")) is None
    keys.revoke(organization.id, key.id)
    assert await reads.key(digest(secret.encode())) is None


async def test_of_many_questions_at_once_each_has_its_own_answer(database, writer, begin, reads):
    talks = [begin(writer, organization_id=owner) for owner in (ORGANIZATION, "another") * 30]
    await writer.flush()
    asked = [(owner, talk.record.call_id) for talk in talks for owner in (ORGANIZATION, "another", "nobody")]
    answers = await asyncio.gather(*[reads.call(*question) for question in asked * 3])
    owners = {talk.record.call_id: talk.record.created.organization_id for talk in talks}
    for (owner, call_id), answer in zip(asked * 3, answers, strict=True):
        assert (answer.call_id if answer else None) == (call_id if owners[call_id] == owner else None)


async def test_who_stops_waiting_holds_nobody_up(database, writer, begin, reads):
    talk = begin(writer)
    await talk.futures[-1]
    asking = [asyncio.create_task(reads.call(ORGANIZATION, talk.record.call_id)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in asking[::2]:
        task.cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert all(answer.call_id == talk.record.call_id for answer in answers[1::2])


KILL = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'offhook reads' AND datname = current_database()"""


@only_postgresql
async def test_cut_connections_and_old_statements_are_replaced_unseen(database, writer, begin, reads):
    talk = begin(writer)
    await talk.futures[-1]
    question = (ORGANIZATION, talk.record.call_id)
    assert await reads.call(*question)
    for statement in (KILL, "ALTER TABLE calls ALTER COLUMN id TYPE varchar(40)"):
        with database.write() as connection:
            connection.execute(text(statement))
        answers = await asyncio.gather(*[reads.call(*question) for _ in range(10)])
        assert {answer.call_id for answer in answers} == {talk.record.call_id}
    with database.write() as connection:
        connection.execute(text("ALTER TABLE calls ALTER COLUMN id TYPE varchar(36)"))


async def test_a_server_that_is_away_is_told_and_found_again(begin):
    server = PostgresServer()
    try:
        server.start()
        database = Database.open(server.url(server.make_database()))
        writer, reads = CallWriter(database, gather_s=0.001), open_reads(database)
        talk = begin(writer)
        await talk.futures[-1]
        question = (ORGANIZATION, talk.record.call_id)
        assert await reads.call(*question)
        server.stop()
        with capture_logs() as logs:
            asked = await asyncio.gather(*[reads.call(*question) for _ in range(5)], return_exceptions=True)
        assert [type(error) for error in asked] == [DatabaseAwayError] * 5
        assert {row["event"] for row in logs} == {"hot_read_failed"}
        server.start()
        assert (await reads.call(*question)).call_id == talk.record.call_id
        await writer.close()
        reads.close()
        database.close()
    finally:
        server.close()


@only_postgresql
async def test_closing_answers_those_who_wait(database, reads):
    asking = [asyncio.create_task(reads.call(ORGANIZATION, str(uuid.uuid4()))) for _ in range(3)]
    await asyncio.sleep(0)
    reads.close()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseAwayError] * 3
    with pytest.raises(DatabaseAwayError):
        await reads.call(ORGANIZATION, str(uuid.uuid4()))


@only_postgresql
async def test_a_question_that_cannot_be_put_is_refused_and_the_next_one_answered(database, writer, begin, reads):
    talk = begin(writer)
    await talk.futures[-1]
    for _ in range(2 * CONNECTIONS):
        with capture_logs(), pytest.raises((DatabaseAwayError, UnicodeEncodeError)):
            await reads.call(ORGANIZATION, "\ud800")
    assert await reads.call(ORGANIZATION, talk.record.call_id)
