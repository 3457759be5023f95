"""A real database with an agent, questions and finished calls; models say what a test wants."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from offhook.agents.model import ModelEvent, ModelRequest, TextDelta
from offhook.record import events as e
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.review.questions import Change, GivenOption, apply_changes
from offhook.review.worker import ReviewWorker
from offhook.store.agents import Agents
from offhook.store.bootstrap import bootstrap
from offhook.store.calls import Calls
from offhook.store.database import Database
from offhook.store.ids import new_id, now_us
from offhook.store.questions import PostCallQuestions
from offhook.store.tables import outbox, post_call_jobs
from offhook.store.writer import CallWriter

T = 1_700_000_000.0
QUESTIONS = [
    Change("", {"name": "Day", "description": "Which day was chosen?", "type": "text"}),
    Change("", {"name": "Mood", "description": "How was the caller?", "type": "single_choice"},
           [GivenOption("Happy"), GivenOption("Angry")]),
]  # fmt: skip


@dataclass
class ScriptedModel:
    scripts: list[list[Any]]
    requests: list[ModelRequest] = field(default_factory=list)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        for step in self.scripts[min(len(self.requests), len(self.scripts)) - 1]:
            if isinstance(step, Exception):
                raise step
            if callable(step):
                await step()
            else:
                yield TextDelta(step) if isinstance(step, str) else step

    async def close(self) -> None:
        pass


@dataclass
class Desk:
    """A server's database, and what consumers of it would see."""

    database: Database
    writer: CallWriter
    organization_id: str
    agent_id: str
    url: str

    def worker(self, *scripts: Any, **options: Any) -> tuple[ReviewWorker, ScriptedModel]:
        model = ScriptedModel([list(script) for script in scripts])
        settings = {"poll_s": 0.01, "retry_s": (0.0, 0.0), **options}
        return ReviewWorker(self.database, self.writer, lambda _: model, **settings), model

    async def call(
        self, *said: str, answered: bool = True, recorded: bool = True, at: float = T, priced: bool = True
    ) -> str:
        """A finished call in which the caller said this."""
        call_id = str(uuid.uuid4())
        created = e.CallCreated(
            at=at, call_id=call_id, organization_id=self.organization_id, agent_id=self.agent_id, agent_version=1,
            direction="inbound", from_number="+331", to_number="+332",
        )  # fmt: skip
        events: list[Any] = [e.StatusChanged(at=at + 1, status=Status.RINGING)]
        if answered:
            events.append(e.StatusChanged(at=at + 2, status=Status.IN_PROGRESS))
        events += [
            e.TranscriptAdded(at=at + 3 + n, item_id=n, role="user", content=text) for n, text in enumerate(said)
        ]
        if priced:
            line = {"component": "stt", "quantity": "2", "unit": "minute", "unit_price": "0.006", "amount": "0.012"}
            events.append(e.Costed(at=at + 40, lines=(line,)))
        status = Status.COMPLETED if answered else Status.BUSY
        reason = EndReason(EndCode.CALLER_HUNG_UP if answered else EndCode.BUSY, "caller")
        events.append(e.StatusChanged(at=at + 42, status=status, end_reason=reason))
        if recorded and answered:
            events.append(e.Recorded(at=at + 43, mixed="m", channels="c", duration_ms=40_000))
        record = CallRecord.create(created)
        for event in events:
            record.apply(event)
        await self.writer.append(call_id, [created, *events], record)
        return call_id

    def data(self, call_id: str) -> dict[str, Any]:
        stored = Calls(self.database).get(self.organization_id, call_id)
        assert stored is not None
        return msgspec.json.decode(stored.without_urls())

    def told(self, call_id: str, kind: str = "event_post_call") -> list[dict[str, Any]]:
        query = select(outbox.c.body).where(outbox.c.call_id == call_id, outbox.c.type == kind).order_by(outbox.c.id)
        with self.database.read() as connection:
            return [msgspec.json.decode(body) for body in connection.execute(query).scalars()]

    def queued(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(post_call_jobs.c.id)).scalars())


AGENT = {
    "name": "Desk", "initial_state_name": "s", "states": [{"name": "s"}],
    "llm": {"provider": "openai_compatible", "model": "m"},
}  # fmt: skip


@pytest.fixture
async def desk(database_url):
    database = Database(database_url)
    writer = CallWriter(database, gather_s=0.001)
    owner = bootstrap(database).organization.id
    agent = Agents(database).create(owner, AGENT, deploy=True)
    PostCallQuestions(database).save(owner, agent.id, lambda before: apply_changes(before, QUESTIONS, now_us(), new_id))
    yield Desk(database, writer, owner, agent.id, database_url)
    await writer.close()
    database.close()
