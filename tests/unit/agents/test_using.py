"""Tools that do something: what the model asked for, when it is done, and what everybody is told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from offhook.agents.deeds import AtOnce
from offhook.agents.dialogue import Dialogue
from offhook.agents.functions import ToolOutcome, failure, read_answer
from offhook.agents.load import parse_agent
from offhook.agents.model import ToolSpec
from offhook.agents.runner import (
    AgentRunner,
    Finished,
    HangUp,
    PressKeys,
    Problem,
    Returned,
    RunnerEvent,
    Say,
    Transfer,
)
from offhook.agents.using import dial_string

MONDAY_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
LINE = frozenset({"transfer_call", "press_keys", "send_sms"})


class Deeds(AtOnce):
    """Notes in ``log`` what is asked of it; ``refusal`` is why it can't be done."""

    def __init__(self, refusal: str | None = None) -> None:
        self.log: list[Any] = []
        self.turn = asyncio.Event()
        self.turn.set()
        self.refusal = refusal

    async def certain(self) -> None:
        self.log.append("asked whether the turn is certain")
        await self.turn.wait()
        self.log.append("certain")

    async def transfer(self, destination: str, mode: str) -> str | None:
        self.log.append(("transfer", destination, mode))
        return self.refusal

    async def beep(self, limit_s: float) -> None:
        self.log.append(("beep", limit_s))

    async def send_text(self, text: str) -> str | None:
        self.log.append(("text", text))
        return self.refusal


class Executor:
    def __init__(self, deeds: Deeds, answer: str = "{}") -> None:
        self._deeds, self._answer = deeds, answer

    async def run(self, tool: Any, request: Any) -> ToolOutcome:
        self._deeds.log.append(("request", request.url))
        return read_answer(tool, 200, self._answer)


class Remote:
    def __init__(self, deeds: Deeds, outcome: ToolOutcome) -> None:
        self._deeds, self._outcome = deeds, outcome

    async def call(self, tool: Any, arguments: str, dialogue: Dialogue) -> ToolOutcome:
        self._deeds.log.append(("remote", tool.name, arguments, dialogue.state_name))
        return self._outcome


def agent_with(*tools: dict[str, Any], **fields: Any) -> Dialogue:
    data = {
        "name": "A",
        "initial_state_name": "s",
        "variables": [{"name": "to"}, {"name": "hours", "type": "json"}, {"name": "name"}],
        "states": [{"name": "s", "tools": list(tools)}],
    }
    return Dialogue.start(parse_agent(data | fields), {"name": "Ann", "to": "+33 1 23-45-67-89"})


async def respond(runner: AgentRunner, dialogue: Dialogue, deeds: Deeds) -> list[RunnerEvent]:
    return [event async for event in runner.respond(dialogue, "Go on.", deeds)]


def said(events: list[RunnerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Say))


