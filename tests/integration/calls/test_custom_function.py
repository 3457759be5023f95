from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from offhook.agents.functions import build_request
from offhook.agents.tools import CustomFunctionTool
from offhook.calls.tools.custom_function import MAX_ANSWER_BYTES, HttpFunctions


@dataclass
class Server:
    """Answers every request with ``answer`` (raw HTTP); None: never."""

    port: int = 0
    answer: bytes | None = b""
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    def json(self, data: Any, status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
        self.bodies.append(await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b"")
        if self.answer is not None:
            writer.write(self.answer)
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    told = Server()
    listening = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield told
        for writer in told.open:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def functions() -> AsyncIterator[HttpFunctions]:
    functions = HttpFunctions()
    yield functions
    await functions.close()


def tool(server: Server, **fields: Any) -> CustomFunctionTool:
    url = f"http://127.0.0.1:{server.port}/slots/{{{{city}}}}"
    return CustomFunctionTool.model_validate({"type": "custom_function", "name": "f", "url": url} | fields)


async def run(functions: HttpFunctions, spec: CustomFunctionTool, arguments: dict[str, Any] | None = None) -> Any:
    return await functions.run(spec, build_request(spec, arguments or {}, {"city": "Lyon 3"}))


async def test_json_is_posted_and_the_answer_mapped(server: Server, functions: HttpFunctions) -> None:
    server.json({"free": [10, 11]})
    spec = tool(
        server,
        headers=[{"name": "X-Key", "value": "k"}],
        response_mapping=[{"destination_variable": "slot", "json_path_to_data": "free[0]"}],
    )
    outcome = await run(functions, spec, {"day": "2026-12-01"})
    assert (outcome.success, outcome.values, json.loads(outcome.result)) == (True, {"slot": 10}, {"free": [10, 11]})
    assert server.heads[0].startswith("POST /slots/Lyon%203 HTTP/1.1")
    assert "x-key: k" in server.heads[0].lower()
    assert json.loads(server.bodies[0]) == {"day": "2026-12-01"}


async def test_url_parameters_stand_in_the_query(server: Server, functions: HttpFunctions) -> None:
    server.json({})
    await run(functions, tool(server, method="GET", content_type="url_params"), {"a": "x&y", "n": 3})
    assert server.heads[0].startswith("GET /slots/Lyon%203?a=x%26y&n=3 HTTP/1.1")
    assert server.bodies == [b""]


async def test_a_slow_server_is_an_error(server: Server, functions: HttpFunctions) -> None:
    server.answer = None
    outcome = await run(functions, tool(server, timeout_seconds=0.1))
    assert not outcome.success
    assert "0.1 s" in outcome.result


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 500 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b'"' + b"x" * (MAX_ANSWER_BYTES + 10) + b'"',
        b"garbage\r\n\r\n",
        b"",
    ],
    ids=["redirect", "500", "html", "too large", "garbage", "nothing"],
)
async def test_a_bad_answer_is_an_error_never_a_success(
    server: Server, functions: HttpFunctions, answer: bytes
) -> None:
    server.answer = answer
    outcome = await run(functions, tool(server))
    assert not outcome.success
    assert "error" in json.loads(outcome.result)


async def test_nobody_there_is_an_error(server: Server, functions: HttpFunctions) -> None:
    outcome = await run(functions, tool(Server(port=1)))
    assert not outcome.success


async def test_an_address_that_is_none_is_an_error(server: Server, functions: HttpFunctions) -> None:
    spec = tool(server, url="{{city}}/x")
    assert not (await run(functions, spec)).success
