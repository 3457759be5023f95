"""Answers to questions about a finished call, by rules: what was asked and replied, what was mentioned, what is known.

A question is compared with the call by its meaningful words. Each type has its own ladder, the first step that finds
something answers, and nothing is guessed: what no rule finds has no answer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from offhook.agents.dialogue import Dialogue
from offhook.agents.questions import Question, QuestionType
from offhook.agents.variables import BUILT_IN, Value, render_value
from offhook.models.llm.rules.intents import is_question, language_of, split_turn, yes_or_no
from offhook.models.llm.rules.lookup import key_words
from offhook.models.llm.rules.numbers import parse_number
from offhook.models.llm.rules.text import bag, plain, stem, words

# Words of nearly every question about a call: they tell no two questions apart.
_ABOUT_CALLS = {
    "en": bag("caller callers customer customers client clients patient user person call calls called agent answer "
              "question say said tell told whether much many number"),
    "fr": bag("appelant appelante appelants client cliente clients patient patiente personne appel appels appele "
              "agent reponse question dit dire combien nombre"),
}  # fmt: skip
# Questions that ask whether something came up at all: not having said it is an answer to them.
_MENTION = {
    "en": bag("mention mentioned mentions bring brought raise raised complain complained complains talk talked speak "
              "spoke discuss discussed evoke ask asked asks"),
    "fr": bag("mentionne mentionner parle parler evoque evoquer plaint plaindre aborde aborder demande demander"),
}  # fmt: skip
_DENIALS = {
    "en": bag("not no never cannot t unable impossible unfortunately without neither"),
    "fr": bag("pas non jamais impossible malheureusement sans aucun aucune ni"),
}
_NEAR = 3  # a denial so many words before denies: "not at all angry"


def answer_questions(dialogue: Dialogue, questions: Mapping[str, Question]) -> dict[str, Any]:
    """Each question's answer as JSON of its type, None where the call doesn't tell."""
    call = _Call(dialogue)
    return {name: call.answer(question) for name, question in questions.items()}


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What the agent said, and what the caller replied."""

    agent: str
    caller: str


