"""The servers of a scenario: what its agent's custom functions reach. Nothing goes out to a network."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar

import httpx2

from offhook.agents.functions import HttpRequest, ToolOutcome
from offhook.agents.tools import CustomFunctionTool
from offhook.calls.tools.custom_function import HttpFunctions
from offhook.calls.tools.http import ToolHttp
from offhook.egress.guard import Guard
from offhook.testing.scenarios.schema import HttpAnswer, HttpStub

_function: ContextVar[str | None] = ContextVar("scenario_function", default=None)


class Servers(httpx2.AsyncBaseTransport):
    """Answers requests by the function that makes them, else by their address; ``faults`` has those it can't."""

    def __init__(
        self, functions: Mapping[str, HttpAnswer | list[HttpAnswer]], http: Sequence[HttpStub], faults: list[str]
    ) -> None:
        self._functions = {name: _many(answer) for name, answer in functions.items()}
        self._http = [(stub, _many(stub.answer)) for stub in http]
        self._faults = faults
        self._asked: dict[int, int] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of the scenario. Raises ConnectError where there is none."""
        answers = self._answers(request)
        if answers is None:
            who = f"the function {_function.get()}" if _function.get() else "the agent"
            self._faults.append(
                f"{who} asked {request.method} {request.url}: the scenario has no answer; add it to functions or http"
            )
            raise httpx2.ConnectError("the scenario has no answer", request=request)
        number = self._asked.get(id(answers), 0)
        self._asked[id(answers)] = number + 1
        return await _give(answers[min(number, len(answers) - 1)], request)

    def _answers(self, request: httpx2.Request) -> list[HttpAnswer] | None:
        name = _function.get()
        if name is not None and name in self._functions:
            return self._functions[name]
        for stub, answers in self._http:
            if re.search(stub.url, str(request.url)) and stub.method in {None, request.method}:
                return answers
        return None


class ScenarioTools:
    """Custom functions and call contexts as on a real call, only that the scenario's servers answer."""

    def __init__(self, servers: Servers) -> None:
        self._http = ToolHttp(Guard(), servers)
        self._functions = HttpFunctions(self._http)

    async def run(self, tool: CustomFunctionTool, request: HttpRequest) -> ToolOutcome:
        """As the product does it."""
        token = _function.set(tool.name)
        try:
            return await self._functions.run(tool, request)
        finally:
            _function.reset(token)

    async def send(self, request: HttpRequest, limit_s: float) -> tuple[int, str]:
        """What a call context asks, as the product does it."""
        return await self._http.send(request, limit_s)

    async def close(self) -> None:
        """Nothing stays open."""
        await self._http.close()


def _many(answer: HttpAnswer | list[HttpAnswer]) -> list[HttpAnswer]:
    return answer if isinstance(answer, list) else [answer]


async def _give(answer: HttpAnswer, request: httpx2.Request) -> httpx2.Response:
    await asyncio.sleep(answer.delay_ms / 1000)
    if answer.unreachable:
        raise httpx2.ConnectError("nobody listens there", request=request)
    if answer.hangs:
        await asyncio.Event().wait()
    if answer.redirect is not None:
        return httpx2.Response(302, headers={"location": answer.redirect}, request=request)
    if answer.size_bytes is not None:
        return httpx2.Response(answer.status, content=b"x" * answer.size_bytes, request=request)
    if answer.body is not None:
        headers = {"content-type": answer.content_type}
        return httpx2.Response(answer.status, text=answer.body, headers=headers, request=request)
    return httpx2.Response(
        answer.status, content=json.dumps(answer.json_), headers={"content-type": "application/json"}, request=request
    )
