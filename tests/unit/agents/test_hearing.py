from __future__ import annotations

from typing import Any

import pytest

from offhook.agents.dialogue import Dialogue
from offhook.agents.hearing import MAX_CHARS, extract_kind
from offhook.agents.load import parse_agent
from offhook.agents.states import ExtractKind, StateVariable


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"name": "first_name"}, ExtractKind.NAME),
        ({"name": "phone_number"}, ExtractKind.PHONE),
        ({"name": "arrival_date"}, ExtractKind.DATE),
        ({"name": "arrival_time"}, ExtractKind.TIME),
        ({"name": "heure"}, ExtractKind.TIME),
        ({"name": "email"}, ExtractKind.EMAIL),
        ({"name": "when", "type": "datetime"}, ExtractKind.DATE),
        ({"name": "guests", "type": "number"}, ExtractKind.NUMBER),
        ({"name": "vegan", "type": "boolean"}, ExtractKind.BOOLEAN),
        ({"name": "reason"}, ExtractKind.TEXT),
        ({"name": "phone", "extract": {"kind": "text"}}, ExtractKind.TEXT),
    ],
)
def test_what_a_variable_asks_for_follows_from_its_type_and_name(fields: dict[str, Any], kind: ExtractKind) -> None:
    assert extract_kind(StateVariable.model_validate(fields)) is kind


def test_the_recognizer_is_told_vocabulary_question_and_answers_of_the_kind(agent_data: dict[str, Any]) -> None:
    agent_data["custom_vocabulary"] = ["Offhook", "trunk"]
    agent_data["states"][0]["variables"].append({"name": "phone"})
    prompt = Dialogue.start(parse_agent(agent_data)).agent_said("What is your number?").recognition_prompt()
    assert prompt is not None
    assert prompt.startswith("Offhook, trunk. What is your number?")
    assert any(char.isdigit() for char in prompt)


def test_a_long_prompt_keeps_its_end(agent_data: dict[str, Any]) -> None:
    agent_data["custom_vocabulary"] = ["word" * 20] * 20
    prompt = Dialogue.start(parse_agent(agent_data)).agent_said("Your age?").recognition_prompt()
    assert prompt is not None
    assert len(prompt) <= MAX_CHARS
    assert "Your age?" in prompt
