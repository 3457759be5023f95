"""The database goes away, comes back, is full: what clients are told, and that nothing is lost or half there."""

import asyncio
from contextlib import contextmanager

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy import text
from structlog.testing import capture_logs

from offhook.record.events import TranscriptAdded
from offhook.store import writer as writer_module
from offhook.store.database import Database
from offhook.testing.postgres import PostgresServer


@pytest.fixture
def own_server():
    """A PostgreSQL server that a test may stop."""
    server = PostgresServer()
    server.start()
    yield server
    server.close()


@pytest.fixture
def quick_retries(monkeypatch):
    monkeypatch.setattr(writer_module, "RETRY_FIRST_S", 0.01)
    monkeypatch.setattr(writer_module, "RETRY_MOST_S", 0.1)
    monkeypatch.setattr("offhook.api.v1.calls._WRITE_LIMIT_S", 0.2)


def say(site, record, content):
    event = TranscriptAdded(
        at=record.created.at + 5, item_id=1000 + record.events_applied, role="user", content=content
    )
    record.apply(event)
    return site.writer.append(record.call_id, [event], record)


async def shown(site, record):
    answer = await site.http.get(f"/v1/calls/{record.call_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def check_away(site, record, agent):
    """Reads and writes alike are told to come again, in the envelope."""
    call = f"/v1/calls/{record.call_id}"
    for method, path, body in (
        ("GET", call, None), ("GET", "/v1/calls", None), ("PATCH", call, {"metadata": {"a": 1}}),
        ("POST", "/v1/agents", agent),
        ("DELETE", "/v1/api-keys/00000000-0000-4000-8000-000000000001", None),
    ):  # fmt: skip
        answer = await site.http.request(method, path, json=body)
        assert answer.status_code == 503, f"{method} {path}: {answer.text}"
        error = answer.json()["error"]
        assert (error["status"], error["type"]) == (503, "internal_error")
        assert "psycopg" not in answer.text
        assert int(answer.headers["Retry-After"]) > 0
    assert (await site.http.get("/readyz")).status_code == 503
    assert (await site.http.get("/healthz")).status_code == 200


class TestAway:
    """PostgreSQL is stopped and started again."""

    @pytest.fixture
    def database_url(self, own_server):
        url = own_server.url(own_server.make_database())
        Database.open(url).close()
        return url

    async def test_events_wait_for_the_server_and_requests_are_told_to(self, site, agent, own_server, quick_retries):
        record = await site.call(ended=False)
        assert (await shown(site, record))["transcript_string"] == "Agent: Hello"
        own_server.stop()
        with capture_logs() as logs:
            waiting = [say(site, record, f"said {number}") for number in range(20)]
            while site.writer.healthy:
                await asyncio.sleep(0.01)
            await check_away(site, record, agent)
            assert not any(future.done() for future in waiting)
            own_server.start()
            await asyncio.wait_for(asyncio.gather(*waiting), 30)
        assert {"database_write_failed", "database_write_recovered"} <= {row["event"] for row in logs}
        assert site.writer.healthy
        lines = (await shown(site, record))["transcript_string"].split("\n")
        assert lines == ["Agent: Hello", *[f"User: said {number}" for number in range(20)]]
        assert (await site.http.get("/readyz")).status_code == 200
        with site.database.read() as connection:
            numbers = connection.scalars(text("SELECT sequence FROM call_events ORDER BY sequence")).all()
        assert numbers == list(range(1, 25))


@contextmanager
def full(database):
    """A disk on which SQLite's file can't grow."""
    pages = {}

    def limit(connection, _entry, _proxy):
        count = pages.setdefault("count", connection.execute("PRAGMA page_count").fetchone()[0])
        connection.execute(f"PRAGMA max_page_count = {count}")

    sa_event.listen(database.engine, "checkout", limit)
    yield
    sa_event.remove(database.engine, "checkout", limit)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    database.engine.dispose()


@pytest.mark.parametrize("make_database_url", ["sqlite"], indirect=True)
async def test_a_full_disk_is_told_and_leaves_nothing_half_written(site, agent, quick_retries):
    record = await site.call(ended=False)
    long = {**agent, "states": [{"name": "start", "prompt": "x" * 60_000}]}
    with capture_logs() as logs, full(site.database):
        answer = await site.http.post("/v1/agents", json=long)
        assert (answer.status_code, answer.json()["error"]["status"]) == (503, 503), answer.text
        assert answer.headers["Retry-After"]
        waiting = [say(site, record, "y" * 40_000) for _ in range(3)]
        while site.writer.healthy:
            await asyncio.sleep(0.01)
        assert (await site.http.get("/readyz")).status_code == 503
        assert (await shown(site, record))["transcript_string"] == "Agent: Hello"
        assert (await site.http.get("/v1/agents")).json()["data"] == []
    await asyncio.wait_for(asyncio.gather(*waiting), 30)
    assert "database_write_failed" in {row["event"] for row in logs}
    assert len((await shown(site, record))["transcript"]) == 4
    assert (await site.http.post("/v1/agents", json=long)).status_code == 201
    with site.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.execute(text("SELECT count(*) FROM agents")).scalar() == 1
        assert connection.execute(text("SELECT count(*) FROM agent_versions")).scalar() == 1
