"""Finished calls, and models that say what a test wants."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from offhook.agents.load import parse_agent
from offhook.agents.model import ModelEvent, ModelRequest, TextDelta
from offhook.agents.questions import Option, Question, QuestionType
from offhook.record import events as e
from offhook.record.cost import PriceList
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.review.case import Case

T = 1_700_000_000.0
CALL = "11111111-1111-4111-8111-111111111111"


@dataclass
class ScriptedModel:
    """One answer a request, the last one stays: text, events, errors to raise."""

    scripts: list[list[Any]]
    requests: list[ModelRequest] = field(default_factory=list)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        for step in self.scripts[min(len(self.requests), len(self.scripts)) - 1]:
            if isinstance(step, Exception):
                raise step
            yield TextDelta(step) if isinstance(step, str) else step

    async def close(self) -> None:
        pass


@pytest.fixture
def scripted():
    return lambda *scripts: ScriptedModel([list(script) for script in scripts])


def record_of(*said, end=EndCode.CALLER_HUNG_UP, answered=True, extra=(), **created):
    """A finished call in which ``said`` (role and text) was said."""
    values = {"direction": "inbound", "from_number": "+331", "to_number": "+332", "agent_version": 1, **created}
    record = CallRecord.create(e.CallCreated(at=T, call_id=CALL, organization_id="o", agent_id="a", **values))
    record.apply(e.StatusChanged(at=T + 1, status=Status.RINGING))
    if answered:
        record.apply(e.StatusChanged(at=T + 2, status=Status.IN_PROGRESS))
    for number, (role, text) in enumerate(said, start=1):
        record.apply(e.TranscriptAdded(at=T + 2 + number, item_id=number, role=role, content=text))
    for event in extra:
        record.apply(event)
    status = Status.COMPLETED if answered else Status.BUSY
    record.apply(e.StatusChanged(at=T + 42, status=status, end_reason=EndReason(end, "caller")))
    return record


def question(kind, name="Mood", *options, **values):
    made = tuple(Option(str(uuid.uuid5(uuid.NAMESPACE_DNS, value)), value, 0) for value in options)
    return Question(f"id-{name}", name, f"{name}?", QuestionType(kind), 0, 0, options=made, **values)


def case_of(record, *questions, llm=None, **fields):
    agent = {"name": "A", "initial_state_name": "s", "states": [{"name": "s"}], **fields}
    agent["llm"] = llm or {"provider": "openai_compatible", "model": "m"}
    return Case(record, parse_agent(agent), tuple(questions), PriceList())
