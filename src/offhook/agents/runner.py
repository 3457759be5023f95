"""Runs an agent: a caller's turn in, the agent's words and acts out. The model chooses, code decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime

from offhook.agents.asking import Patience, Quiet, Trouble, ask
from offhook.agents.deeds import AtOnce, Deeds
from offhook.agents.dialogue import Dialogue
from offhook.agents.events import (
    Called,
    Consulted,
    Entered,
    Finished,
    HangUp,
    PressKeys,
    Problem,
    Progressed,
    Returned,
    RunnerEvent,
    Say,
    Spent,
    Transfer,
    VariableChanged,
    Wait,
)
from offhook.agents.functions import ToolExecutor
from offhook.agents.model import LanguageModel, ToolCall, Usage
from offhook.agents.offer import SET_VARIABLES
from offhook.agents.passages import Library
from offhook.agents.prompt import extraction_request
from offhook.agents.states import StateVariable
from offhook.agents.store import store_values
from offhook.agents.turn import Turn
from offhook.agents.using import ANY_TIME_S, Abilities, RemoteTools, json_object
from offhook.agents.variables import Variable

__all__ = [
    "AgentRunner",
    "Called",
    "Consulted",
    "Entered",
    "Finished",
    "HangUp",
    "Patience",
    "PressKeys",
    "Problem",
    "Progressed",
    "Returned",
    "RunnerEvent",
    "Say",
    "Spent",
    "Transfer",
    "VariableChanged",
    "Wait",
]


class AgentRunner:
    """Answers turns with a language model; ``fallback`` steps in when it failed twice.

    ``by_state`` holds the models of states that have their own. ``executor`` runs custom functions, ``remote`` the
    tools of MCP servers, ``library`` searches knowledge bases. ``line_tools`` names which of ``transfer_call``,
    ``press_keys`` and ``send_sms`` the line can carry out; another is answered with an error, and the agent goes on.
    ``now`` tells transfer hours what time it is.
    Nothing is kept between calls: a dialogue comes in, the last event carries the new one.
    """

    def __init__(
        self,
        model: LanguageModel,
        fallback: LanguageModel | None = None,
        *,
        executor: ToolExecutor | None = None,
        remote: RemoteTools | None = None,
        library: Library | None = None,
        by_state: Mapping[str, LanguageModel] | None = None,
        line_tools: frozenset[str] = frozenset(),
        patience: Patience | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._model, self._fallback, self._by_state = model, fallback, by_state or {}
        self._abilities = Abilities(executor, remote, library, line_tools, now)
        self._patience = patience or Patience()

    async def respond(
        self,
        dialogue: Dialogue,
        user_text: str,
        deeds: Deeds | None = None,
        *,
        after: Awaitable[Dialogue] | None = None,
    ) -> AsyncGenerator[RunnerEvent, None]:
        """The answer to the caller's words, as it comes about; the last event is Finished.

        What can't be undone is done by ``deeds``, when they say so; without them at once. Closing the iterator (or
        cancelling its task) drops the answer; then nothing but such deeds has happened. ``after`` gives the dialogue to
        go on from, while a deed of the answer before still comes to its end.
        """
        quiet, begun = Quiet(self._patience), list[str]()
        if after is not None:
            coming = asyncio.ensure_future(after)
            async for _ in quiet.watch(coming, asyncio.get_running_loop().time() + ANY_TIME_S):
                begun.append(quiet.hold_words(dialogue.language))
                quiet.spoke(begun[-1])
                yield Say(f" {begun[-1]}" if begun[1:] else begun[-1], whole=True)
            dialogue = await coming
        turn = Turn(
            models=self._models_for, abilities=self._abilities, deeds=deeds or AtOnce(), quiet=quiet, dialogue=dialogue,
            text=user_text, begun=begun,
        )  # fmt: skip
        async with aclosing(turn.run()) as events:
            async for event in events:
                yield event

    def _models_for(self, dialogue: Dialogue) -> list[LanguageModel]:
        """One attempt each: the state's model twice, then the one that steps in."""
        model = self._by_state.get(dialogue.state_name, self._model)
        return [model, model] + ([self._fallback] if self._fallback is not None else [])

    async def extract(self, dialogue: Dialogue) -> AsyncGenerator[RunnerEvent, None]:
        """The last look for variables, when the call ends: those of the state it ended in, and any still unset."""
        wanted = _wanted(dialogue)
        if wanted and any(message.role == "user" for message in dialogue.history):
            # Nobody listens any more: no words to hold, and time for a slow model.
            quiet = Quiet(Patience(first_words_s=3600, first_event_s=8, next_event_s=8))
            async for event in ask(extraction_request(dialogue, wanted), self._models_for(dialogue), quiet):
                match event:
                    case Usage():
                        yield Spent(event)
                    case Trouble():
                        yield Problem(f"extraction_{event.code}", event.detail)
                    case ToolCall(name=name) if name == SET_VARIABLES:
                        given = json_object(event.arguments)
                        if not given and event.arguments.strip() not in {"", "{}"}:
                            yield Problem("extraction_malformed", "the model's values were no JSON object")
                        dialogue, stored = store_values(dialogue, given, {variable.name for variable in wanted})
                        for told in stored:
                            yield told
        yield Finished(dialogue)


def _wanted(dialogue: Dialogue) -> list[StateVariable | Variable]:
    """Variables a call's end looks for: each once."""
    found: dict[str, StateVariable | Variable] = {item.name: item for item in dialogue.state.variables}
    for visit in dialogue.visits[:-1]:
        for item in dialogue.config.state(visit.state).variables:
            if dialogue.values.get(item.name) is None:
                found.setdefault(item.name, item)
    for variable in dialogue.config.variables:
        if variable.source == "extracted":
            found.setdefault(variable.name, variable)
    return list(found.values())
