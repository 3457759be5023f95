"""What the rules model sees of a dialogue: what was said in this state, what is known, what stands to be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from offhook.agents.conditions import VariableIs, When, many
from offhook.agents.dialogue import Dialogue, Visit
from offhook.agents.hearing import extract_kind
from offhook.agents.states import State, StateVariable
from offhook.agents.variables import Value, render_value
from offhook.models.llm.rules.extract import Heard, find_value
from offhook.models.llm.rules.intents import asks_again, has_intent, is_question, split_turn
from offhook.models.llm.rules.spoken import spoken
from offhook.models.llm.rules.text import plain, says


@dataclass(frozen=True)
class Situation:
    """A visit to a state, by default the one going on."""

    dialogue: Dialogue
    position: int

    @classmethod
    def now(cls, dialogue: Dialogue) -> Situation:
        """The visit that is going on."""
        return cls(dialogue, len(dialogue.visits) - 1)

    @classmethod
    def all(cls, dialogue: Dialogue) -> list[Situation]:
        """Every visit, the latest first."""
        return [cls(dialogue, position) for position in range(len(dialogue.visits) - 1, -1, -1)]

    @property
    def visit(self) -> Visit:
        """Which visit it is."""
        return self.dialogue.visits[self.position]

    @cached_property
    def end(self) -> int:
        """Index in the history where the visit ended."""
        later = self.dialogue.visits[self.position + 1 :]
        return later[0].since if later else len(self.dialogue.history)

    @property
    def language(self) -> str:
        """The agent's language."""
        return self.dialogue.language

    @cached_property
    def state(self) -> State:
        """The state that is visited."""
        return self.dialogue.config.state(self.visit.state)

    @cached_property
    def user_turns(self) -> list[str]:
        """What the caller said in this visit."""
        return [m.content for m in self.dialogue.history[self.visit.since : self.end] if m.role == "user"]

    @cached_property
    def agent_turns(self) -> int:
        """How often the agent spoke in this visit."""
        messages = self.dialogue.history[self.visit.since : self.end]
        return sum(m.role == "assistant" and bool(m.content) for m in messages)

    @property
    def fresh(self) -> bool:
        """Whether the state was just entered and nobody spoke in it yet."""
        return not self.user_turns and not self.agent_turns

    @cached_property
    def visits_before(self) -> int:
        """How often the dialogue was in this state before."""
        return sum(visit.state == self.visit.state for visit in self.dialogue.visits[: self.position])

    @cached_property
    def started(self) -> datetime:
        """When the call began: what "tomorrow" is relative to."""
        started = self.dialogue.values.get("call_start_time")
        return started if isinstance(started, datetime) else datetime.now(UTC)

    # ------------------------------------------------------------------ what is known

    def turns(self, name: str) -> list[Heard]:
        """What the caller said that may hold a variable's value: this visit's turns and, before them, what led here.

        Of a variable not known yet all that was said counts ("I'd like to come on Tuesday" as the first words). Of one
        that has a value only the turn that led back to this state ("no, on Wednesday"), or the old one would be found.
        """
        before = [m.content for m in self.dialogue.history[: self.visit.since] if m.role == "user"]
        if self.dialogue.values.get(name) is not None:
            before = before[-1:] if self._came_back else []
        found = [Heard(self.without_questions(text), asked=False) for text in before]
        found += [Heard(self.without_questions(text), asked=True) for text in self.user_turns]
        return [turn for turn in found if turn.text]

    @cached_property
    def _came_back(self) -> bool:
        """Whether this is a return from another state; going to the same state again is none."""
        return bool(self.visits_before) and self.dialogue.visits[self.position - 1].state != self.visit.state

    def without_questions(self, text: str) -> str:
        """A turn without the sentences that ask for information: a day in them is not the caller's choice.

        "Pardon?" is no answer at all.
        """
        if asks_again(text, self.language):
            return ""
        parts = split_turn(text, self.language)
        return " ".join(part for part in parts if not is_question(part, self.language))

    @cached_property
    def collected(self) -> dict[str, Any]:
        """Values of the state's variables that were said, by name."""
        found = {item.name: self.value_of(item) for item in self.state.variables}
        return {name: value for name, value in found.items() if value is not None}

    def value_of(self, variable: StateVariable) -> Any:  # noqa: ANN401 - JSON
        """A variable's value as it was said in this visit."""
        return find_value(variable, self.turns(variable.name), self.started, self.language)

    def known(self, name: str) -> Value:
        """A variable's value: what was said here, or what is set. Coming back to a state asks its variables anew."""
        if name in self.collected:
            value: Value = self.collected[name]
            return value
        own = any(item.name == name for item in self.state.variables)
        return None if own and self.visits_before else self.dialogue.values.get(name)

    @property
    def complete(self) -> bool:
        """Whether the state asks for values and has them all."""
        return bool(self.state.variables) and all(self.known(item.name) is not None for item in self.state.variables)

    # ------------------------------------------------------------------ conditions

    def holds(self, when: When, text: str) -> bool:
        """Whether a condition holds for what the caller said."""
        return (
            self._said(when, text)
            and self._variables(when)
            and (when.all is None or all(self.holds(one, text) for one in when.all))
            and (when.any is None or any(self.holds(one, text) for one in when.any))
            and (when.not_ is None or not self.holds(when.not_, text))
        )

    def _said(self, when: When, text: str) -> bool:
        rules = self.dialogue.config.rules
        own = dict(rules.intents) if rules else {}
        intents, phrases = many(when.intent), many(when.contains)
        return (
            (not intents or any(has_intent(text, intent, self.language, own) for intent in intents))
            and (not phrases or any(says(text, phrase) for phrase in phrases))
            and (when.regex is None or _search(when.regex, text))
        )

    def _variables(self, when: When) -> bool:
        if isinstance(when.variable, VariableIs):
            value = self.known(when.variable.name)
            if value is None or plain(render_value(value)) != plain(render_value(when.variable.equals)):
                return False
            return not when.said or any(name in self.collected for name in many(when.said))
        said = many(when.said)
        return all(self.known(name) is not None for name in many(when.variable)) and (
            not said or any(name in self.collected for name in said)
        )

    # ------------------------------------------------------------------ words

    def speak(self, template: str) -> str:
        """A template as it is said: with what is known, in forms a voice can read."""
        config = self.dialogue.config

        def form(name: str, value: Value) -> str:
            variable = config.state_variable(name)
            return spoken(value, extract_kind(variable) if variable else None, self.language)

        return self.dialogue.render(template, form).strip()


def _search(pattern: str, text: str) -> bool:

    return re.search(pattern, text, re.IGNORECASE) is not None
