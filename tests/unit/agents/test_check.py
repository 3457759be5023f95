from __future__ import annotations

from typing import Any

import pytest

from offhook.agents.load import parse_agent
from offhook.errors import AgentConfigError


def faults(data: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(AgentConfigError) as caught:
        parse_agent(data)
    return {fault.field: fault.message for fault in caught.value.faults}


def with_state(**fields: Any) -> dict[str, Any]:
    return {"name": "A", "initial_state_name": "s", "states": [{"name": "s", **fields}]}


def test_a_transition_to_nowhere_is_named_with_the_states_there_are(agent_data: dict[str, Any]) -> None:
    agent_data["states"][0]["transitions"].append({"destination_state_name": "nowhere"})
    found = faults(agent_data)
    assert list(found) == ["states[0].transitions[1].destination_state_name"]
    assert "'start'" in found["states[0].transitions[1].destination_state_name"]


def test_state_names_are_unique_and_the_initial_one_exists() -> None:
    data = with_state()
    data["states"].append({"name": "s"})
    data["initial_state_name"] = "t"
    assert set(faults(data)) == {"states[1].name", "initial_state_name"}


def test_every_state_can_be_reached_from_the_initial_one(agent_data: dict[str, Any]) -> None:
    agent_data["states"] += [
        {"name": "island", "transitions": [{"destination_state_name": "other island"}]},
        {"name": "other island", "transitions": [{"destination_state_name": "island"}]},
    ]
    assert set(faults(agent_data)) == {"states[2].name", "states[3].name"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"initial_message": "{{x}}"}, "initial_message"),
        ({"base_prompt": "{{x}}"}, "base_prompt"),
        ({"rules": {"unknown": ["a", "{{x}}"]}}, "rules.unknown[1]"),
        ({"call_context": [{"name": "c", "url": "https://e.com/{{x}}"}]}, "call_context[0].url"),
        (
            {"call_context": [{"name": "c", "url": "https://e.com", "fallback_values": {"x": 1}}]},
            "call_context[0].fallback_values.x",
        ),
        (
            {
                "variables": [{"name": "n", "type": "number"}],
                "call_context": [{"name": "c", "url": "https://e.com", "fallback_values": {"n": "many"}}],
            },
            "call_context[0].fallback_values.n",
        ),
        ({"variables": [{"name": "call_id"}]}, "variables[0].name"),
        ({"variables": [{"name": "a"}, {"name": "a"}]}, "variables[1].name"),
        ({"rules": {"answers": [{"when": {"regex": "("}, "say": "x"}]}}, "rules.answers[0].when.regex"),
        ({"turn_detection": {"min_delay_ms": 900, "max_delay_ms": 800}}, "turn_detection.max_delay_ms"),
        ({"voicemail": {"action": "leave_message"}}, "voicemail.message"),
    ],
)
def test_faults_of_the_whole_agent_are_named(change: dict[str, Any], field: str) -> None:
    assert list(faults(with_state() | change)) == [field]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": "{{x}}"}, "prompt"),
        ({"rules": {"say": "{{x}}"}}, "rules.say"),
        ({"rules": {"answers": [{"when": {}, "say": "{{x}}"}]}}, "rules.answers[0].say"),
        ({"tools": [{"type": "hang_up", "filler_sentence": "{{x}}"}]}, "tools[0].filler_sentence"),
        ({"tools": [{"type": "transfer_call", "destination": "{{x}}"}]}, "tools[0].destination"),
        (
            {"tools": [{"type": "transfer_call", "destination": "+1", "hours_variable": "call_id"}]},
            "tools[0].hours_variable",
        ),
        ({"tools": [{"type": "custom_function", "name": "hang_up", "url": "https://e.com"}]}, "tools[0].name"),
        ({"tools": [{"type": "custom_function", "name": "go_to_x", "url": "https://e.com"}]}, "tools[0].name"),
        (
            {"transitions": [{"destination_state_name": "s", "when": {"intent": "fly"}}]},
            "transitions[0].when.intent",
        ),
        (
            {"transitions": [{"destination_state_name": "s", "when": {"not": {"variable": "x"}}}]},
            "transitions[0].when.variable",
        ),
        ({"transitions": [{"destination_state_name": "s", "when": {"regex": "(a+)+"}}]}, "transitions[0].when.regex"),
        ({"variables": [{"name": "a"}, {"name": "a"}]}, "variables[1].name"),
        ({"variables": [{"name": "a", "extract": {"kind": "choice"}}]}, "variables[0].extract.choices"),
        ({"variables": [{"name": "a", "extract": {"kind": "regex"}}]}, "variables[0].extract.pattern"),
        ({"variables": [{"name": "a", "extract": {"kind": "regex", "pattern": "["}}]}, "variables[0].extract.pattern"),
    ],
)
def test_faults_of_a_state_are_named(fields: dict[str, Any], field: str) -> None:
    assert list(faults(with_state(**fields))) == [f"states[0].{field}"]


@pytest.mark.parametrize(
    "path", ["instructions", "$.agent_message", "$['instructions']", "agent_message.text", "$.instructions[0]"]
)
def test_the_agents_own_words_in_a_tools_answer_cannot_be_mapped(agent_data: dict[str, Any], path: str) -> None:
    mapping = agent_data["states"][0]["tools"][0]["response_mapping"][0]
    mapping["json_path_to_data"] = path
    assert list(faults(agent_data)) == ["states[0].tools[0].response_mapping[0].json_path_to_data"]


def test_a_variable_has_one_type_in_all_states(agent_data: dict[str, Any]) -> None:
    agent_data["states"][1]["variables"] = [{"name": "age", "type": "string"}]
    assert list(faults(agent_data)) == ["states[1].variables[0].type"]


@pytest.mark.parametrize("pattern", ["a+(b)+", "(ab)+", r"(\+)+x", "[0-9]{2,}", "a*b+c"])
def test_harmless_regular_expressions_pass(pattern: str) -> None:
    parse_agent(with_state(transitions=[{"destination_state_name": "s", "when": {"regex": pattern}}]))


def test_prompts_may_name_a_tool(agent_data: dict[str, Any]) -> None:
    agent_data["states"][0]["prompt"] = "Use {{look_up}}, then {{hang_up}}."
    parse_agent(agent_data)
