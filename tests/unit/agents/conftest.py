"""Agents, models that say what a test wants, and a loop whose time is virtual."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from offhook.agents.config import AgentConfig
from offhook.agents.load import parse_agent
from offhook.agents.model import ModelEvent, ModelRequest, TextDelta, ToolCall
from offhook.errors import ProviderError


class _SkippingSelector(selectors.DefaultSelector):
    """Where a real loop would sleep, this one moves its clock."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "the test waits for something that never comes"
            _SkippingSelector.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        _SkippingSelector.now_s = 0.0
        super().__init__(_SkippingSelector())

    def time(self) -> float:
        return _SkippingSelector.now_s


def run_virtually(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


@pytest.fixture
def virtually() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    return run_virtually


Script = Iterable[ModelEvent | str | float | Exception]


@dataclass
class ScriptedModel:
    """Plays one script a request: text, events, seconds to wait, errors to raise; the last script stays."""

    scripts: list[Script]
    requests: list[ModelRequest] = field(default_factory=list)
    closed: int = 0

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        script = self.scripts[min(len(self.requests), len(self.scripts)) - 1]
        try:
            for step in script:
                match step:
                    case str():
                        yield TextDelta(step)
                    case float() | int():
                        await asyncio.sleep(step)
                    case Exception():
                        raise step
                    case _:
                        yield step
        finally:
            self.closed += 1

    async def close(self) -> None:
        pass


@pytest.fixture
def scripted() -> Callable[..., ScriptedModel]:
    return lambda *scripts: ScriptedModel(list(scripts))


@pytest.fixture
def call() -> Callable[..., ToolCall]:
    counter = iter(range(1000))

    def make(name: str, arguments: str = "{}", call_id: str | None = None) -> ToolCall:
        return ToolCall(call_id or f"call_{next(counter)}", name, arguments)

    return make


@pytest.fixture
def agent_data() -> dict[str, Any]:
    """Two states, a variable, every effect a test needs."""
    return {
        "name": "Test",
        "language": "en",
        "initial_message": "Hello {{customer}}.",
        "base_prompt": "You are a test.",
        "initial_state_name": "start",
        "variables": [{"name": "customer"}, {"name": "found", "type": "number", "source": "tool"}],
        "states": [
            {
                "name": "start",
                "prompt": "Ask for the age.",
                "variables": [{"name": "age", "type": "number", "description": "age in years"}],
                "transitions": [
                    {
                        "condition": "age is known",
                        "destination_state_name": "End: goodbye",
                        "filler_sentence": "Right, {{customer}}.",
                    }
                ],
                "tools": [
                    {
                        "type": "custom_function",
                        "name": "look_up",
                        "url": "https://example.com/{{customer}}",
                        "filler_sentence": "Let me look.",
                        "timeout_seconds": 5,
                        "parameters": [{"name": "number", "type": "number"}],
                        "response_mapping": [{"destination_variable": "found", "json_path_to_data": "$.a[0].b"}],
                    },
                    {"type": "wait"},
                    {"type": "press_keys"},
                    {"type": "transfer_call", "destination": "+331{{customer}}"},
                ],
            },
            {
                "name": "End: goodbye",
                "prompt": "Say goodbye, the caller is {{age}}.",
                "tools": [{"type": "hang_up", "filler_sentence": "Bye, {{customer}}."}],
            },
        ],
    }


@pytest.fixture
def agent(agent_data: dict[str, Any]) -> AgentConfig:
    return parse_agent(agent_data)


@pytest.fixture
def broken() -> ProviderError:
    return ProviderError("out of order")
