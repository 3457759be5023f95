"""What to say and do next, decided from the configuration alone. Pure: a dialogue in, steps out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from offhook.agents.conditions import When
from offhook.agents.dialogue import Dialogue
from offhook.agents.hearing import extract_kind
from offhook.agents.model import Message
from offhook.agents.offer import Offer, RemoteTool
from offhook.agents.states import ExtractKind, StateVariable, Transition
from offhook.agents.tools import CustomFunctionTool, HangUpTool, PressKeysTool, WaitTool
from offhook.agents.variables import json_value
from offhook.models.llm.rules.extract import Heard, digit_turns, find_value
from offhook.models.llm.rules.intents import (
    asks_again,
    has_intent,
    is_question,
    language_of,
    only_politeness,
    split_turn,
)
from offhook.models.llm.rules.lookup import find_answer
from offhook.models.llm.rules.phones import parse_phone
from offhook.models.llm.rules.phrases import phrases
from offhook.models.llm.rules.situation import Situation
from offhook.models.llm.rules.text import sentences, stem, words


@dataclass(frozen=True, slots=True)
class Speak:
    """Say this."""

    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """Call this tool."""

    name: str
    arguments: dict[str, Any]


Step = Speak | Use
# A passage was found for the question already: one word in common tells which of its sentences answers it.
SHARED = 0.5


def decide(dialogue: Dialogue) -> list[Step]:
    """The steps of the answer to what was said last."""
    return list(_Decision(dialogue).steps())


def follow(dialogue: Dialogue, chosen: Use | None) -> list[Step] | None:
    """The steps when another model has chosen what to do (None: to stay and answer), in the configuration's words.

    None when the configuration has no words for an answer.
    """
    return _Decision(dialogue).follow(chosen)


def extract_values(dialogue: Dialogue, names: list[str]) -> dict[str, Any]:
    """Values of variables out of all states that ask for them; the latest visit that knows one counts.

    What no state asks for, a variable of the agent itself, is looked for in all that the caller said.
    """
    found: dict[str, Any] = {}
    for situation in Situation.all(dialogue):
        for variable in situation.state.variables:
            if variable.name in names and variable.name not in found:
                value = situation.value_of(variable)
                if value is not None:
                    found[variable.name] = value
    heard = [Heard(message.content, asked=False) for message in dialogue.history if message.role == "user"]
    for own in dialogue.config.variables:
        if own.name in names and own.name not in found:
            sought = StateVariable(name=own.name, type=own.type, description=own.description)
            value = find_value(sought, heard, Situation.now(dialogue).started, dialogue.language)
            if value is not None:
                found[own.name] = value
    return found


class _Decision:
    def __init__(self, dialogue: Dialogue) -> None:
        self._here = Situation.now(dialogue)
        self._dialogue = dialogue
        self._offers = dialogue.offers()
        self._phrases = phrases(dialogue.language)

    def steps(self) -> Iterator[Step]:
        last = self._dialogue.history[-1] if self._dialogue.history else None
        if last is not None and last.role == "tool" and not self._here.fresh:
            yield from self._after_tool(last)
        elif not self._here.user_turns:
            yield from self._enter()
        else:
            yield from self._answer(self._here.user_turns[-1])

    def follow(self, chosen: Use | None) -> list[Step] | None:
        text = self._here.user_turns[-1] if self._here.user_turns else ""
        if asks_again(text, self._here.language):
            return list(self._speak(self._dialogue.last_said() or self._pending()))
        answer, rest = self._inform(text)
        told: list[Step] = [Speak(answer)] if answer and answer != self._unknown() else []
        # A turn that only asks, and gets its answer, is no step: small models take it for one.
        if chosen is not None and (rest.strip() or not told or self._here.collected):
            return [*told, chosen]
        if told:
            return told if answer.endswith("?") else [*told, *self._speak(self._pending())]
        if self._learnt() or only_politeness(text, self._here.language):
            return list(self._speak(self._pending()))
        return None

    # ------------------------------------------------------------------ entering a state

    def _enter(self) -> Iterator[Step]:
        """Go through at once when what the state asks for was said already; else say what it says."""
        if self._here.collected and (way := self._way("")):
            yield way
            return
        onward = next((step for name, offer in self._offers.items() if (step := self._at_once(name, offer))), None)
        yield from self._speak(self._opening() or ("" if onward else self._pending()))
        if onward:
            yield onward

    def _at_once(self, name: str, offer: Offer) -> Use | None:
        """What follows the state's words without waiting for the caller."""
        if offer.does.when == When() or (isinstance(offer.does, HangUpTool) and self._ends_here()):
            return self._use(name, offer, "nothing to wait for")
        return None

    def _ends_here(self) -> bool:
        """A state that leads nowhere and asks nothing but has a hang-up is the end of the conversation."""
        asks = "?" in self._opening()
        return not self._here.state.transitions and not self._here.state.variables and not asks and self._only_hang_up()

    def _only_hang_up(self) -> bool:
        tools = self._here.state.tools
        return len(tools) == 1 and tools[0].when is None

    # ------------------------------------------------------------------ answering a turn

    def _answer(self, text: str) -> Iterator[Step]:
        if asks_again(text, self._here.language):
            yield from self._speak(self._dialogue.last_said() or self._pending())
            return
        answer, rest = self._inform(text)
        if answer:
            yield Speak(answer)
        step = self._way(rest) or self._tool(rest)
        if step is not None:
            yield step
        elif answer:
            # An answer that asks something itself ("At what time, then?") is not followed by another question.
            yield from self._speak("" if answer.endswith("?") else self._pending())
        else:
            yield from self._misunderstood(text)

    def _inform(self, text: str) -> tuple[str, str]:
        """The answer to what the caller asks, and what they said besides."""
        fixed = self._fixed_answer(text)
        parts = split_turn(text, self._here.language)
        asked = [part for part in parts if is_question(part, self._here.language)]
        rest = " ".join(part for part in parts if part not in asked)
        if fixed:
            return fixed, rest
        found = [self._look_up(part) for part in asked]
        answers = list(dict.fromkeys(answer for answer in found if answer))
        if answers:
            return " ".join(answers), rest
        if asked and self._way(text) is None and self._tool(text) is None:
            return self._unknown(), rest
        return "", text

    def _fixed_answer(self, text: str) -> str:
        rules = self._dialogue.config.rules
        own = self._here.state.rules.answers if self._here.state.rules else ()
        for answer in (*own, *(rules.answers if rules else ())):
            if self._here.holds(answer.when, text):
                return self._variant(answer.say, len(self._here.user_turns) - 1)
        return ""

    def _look_up(self, question: str) -> str:
        texts = [
            self._dialogue.render(self._dialogue.config.base_prompt),
            self._dialogue.render(self._here.state.prompt),
        ]
        language = self._here.language
        found = find_answer(question, texts, language) or self._look_up_passages(question)
        if found is None:
            return ""
        return found if found.endswith((".", "!", "?")) else f"{found}."

    def _look_up_passages(self, question: str) -> str | None:
        """The best sentence of the best passage that has one."""
        passages = self._dialogue.passages
        found = (find_answer(question, [passage.text], self._here.language, SHARED) for passage in passages)
        return next((answer for answer in found if answer), None)

    def _unknown(self) -> str:
        rules = self._dialogue.config.rules
        if rules and rules.unknown:
            return self._variant(rules.unknown, len(self._here.user_turns) - 1)
        return self._phrases.unknown

    def _misunderstood(self, text: str) -> Iterator[Step]:
        if only_politeness(text, self._here.language) or self._learnt():
            yield from self._speak(self._pending())
        elif self._half_a_number():
            yield Speak(self._phrases.go_on)
        else:
            sorry = self._phrases.sorry
            yield Speak(sorry[(self._here.agent_turns - 1) % len(sorry)])
            yield from self._speak(self._pending())

    def _learnt(self) -> bool:
        """Whether some of what the state asks for is known, and the rest is not."""
        return bool(self._here.collected) and not self._here.complete

    def _half_a_number(self) -> bool:
        for variable in self._here.state.variables:
            if extract_kind(variable) is ExtractKind.PHONE:
                turns = digit_turns(self._here.turns(variable.name), self._here.language)
                said = parse_phone(turns, self._here.language)
                last = parse_phone([self._here.user_turns[-1]], self._here.language)
                return said.number is None and bool(last.digits)
        return False

    # ------------------------------------------------------------------ ways out and tools

    def _way(self, text: str) -> Use | None:
        for name, offer in self._offers.items():
            if isinstance(offer.does, Transition) and self._leads(offer.does, text):
                return self._use(name, offer, offer.does.condition)
        return None

    def _leads(self, way: Transition, text: str) -> bool:
        if way.when is not None:
            return way.when != When() and self._here.holds(way.when, text)
        if self._here.state.variables:
            return self._here.complete
        # Only plain words to go by: half of those that carry meaning must have been said.
        lang = language_of(self._here.language)
        meant = {stem(word, lang) for word in words(way.condition) if len(word) > 4}
        said = {stem(word, lang) for word in words(text)}
        return bool(meant) and len(meant & said) * 2 >= len(meant)

    def _tool(self, text: str) -> Use | None:
        for name, offer in self._offers.items():
            if not isinstance(offer.does, Transition) and self._wants(offer, text):
                return self._use(name, offer, getattr(offer.does, "description", ""))
        return None

    def _wants(self, offer: Offer, text: str) -> bool:
        tool = offer.does
        if isinstance(tool, PressKeysTool):
            return False  # choosing keys takes a model that understands a menu
        if tool.when is not None:
            return tool.when != When() and self._here.holds(tool.when, text)
        default = "goodbye" if isinstance(tool, HangUpTool) else "wait" if isinstance(tool, WaitTool) else None
        return default is not None and has_intent(text, default, self._here.language, {})

    def _use(self, name: str, offer: Offer, reason: str) -> Use:
        if isinstance(offer.does, CustomFunctionTool):
            known = {p.name: json_value(self._here.known(p.name)) for p in offer.does.parameters}
            return Use(name, {key: value for key, value in known.items() if value is not None})
        if isinstance(offer.does, RemoteTool):
            known = {name: json_value(self._here.known(name)) for name in offer.does.parameters.get("properties", {})}
            return Use(name, {key: value for key, value in known.items() if value is not None})
        arguments: dict[str, Any] = {"reason": reason or "its condition holds"}
        if isinstance(offer.does, Transition) and self._here.state.variables:
            arguments["variables"] = dict(self._here.collected)
        return Use(name, arguments)

    def _after_tool(self, result: Message) -> Iterator[Step]:
        """A tool has answered: say what it says, and go on."""
        try:
            data = json.loads(result.content)
        except ValueError:
            data = result.content
        if isinstance(data, dict) and "error" in data:
            yield Speak(self._phrases.failed)
        elif isinstance(data, str):
            yield Speak(data)
        way = self._way(self._here.user_turns[-1] if self._here.user_turns else "")
        if way is not None:
            yield way
        else:
            yield from self._speak(self._pending())

    # ------------------------------------------------------------------ words

    def _opening(self) -> str:
        rules = self._here.state.rules
        if rules is None or rules.say is None:
            return ""
        return self._variant(rules.say, self._here.visits_before)

    def _pending(self) -> str:
        """The question that is still open: as configured for asking again, else the last one of the opening."""
        rules = self._here.state.rules
        if rules is not None and rules.reask is not None:
            return self._variant(rules.reask, max(0, len(self._here.user_turns) - 1))
        questions = [part for part in sentences(self._opening()) if part.endswith("?")]
        if questions:
            return questions[-1]
        if self._opening():
            return self._opening()
        greeted = self._dialogue.greeting() if len(self._dialogue.visits) == 1 else None
        asked = next((part for part in reversed(sentences(greeted or "")) if part.endswith("?")), "")
        return asked or self._own_question()

    def _own_question(self) -> str:
        """For a state without words: ask for what it wants to know."""
        missing = [item for item in self._here.state.variables if self._here.known(item.name) is None]
        if not missing:
            return self._phrases.help
        what = missing[0].description or missing[0].name.replace("_", " ")
        return self._phrases.ask.format(what=what.rstrip(" .?"))

    def _variant(self, said: str | tuple[str, ...], number: int) -> str:
        variants = (said,) if isinstance(said, str) else said
        return self._here.speak(variants[number % len(variants)]) if variants else ""

    def _speak(self, text: str) -> Iterator[Step]:
        if text:
            yield Speak(text)
