from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from offhook.agents.functions import build_request
from offhook.agents.tools import CustomFunctionTool
from offhook.calls.tools.custom_function import HttpFunctions
from offhook.calls.tools.http import MAX_ANSWER_BYTES, ToolHttp, tool_guard


@pytest.fixture
async def functions() -> AsyncIterator[HttpFunctions]:
    http = ToolHttp(tool_guard(("127.0.0.0/8",)))
    yield HttpFunctions(http)
    await http.close()


def tool(server: Any, **fields: Any) -> CustomFunctionTool:
    url = f"http://127.0.0.1:{server.port}/slots/{{{{city}}}}"
    return CustomFunctionTool.model_validate({"type": "custom_function", "name": "f", "url": url} | fields)


async def run(functions: HttpFunctions, spec: CustomFunctionTool, arguments: dict[str, Any] | None = None) -> Any:
    return await functions.run(spec, build_request(spec, arguments or {}, {"city": "Lyon 3"}))


async def test_json_is_posted_and_the_answer_mapped(server: Any, functions: HttpFunctions) -> None:
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


async def test_url_parameters_stand_in_the_query(server: Any, functions: HttpFunctions) -> None:
    server.json({})
    await run(functions, tool(server, method="GET", content_type="url_params"), {"a": "x&y", "n": 3})
    assert server.heads[0].startswith("GET /slots/Lyon%203?a=x%26y&n=3 HTTP/1.1")
    assert server.bodies == [b""]


async def test_a_slow_server_is_an_error(server: Any, functions: HttpFunctions) -> None:
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
async def test_a_bad_answer_is_an_error_never_a_success(server: Any, functions: HttpFunctions, answer: bytes) -> None:
    server.answer = answer
    outcome = await run(functions, tool(server))
    assert not outcome.success
    assert "error" in json.loads(outcome.result)


async def test_nobody_there_is_an_error(server: Any, functions: HttpFunctions) -> None:
    outcome = await run(functions, tool(SimpleNamespace(port=1)))
    assert not outcome.success


async def test_an_address_that_is_none_is_an_error(server: Any, functions: HttpFunctions) -> None:
    spec = tool(server, url="{{city}}/x")
    assert not (await run(functions, spec)).success


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200"])
async def test_a_metadata_service_is_never_reached(functions: HttpFunctions, host: str) -> None:
    spec = CustomFunctionTool.model_validate({"type": "custom_function", "name": "f", "url": f"http://{host}/latest"})
    outcome = await run(functions, spec)
    assert "OFFHOOK_TOOL_ALLOW" in outcome.result


async def test_a_network_that_is_not_allowed_is_not_reached(server: Any) -> None:
    http = ToolHttp(tool_guard(()))
    outcome = await run(HttpFunctions(http), tool(server))
    await http.close()
    assert not outcome.success
    assert server.heads == []


async def test_a_redirect_says_what_to_do(server: Any, functions: HttpFunctions) -> None:
    server.answer = b"HTTP/1.1 308 X\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    outcome = await run(functions, tool(server))
    assert "not followed" in outcome.result
    assert len(server.heads) == 1


async def test_a_packed_bomb_is_an_error(server: Any, functions: HttpFunctions) -> None:
    body = gzip.compress(b'"' + b"x" * 10_000_000 + b'"')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    server.answer = head + body
    outcome = await run(functions, tool(server))
    assert "larger than" in outcome.result


@pytest.mark.parametrize(
    ("answer", "told", "spoken"),
    [
        ({"instructions": "Say it is full.", "slots": [1]}, "Say it is full.", None),
        ({"agent_message": "Five euros.", "price": 5}, {"agent_message": "Five euros.", "price": 5}, "Five euros."),
        ({"instructions": 7, "agent_message": {"a": 1}}, {"instructions": 7, "agent_message": {"a": 1}}, None),
        ([1, 2], [1, 2], None),
    ],
)
async def test_what_the_model_is_told_and_what_is_spoken(
    server: Any, functions: HttpFunctions, answer: Any, told: Any, spoken: str | None
) -> None:
    server.json(answer)
    outcome = await run(functions, tool(server))
    assert (json.loads(outcome.result), outcome.say) == (told, spoken)