def of(events: list[RunnerEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


# ---------------------------------------------------------------------- the certain end of the turn


FUNCTION = {"type": "custom_function", "name": "book", "url": "https://x.test/{{name}}"}
EVERY_DEED = [
    (FUNCTION | {"filler_sentence": "One moment."}, "{}", ("request", "https://x.test/Ann")),
    (FUNCTION, "{}", ("request", "https://x.test/Ann")),
    ({"type": "send_sms", "template": "Hi {{name}}"}, "{}", ("text", "Hi Ann")),
    ({"type": "press_keys"}, '{"digits": "1"}', None),
    ({"type": "hang_up"}, "{}", None),
]


@pytest.mark.parametrize(("tool", "arguments", "deed"), EVERY_DEED, ids=lambda value: str(value)[:40])
async def test_what_cannot_be_undone_waits_for_the_turn_to_be_certain(
    scripted: Callable, call: Callable, tool: dict[str, Any], arguments: str, deed: Any
) -> None:
    deeds = Deeds()
    deeds.turn.clear()
    name = tool.get("name", tool["type"])
    runner = AgentRunner(scripted([call(name, arguments)], ["Fine."]), executor=Executor(deeds), line_tools=LINE)
    task = asyncio.create_task(respond(runner, agent_with(tool), deeds))
    await asyncio.wait({task}, timeout=0.02)
    assert deeds.log == ["asked whether the turn is certain"]
    deeds.turn.set()
    events = await task
    assert deeds.log[1:] == ["certain", *([deed] if deed else [])]
    assert of(events, Returned)[0].success


async def test_an_answer_dropped_before_leaves_the_world_as_it_was(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    deeds.turn.clear()
    runner = AgentRunner(scripted([call("book")]), executor=Executor(deeds))
    task = asyncio.create_task(respond(runner, agent_with(FUNCTION), deeds))
    await asyncio.wait({task}, timeout=0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert deeds.log == ["asked whether the turn is certain"]


async def test_a_farewell_is_enough_to_hang_up(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    tool = {"type": "hang_up", "filler_sentence": "Bye."}
    await respond(AgentRunner(scripted([call("hang_up")])), agent_with(tool), deeds)
    assert deeds.log == []  # the call waits for the words to be heard


async def test_plain_words_and_transitions_wait_for_nothing(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    states = [{"name": "s", "transitions": [{"destination_state_name": "t"}]}, {"name": "t", "tools": [FUNCTION]}]
    dialogue = agent_with(states=states)
    await respond(AgentRunner(scripted([call("go_to_t")], ["Hello."])), dialogue, deeds)
    assert deeds.log == []


async def test_the_time_limit_of_a_function_begins_with_its_request(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    deeds.turn.clear()
    runner = AgentRunner(scripted([call("book")], ["Booked."]), executor=Executor(deeds))
    task = asyncio.create_task(respond(runner, agent_with(FUNCTION | {"timeout_seconds": 0.05}), deeds))
    await asyncio.wait({task}, timeout=0.15)
    deeds.turn.set()
    returned = of(await task, Returned)[0]
    assert returned.success
    assert returned.duration_ms < 50


# ---------------------------------------------------------------------- answers of functions


async def test_what_tools_are_for_may_hold_variables(scripted: Callable) -> None:
    tool = FUNCTION | {
        "description": "Book for {{name}}",
        "parameters": [{"name": "seats", "type": "number", "description": "seats for {{name}}"}],
    }
    model = scripted(["Hi."])
    await respond(AgentRunner(model), agent_with(tool), Deeds())
    (spec,) = model.requests[0].tools
    assert spec.description == "Book for Ann"
    assert spec.parameters["properties"]["seats"]["description"] == "seats for Ann"


async def test_instructions_replace_the_whole_result(scripted: Callable, call: Callable) -> None:
    deeds, model = Deeds(), scripted([call("book")], ["Fine."])
    answer = json.dumps({"instructions": "Say it is full.", "secret": 7})
    await respond(AgentRunner(model, executor=Executor(deeds, answer)), agent_with(FUNCTION), deeds)
    assert json.loads(model.requests[1].messages[-1].content) == "Say it is full."
    assert "secret" not in str(model.requests[1].messages)


async def test_an_answer_that_says_ok_backs_a_claim(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    runner = AgentRunner(scripted([call("book")], ["I've booked it."]), executor=Executor(deeds, '{"ok": true}'))
    assert of(await respond(runner, agent_with(FUNCTION), deeds), Problem) == []


async def test_an_answer_with_an_empty_error_backs_a_claim(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    runner = AgentRunner(scripted([call("book")], ["I've booked it."]), executor=Executor(deeds, '{"error": null}'))
    assert of(await respond(runner, agent_with(FUNCTION), deeds), Problem) == []


async def test_a_wait_backs_no_claim(scripted: Callable, call: Callable) -> None:
    runner = AgentRunner(scripted([call("wait")], ["I've booked it."]))
    waited = (await respond(runner, agent_with({"type": "wait"}), Deeds()))[-1]
    assert isinstance(waited, Finished)
    events = [event async for event in runner.respond(waited.dialogue, "And?", Deeds())]
    assert [problem.code for problem in of(events, Problem)] == ["unbacked_claim"]


async def test_going_to_a_state_backs_no_claim(scripted: Callable, call: Callable) -> None:
    states = [{"name": "s", "transitions": [{"destination_state_name": "t"}]}, {"name": "t"}]
    runner = AgentRunner(scripted([call("go_to_t")], ["I've booked it."]))
    events = await respond(runner, agent_with(states=states), Deeds())
    assert [problem.code for problem in of(events, Problem)] == ["unbacked_claim"]


async def test_a_message_of_the_tool_is_the_last_word(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    runner = AgentRunner(scripted([call("book")]), executor=Executor(deeds, '{"agent_message": "Booked: 5,00 €."}'))
    events = await respond(runner, agent_with(FUNCTION), deeds)
    assert said(events) == "Booked: 5,00 €."
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert [m.role for m in finished.dialogue.history] == ["user", "assistant", "tool", "assistant"]


# ---------------------------------------------------------------------- transfers


TRANSFER = {"type": "transfer_call", "destination": "{{to}}", "filler_sentence": "One moment, {{name}}."}


async def test_a_transfer_says_its_sentence_and_dials_the_variable(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    runner = AgentRunner(scripted([call("transfer_call")]), line_tools=LINE)
    events = await respond(runner, agent_with(TRANSFER | {"mode": "attended"}), deeds)
    assert said(events) == "One moment, Ann."
    assert deeds.log == [("transfer", "+33123456789", "attended")]
    assert of(events, Transfer) == [Transfer("+33123456789", "attended")]


async def test_a_transfer_that_fails_comes_back_to_the_agent(scripted: Callable, call: Callable) -> None:
    deeds = Deeds("nobody answers")
    model = scripted([call("transfer_call")], ["They don't answer. Shall I take a message?"])
    events = await respond(AgentRunner(model, line_tools=LINE), agent_with(TRANSFER), deeds)
    assert said(events) == "One moment, Ann. They don't answer. Shall I take a message?"
    assert of(events, Transfer) == []
    assert not of(events, Returned)[0].success
    assert "nobody answers" in model.requests[1].messages[-1].content


async def test_a_line_that_cannot_transfer_is_told_before_any_promise(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    events = await respond(AgentRunner(scripted([call("transfer_call")], ["I can't."])), agent_with(TRANSFER), deeds)
    assert said(events) == "I can't."
    assert deeds.log == []


@pytest.mark.parametrize("hours", [None, {"monday": [{"start": "11:00", "end": "13:00"}]}, {"bad": 1}])
async def test_within_hours_and_without_any_transfers_are_allowed(
    scripted: Callable, call: Callable, hours: Any
) -> None:
    deeds = Deeds()
    dialogue = agent_with(TRANSFER | {"hours_variable": "hours"})
    if hours is not None:
        dialogue = dialogue.with_variable("hours", hours)
    runner = AgentRunner(scripted([call("transfer_call")]), line_tools=LINE, now=lambda: MONDAY_NOON)
    assert of(await respond(runner, dialogue, deeds), Transfer)


async def test_outside_hours_the_agent_goes_on(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    dialogue = agent_with(TRANSFER | {"hours_variable": "hours"}).with_variable("hours", {"tuesday": []})
    model = scripted([call("transfer_call")], ["They're away."])
    events = await respond(AgentRunner(model, line_tools=LINE, now=lambda: MONDAY_NOON), dialogue, deeds)
    assert (said(events), deeds.log) == ("They're away.", [])
    assert not of(events, Returned)[0].success


async def test_outside_hours_the_call_may_end_with_a_word(scripted: Callable, call: Callable) -> None:
    tool = TRANSFER | {"hours_variable": "hours", "outside_hours": "hang_up"}
    dialogue = agent_with(tool, language="fr").with_variable("hours", {"tuesday": []})
    model = scripted([call("transfer_call")])
    events = await respond(AgentRunner(model, line_tools=LINE, now=lambda: MONDAY_NOON), dialogue, Deeds())
    assert said(events).endswith("Au revoir.")
    assert of(events, HangUp) == [HangUp("a transfer was asked for outside its hours")]
    assert len(model.requests) == 1


@pytest.mark.parametrize("destination", ["{{hours}}", "nobody", "12\r\n34", "sip:a b@c", "+33;drop"])
async def test_a_destination_that_is_none_is_an_error(scripted: Callable, call: Callable, destination: str) -> None:
    deeds, dialogue = Deeds(), agent_with(TRANSFER | {"destination": destination})
    events = await respond(AgentRunner(scripted([call("transfer_call")], ["No."]), line_tools=LINE), dialogue, deeds)
    assert deeds.log == []
    assert not of(events, Returned)[0].success


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("+33 (0)1.23", "+330123"), ("tel:+331", "+331"), ("sip:desk@10.0.0.1:5070", "sip:desk@10.0.0.1:5070"),
        ("*21#", "*21#"), ("911\nfoo", None), ("sip:x@y\r\nVia: z", None),
    ],
)  # fmt: skip
def test_dial_strings(text: str, dialled: str | None) -> None:
    assert dial_string(text) == dialled


# ---------------------------------------------------------------------- messages, keys, texts


VOICEMAIL = {"type": "leave_voicemail_message", "filler_sentence": "Hello, {{name}} here."}


@pytest.mark.parametrize(("fields", "limit_s"), [({}, 30.0), ({"voicemail": {"wait_for_beep_seconds": 7}}, 7.0)])
async def test_a_message_is_spoken_after_the_beep_and_ends_the_call(
    scripted: Callable, call: Callable, fields: dict[str, Any], limit_s: float
) -> None:
    deeds = Deeds()
    runner = AgentRunner(scripted([call("leave_voicemail_message")]))
    events = await respond(runner, agent_with(VOICEMAIL, **fields), deeds)
    assert deeds.log == [("beep", limit_s)]
    assert said(events) == "Hello, Ann here."
    assert of(events, HangUp) == [HangUp("a message was left", left_message=True)]


async def test_keys_may_come_with_pauses_and_spaces(scripted: Callable, call: Callable) -> None:
    runner = AgentRunner(scripted([call("press_keys", '{"digits": "1 w 2#"}')]), line_tools=LINE)
    assert of(await respond(runner, agent_with({"type": "press_keys"}), Deeds()), PressKeys) == [PressKeys("1w2#")]


@pytest.mark.parametrize(("refusal", "line"), [("no credit", LINE), (None, frozenset())])
async def test_a_text_that_was_not_sent_is_an_error(
    scripted: Callable, call: Callable, refusal: str | None, line: frozenset[str]
) -> None:
    model = scripted([call("send_sms")], ["I could not send it."])
    events = await respond(
        AgentRunner(model, line_tools=line), agent_with({"type": "send_sms", "template": "Hi"}), Deeds(refusal)
    )
    assert not of(events, Returned)[0].success
    assert "error" in model.requests[1].messages[-1].content


async def test_a_text_that_was_sent_is_told_as_a_success(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    runner = AgentRunner(scripted([call("send_sms")], ["I've sent it."]), line_tools=LINE)
    events = await respond(runner, agent_with({"type": "send_sms", "template": "Code {{name}}"}), deeds)
    assert deeds.log[-1] == ("text", "Code Ann")
    assert of(events, Problem) == []


# ---------------------------------------------------------------------- tools of MCP servers


MCP = {"type": "mcp", "url": "https://mcp.test/mcp"}
SCHEMA = {"type": "object", "properties": {"day": {"type": "string"}}}


def with_remote() -> Dialogue:
    dialogue = agent_with(MCP)
    (tool,) = dialogue.state.tools
    return Dialogue(
        dialogue.config, dialogue.values, (), dialogue.visits,
        remote={tool: (ToolSpec("find.slots", "Find slots", SCHEMA),)},
    )  # fmt: skip


async def test_a_server_s_tools_are_offered_and_called_by_their_own_names(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    model = scripted([call("find_slots", '{"day": "monday"}')], ["At ten."])
    runner = AgentRunner(model, remote=Remote(deeds, ToolOutcome(True, '"10:00"')))
    events = await respond(runner, with_remote(), deeds)
    assert [(tool.name, tool.parameters) for tool in model.requests[0].tools] == [("find_slots", SCHEMA)]
    assert deeds.log == [
        "asked whether the turn is certain",
        "certain",
        ("remote", "find.slots", '{"day": "monday"}', "s"),
    ]
    assert model.requests[1].messages[-1].content == '"10:00"'
    assert of(events, Returned)[0].name == "find_slots"


async def test_a_server_s_failure_is_an_error(scripted: Callable, call: Callable) -> None:
    deeds = Deeds()
    runner = AgentRunner(scripted([call("find_slots")], ["No."]), remote=Remote(deeds, failure("it is down")))
    events = await respond(runner, with_remote(), deeds)
    assert not of(events, Returned)[0].success


async def test_a_server_that_was_not_reached_offers_nothing(scripted: Callable) -> None:
    model = scripted(["Hello."])
    await respond(AgentRunner(model), agent_with(MCP), Deeds())
    assert model.requests[0].tools == ()


# ---------------------------------------------------------------------- a deed before this turn


def test_words_to_hold_bridge_a_deed_that_is_not_done_yet(scripted: Callable, virtually: Callable) -> None:
    dialogue = agent_with(FUNCTION)
    model = scripted(["It is booked."])

    async def main() -> list[RunnerEvent]:
        async def settled() -> Dialogue:
            await asyncio.sleep(3)
            return dialogue.user_said("Book it.").agent_said("Done.")

        responses = AgentRunner(model).respond(dialogue, "Well?", Deeds(), after=asyncio.ensure_future(settled()))
        return [event async for event in responses]

    events = virtually(main())
    assert said(events) == "One moment, please. It is booked."
    history = [m.content for m in events[-1].dialogue.history]
    assert history == ["Book it.", "Done.", "Well?", "One moment, please.", "It is booked."]
    assert [m.content for m in model.requests[0].messages[1:]] == history[:-1]
