"""Whole calls without a network: a line, a caller who is loud or silent, and an agent that acts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.events import VariableChanged
from offhook.agents.functions import HttpRequest, ToolOutcome, read_answer
from offhook.agents.load import parse_agent
from offhook.agents.model import ModelEvent, ModelRequest, TextDelta, ToolCall
from offhook.agents.variables import VariableType
from offhook.calls.audio_clock import Clocks
from offhook.calls.journal import Journal
from offhook.calls.live import CallPlan, LiveCall
from offhook.calls.services import Services
from offhook.errors import ToolError
from offhook.models.speech import VoiceChoice
from offhook.record.cost import PriceList
from offhook.record.events import CallCreated, StatusChanged
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.testing.fake_line import FakeLine
from offhook.testing.fixed import FixedRecognizer

LOUD = (4000 * np.sin(np.arange(160) * 0.3)).astype("<i2").tobytes()


class Judge:
    """Loud is a voice."""

    def open_slot(self) -> int:
        return 0

    def close_slot(self, slot: int) -> None:
        pass

    def submit(self, slot: int, window: Any, answer: Callable[[float], None]) -> None:
        answer(0.95 if np.abs(window).max() > 0.01 else 0.02)


class Voice:
    """A hum as long as the words, at once."""

    async def start(self) -> None:
        pass

    async def prepare(self, texts: Iterable[str], voice: VoiceChoice, rate_hz: int) -> None:
        pass

    async def speak(self, text: str, voice: VoiceChoice, rate_hz: int) -> AsyncIterator[bytes]:
        yield bytes(2 * (len(text) * rate_hz // 15))

    async def close(self) -> None:
        pass


class Model:
    """Plays a script a request."""

    def __init__(self, scripts: list[list[Any]]) -> None:
        self.scripts, self.requests = scripts, list[ModelRequest]()

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        for step in self.scripts.pop(0) if self.scripts else ["Well."]:
            yield TextDelta(step) if isinstance(step, str) else step

    async def close(self) -> None:
        pass


class Writer:
    healthy = True

    def append(self, call_id: str, events: Any, record: Any) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Outside:
    """The world: an HTTP server that answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[HttpRequest] = []
        self.answer = asyncio.Event()
        self.text = '{"name": "Ann"}'

    async def send(self, request: HttpRequest, limit_s: float) -> tuple[int, str]:
        self.asked.append(request)
        await self.answer.wait()
        if not self.text:
            raise ToolError("no answer")
        return 200, self.text

    async def run(self, tool: Any, request: HttpRequest) -> ToolOutcome:
        return read_answer(tool, *await self.send(request, 1))


class Call:
    """A call on a fake line; time passes by ``run``, 20 ms a tick."""

    def __init__(
        self, config: dict[str, Any], scripts: list[list[Any]], texts: tuple[str, ...], direction: str
    ) -> None:
        self.t = 0.0
        self.line, self.model, self.outside = FakeLine(), Model(scripts), Outside()
        self.pool = ThreadPoolExecutor(1)
        services = Services(
            FixedRecognizer(texts, 0), Voice(), lambda _: self.model, self.outside,
            SimpleNamespace(score=lambda _: 0.95), self.pool, Judge(), Writer(), None,
            Clocks(lambda: 1_764_000_000 + self.t, lambda: self.t), http=self.outside,
        )  # fmt: skip
        agent = parse_agent({"name": "A", "initial_state_name": "s", "record": False} | config)
        created = CallCreated(
            at=1_764_000_000, call_id="c", organization_id="o", agent_id="a", direction=direction,
            from_number="+331", to_number="+332",
        )  # fmt: skip
        self.journal = Journal(CallRecord.create(created), services.writer)
        dialogue = Dialogue.start(agent, {}, call_id="c", from_number="+331")
        plan = CallPlan("c", "o", direction, agent, dialogue, PriceList(), {})
        self.over = asyncio.Event()
        self.call = LiveCall(plan, self.line, self.journal, services, lambda _: self.over.set())

    async def settle(self) -> None:
        for _ in range(12):
            await asyncio.sleep(0)

    async def run(self, seconds: float, heard: bytes | None = None) -> None:
        for _ in range(math.ceil(seconds * 50)):
            if self.line.ended:
                return
            self.t += 0.02
            self.line.tick(heard)
            await self.settle()
            if not (self.line._index % 10):
                await asyncio.sleep(0.002)  # the turn model answers from its thread

    async def says(self, seconds: float = 1.0) -> None:
        await self.run(seconds, LOUD)

    @property
    def record(self) -> dict[str, Any]:
        return self.journal.record.to_api()

    @property
    def lines(self) -> list[str]:
        return [f"{item['role']}: {item['content']}" for item in self.record["transcript"] if item["content"]]


