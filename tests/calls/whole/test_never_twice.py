"""One idempotency key never dials twice, wherever the server dies."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import uuid
from pathlib import Path

import httpx2
import pytest

NUMBER = "+33123456789"
DYING = str(Path(__file__).with_name("dying_server.py"))


class Sink(asyncio.DatagramProtocol):
    """A phone that never answers, and counts the calls it is offered by their Call-ID."""

    def __init__(self) -> None:
        self.calls: set[bytes] = set()
        self.offered = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(b"INVITE "):
            self.calls.add(re.search(rb"(?mi)^Call-ID: *(\S+)", data)[1])
            self.offered.set()


@pytest.fixture
async def sink():
    transport, sink = await asyncio.get_running_loop().create_datagram_endpoint(Sink, local_addr=("127.0.0.1", 0))
    sink.uri = f"sip:peer@127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    yield sink
    transport.close()


async def ask(server, sink, key) -> httpx2.Response:
    body = {"from_number": NUMBER, "to_number": sink.uri, "agent_id": server.agent_id}
    headers = {"X-Api-Key": server.key, "Idempotency-Key": key}
    async with httpx2.AsyncClient(base_url=server.http, headers=headers, timeout=10) as client:
        return await client.post("/v1/calls/phone", json=body)


async def dead(server, sink, key) -> None:
    with pytest.raises(httpx2.HTTPError):
        await ask(server, sink, key)
    await server.end(signal.SIGKILL)


@pytest.mark.parametrize(
    ("step", "dials_before", "dials_after", "replayed"),
    [("reserved", 0, 1, None), ("stored", 0, 0, "true"), ("dialled", 1, 1, "true"), ("kept", 1, 1, "true")],
)
async def test_a_key_dials_once_when_the_server_dies_at_a_step(server, sink, step, dials_before, dials_after, replayed):
    await server.end()
    await server.start(program=(DYING,), DIE_AT=step)
    await dead(server, sink, "k1")
    assert len(sink.calls) == dials_before
    await server.start()
    answer = await ask(server, sink, "k1")
    assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (201, replayed)
    call = await server.call(answer.json()["data"]["call_id"])
    if replayed:
        assert (call["status"], call["end_reason"]["code"]) == ("failed", "platform_failure")
    else:
        await asyncio.wait_for(sink.offered.wait(), 10)
    again = await ask(server, sink, "k1")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (answer.json(), "true")
    await server.ask("POST", f"/v1/calls/{call['id']}/terminate")
    assert len(sink.calls) == dials_after
    assert len(await server.calls()) == 1


async def test_keys_dial_once_when_the_server_dies_at_random_moments(server, sink):
    chance, rounds = random.Random(7), 4
    for _ in range(rounds):
        sink.calls.clear()
        key = str(uuid.uuid4())
        asking = asyncio.create_task(ask(server, sink, key))
        await asyncio.sleep(chance.uniform(0.005, 0.1))
        await server.end(signal.SIGKILL)
        await asyncio.wait([asking])
        asking.exception()
        await server.start()
        answers = [await ask(server, sink, key) for _ in range(2)]
        assert {answer.status_code for answer in answers} == {201}
        assert answers[0].json() == answers[1].json()
        await server.ask("POST", f"/v1/calls/{answers[0].json()['data']['call_id']}/terminate")
        assert len(sink.calls) <= 1
    assert len(await server.calls()) == rounds
