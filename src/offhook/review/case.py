"""A finished call as its review sees it: the record, the agent it was, the questions it is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType

from offhook.agents.config import AgentConfig
from offhook.agents.dialogue import Dialogue, Visit
from offhook.agents.load import parse_agent
from offhook.agents.model import Message
from offhook.agents.questions import Question
from offhook.agents.variables import Value, VariableType, parse_value
from offhook.errors import AgentConfigError, NotFoundError
from offhook.record.cost import PriceList
from offhook.record.events import TranscriptAdded, VariableSet
from offhook.record.fold import CallRecord
from offhook.record.transcript import spoken_line
from offhook.store.agents import Agents
from offhook.store.calls import Calls
from offhook.store.database import Database
from offhook.store.organizations import Organizations
from offhook.store.questions import PostCallQuestions

# Some 25,000 tokens: two hours of talk. Of a longer one the middle is left out, for it ends with what came of it.
MAX_TRANSCRIPT_CHARS = 100_000
_HEAD_CHARS = 30_000


@dataclass(frozen=True, slots=True)
class Case:
    """``config`` is None when the agent's version is gone or was stored under older rules."""

    record: CallRecord
    config: AgentConfig | None
    questions: tuple[Question, ...]
    prices: PriceList

    @property
    def language(self) -> str:
        """The agent's language."""
        return self.config.language if self.config else "en"

    @property
    def caller_spoke(self) -> bool:
        """Whether the caller said anything: without a word of theirs there is nothing to ask a model about."""
        return any(item.role == "user" and item.content.strip() for item in self.record.transcript.items())

    @property
    def unanswered(self) -> list[Question]:
        """Questions that an earlier attempt has not settled."""
        return [question for question in self.questions if question.id not in self.record.answers]

    def transcript(self) -> str:
        """What was said as it was heard, and what tools were used, a line each."""
        lines = [line for item in self.record.transcript.items() if (line := _line(item))]
        text = "\n".join(lines)
        if len(text) <= MAX_TRANSCRIPT_CHARS:
            return text
        return f"{text[:_HEAD_CHARS]}\n[… left out …]\n{text[_HEAD_CHARS - MAX_TRANSCRIPT_CHARS :]}"

    def dialogue(self, config: AgentConfig) -> Dialogue:
        """The conversation as a value, as the call left it."""
        history = tuple(
            Message("user" if item.role == "user" else "assistant", item.content)
            for item in self.record.transcript.items()
            if spoken_line(item)
        )
        created = self.record.created
        values = {
            "call_id": created.call_id,
            "from_number": created.from_number,
            "to_number": created.to_number,
            **created.initial_variable_values,
            **{name: typed(each) for name, each in self.record.variables.items()},
        }
        return Dialogue(config, MappingProxyType(values), history, (Visit(config.initial_state_name, 0),))


class Cases:
    """Reads what a review needs; every method blocks for a moment."""

    def __init__(self, database: Database) -> None:
        self._calls, self._agents = Calls(database), Agents(database)
        self._questions, self._organizations = PostCallQuestions(database), Organizations(database)

    def record(self, call_id: str) -> CallRecord | None:
        """A call's record; None when it was deleted."""
        return self._calls.load_record(call_id)

    def load(self, record: CallRecord) -> Case:
        """The rest of the case: the agent's version of that call, its questions and prices of now."""
        created = record.created
        questions = [each for each in self._questions.of_agent(created.agent_id) if each.active]
        return Case(record, self._config(record), tuple(questions), self._prices(created.organization_id))

    def _config(self, record: CallRecord) -> AgentConfig | None:
        created = record.created
        if created.agent_version is None:
            return None
        configuration = self._agents.configuration(created.agent_id, created.agent_version)
        try:
            return parse_agent(configuration) if configuration else None
        except AgentConfigError:
            return None

    def _prices(self, organization_id: str) -> PriceList:
        try:
            return self._organizations.get(organization_id).prices
        except NotFoundError:
            return PriceList()


def typed(variable: VariableSet) -> Value:
    """A stored value as it was in the call: a datetime is one again."""
    try:
        return parse_value(VariableType(variable.variable_type), variable.value)
    except ValueError:
        value: Value = variable.value  # stored under older rules
        return value


def _line(item: TranscriptAdded) -> str | None:
    if not item.tool_calls:
        return spoken_line(item)
    calls = [f"{call.name}({call.arguments or ''})" for call in item.tool_calls if call.name]
    if calls:
        return f"Agent uses {', '.join(calls)}"
    return f"Result: {json.dumps(item.content, ensure_ascii=False)[:2000]}"