class _Call:
    """A finished conversation as the rules read it."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._language = dialogue.language
        self._lang = language_of(dialogue.language)

    def answer(self, question: Question) -> Any:  # noqa: ANN401 - JSON
        """One question's answer."""
        match question.type:
            case QuestionType.BOOLEAN:
                return self._boolean(question)
            case QuestionType.NUMBER:
                return self._number(question)
            case QuestionType.SINGLE_CHOICE:
                return self._single(question)
            case QuestionType.MULTIPLE_CHOICE:
                return self._multiple(question)
            case QuestionType.TEXT:
                known = self._known(question)
                return render_value(known) if known is not None else self._reply(question)

    # ------------------------------------------------------------------ what was said

    @cached_property
    def exchanges(self) -> list[_Exchange]:
        """The call, in pairs of what the agent said and what came back."""
        found: list[_Exchange] = []
        agent, caller = "", ""
        for message in self._dialogue.history:
            if message.role == "assistant":
                if caller:
                    found.append(_Exchange(agent, caller))
                    agent, caller = "", ""
                agent = f"{agent} {message.content}".strip()
            elif message.role == "user":
                caller = f"{caller} {message.content}".strip()
        return [*found, _Exchange(agent, caller)]

    def _words(self, text: str) -> set[str]:
        asked = key_words(text, self._lang)
        return asked - {stem(word, self._lang) for word in _ABOUT_CALLS[self._lang]} - _ABOUT_CALLS[self._lang]

    def _relevant(self, question: Question) -> list[_Exchange]:
        """Exchanges in which the agent spoke of what the question asks, the best one first; of equals the latest."""
        asked = self._words(f"{question.name.replace('_', ' ')} {question.description}")
        said = [key_words(self._open_question(each.agent), self._lang) for each in self.exchanges]
        frequency = Counter(key for keys in said for key in keys)
        scores = [sum(1.0 + math.log((1 + len(said)) / (1 + frequency[key])) for key in asked & keys) for keys in said]
        order = sorted(range(len(said)), key=lambda at: (-scores[at], -at))
        return [self.exchanges[at] for at in order if scores[at] >= 1.0 and self.exchanges[at].caller]

    def _open_question(self, text: str) -> str:
        """What of the agent's words the reply is to: its questions, where there are any."""
        return " ".join(part for part in split_turn(text, self._language) if "?" in part) or text

    def _known(self, question: Question) -> Value:
        """A variable that the question names: by the words of its name, or by two of its description."""
        name = {stem(word, self._lang) for word in words(question.name.replace("_", " "))}
        described = {stem(word, self._lang) for word in words(question.description)}
        best: tuple[int, Value] = (0, None)
        for variable, value in self._dialogue.values.items():
            own = {stem(word, self._lang) for word in words(variable.replace("_", " "))}
            fits = own <= name or (len(own) > 1 and own <= name | described)
            if own and fits and variable not in BUILT_IN and value is not None and len(own) > best[0]:
                best = (len(own), value)
        return best[1]

    # ------------------------------------------------------------------ by type

    def _boolean(self, question: Question) -> bool | None:
        known = self._known(question)
        if isinstance(known, bool):
            return known
        for exchange in self._relevant(question):
            reply = yes_or_no(exchange.caller, self._language)
            if reply is not None and "?" in exchange.agent:
                return reply
        # The name is a heading; only the description says what is asked.
        asked = self._words(question.description)
        stated = self._stated(asked)
        if stated is not None:
            return stated
        verbs = _MENTION[self._lang] & set(words(question.description))
        sought = asked - {stem(word, self._lang) for word in verbs} - verbs
        if not verbs or not sought:
            return None
        return any(2 * len(sought & key_words(each.caller, self._lang)) >= len(sought) for each in self.exchanges)

    def _stated(self, asked: set[str]) -> bool | None:
        """Whether somebody stated all of it ("your appointment is booked"), or its contrary; the last word counts."""
        stated = None
        for exchange in self.exchanges:
            for text in (exchange.agent, exchange.caller):
                for sentence in split_turn(text, self._language):
                    if asked and asked <= key_words(sentence, self._lang) and not self._asks(sentence):
                        stated = not _DENIALS[self._lang] & set(words(sentence))
        return stated

    def _asks(self, sentence: str) -> bool:
        return sentence.rstrip().endswith("?") or is_question(sentence, self._language)

    def _number(self, question: Question) -> int | float | None:
        known = self._known(question)
        if isinstance(known, int | float) and not isinstance(known, bool):
            return known
        for exchange in self._relevant(question):
            number = parse_number(exchange.caller, self._language)
            if number is not None:
                return number
        asked = self._words(question.description)
        for exchange in reversed(self.exchanges):
            for sentence in split_turn(exchange.caller, self._language):
                number = parse_number(sentence, self._language)
                if number is not None and asked & key_words(sentence, self._lang):
                    return number
        return None

    def _reply(self, question: Question) -> str | None:
        relevant = self._relevant(question)
        return relevant[0].caller if relevant else None

    def _single(self, question: Question) -> str | None:
        values = [option.value for option in question.options]
        known = self._known(question)
        if known is not None:
            same = [value for value in values if plain(value) == plain(render_value(known))]
            if same:
                return same[0]
        for text in (*(each.caller for each in self._relevant(question)), *self._latest_first()):
            found = [value for value in values if self._mentions(text, value)]
            if found:
                # "Not the blue one, the red one": what was said last is the choice.
                return max(found, key=lambda value: (self._place(text, value), len(value)))
        return None

    def _multiple(self, question: Question) -> list[str] | None:
        values = [option.value for option in question.options]
        for texts in ([each.caller for each in self.exchanges], [each.agent for each in self.exchanges]):
            found = [value for value in values if any(self._mentions(text, value) for text in texts)]
            if found:
                return found
        return None

    def _latest_first(self) -> list[str]:
        """The caller's turns, then the agent's statements ("you are booked" tells an outcome)."""
        callers = [each.caller for each in reversed(self.exchanges)]
        stated = [
            sentence
            for each in reversed(self.exchanges)
            for sentence in reversed(split_turn(each.agent, self._language))
            if not self._asks(sentence)
        ]
        return [*callers, *stated]

    def _mentions(self, text: str, value: str) -> bool:
        """Whether a text says an option in words of its own form, and doesn't deny it."""
        if plain(value) in {"yes", "no", "oui", "non"}:
            return yes_or_no(text, self._language) is (plain(value) in {"yes", "oui"})
        place = self._place(text, value)
        if place < 0:
            return False
        before = words(text)[max(0, place - _NEAR) : place]
        return not _DENIALS[self._lang] & set(before)

    def _place(self, text: str, value: str) -> int:
        """Index of the text's word where an option stands for the last time; -1 when it doesn't."""
        sought = [stem(word, self._lang) for word in words(value)]
        said = [stem(word, self._lang) for word in words(text)]
        for at in range(len(said) - len(sought), -1, -1) if sought else ():
            if said[at : at + len(sought)] == sought:
                return at
        # Words of an option may stand apart: "book me in for an appointment" says "book appointment".
        keys = key_words(value, self._lang)
        return len(said) - 1 if len(keys) > 1 and keys <= key_words(text, self._lang) else -1
