"""The tools of a real MCP server, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.functions import MAX_RESULT_CHARS
from offhook.agents.load import parse_agent
from offhook.agents.offer import RemoteTool
from offhook.calls.tools.http import tool_guard
from offhook.calls.tools.mcp import McpServers, misfit
from offhook.errors import ForbiddenAddressError, ToolError

LOOPBACK = ("127.0.0.0/8",)
PROGRAM = Path(__file__).with_name("mcp_server.py")


class ServerProcess:
    def __init__(self, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def start(self) -> None:
        command = [sys.executable, str(PROGRAM), str(self.port), *self._options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def ready(self) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module", params=["events", "json"])
def process(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    one = ServerProcess(request.param)
    yield one
    one.stop()


@pytest.fixture
async def server(process: ServerProcess) -> ServerProcess:
    await process.ready()
    return process


@pytest.fixture
async def servers() -> AsyncIterator[McpServers]:
    one = McpServers(tool_guard(LOOPBACK))
    yield one
    await one.close()


def dialogue_for(url: str, **fields: Any) -> Dialogue:
    tool = {"type": "mcp", "url": url, **fields}
    states = [{"name": "s", "tools": [tool]}]
    data = {"name": "A", "initial_state_name": "s", "states": states, "variables": [{"name": "key"}]}
    return Dialogue.start(parse_agent(data), {"key": "k1"})


def mcp_tool(dialogue: Dialogue) -> Any:
    return dialogue.state.tools[0]


async def call(servers: McpServers, dialogue: Dialogue, name: str, **arguments: Any) -> Any:
    specs = {spec.name: spec for spec in await servers.tools(mcp_tool(dialogue), dialogue)}
    tool = RemoteTool(mcp_tool(dialogue), name, specs[name].parameters)
    return await servers.call(tool, json.dumps(arguments), dialogue)


async def test_a_server_s_tools_are_listed_with_their_parameters(server: ServerProcess, servers: McpServers) -> None:
    dialogue = dialogue_for(server.url)
    found = {spec.name: spec for spec in await servers.tools(mcp_tool(dialogue), dialogue)}
    assert set(found) == {"find_slots", "book", "fail", "slow", "huge", "long"}
    assert found["find_slots"].description == "Free slots of a day"
    assert found["find_slots"].parameters["properties"]["day"]["type"] == "string"


async def test_only_allowed_tools_are_offered(server: ServerProcess, servers: McpServers) -> None:
    dialogue = dialogue_for(server.url, allowed_tools=["book", "no_such_tool"])
    assert [spec.name for spec in await servers.tools(mcp_tool(dialogue), dialogue)] == ["book"]


async def test_a_tool_s_result_is_told_as_data(server: ServerProcess, servers: McpServers) -> None:
    outcome = await call(servers, dialogue_for(server.url), "find_slots", day="Monday", limit=2)
    assert (outcome.success, json.loads(outcome.result)) == (True, {"result": ["Monday 9:00", "Monday 10:00"]})


async def test_calls_of_one_conversation_share_a_session(server: ServerProcess, servers: McpServers) -> None:
    dialogue = dialogue_for(server.url)
    for slot in "abc":
        assert json.loads((await call(servers, dialogue, "book", slot=slot)).result) == {"booked": slot}
    results = await asyncio.gather(*(call(servers, dialogue, "book", slot=str(number)) for number in range(10)))
    assert [json.loads(outcome.result)["booked"] for outcome in results] == [str(number) for number in range(10)]
    assert len(servers._connections) == 1


@pytest.mark.parametrize(
    "arguments", [{}, {"day": 7}, {"day": "Monday", "limit": "many"}], ids=["missing", "type", "second type"]
)
async def test_arguments_that_do_not_fit_never_leave_the_house(
    server: ServerProcess, servers: McpServers, arguments: dict[str, Any]
) -> None:
    dialogue = dialogue_for(server.url)
    (spec,) = (spec for spec in await servers.tools(mcp_tool(dialogue), dialogue) if spec.name == "find_slots")
    await servers.close()
    outcome = await servers.call(
        RemoteTool(mcp_tool(dialogue), "find_slots", spec.parameters), json.dumps(arguments), dialogue
    )
    assert not outcome.success
    assert servers._connections == {}


async def test_a_tool_that_fails_is_an_error(server: ServerProcess, servers: McpServers) -> None:
    outcome = await call(servers, dialogue_for(server.url), "fail")
    assert not outcome.success
    assert "error" in json.loads(outcome.result)


async def test_a_long_result_is_cut_and_a_huge_one_is_an_error(server: ServerProcess, servers: McpServers) -> None:
    dialogue = dialogue_for(server.url)
    cut = await call(servers, dialogue, "long")
    assert cut.success
    assert len(cut.result) == MAX_RESULT_CHARS
    assert not (await call(servers, dialogue, "huge")).success
    assert (await call(servers, dialogue, "book", slot="x")).success  # the next call has a session again


async def test_a_call_that_is_given_up_leaves_the_session_usable(server: ServerProcess, servers: McpServers) -> None:
    dialogue = dialogue_for(server.url)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await call(servers, dialogue, "slow")
    assert (await call(servers, dialogue, "book", slot="x")).success


async def test_a_server_that_is_down_is_an_error_and_one_that_came_back_works(servers: McpServers) -> None:
    one = ServerProcess("json")
    try:
        await one.ready()
        dialogue = dialogue_for(one.url)
        assert (await call(servers, dialogue, "book", slot="x")).success
        one.stop()
        assert not (await call(servers, dialogue, "book", slot="x")).success
        one.start()
        await one.ready()
        assert (await call(servers, dialogue, "book", slot="x")).success
    finally:
        one.stop()


async def test_nobody_there_is_told_in_a_sentence(servers: McpServers) -> None:
    dialogue = dialogue_for("http://127.0.0.1:1/mcp")
    with pytest.raises(ToolError, match="can't be reached"):
        await servers.tools(mcp_tool(dialogue), dialogue)


async def test_what_is_no_mcp_server_is_told_in_a_sentence(servers: McpServers) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        dialogue = dialogue_for(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp")
        with pytest.raises(ToolError):
            await servers.tools(mcp_tool(dialogue), dialogue)


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "[fe80::1]"])
async def test_metadata_services_are_never_reached(host: str) -> None:
    servers = McpServers(tool_guard(("10.0.0.0/8", "fc00::/7")))
    dialogue = dialogue_for(f"http://{host}/mcp")
    with pytest.raises(ForbiddenAddressError):
        await servers.tools(mcp_tool(dialogue), dialogue)
    await servers.close()


def test_a_schema_that_is_broken_or_refers_elsewhere_is_no_request() -> None:
    assert misfit({}, {"type": 7}) is not None
    assert misfit({"a": 1}, {"properties": {"a": {"$ref": "http://127.0.0.1:1/schema.json"}}}) is not None
    assert misfit({"a": 1}, {}) is None
