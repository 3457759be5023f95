"""A turn with a model that misbehaves over HTTP: the caller hears words in time, and the record says what happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.load import parse_agent
from offhook.agents.runner import (
    AgentRunner,
    Entered,
    Finished,
    HangUp,
    Patience,
    Problem,
    Returned,
    RunnerEvent,
    Say,
    VariableChanged,
)
from offhook.models.llm.openai_compatible import Limits, OpenaiCompatibleModel

# A tenth of the real time limits: 4 s of dead air are 0.4 s here.
PATIENCE = Patience(first_words_s=0.2, more_words_s=0.25, first_event_s=0.4, next_event_s=0.4, total_s=1.2)
LIMITS = Limits(connect_s=0.2, first_token_s=0.4, total_s=2.0)
AGENT = parse_agent(
    {
        "name": "A",
        "initial_state_name": "ask",
        "states": [
            {
                "name": "ask",
                "variables": [{"name": "age", "type": "number"}],
                "transitions": [{"condition": "age is known", "destination_state_name": "bye"}],
                "tools": [
                    {
                        "type": "custom_function",
                        "name": "book",
                        "url": "http://127.0.0.1:1/",
                        "parameters": [{"name": "seats", "type": "number"}],
                    }
                ],
            },
            {"name": "bye"},
        ],
    }
)


def delta(**fields: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": fields, "finish_reason": None}]}  # fmt: skip


def called(name: str, arguments: Any) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": name, "arguments": text}}
    return delta(tool_calls=[call])


class Caller:
    """Hears a turn: what was said when, and the longest silence; a voice speaks 15 letters a second."""

    def __init__(self, events: list[tuple[float, RunnerEvent]]) -> None:
        self.events = [event for _, event in events]
        self.said = "".join(event.text for event in self.events if isinstance(event, Say))
        until_s = self.longest_silence_s = 0.0
        for at_s, event in events:
            if isinstance(event, Say) and event.text:
                self.longest_silence_s = max(self.longest_silence_s, at_s - until_s)
                until_s = max(until_s, at_s) + len(event.text) / 15
        self.codes = [event.code for event in self.events if isinstance(event, Problem)]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


async def hear(runner: AgentRunner, text: str = "I am 41.") -> Caller:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    turn = runner.respond(Dialogue.start(AGENT).agent_said("How old are you?"), text)
    return Caller([(loop.time() - began_s, event) async for event in turn])


@pytest.fixture
async def model(chat_server: Any) -> AsyncIterator[OpenaiCompatibleModel]:
    one = OpenaiCompatibleModel(chat_server.url, "tiny", "key", LIMITS)
    yield one
    await one.close()


@pytest.fixture
async def fallback() -> AsyncIterator[OpenaiCompatibleModel]:
    one = OpenaiCompatibleModel("http://127.0.0.1:1/v1", "other", "key", LIMITS)
    yield one
    await one.close()


FAULTS: dict[str, tuple[list[Any], int, str]] = {
    "nothing": ([], 200, "empty_answer"),
    "spaces": ([delta(content="  ")], 200, "empty_answer"),
    "garbage": ([b"data: {not json\n\n"], 200, "provider_failure"),
    "no chat completion": ([{"choices": 5}], 200, "provider_failure"),
    "429": ([], 429, "provider_failure"),
    "500": ([], 500, "provider_failure"),
    "hang": ([30], 200, "provider_timeout"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_model_that_gives_nothing_usable_gets_one_retry_then_the_call_ends_with_a_word(
    chat_server: Any, model: OpenaiCompatibleModel, fallback: OpenaiCompatibleModel, fault: str
) -> None:
    chat_server.reply, chat_server.status, code = FAULTS[fault]
    heard = await hear(AgentRunner(model, fallback, patience=PATIENCE))
    assert heard.codes[:2] == [code, code]
    assert len(heard.codes) == 3, "the fallback had its chance, too"
    assert len(chat_server.requests) == 2
    assert "technical problem" in heard.said
    assert heard.of(HangUp)[0].failed
    assert heard.longest_silence_s < 0.4


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_fallback_answers_for_it(
    chat_server: Any, model: OpenaiCompatibleModel, fallback: OpenaiCompatibleModel, fault: str
) -> None:
    chat_server.reply, chat_server.status, _ = FAULTS[fault]
    runner = AgentRunner(fallback, model, patience=PATIENCE)  # the one that nobody serves comes first
    chat_server.reply, chat_server.status = [delta(content="Thank you.")], 200
    heard = await hear(runner)
    assert heard.said.strip().endswith("Thank you.")
    assert heard.of(HangUp) == []
    assert chat_server.requests[0]["model"] == "tiny"


async def test_an_endless_stream_is_cut_and_what_was_said_stands(
    chat_server: Any, model: OpenaiCompatibleModel
) -> None:
    chat_server.reply = [delta(content="word " * 50) for _ in range(1000)]
    heard = await hear(AgentRunner(model, patience=PATIENCE))
    assert heard.codes == ["provider_failure"]
    assert len(heard.said) < 3000


async def test_a_stream_that_drips_for_ever_is_cut(chat_server: Any, model: OpenaiCompatibleModel) -> None:
    chat_server.reply = [step for _ in range(1000) for step in (delta(content="a "), 0.1)]
    heard = await hear(AgentRunner(model, patience=PATIENCE))
    assert heard.codes == ["provider_timeout"]
    assert heard.longest_silence_s < 0.4


@pytest.mark.parametrize("name", ["no_such_tool", "hang_up", "go_to_nowhere", "", "go_to_bye; drop"])
async def test_a_wrong_tool_name_is_told_to_the_model_and_does_nothing(
    chat_server: Any, model: OpenaiCompatibleModel, name: str
) -> None:
    chat_server.reply = [delta(content="Right."), called(name, {})]
    events = []
    async for event in AgentRunner(model, patience=PATIENCE).respond(Dialogue.start(AGENT), "Hi."):
        events.append(event)
        chat_server.reply = [delta(content="How old are you?")]
    heard = Caller([(0.0, event) for event in events])
    assert heard.of(Entered) == heard.of(HangUp) == heard.of(Returned) == []
    assert heard.codes == ([] if name == "" else ["tool_not_allowed"])
    assert chat_server.complaints == []


@pytest.mark.parametrize("arguments", ["{", "[]", "7", '{"seats": "many"}', '{"rows": 2}', "{}", '{"seats": null}'])
async def test_arguments_that_do_not_fit_are_told_to_the_model_and_run_nothing(
    chat_server: Any, model: OpenaiCompatibleModel, arguments: str
) -> None:
    chat_server.reply = [called("book", arguments)]
    events = []
    async for event in AgentRunner(model, patience=PATIENCE).respond(Dialogue.start(AGENT), "Book it."):
        events.append(event)
        chat_server.reply = [delta(content="For how many?")]
    (returned,) = (event for event in events if isinstance(event, Returned))
    assert (returned.success, "error" in json.loads(returned.result)) == (False, True)
    assert "".join(event.text for event in events if isinstance(event, Say)) == "For how many?"
    assert chat_server.complaints == []


async def test_values_that_do_not_fit_are_not_stored_and_the_way_is_taken(
    chat_server: Any, model: OpenaiCompatibleModel
) -> None:
    chat_server.reply = [called("go_to_bye", {"reason": "told", "variables": {"age": "old", "shoe": 43}})]
    events = []
    async for event in AgentRunner(model, patience=PATIENCE).respond(Dialogue.start(AGENT), "I'm old."):
        events.append(event)
        chat_server.reply = [delta(content="Bye.")]
    heard = Caller([(0.0, event) for event in events])
    assert sorted(heard.codes) == ["unknown_variable", "variable_misfit"]
    assert heard.of(VariableChanged) == []
    assert [entered.state for entered in heard.of(Entered)] == ["bye"]
    assert isinstance(events[-1], Finished)
