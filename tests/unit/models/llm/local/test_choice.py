"""What a small model is asked, and what its answers are taken for."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from offhook.agents.config import AgentConfig
from offhook.agents.dialogue import Dialogue
from offhook.agents.prompt import turn_request
from offhook.models.llm.local import choice
from offhook.models.llm.rules.decide import Speak, Use, follow

CONFIG = AgentConfig.model_validate(
    {
        "name": "Practice",
        "initial_message": "What is your name?",
        "base_prompt": "A check-up costs 60 dollars.\nThere is free parking behind the building.",
        "initial_state_name": "name",
        "states": [
            {
                "name": "name",
                "prompt": "Ask for the name.",
                "variables": [{"name": "name", "type": "string"}, {"name": "day", "type": "datetime"}],
                "transitions": [
                    {"condition": "The caller corrected it.", "destination_state_name": "name"},
                    {"condition": "The name is known.", "destination_state_name": "end"},
                ],
                "rules": {"reask": "Could you tell me your name?"},
            },
            {"name": "end", "tools": [{"type": "hang_up", "description": "Nothing else."}]},
        ],
    }
)


@pytest.fixture
def asked():
    """A request after the caller's words."""

    def request(*said: str):
        dialogue = Dialogue.start(CONFIG, call_start_time=datetime(2026, 1, 5, tzinfo=UTC)).agent_said("Your name?")
        for text in said:
            dialogue = dialogue.user_said(text)
        return turn_request(dialogue, said[-1])

    return request


def test_the_schema_names_every_variable_and_every_step(asked):
    schema = choice.choice_schema(asked("Peter Miller"))
    assert list(schema["properties"]) == ["variables", "step"]
    assert schema["properties"]["variables"]["required"] == ["name", "day"]
    assert schema["properties"]["variables"]["properties"]["name"] == {"type": ["string", "null"]}
    assert schema["properties"]["step"]["enum"] == ["answer", "go_to_name", "go_to_end"]


def test_a_step_that_leads_nowhere_can_be_left_out(asked):
    request = asked("Peter Miller")
    assert choice.circles(request) == {"go_to_name"}
    assert "go_to_name" not in choice.choice_schema(request, choice.circles(request))["properties"]["step"]["enum"]


def test_the_prompt_begins_the_same_as_long_as_the_state_lasts(asked):
    first = choice.choice_messages(asked("Is there parking?"))
    later = choice.choice_messages(asked("Is there parking?", "Peter Miller"))
    assert first == later[: len(first)]
    assert "go_to_end: " in first[0]["content"]


def test_a_name_that_nobody_said_is_not_believed(asked):
    request = asked("It's Peter Miller.")
    assert choice.said_only({"name": "Peter Miller"}, request) == {"name": "Peter Miller"}
    assert choice.said_only({"name": "John Smith"}, asked("Yes please.")) == {}


def test_days_are_read_by_rule_whatever_the_model_says(asked):
    said = choice.said_only({"name": None, "day": "2031-12-24"}, asked("On Wednesday, please."))
    assert said == {"day": "2026-01-07T00:00:00"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"step": 1, "variables": 7}', '"go_to_end"'])
def test_an_answer_that_does_not_fit_is_no_step(asked, text):
    step, said = choice.read_choice(text, asked("What?"))
    assert choice.chosen_step(step, said, asked("What?")) is None
    assert said == {}


def test_a_step_carries_what_was_said(asked):
    request = asked("It's Peter Miller.")
    text = json.dumps({"variables": {"name": "Peter Miller", "day": None}, "step": "go_to_end"})
    use = choice.chosen_step(*choice.read_choice(text, request), request)
    assert use == Use("go_to_end", {"reason": "the model chose it", "variables": {"name": "Peter Miller"}})


def test_a_turn_that_only_asks_is_answered_and_no_step(asked):
    steps = follow(asked("Is there parking?").dialogue, Use("go_to_end", {}))
    assert steps == [
        Speak("There is free parking behind the building."),
        Speak("Could you tell me your name?"),
    ]


def test_where_the_configuration_has_no_words_the_model_speaks(asked):
    assert follow(asked("My cat has two colours.").dialogue, None) is None
