"""A conversation with an agent as a value: where it stands, what it knows, what was said."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from offhook.agents.config import AgentConfig
from offhook.agents.hearing import recognition_prompt
from offhook.agents.model import Message, ToolCall
from offhook.agents.offer import Offer, Remote, offers
from offhook.agents.states import State
from offhook.agents.templates import render
from offhook.agents.variables import Value, VariableType, parse_value
from offhook.errors import Fault

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay in a state; its words are the history from index ``since`` on."""

    state: str
    since: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a knowledge base; ``score`` (0-1) ranks it among those found with it."""

    base_id: str
    source_id: str
    source: str
    text: str
    score: float
    headings: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Frozen: every method gives a new dialogue.

    ``rejected`` are initial values that don't fit their type, ``remote`` the tools of MCP servers, ``passages`` what
    the knowledge bases say to the caller's last words.
    """

    config: AgentConfig
    values: Mapping[str, Value]
    history: tuple[Message, ...]
    visits: tuple[Visit, ...]
    rejected: tuple[Fault, ...] = ()
    remote: Remote = field(default_factory=lambda: MappingProxyType({}))
    passages: tuple[Passage, ...] = ()

    @classmethod
    def start(
        cls,
        config: AgentConfig,
        variables: Mapping[str, Any] | None = None,
        *,
        call_id: str = "",
        from_number: str = "",
        to_number: str = "",
        call_start_time: float | datetime | None = None,
    ) -> Dialogue:
        """The dialogue before anything was said. ``call_start_time`` is in Unix seconds, or a datetime."""
        values, rejected = initial_values(config, variables or {})
        if isinstance(call_start_time, int | float):
            call_start_time = datetime.fromtimestamp(call_start_time, UTC)
        built_in = {
            "call_id": call_id, "from_number": from_number, "to_number": to_number, "call_start_time": call_start_time,
        }  # fmt: skip
        values.update({name: value for name, value in built_in.items() if value})
        first = Visit(config.initial_state_name, 0)
        return cls(config, MappingProxyType(values), (), (first,), tuple(rejected))

    # ------------------------------------------------------------------ seen

    @property
    def state_name(self) -> str:
        """Name of the current state."""
        return self.visits[-1].state

    @property
    def state(self) -> State:
        """The current state."""
        return self.config.state(self.state_name)

    @property
    def language(self) -> str:
        """The agent's language, such as ``fr-CA``."""
        return self.config.language

    @property
    def variables(self) -> Mapping[str, Value]:
        """Every value known so far, built-ins included."""
        return self.values

    def render(self, template: str, spoken: Callable[[str, Value], str] | None = None) -> str:
        """A template with the values known now, in the forms ``spoken`` gives; an unset one is empty, and logged."""
        text, unset = render(template, {**_tool_names(self.state), **self.values}, spoken)
        for name in unset:
            log.warning("template_variable_unset: %s in state %s", name, self.state_name)
        return text

    def offers(self) -> dict[str, Offer]:
        """What the model may do in the current state, by the name it calls it."""
        return offers(self.state, self.remote, self.render)

    def greeting(self) -> str | None:
        """The initial message, rendered; None waits for the caller to speak."""
        message = self.config.initial_message
        return None if message is None else self.render(message).strip() or None

    def recognition_prompt(self) -> str | None:
        """Words to expect now, for the recognizer."""
        return recognition_prompt(self.config, self.state, self.last_said())

    def last_said(self) -> str:
        """The agent's latest words."""
        return next((m.content for m in reversed(self.history) if m.role == "assistant" and m.content), "")

    # ------------------------------------------------------------------ changed

    def user_said(self, text: str) -> Dialogue:
        """The caller spoke."""
        return self.with_message(Message("user", text))

    def agent_said(self, text: str) -> Dialogue:
        """The agent spoke."""
        return self.with_message(Message("assistant", text))

    def with_message(self, message: Message) -> Dialogue:
        """One more message."""
        return replace(self, history=(*self.history, message))

    def amended(self, index: int, more: str) -> Dialogue:
        """More words at the end of an agent's message."""
        message = self.history[index]
        content = f"{message.content} {more}".strip()
        return replace(self, history=_put(self.history, index, replace(message, content=content)))

    def with_heard(self, text: str) -> Dialogue:
        """The agent was interrupted: of all it said since the caller's last words, only ``text`` was heard."""
        words = text.split()
        first = max((i for i, m in enumerate(self.history) if m.role == "user"), default=-1) + 1
        kept: list[Message] = list(self.history[:first])
        shift: list[int] = []
        for index in range(first, len(self.history)):
            message = self.history[index]
            if message.role == "assistant":
                take = len(message.content.split())
                message, words = replace(message, content=" ".join(words[:take])), words[take:]
            if message.role != "assistant" or message.content or message.tool_calls:
                kept.append(message)
            else:
                shift.append(index)
        visits = tuple(replace(v, since=v.since - sum(i < v.since for i in shift)) for v in self.visits)
        return replace(self, history=tuple(kept), visits=visits)

    def enter(self, state_name: str) -> Dialogue:
        """Go to a state; also to the same one again."""
        return replace(self, visits=(*self.visits, Visit(state_name, len(self.history))))

    def with_variable(self, name: str, value: object) -> Dialogue:
        """A variable has a new value. Raises ValueError when it doesn't fit the variable's type."""
        kind = self.config.variable_types().get(name, VariableType.JSON)
        return replace(self, values=MappingProxyType({**self.values, name: parse_value(kind, value)}))


def initial_values(config: AgentConfig, given: Mapping[str, Any]) -> tuple[dict[str, Value], list[Fault]]:
    """Values given at the start, checked against the declared types; undeclared ones are kept as what they are."""
    types = config.variable_types()
    values: dict[str, Value] = {}
    faults: list[Fault] = []
    for name, raw in given.items():
        if raw is None:
            continue
        try:
            values[name] = parse_value(types[name], raw) if name in types else raw
        except ValueError as error:
            faults.append(Fault(name, str(error)))
    return values, faults


def tool_result(call: ToolCall, result: str, success: bool | None) -> Message:
    """A tool's answer in the history."""
    return Message("tool", result, tool_call_id=call.id, success=success)


def _tool_names(state: State) -> dict[str, Value]:
    """Prompts may refer to a tool as ``{{name}}``."""
    return {name: name for name in (getattr(tool, "name", tool.type) for tool in state.tools)}


def _put(history: tuple[Message, ...], index: int, message: Message) -> tuple[Message, ...]:
    return (*history[:index], message, *history[index + 1 :])
