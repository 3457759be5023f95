"""Two servers on one PostgreSQL and one store: the call of one that is killed is ended by the other."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

NUMBER = "+33123456789"
SAMPLE = Path(__file__).parents[3] / "src/offhook/agents/samples/appointment.en.agent.yaml"
HASTY = (str(Path(__file__).with_name("hasty_server.py")),)


@pytest_asyncio.fixture
async def shared(tmp_path, postgres, postgres_template):
    """The environment of servers that share a database and a store."""
    database = postgres.make_database(postgres_template)
    yield {
        "OFFHOOK_DATABASE_URL": postgres.url(database),
        "OFFHOOK_STORAGE_URL": (tmp_path / "store").as_uri(),
        "OFFHOOK_SECRET_KEY": "the same for all that share a database",
    }
    postgres.drop_database(database)


@pytest_asyncio.fixture
async def pair(make_server, shared):
    """Two of them, with the sample agent on NUMBER."""
    doomed, watching = servers = [make_server("doomed"), make_server("watching")]
    for server in servers:
        await server.start(HASTY, **shared)
    watching.key = doomed.key
    agent_id = watching.offhook("agents", "apply", str(SAMPLE), "--deploy")["id"]
    watching.offhook("numbers", "add", NUMBER, "--agent", agent_id)
    yield doomed, watching
    for server in servers:
        await server.end()


async def stream(server, call_id) -> list[dict]:
    """The call's events on a server's stream, until it ends."""
    headers, path = {"X-Api-Key": server.key}, f"/v1/calls/{call_id}/events"
    async with (
        httpx2.AsyncClient(base_url=server.http, headers=headers, timeout=30) as client,
        client.stream("GET", path) as answer,
    ):
        lines = [line async for line in answer.aiter_lines()]
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


@pytest.fixture
def talking(scenario, tmp_path):
    """A caller who is on the line for a minute, and says nothing."""
    silence = tmp_path / "silence.ul"
    silence.write_bytes(b"\xff" * 8000)
    return scenario().streaming().invite().ringing().expect(200).request("ACK", cseq=1).play(silence).pause(60_000)


async def test_a_killed_server_s_call_is_ended_by_the_other_and_recorded_by_its_restart(pair, shared, sipp, talking):
    doomed, watching = pair
    await sipp(talking, doomed.address, service=NUMBER)
    # Whoever is asked knows the call, wherever it lives.
    live = await watching.only_call(lambda call: call["transcript_string"])
    assert live["status"] == "in_progress"
    assert (await watching.ask("POST", f"/v1/calls/{live['id']}/terminate")).status_code == 409
    listening = asyncio.create_task(stream(watching, live["id"]))
    await doomed.end(signal.SIGKILL)
    ended = await watching.wait_for(live["id"], lambda call: call["end_time"])
    assert (ended["status"], ended["end_reason"]["code"]) == ("failed", "platform_failure")
    assert ended["transcript_string"].startswith(live["transcript_string"])
    assert [line["component"] for line in ended["cost_lines"]] == ["telephony", "platform"]
    assert (ended["cost"] > 0, [flag["code"] for flag in ended["flags"]]) == (True, ["cost_incomplete"])
    # Its sound is on the dead server's disk: the call is told of as a whole once that has come back.
    assert ended["recording_url"] is None
    await doomed.start(HASTY, **shared)
    events = await asyncio.wait_for(listening, 30)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    finals = [event["status"] for event in events if event["type"] == "event_call_status_updated"][2:]
    assert finals == ["failed"]
    assert [event["type"] for event in events].count("event_post_call") == 1
    whole = events[-1]
    assert (whole["type"], whole["call_id"], whole["cost"]) == ("event_post_call", live["id"], ended["cost"])
    # The watching server gave the URL, and serves what the other one stored.
    assert whole["recording_url"].startswith(watching.http)
    async with httpx2.AsyncClient() as client:
        sound = await client.get(whole["recording_url"])
    assert (sound.status_code, sound.headers["content-type"]) == (200, "audio/ogg")
