from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.load import parse_agent
from offhook.agents.model import Form, Message, ModelEvent, ModelRequest, TextDelta, ToolCall, ToolSpec, Usage
from offhook.agents.runner import AgentRunner, Entered, Finished, HangUp, Problem, Say, VariableChanged
from offhook.errors import ProviderError, ProviderTimeoutError
from offhook.models.llm.openai_compatible import Limits, OpenaiCompatibleModel

AGENT = parse_agent(
    {
        "name": "A",
        "initial_state_name": "ask",
        "states": [
            {
                "name": "ask",
                "variables": [{"name": "age", "type": "number"}],
                "transitions": [{"condition": "age is known", "destination_state_name": "bye"}],
            },
            {"name": "bye", "tools": [{"type": "hang_up", "filler_sentence": "Bye."}]},
        ],
    }
)


def delta(**fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def tool_delta(
    index: int = 0, call_id: str | None = None, name: str | None = None, arguments: str = ""
) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return delta(
        tool_calls=[{"index": index, "type": "function", "function": function} | ({"id": call_id} if call_id else {})]
    )


USAGE = delta() | {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}}


@pytest.fixture
async def model(chat_server: Any) -> AsyncIterator[OpenaiCompatibleModel]:
    limits = Limits(connect_s=0.5, first_token_s=0.3, total_s=0.8)
    model = OpenaiCompatibleModel(chat_server.url, "tiny", "key", limits)
    yield model
    await model.close()


def request(**fields: Any) -> ModelRequest:
    messages = (Message("system", "Be brief."), Message("user", "Hi."))
    return ModelRequest(messages, (), Dialogue.start(AGENT), "Hi.", **fields)


async def collect(model: OpenaiCompatibleModel, asked: ModelRequest | None = None) -> list[ModelEvent]:
    return [event async for event in model.stream(asked or request())]


async def test_words_stream_and_usage_is_told(chat_server: Any, model: OpenaiCompatibleModel) -> None:
    chat_server.reply = [delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo."), USAGE]
    assert await collect(model) == [TextDelta("Hel"), TextDelta("lo."), Usage(12, 3)]
    sent = chat_server.requests[0]
    assert sent["model"] == "tiny"
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}]
    assert "tools" not in sent
    assert "temperature" not in sent
    assert chat_server.headers[0]["authorization"] == "Bearer key"


async def test_the_agent_s_model_and_temperature_win(chat_server: Any, model: OpenaiCompatibleModel) -> None:
    chat_server.reply = [delta(content="x")]
    await collect(model, request(model="big", temperature=0.2))
    assert (chat_server.requests[0]["model"], chat_server.requests[0]["temperature"]) == ("big", 0.2)


async def test_tool_calls_are_put_together_from_their_pieces(chat_server: Any, model: OpenaiCompatibleModel) -> None:
    chat_server.reply = [
        tool_delta(0, "a", "go", '{"x"'),
        tool_delta(0, arguments=": 1}"),
        tool_delta(1, "b", "stop"),
    ]
    spec = ToolSpec("go", "Go.", {"type": "object", "properties": {}})
    events = await collect(model, ModelRequest(request().messages, (spec,), Dialogue.start(AGENT), "Hi."))
    assert events == [ToolCall("a", "go", '{"x": 1}'), ToolCall("b", "stop", "{}")]
    assert chat_server.requests[0]["tools"][0]["function"]["name"] == "go"


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "go", "arguments": {"x": 1}}',
        '<tool_call>{"name": "go", "arguments": {"x": 1}}</tool_call>',
        '```json\n{"name": "go", "parameters": {"x": 1}}\n```',
    ],
)
async def test_a_tool_call_that_a_small_model_wrote_as_text_is_not_spoken(
    chat_server: Any, model: OpenaiCompatibleModel, text: str
) -> None:
    chat_server.reply = [delta(content=text[:5]), delta(content=text[5:])]
    (call,) = await collect(model)
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments) == ("go", '{"x": 1}')


async def test_braces_that_are_no_call_are_words(chat_server: Any, model: OpenaiCompatibleModel) -> None:
    chat_server.reply = [delta(content="{smile} Hello.")]
    assert await collect(model) == [TextDelta("{smile} Hello.")]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_a_refusal_is_a_failure_at_once(chat_server: Any, model: OpenaiCompatibleModel, status: int) -> None:
    chat_server.status = status
    with pytest.raises(ProviderError, match=str(status)):
        await collect(model)
    assert len(chat_server.requests) == 1, "the runner retries, not the client"