@pytest.fixture
async def calls() -> AsyncIterator[Any]:
    made: list[Call] = []

    def make(
        config: dict[str, Any], *scripts: list[Any], texts: tuple[str, ...] = ("Hi.",), direction: str = "inbound"
    ) -> Call:
        one = Call(config, list(scripts), texts, direction)
        made.append(one)
        one.journal.add(
            StatusChanged(at=1_764_000_000, status=Status.INITIATED if direction == "outbound" else Status.RINGING)
        )
        return one

    yield make
    for one in made:
        await asyncio.wait_for(one.call.end(EndReason(EndCode.TERMINATED_BY_API, "platform", "test")), 5)
        one.pool.shutdown()


CONTEXT = {
    "initial_message": "Hello {{name}}.",
    "variables": [{"name": "name"}],
    "states": [{"name": "s"}],
    "call_context": [
        {
            "name": "crm",
            "url": "https://crm.test/{{from_number}}",
            "response_mapping": [{"destination_variable": "name", "json_path_to_data": "name"}],
            "fallback_values": {"name": "there"},
        }
    ],
}

# ---------------------------------------------------------------------- before the first word


async def test_a_call_is_answered_when_its_context_is_known(calls: Any) -> None:
    one = calls(CONTEXT)
    one.call.prepare(one.line.answer)
    await one.settle()
    assert one.record["status"] == "ringing"
    assert [request.url for request in one.outside.asked] == ["https://crm.test/%2B331"]
    one.outside.answer.set()
    await one.settle()
    assert one.record["status"] == "in_progress"
    await one.run(2)
    assert one.lines == ["agent: Hello Ann."]
    assert [(value["name"], value["value"]) for value in one.record["variable_values"]] == [("name", "Ann")]


async def test_a_context_that_fails_is_flagged_and_the_call_goes_on(calls: Any) -> None:
    one = calls(CONTEXT)
    one.outside.text = ""
    one.outside.answer.set()
    one.call.prepare(one.line.answer)
    await one.settle()
    await one.run(2)
    assert one.lines == ["agent: Hello there."]
    assert [flag["code"] for flag in one.record["flags"]] == ["call_context_failed"]


async def test_what_was_prepared_before_is_not_asked_for_again(calls: Any) -> None:
    one = calls(CONTEXT)
    dialogue = one.call.plan.dialogue.with_variable("name", "Bob")
    told = (VariableChanged("name", VariableType.STRING, "Bob"),)
    one.call.plan = replace(one.call.plan, dialogue=dialogue, prepared=told)
    one.call.prepare(one.line.answer)
    await one.run(2)
    assert one.outside.asked == []
    assert one.lines == ["agent: Hello Bob."]
    assert [(value["name"], value["value"]) for value in one.record["variable_values"]] == [("name", "Bob")]


async def test_an_agent_without_context_answers_at_once(calls: Any) -> None:
    one = calls({"states": [{"name": "s"}]})
    one.call.prepare(one.line.answer)
    assert one.record["status"] == "in_progress"


async def test_nothing_is_lost_of_a_callee_who_answers_before_the_context(calls: Any) -> None:
    one = calls(CONTEXT, ["Nice to hear you."], texts=("Is it about the roof?",), direction="outbound")
    one.call.prepare()
    one.line.ring()
    one.line.answer()
    await one.settle()
    assert one.record["status"] == "in_progress"
    await one.says(1.0)
    assert one.record["transcript"] == []
    one.outside.answer.set()
    await one.settle()
    await one.run(4)
    assert one.lines[0] == "user: Is it about the roof?"
    assert one.model.requests[0].dialogue.values["name"] == "Ann"


