"""What an agent asks other systems before its first word, against a real server."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.events import Problem, VariableChanged
from offhook.agents.load import parse_agent
from offhook.agents.model import ToolSpec
from offhook.agents.tools import McpTool
from offhook.calls.preparing import Prepared, needs_preparing, prepare
from offhook.calls.tools.http import ToolHttp, tool_guard
from offhook.errors import ToolError


class NoServers:
    async def tools(self, tool: McpTool, dialogue: Dialogue) -> tuple[ToolSpec, ...]:
        raise ToolError("it is down")


@pytest.fixture
async def http() -> AsyncIterator[ToolHttp]:
    one = ToolHttp(tool_guard(("127.0.0.0/8",)))
    yield one
    await one.close()


def dialogue_of(*requests: dict[str, Any], given: dict[str, Any] | None = None, **fields: Any) -> Dialogue:
    data = {
        "name": "A",
        "initial_state_name": "s",
        "initial_message": "Hello {{customer}}.",
        "variables": [
            {"name": "customer"}, {"name": "visits", "type": "number"}, {"name": "since", "type": "datetime"},
        ],
        "states": [{"name": "s"}],
        "call_context": list(requests),
    }  # fmt: skip
    return Dialogue.start(parse_agent(data | fields), given or {}, from_number="+33 1", call_id="c1")


def request(server: Any, **fields: Any) -> dict[str, Any]:
    mapping = [
        {"destination_variable": "customer", "json_path_to_data": "$.who.name"},
        {"destination_variable": "visits", "json_path_to_data": "$.visits"},
    ]
    url = f"http://127.0.0.1:{server.port}/people/{{{{from_number}}}}"
    return {"name": "crm", "url": url, "response_mapping": mapping} | fields


async def prepared(http: ToolHttp, dialogue: Dialogue) -> Prepared:
    return await prepare(dialogue, http, NoServers())


async def test_what_is_found_is_known_in_the_first_word(server: Any, http: ToolHttp) -> None:
    server.json({"who": {"name": "Ann"}, "visits": 3})
    found = await prepared(http, dialogue_of(request(server)))
    assert found.dialogue.greeting() == "Hello Ann."
    assert found.events == (
        VariableChanged("customer", "string", "Ann"),
        VariableChanged("visits", "number", 3),
    )
    assert server.heads[0].startswith("GET /people/%2B33%201 HTTP/1.1")


async def test_a_body_holds_typed_values(server: Any, http: ToolHttp) -> None:
    server.json({})
    body = {
        "id": "{{call_id}}",
        "n": "{{ visits }}",
        "text": "call {{call_id}}!",
        "list": ["{{visits}}"],
        "unset": "{{since}}",
    }
    await prepared(http, dialogue_of(request(server, method="POST", body=body), given={"visits": 3}))
    assert json.loads(server.bodies[0]) == {"id": "c1", "n": 3, "text": "call c1!", "list": [3], "unset": None}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 301 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
        b"",
        None,
    ],
    ids=["500", "redirect", "html", "nothing", "late"],
)
async def test_what_fails_is_flagged_and_the_fallback_stands_in(
    server: Any, http: ToolHttp, answer: bytes | None
) -> None:
    server.answer = answer
    spec = request(server, timeout_seconds=0.2, fallback_values={"customer": "dear customer", "visits": 0})
    found = await prepared(http, dialogue_of(spec))
    assert found.dialogue.greeting() == "Hello dear customer."
    problems = [event for event in found.events if isinstance(event, Problem)]
    assert [problem.code for problem in problems] == ["call_context_failed"]
    assert problems[0].detail.startswith("crm: ")
    assert VariableChanged("visits", "number", 0) in found.events


async def test_a_piece_that_is_missing_or_misfits_has_its_fallback_too(server: Any, http: ToolHttp) -> None:
    server.json({"visits": "many"})
    spec = request(server, fallback_values={"customer": "you", "visits": 1})
    found = await prepared(http, dialogue_of(spec))
    assert found.dialogue.values["customer"] == "you"
    assert found.dialogue.values["visits"] == 1
    assert [event.code for event in found.events if isinstance(event, Problem)] == ["variable_misfit"]


async def test_a_fallback_never_replaces_a_value_that_was_given(server: Any, http: ToolHttp) -> None:
    server.answer = b""
    spec = request(server, fallback_values={"customer": "you"})
    found = await prepared(http, dialogue_of(spec, given={"customer": "Bob"}))
    assert found.dialogue.greeting() == "Hello Bob."


async def test_requests_run_beside_each_other_each_within_its_limit(server: Any, http: ToolHttp) -> None:
    server.answer = None
    specs = [request(server, name=f"r{number}", timeout_seconds=0.3) for number in range(5)]
    began = time.monotonic()
    found = await prepared(http, dialogue_of(*specs))
    assert time.monotonic() - began < 1.0
    assert len(found.events) == 5


async def test_an_address_of_a_metadata_service_is_never_reached(http: ToolHttp) -> None:
    spec = {"name": "crm", "url": "http://169.254.169.254/latest/meta-data"}
    found = await prepared(http, dialogue_of(spec))
    assert "OFFHOOK_TOOL_ALLOW" in found.events[0].detail


async def test_an_mcp_server_that_is_down_is_flagged_and_the_call_begins(http: ToolHttp) -> None:
    tool = {"type": "mcp", "url": "http://127.0.0.1:1/mcp"}
    found = await prepared(http, dialogue_of(states=[{"name": "s", "tools": [tool]}]))
    assert [event.code for event in found.events] == ["mcp_unavailable"]
    assert dict(found.dialogue.remote) == {}


def test_an_agent_without_context_needs_no_preparing() -> None:
    assert not needs_preparing(dialogue_of().config)
