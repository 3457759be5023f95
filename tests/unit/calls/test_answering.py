"""Answers that stand, answers that are dropped, and deeds that come to their end all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.functions import HttpRequest, ToolOutcome, failure, read_answer
from offhook.agents.load import parse_agent
from offhook.agents.model import ModelEvent, ModelRequest, TextDelta, ToolCall
from offhook.agents.runner import AgentRunner
from offhook.calls.answering import Answering
from offhook.calls.deeds import Links
from offhook.conversation.events import Acted, AgentDone, Deed, EndedBy, Intended, Piece
from offhook.record.events import CallEvent, StateEntered, ToolCalled, TranscriptAdded, VariableSet
from offhook.testing.fake_line import FakeLine

AGENT = parse_agent(
    {
        "name": "A",
        "initial_state_name": "s",
        "variables": [{"name": "slot"}],
        "states": [
            {
                "name": "s",
                "transitions": [{"destination_state_name": "t"}],
                "tools": [
                    {
                        "type": "custom_function",
                        "name": "book",
                        "url": "https://x.test/",
                        "response_mapping": [{"destination_variable": "slot", "json_path_to_data": "slot"}],
                    },
                    {"type": "transfer_call", "destination": "+331"},
                    {"type": "press_keys"},
                    {"type": "leave_voicemail_message", "filler_sentence": "Hi."},
                ],
            },
            {"name": "t"},
        ],
    }
)
BOOK = ToolCall("c1", "book", "{}")


class Model:
    """Plays a script a request; a float waits."""

    def __init__(self, *scripts: list[Any]) -> None:
        self.scripts, self.requests = list(scripts), list[ModelRequest]()

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        for step in self.scripts.pop(0) if self.scripts else ["Well."]:
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield TextDelta(step) if isinstance(step, str) else step

    async def close(self) -> None:
        pass


class Server:
    """A tool's server that answers when it is let."""

    def __init__(self) -> None:
        self.asked = self.cancelled = 0
        self.answer = asyncio.Event()
        self.fails = False

    async def run(self, tool: Any, request: HttpRequest) -> ToolOutcome:
        self.asked += 1
        try:
            await self.answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return failure("it is full") if self.fails else read_answer(tool, 200, '{"slot": "10:00"}')


class Desk:
    """An Answering, with what it told, recorded and did."""

    def __init__(self, *scripts: list[Any]) -> None:
        self.model, self.server, self.line = Model(*scripts), Server(), FakeLine()
        self.told: list[Any] = []
        self.records: list[CallEvent] = []
        self.keys: list[str] = []
        self.transferred: list[str] = []
        self.beeps_awaited = 0
        items = iter(range(1000, 2000))
        abilities = frozenset(ability.value for ability in self.line.abilities)
        self.answering = Answering(
            AgentRunner(self.model, executor=self.server, line_tools=abilities),
            Dialogue.start(AGENT),
            links=Links(self.line, self.told.append, lambda: 0, self._await_beep),
            record=self.records.append,
            next_item=lambda: next(items),
            wall=time.time,
            press_keys=self.keys.append,
            transferred=self.transferred.append,
        )

    def _await_beep(self) -> None:
        self.beeps_awaited += 1

    async def settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    def of(self, kind: type) -> list[Any]:
        return [event for event in [*self.told, *self.records] if isinstance(event, kind)]

    @property
    def history(self) -> list[tuple[str, str]]:
        return [(message.role, message.content) for message in self.answering.dialogue.history]


@pytest.fixture
async def desk() -> AsyncIterator[Any]:
    made: list[Desk] = []

    def make(*scripts: list[Any]) -> Desk:
        made.append(Desk(*scripts))
        return made[-1]

    yield make
    for each in made:
        each.answering.close()
        await each.settle()


async def test_an_answer_that_nobody_heard_leaves_no_trace(desk: Any) -> None:
    one = desk([ToolCall("m", "go_to_t", "{}")], ["Hello."])
    one.answering.ask(1, "Hi.")
    await one.settle()
    one.answering.drop(1, "")
    assert one.history == []
    assert one.answering.dialogue.state_name == "s"
    assert one.records == []


async def test_an_answer_that_is_heard_stands_with_all_it_changed(desk: Any) -> None:
    one = desk([ToolCall("m", "go_to_t", "{}")], ["Hello."])
    one.answering.ask(1, "Hi.")
    await one.settle()
    one.answering.adopt(1, "Hello.")
    assert one.answering.dialogue.state_name == "t"
    assert [event.state for event in one.of(StateEntered)] == ["t"]
    one.answering.drop(1, "Hel")
    assert one.history[-1] == ("assistant", "Hel")


async def test_a_function_runs_only_when_its_turn_is_certain(desk: Any) -> None:
    one = desk([BOOK], ["Booked."])
    one.answering.ask(1, "Book it.")
    await one.settle()
    assert [(event.utterance, event.deed) for event in one.of(Intended)] == [(1, Deed.ACT)]
    assert one.server.asked == 0
    one.answering.drop(1, "")
    await one.settle()
    assert one.server.asked == 0
    assert one.records == []


async def test_what_a_function_did_is_recorded_when_it_is_done_not_when_it_is_heard(desk: Any) -> None:
    one = desk([BOOK], [10.0, "Booked."])
    one.answering.ask(1, "Book it.")
    await one.settle()
    one.answering.act(1)
    one.server.answer.set()
    await one.settle()
    assert [(event.name, event.success) for event in one.of(ToolCalled)] == [("book", True)]
    assert [(event.name, event.value) for event in one.of(VariableSet)] == [("slot", "10:00")]
    assert [item.role for item in one.of(TranscriptAdded)] == ["agent", "tool"]