async def test_a_caller_who_hangs_up_while_it_rings_ends_the_call(calls: Any) -> None:
    one = calls(CONTEXT)
    one.call.prepare(one.line.answer)
    await one.settle()
    one.line.far_end_hangs_up()
    await asyncio.wait_for(one.over.wait(), 5)
    assert one.record["status"] == "canceled"
    one.outside.answer.set()
    await one.settle()
    assert one.record["status"] == "canceled"


async def test_a_callee_who_hangs_up_before_the_context_was_answered_all_the_same(calls: Any) -> None:
    one = calls(CONTEXT, direction="outbound")
    one.call.prepare()
    one.line.ring()
    one.line.answer()
    await one.run(0.5)
    one.line.far_end_hangs_up()
    await asyncio.wait_for(one.over.wait(), 5)
    assert one.record["status"] == "completed"


# ---------------------------------------------------------------------- what agents do


BOOK = {
    "states": [
        {
            "name": "s",
            "tools": [
                {"type": "custom_function", "name": "book", "url": "https://x.test/", "filler_sentence": "One moment."},
                {"type": "transfer_call", "destination": "+3399", "filler_sentence": "I am putting you through."},
                {"type": "leave_voicemail_message", "filler_sentence": "Hello, this is Ann."},
                {"type": "press_keys"},
            ],
        }
    ]
}


def use(name: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(f"call_{name}", name, arguments)


async def answered(calls: Any, *scripts: list[Any], **settings: Any) -> Any:
    one = calls(BOOK, *scripts, **settings)
    one.call.prepare(one.line.answer)
    await one.run(0.2)
    return one


async def test_a_function_runs_once_while_its_sentence_is_heard(calls: Any) -> None:
    one = await answered(calls, [use("book")], ["It is done."], texts=("Book it.",))
    await one.says()
    one.outside.answer.set()
    await one.run(6)
    assert len(one.outside.asked) == 1
    assert one.lines[:2] == ["user: Book it.", "agent: One moment. It is done."]
    assert [flag["code"] for flag in one.record["flags"]] == []


async def test_a_caller_who_goes_on_before_a_word_was_heard_changes_what_is_done(calls: Any) -> None:
    one = await answered(calls, [use("press_keys", '{"digits": "1"}')], [use("press_keys", '{"digits": "2"}')])
    await one.says()
    await one.run(0.8)
    await one.says()
    await one.run(4)
    assert one.line.dtmf_sent == "2"
    assert [key["digit"] for key in one.record["dtmf"]] == ["2"]


async def test_a_transfer_ends_the_call_as_redirected(calls: Any) -> None:
    one = await answered(calls, [use("transfer_call")], texts=("A human.", "Right.", "Okay."))
    await one.says()
    await one.run(1.0)
    await one.says(0.3)
    await one.run(4)
    await asyncio.wait_for(one.over.wait(), 5)
    assert one.line.transfers == [("+3399", False)]
    assert one.record["status"] == "redirection_completed"
    assert one.record["end_reason"]["code"] == "transferred"
    assert "agent: I am putting you through." in one.lines


async def test_a_transfer_that_is_refused_comes_back(calls: Any) -> None:
    one = await answered(calls, [use("transfer_call")], ["Nobody is there."], texts=("A human.",))
    one.line.refusal = "603 Decline"
    await one.says()
    await one.run(8)
    assert one.lines[1] == "agent: I am putting you through. Nobody is there."
    assert one.record["status"] == "in_progress"


async def test_a_message_is_left_after_the_machine_s_beep(calls: Any) -> None:
    one = await answered(calls, [use("leave_voicemail_message")], texts=("Leave a message.",), direction="outbound")
    await one.says()
    await one.run(1.5)
    assert "agent: Hello, this is Ann." not in one.lines
    at = np.arange(160)
    for index in range(25):
        tone = 8000 * np.sin(2 * np.pi * 1000 * (at + 160 * index) / 8000)
        await one.run(0.02, tone.astype("<i2").tobytes())
    await one.run(4)
    await asyncio.wait_for(one.over.wait(), 5)
    assert one.record["end_reason"]["code"] == "voicemail_left"
    assert one.lines[-1] == "agent: Hello, this is Ann."
