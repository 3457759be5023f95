"""Whole conversations with the sample agents, in text: the rules model through the runner.

Now is Monday, 23 November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from offhook.agents.config import AgentConfig
from offhook.agents.dialogue import Dialogue
from offhook.agents.load import load_agent
from offhook.agents.runner import AgentRunner, Entered, Finished, HangUp, Problem, Say, VariableChanged
from offhook.models.llm.rules import RulesModel
from offhook.testing.script import CallerScript, Prompter

SAMPLES = files("offhook.agents") / "samples"


@dataclass
class Talk:
    said: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    hung_up: bool = False
    problems: list[Problem] = field(default_factory=list)


def agent(language: str) -> AgentConfig:
    return load_agent((SAMPLES / f"appointment.{language}.agent.yaml").read_text())


async def talk(language: str, lines: list[str]) -> Talk:
    runner, result = AgentRunner(RulesModel()), Talk()
    dialogue = Dialogue.start(agent(language), call_start_time=datetime(2026, 11, 23, 9, tzinfo=UTC))
    dialogue = dialogue.agent_said(dialogue.greeting() or "")
    for line in lines:
        assert not result.hung_up, f"the agent hung up before {line!r}"
        dialogue = await _turn(runner, dialogue, line, result)
    async for event in runner.extract(dialogue):
        assert not isinstance(event, VariableChanged), "all values were known when their states ended"
    return result


async def _turn(runner: AgentRunner, dialogue: Dialogue, line: str, result: Talk) -> Dialogue:
    words = ""
    async for event in runner.respond(dialogue, line):
        match event:
            case Say(text=text):
                words += text
            case Entered(state=state):
                result.states.append(state)
            case VariableChanged(name=name, value=value):
                result.values[name] = value
            case HangUp():
                result.hung_up = True
            case Problem():
                result.problems.append(event)
            case Finished():
                dialogue = event.dialogue
    result.said.append(words)
    return dialogue


def caller_lines(language: str) -> list[str]:
    return [line["say"] for line in yaml.safe_load((SAMPLES / f"caller.{language}.yaml").read_text())["lines"]]


ENGLISH = {"name": "Peter Miller", "day": "2026-11-24T00:00:00", "time": "10:30", "phone": "4152678309"}
FRENCH = {"name": "Claire Dubois", "day": "2026-11-24T00:00:00", "time": "14:30", "phone": "0612345678"}


@pytest.mark.parametrize(("language", "values"), [("en", ENGLISH), ("fr", FRENCH)])
async def test_the_demo_s_caller_books_an_appointment(language: str, values: dict[str, str]) -> None:
    lines = caller_lines(language)
    result = await talk(language, lines)
    assert len(lines) >= 6
    assert result.values == values
    assert result.hung_up
    assert result.problems == []
    assert all(result.said), "the agent answers every turn"
    assert ("parking" if language == "en" else "30 euros") in result.said[2]
    assert result.states[-2:] in (["confirm", "closing"], ["confirmation", "fin"])


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_the_demo_s_caller_is_cued_in_order_by_what_the_agent_says(language: str) -> None:
    script = CallerScript.load(Path(str(SAMPLES / f"caller.{language}.yaml")))
    result = await talk(language, [line.say for line in script.lines])
    prompter = Prompter(script)
    heard = [agent(language).initial_message or "", *result.said[:-1]]
    assert [prompter.next(words) for words in heard] == [line.say for line in script.lines]


async def test_english_with_what_a_recognizer_makes_of_it() -> None:
    result = await talk(
        "en",
        [
            "hello i'd like to make an appointment",
            "my name is peter miller",
            "where can i park my car",
            "next thuesday please",
            "at half past 10 in the morning",
            "My number is 415-267-8309.",
            "yes that is correct",
            "No thank you, good bye.",
        ],
    )
    assert (result.values, result.hung_up) == (ENGLISH, True)


async def test_french_with_what_a_recognizer_makes_of_it() -> None:
    result = await talk(
        "fr",
        [
            "Bonjour, je voudrais prendre un rendez-vous",
            "Je m'appel Claire Dubois",
            "Est ce qu'il y a un parking",
            "Mardie prochain s'il vous plait",
            "A 14 h 30",
            "06, 12, 34, 56, 78",
            "Wi, c'est bien ça",
            "Non, c'est tout, merci, aurevoir",
        ],
    )
    assert (result.values, result.hung_up) == (FRENCH, True)


async def test_a_caller_who_says_everything_at_once_is_not_asked_again() -> None:
    result = await talk(
        "en",
        [
            "Hi, my name is Peter Miller, I'd like an appointment next Tuesday at half past ten.",
            "415-267-8309",
            "Yes.",
            "No, bye.",
        ],
    )
    assert result.values == ENGLISH
    assert "phone number" in result.said[0]
    assert result.hung_up


async def test_a_number_in_two_halves_is_put_together() -> None:
    result = await talk(
        "fr", ["Un rendez-vous", "Claire Dubois", "Mardi", "14h30", "Alors, zéro six, douze", "34 56 78", "Oui"]
    )
    assert result.values == FRENCH
    assert result.said[4] == "Oui, je vous écoute."


async def test_a_caller_corrects_the_day_at_once() -> None:
    result = await talk("en", [*caller_lines("en")[:6], "No, on Wednesday.", "Yes.", "Goodbye."])
    assert result.values["day"] == "2026-11-25T00:00:00"
    assert "Wednesday, November 25 at 10:30 AM" in result.said[6]
    assert result.hung_up


async def test_a_caller_is_asked_what_is_wrong_and_may_say_it_in_steps() -> None:
    lines = [*caller_lines("fr")[:6], "Non.", "L'heure.", "À 9 heures.", "Oui.", "Non merci."]
    result = await talk("fr", lines)
    assert result.said[6:8] == ["Que voulez-vous changer ?", "À quelle heure souhaitez-vous venir ?"]
    assert result.values["time"] == "09:00"
    assert result.hung_up


async def test_questions_in_a_row_are_answered_and_the_question_stays() -> None:
    result = await talk(
        "en", ["An appointment please", "How much is it?", "And what is your address?", "Who is the king?"]
    )
    assert result.said[1] == "A check-up costs 60 dollars. Could you tell me your first and last name?"
    assert result.said[2].startswith("Our address is 12 River Street.")
    assert result.said[3] == "I'm afraid I don't know that. Could you tell me your first and last name?"


async def test_a_day_in_a_question_is_not_the_caller_s_choice() -> None:
    result = await talk("en", ["An appointment please", "Peter Miller", "Are you open on Saturday?"])
    assert "day" not in result.values
    assert result.said[2].startswith("We are open from Monday to Friday")


async def test_what_is_not_understood_is_asked_again_in_other_words() -> None:
    result = await talk("en", ["An appointment please", "Peter Miller", "Banana.", "Banana banana."])
    assert result.said[2].endswith("Which day would you like to come?")
    assert result.said[2] != result.said[3]


async def test_a_caller_who_did_not_hear_gets_the_words_again() -> None:
    result = await talk("fr", ["Un rendez-vous", "Pardon ?"])
    assert result.said[1] == result.said[0]


async def test_a_caller_who_wants_nothing_is_let_go() -> None:
    result = await talk("en", ["Oh, sorry, wrong number. Goodbye."])
    assert result.hung_up
    assert result.said == ["Thank you for calling. Goodbye!"]
