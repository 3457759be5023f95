"""A model that answers from a script."""

from __future__ import annotations

from typing import Any

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.load import parse_agent
from offhook.agents.model import ModelEvent, ModelRequest, TextDelta, ToolCall, ToolSpec
from offhook.errors import ProviderError, ProviderTimeoutError
from offhook.models.llm.rules import RulesModel
from offhook.testing.scenarios.schema import ModelStep
from offhook.testing.scripted_model import ScriptedModel
from offhook.testing.virtual_time import run_virtually

AGENT = parse_agent({"name": "x", "initial_state_name": "a", "states": [{"name": "a", "rules": {"say": "What then?"}}]})


def request(*tools: str) -> ModelRequest:
    dialogue = Dialogue.start(AGENT).user_said("Hello.")
    return ModelRequest((), tuple(ToolSpec(name, "", {"properties": {}}) for name in tools), dialogue, "Hello.")


def events(model: ScriptedModel, asked: ModelRequest | None = None) -> list[ModelEvent]:
    async def collect() -> list[ModelEvent]:
        return [event async for event in model.stream(asked or request())]

    return run_virtually(collect())


def steps(*data: dict[str, Any]) -> list[ModelStep]:
    return [ModelStep.model_validate(each) for each in data]


def test_each_request_gets_the_next_answer_and_the_last_one_stays() -> None:
    model = ScriptedModel(steps({"say": "One two."}, {"say": "Three."}))
    texts = ["".join(event.text for event in events(model) if isinstance(event, TextDelta)) for _ in range(3)]
    assert texts == ["One two.", "Three.", "Three."]
    assert len(model.requests) == 3


def test_an_answer_may_have_several_steps() -> None:
    answer = steps({"say": "Well."}, {"call": "look_up", "arguments": {"order": 1}}, {"call": "x", "arguments": "{"})
    assert events(ScriptedModel([answer])) == [
        TextDelta("Well."), ToolCall("scripted_1_1", "look_up", '{"order": 1}'), ToolCall("scripted_1_2", "x", "{"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        (429, ProviderError, "answered 429"),
        (500, ProviderError, "answered 500"),
        ("timeout", ProviderTimeoutError, "in time"),
        ("connection", ProviderError, "can't be reached"),
    ],
)
def test_it_fails_as_a_provider_does(how: int | str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        events(ScriptedModel(steps({"fail": how})))


def test_its_own_model_answers_where_the_script_says_so() -> None:
    own = events(ScriptedModel(steps({"own": True}), RulesModel()))
    assert any(isinstance(event, TextDelta) and "What then?" in event.text for event in own)


def test_an_endless_answer_has_no_end() -> None:
    async def read(count: int) -> int:
        stream = ScriptedModel(steps({"endless": "la"})).stream(request())
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == count:
                break
        await stream.aclose()  # type: ignore[attr-defined]
        return seen

    assert run_virtually(read(5000)) == 5000


def test_at_the_call_s_end_it_has_found_nothing_and_no_answer_is_spent() -> None:
    model = ScriptedModel(steps({"say": "Hello."}))
    assert events(model, request("set_variables")) == [ToolCall("scripted_end", "set_variables", "{}")]
    assert model.requests == []