async def test_a_function_under_way_comes_to_its_end_though_its_answer_was_dropped(desk: Any) -> None:
    one = desk([BOOK], ["It is at ten."])
    one.answering.ask(1, "Book it.")
    await one.settle()
    one.answering.act(1)
    await one.settle()
    one.answering.drop(1, "")
    one.answering.ask(2, "When is it?")
    await one.settle()
    assert (one.server.asked, one.server.cancelled, len(one.model.requests)) == (1, 0, 1)
    one.server.answer.set()
    await one.settle()
    # The next question is answered with what the function did.
    assert [message.role for message in one.model.requests[1].messages] == [
        "system", "user", "assistant", "tool", "user",
    ]  # fmt: skip
    assert one.of(Piece)[-1] == Piece(0, 2, "It is at ten.")
    one.answering.adopt(2, "It is at ten.")
    assert one.history[-2:] == [("user", "When is it?"), ("assistant", "It is at ten.")]
    assert one.answering.dialogue.values["slot"] == "10:00"
    assert len(one.of(ToolCalled)) == 1


async def test_a_question_dropped_while_a_function_runs_is_asked_again_after_it(desk: Any) -> None:
    one = desk([BOOK], ["At ten."])
    one.answering.ask(1, "Book it.")
    await one.settle()
    one.answering.act(1)
    one.answering.drop(1, "")
    one.answering.ask(2, "When")
    one.answering.drop(2, "")
    one.answering.ask(3, "When is it?")
    one.server.answer.set()
    await one.settle()
    one.answering.adopt(3, "At ten.")
    assert [content for role, content in one.history if role == "user"] == ["Book it.", "When is it?"]
    assert "tool" in [role for role, _ in one.history]


async def test_words_said_meanwhile_keep_their_place_after_the_deed(desk: Any) -> None:
    one = desk([BOOK])
    one.answering.ask(1, "Book it.")
    await one.settle()
    one.answering.act(1)
    one.answering.drop(1, "")
    one.answering.adopt(2, "Goodbye.")
    one.server.answer.set()
    await one.settle()
    assert [role for role, _ in one.history] == ["user", "assistant", "tool", "assistant"]
    assert one.history[-1] == ("assistant", "Goodbye.")


async def test_the_last_look_for_variables_waits_for_a_function_under_way(desk: Any) -> None:
    one = desk([BOOK])
    one.answering.ask(1, "Book it.")
    await one.settle()
    one.answering.act(1)
    one.answering.drop(1, "")
    extracting = asyncio.create_task(one.answering.extract())
    await one.settle()
    assert not extracting.done()
    one.server.answer.set()
    await extracting
    assert len(one.of(ToolCalled)) == 1


async def test_closing_stops_what_never_ends(desk: Any) -> None:
    one = desk([BOOK])
    one.answering.ask(1, "Book it.")
    await one.settle()
    one.answering.act(1)
    await one.settle()
    one.answering.drop(1, "")
    one.answering.close()
    await one.settle()
    assert one.server.cancelled == 1


async def test_a_failed_function_is_told_as_such_and_stands_too(desk: Any) -> None:
    one = desk([BOOK], ["It is full."])
    one.server.fails = True
    one.server.answer.set()
    one.answering.ask(1, "Book it.")
    await one.settle()
    one.answering.act(1)
    await one.settle()
    assert [event.success for event in one.of(ToolCalled)] == [False]


async def test_a_transfer_ends_the_agent_s_part(desk: Any) -> None:
    one = desk([ToolCall("c", "transfer_call", "{}")])
    one.answering.ask(1, "A human.")
    await one.settle()
    assert one.of(Intended)[0].deed is Deed.HAND_OVER
    assert one.line.transfers == []
    one.answering.act(1)
    await one.settle()
    assert (one.line.transfers, one.transferred) == ([("+331", False)], ["+331"])
    assert [event.success for event in one.of(ToolCalled)] == [True]


async def test_a_transfer_that_is_refused_leaves_the_caller_with_the_agent(desk: Any) -> None:
    one = desk([ToolCall("c", "transfer_call", "{}")], ["Nobody there."])
    one.line.refusal = "486 Busy Here"
    one.answering.ask(1, "A human.")
    await one.settle()
    one.answering.act(1)
    await one.settle()
    assert one.transferred == []
    assert one.of(Acted) == [Acted(0, 1)]
    assert one.of(Piece)[-1].text.strip() == "Nobody there."
    assert "486" in one.of(ToolCalled)[0].result


async def test_keys_are_pressed_when_the_turn_is_certain(desk: Any) -> None:
    one = desk([ToolCall("c", "press_keys", '{"digits": "1w2"}')])
    one.answering.ask(1, "Press one.")
    await one.settle()
    assert one.keys == []
    one.answering.act(1)
    await one.settle()
    assert one.keys == ["1w2"]


async def test_a_message_is_left_after_the_beep(desk: Any) -> None:
    one = desk([ToolCall("c", "leave_voicemail_message", "{}")])
    one.answering.ask(1, "Leave a message.")
    await one.settle()
    assert (one.beeps_awaited, one.of(Intended)[0].deed, one.of(Piece)) == (1, Deed.MESSAGE, [])
    one.answering.act(1)
    await one.settle()
    assert [piece.text for piece in one.of(Piece)] == ["Hi."]
    (done,) = one.of(AgentDone)
    assert (done.hang_up, done.reason) == (True, EndedBy.VOICEMAIL)
