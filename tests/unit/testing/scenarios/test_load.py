"""Scenario files: what is taken, and how what is not is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from offhook.errors import ConfigurationError
from offhook.testing.scenarios import ScenarioError, find_scenarios, load_scenario, make_scenario
from offhook.testing.scenarios.load import merge, schema_json

SAMPLE = {"name": "test", "agent": "sample:appointment.en"}


def faults(data: dict[str, Any], folder: Path) -> dict[str, str]:
    with pytest.raises(ScenarioError) as caught:
        make_scenario(data, folder)
    return {fault.field: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"calller": []}, "calller"),
        ({"caller": [{"say": "Hi.", "aftr": "x"}]}, "caller[0].aftr"),
        ({"caller": [{"say": "Hi.", "expect": {"sais": "x"}}]}, "caller[0].expect.sais"),
        ({"expect": {"tools": [{"name": "x", "arguments": {}, "twice": True}]}}, "expect.tools[0].twice"),
        ({"caller": [{"say": "Hi.", "after": "("}]}, "caller[0].after"),
        ({"caller": [{"say": "Hi.", "press": "1"}]}, "caller[0]"),
        ({"caller": [{}]}, "caller[0]"),
        ({"caller": [{"say": "Hi.", "at_ms": 1, "continues_ms": 1}]}, "caller[0]"),
        ({"caller": [{"press": "x"}]}, "caller[0].press"),
        ({"model": [{"say": "Hi.", "hang": True}]}, "model[0]"),
        ({"expect": {"ended": "boredom"}}, "expect.ended"),
        ({"modes": ["telex"]}, "modes[0]"),
        ({"direction": "inbound", "variables": {"a": 1}}, ""),
        ({"agent": "sample:nobody"}, "agent"),
        ({"agent": "nobody.agent.yaml"}, "agent"),
        ({"changes": {"max_call_duration": 1}}, "agent.max_call_duration"),
        ({"changes": {"nonsense": 1}}, "agent.nonsense"),
    ],
)
def test_a_fault_is_named_by_its_path(data: dict[str, Any], where: str, tmp_path: Path) -> None:
    assert where in faults(SAMPLE | data, tmp_path)


def test_a_file_has_its_name_without_one(tmp_path: Path) -> None:
    path = tmp_path / "a_short_call.scenario.yaml"
    path.write_text("agent: sample:appointment.en\n")
    assert load_scenario(path).scenario.name == "a short call"


def test_no_and_yes_are_words_and_a_key_stands_once(tmp_path: Path) -> None:
    path = tmp_path / "a.scenario.yaml"
    path.write_text("agent: sample:appointment.en\ncaller:\n  - say: no\n")
    assert load_scenario(path).scenario.caller[0].say == "no"
    path.write_text("agent: sample:appointment.en\nname: a\nname: b\n")
    with pytest.raises(ScenarioError, match="the key 'name' stands twice"):
        load_scenario(path)


def test_changes_go_into_mappings_and_named_lists() -> None:
    agent = {"llm": {"provider": "rules", "model": "a"}, "states": [{"name": "a", "prompt": "x"}, {"name": "b"}]}
    over = {"llm": {"model": "b"}, "states": {"b": {"prompt": "y"}}}
    assert merge(agent, over) == {
        "llm": {"provider": "rules", "model": "b"},
        "states": [{"name": "a", "prompt": "x"}, {"name": "b", "prompt": "y"}],
    }
    assert merge(agent, {"states": [{"name": "c"}]})["states"] == [{"name": "c"}]


def test_scenarios_are_found_below_folders_and_what_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    inner, outer = tmp_path / "inner" / "b.scenario.yaml", tmp_path / "a.scenario.yaml"
    for path in (inner, outer, tmp_path / "notes.yaml"):
        path.write_text("agent: sample:appointment.en\n")
    assert find_scenarios(tmp_path) == [outer, inner]
    with pytest.raises(ConfigurationError, match="no such file"):
        find_scenarios(tmp_path / "nowhere")


def test_the_json_schema_names_every_field_of_a_scenario() -> None:
    schema = json.loads(schema_json())
    assert schema["required"] == ["agent"]
    assert schema["additionalProperties"] is False
    assert {"agent", "caller", "expect", "functions", "model", "variables"} <= set(schema["properties"])
    assert "json" in schema["$defs"]["HttpAnswer"]["properties"]


def test_a_call_with_initial_variables_was_placed(tmp_path: Path) -> None:
    assert make_scenario(SAMPLE | {"variables": {"a": 1}}, tmp_path).scenario.outbound
    assert not make_scenario(SAMPLE, tmp_path).scenario.outbound