@pytest.mark.parametrize(
    "reply",
    [
        [b"data: {not json\n\n"],
        [b"data: [1, 2]\n\n"],
        [{"error": {"message": "overloaded"}}],
        [b'data: {"choices": 5}\n\n'],
    ],
)
async def test_garbage_is_a_failure(chat_server: Any, model: OpenaiCompatibleModel, reply: list[Any]) -> None:
    chat_server.reply = reply
    with pytest.raises(ProviderError):
        await collect(model)


@pytest.mark.parametrize(
    "reply", [[], [b"<html>nothing here</html>"], [delta(content=None)], [USAGE | {"usage": None}]]
)
async def test_an_empty_answer_gives_nothing(chat_server: Any, model: OpenaiCompatibleModel, reply: list[Any]) -> None:
    chat_server.reply = reply
    assert await collect(model) == []


async def test_no_first_token_in_time_is_a_time_out(chat_server: Any, model: OpenaiCompatibleModel) -> None:
    chat_server.reply = [30]
    with pytest.raises(ProviderTimeoutError):
        await collect(model)


async def test_an_answer_that_takes_too_long_is_a_time_out(chat_server: Any, model: OpenaiCompatibleModel) -> None:
    chat_server.reply = [step for _ in range(100) for step in (delta(content="x"), 0.1)]
    with pytest.raises(ProviderTimeoutError):
        await collect(model)


async def test_nobody_listening_is_a_failure() -> None:
    model = OpenaiCompatibleModel("http://127.0.0.1:1/v1", "m")
    with pytest.raises(ProviderError):
        await collect(model)
    await model.close()


async def test_closing_the_answer_cancels_the_request_at_the_server(
    chat_server: Any, model: OpenaiCompatibleModel
) -> None:
    chat_server.reply = [delta(content="one "), 30, delta(content="two")]
    async with aclosing(model.stream(request())) as events:
        assert await anext(events) == TextDelta("one ")
    await asyncio.wait_for(chat_server.left_early.wait(), 5)


async def test_a_turn_goes_through_a_transition_and_the_server_sees_a_lawful_history(
    chat_server: Any, model: OpenaiCompatibleModel
) -> None:
    move = '{"reason": "told", "variables": {"age": 41}}'
    runner, dialogue = AgentRunner(model), Dialogue.start(AGENT).agent_said("How old are you?")
    chat_server.reply = [tool_delta(0, "a", "go_to_bye", move)]
    events = []
    async for event in runner.respond(dialogue, "I'm 41."):
        events.append(event)
        if isinstance(event, Entered):
            chat_server.reply = [delta(content="Thanks."), tool_delta(0, "b", "hang_up")]
    assert chat_server.complaints == []
    assert next(event for event in events if isinstance(event, VariableChanged)).value == 41
    assert "".join(event.text for event in events if isinstance(event, Say)) == "Thanks. Bye."
    assert any(isinstance(event, HangUp) for event in events)
    assert not any(isinstance(event, Problem) for event in events)

    chat_server.reply = [delta(content="Hello?")]
    finished = events[-1]
    assert isinstance(finished, Finished)
    async for _ in runner.respond(finished.dialogue, "And?"):
        pass
    assert chat_server.complaints == []


# ---------------------------------------------------------------------- forms, after a call

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


async def test_a_form_is_asked_by_its_schema_and_its_answer_is_no_tool_call(chat_server: Any) -> None:
    model = OpenaiCompatibleModel(chat_server.url, "tiny", "key")
    chat_server.reply = [delta(content='{"name": "x", '), delta(content='"arguments": {}}'), USAGE]
    asked = request(form=Form(SCHEMA, {}, 777))
    events = await collect(model, asked)
    assert events == [TextDelta('{"name": "x", '), TextDelta('"arguments": {}}'), Usage(12, 3)]
    (body,) = chat_server.requests
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["max_tokens"] == 777
    await model.close()


async def test_a_server_that_knows_no_schemas_is_asked_without(chat_server: Any) -> None:
    model = OpenaiCompatibleModel(chat_server.url, "tiny", "key")
    chat_server.knows_schemas, chat_server.reply = False, [delta(content="{}")]
    assert await collect(model, request(form=Form(SCHEMA, {}, 100))) == [TextDelta("{}")]
    assert ["response_format" in body for body in chat_server.requests] == [True, False]
    await model.close()


async def test_a_form_has_time_that_a_turn_has_not(model: OpenaiCompatibleModel, chat_server: Any) -> None:
    chat_server.reply = [0.5, delta(content="{}")]
    assert await collect(model, request(form=Form(SCHEMA, {}, 100))) == [TextDelta("{}")]
