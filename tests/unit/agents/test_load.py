from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from offhook.agents.config import AgentConfig
from offhook.agents.load import dump_yaml, load_agent, parse_agent
from offhook.errors import AgentConfigError

MINIMAL = "name: A\ninitial_state_name: s\nstates: [{name: s}]\n"


def faults(source: object) -> dict[str, str]:
    with pytest.raises(AgentConfigError) as caught:
        load_agent(source) if isinstance(source, str | Path) else parse_agent(source)
    return {fault.field: fault.message for fault in caught.value.faults}


def test_the_smallest_agent_has_the_defaults_of_the_format() -> None:
    agent = load_agent(MINIMAL)
    assert (agent.language, agent.max_call_duration, agent.presence_check_idle_threshold) == ("en", 1800, 10)
    assert (agent.presence_check_max_times, agent.initial_message_delay, agent.initial_message) == (3, 0, None)
    assert (agent.voice.provider, agent.llm.provider, agent.transcriber_configuration.provider) == (
        "local",
        "rules",
        "local",
    )
    assert (agent.allow_interruptions, agent.interruption_sensitivity) == (True, "medium")
    assert (agent.secure_recording_urls, agent.record) == (True, True)


def test_json_text_and_a_file_load_like_yaml(tmp_path: Path) -> None:
    data = {"name": "A", "initial_state_name": "s", "states": [{"name": "s"}]}
    path = tmp_path / "a.agent.yaml"
    path.write_text(MINIMAL)
    assert load_agent(json.dumps(data)) == load_agent(MINIMAL) == load_agent(path) == parse_agent(data)


def test_an_agent_survives_being_dumped_and_loaded(agent_data: dict[str, Any]) -> None:
    agent_data |= {
        "base_prompt": "Line one: yes\nline two",
        "voice": {"provider": "openai", "name": "alloy", "speed": 1.5},
        "fallback_llm": {"provider": "rules"},
        "knowledge_base_ids": ["7b0d3a94-6b43-4d2e-9b1e-0a3f1d6c1a11"],
        "turn_detection": {"mode": "silence"},
        "privacy": {"retention_days": 3, "redact": ["card"]},
    }
    agent_data["states"][0]["transitions"][0]["when"] = {"not": {"any": [{"intent": "yes"}, {"regex": "a+"}]}}
    agent = parse_agent(agent_data)
    text = dump_yaml(agent)
    assert load_agent(text) == agent
    assert "base_prompt: |" in text


def test_yes_and_no_are_words_in_an_agent_file() -> None:
    text = MINIMAL.replace(
        "{name: s}", "{name: s, transitions: [{destination_state_name: s, when: {intent: [yes, no]}}]}"
    )
    when = load_agent(text).states[0].transitions[0].when
    assert when is not None
    assert when.intent == ("yes", "no")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 3}, "name"),
        ({"language": "xx"}, "language"),
        ({"initial_message": ""}, "initial_message"),
        ({"initial_message": "x" * 1001}, "initial_message"),
        ({"initial_message_delay": 5.1}, "initial_message_delay"),
        ({"max_call_duration": 9}, "max_call_duration"),
        ({"max_call_duration": 7201}, "max_call_duration"),
        ({"max_call_duration": 60.5}, "max_call_duration"),
        ({"presence_check_idle_threshold": 2}, "presence_check_idle_threshold"),
        ({"presence_check_max_times": 101}, "presence_check_max_times"),
        ({"base_prompt": "x" * 100_001}, "base_prompt"),
        ({"custom_vocabulary": ["x"] * 201}, "custom_vocabulary"),
        ({"interruption_sensitivity": "huge"}, "interruption_sensitivity"),
        ({"allow_interruptions": "true"}, "allow_interruptions"),
        ({"voice": {"provider": "local", "nme": "x"}}, "voice.nme"),
        ({"voice": {"provider": "elevenlabs"}}, "voice.voice_id"),
        ({"voice": {"provider": "nobody"}}, "voice"),
        ({"llm": {"provider": "openai"}}, "llm.model"),
        ({"llm": {"provider": "rules", "temperature": 3}}, "llm.temperature"),
        ({"states": []}, "states"),
        ({"states": [{"name": f"s{n}"} for n in range(101)]}, "states"),
        ({"states": [{"name": "s", "tools": [{"type": "hang_up", "foo": 1}]}]}, "states[0].tools[0].foo"),
        ({"states": [{"name": "s", "tools": [{"type": "fly"}]}]}, "states[0].tools[0]"),
        ({"states": [{"name": "s", "variables": [{"name": "1x"}]}]}, "states[0].variables[0].name"),
        ({"states": [{"name": "s", "variables": [{"name": "x", "type": "date"}]}]}, "states[0].variables[0].type"),
        ({"variables": [{"name": "a", "source": "sky"}]}, "variables[0].source"),
        ({"webhook_url": "http://example.com"}, "webhook_url"),
        ({"webhook_subscriptions": ["event_x"]}, "webhook_subscriptions[0]"),
        ({"knowledge_base_ids": ["x"]}, "knowledge_base_ids[0]"),
        ({"colour": "red"}, "colour"),
        ({"base_prompt": "a\x00b"}, "base_prompt"),
        ({"base_prompt": "a\ud800"}, "base_prompt"),
        ({"initial_message_delay": float("nan")}, "initial_message_delay"),
    ],
)
def test_a_field_that_does_not_fit_is_named_by_its_path(change: dict[str, Any], field: str) -> None:
    data = {"name": "A", "initial_state_name": "s", "states": [{"name": "s"}]} | change
    found = faults(data)
    assert list(found) == [field]
    assert found[field]


def test_a_tool_may_take_at_most_30_seconds() -> None:
    tool = {"type": "custom_function", "name": "f", "url": "https://example.com", "timeout_seconds": 31}
    data = {"name": "A", "initial_state_name": "s", "states": [{"name": "s", "tools": [tool]}]}
    assert list(faults(data)) == ["states[0].tools[0].timeout_seconds"]


def test_all_faults_are_told_at_once() -> None:
    assert set(faults({"nme": "A", "states": [{"name": "s", "promt": ""}]})) == {
        "name",
        "nme",
        "initial_state_name",
        "states[0].promt",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1", "not valid YAML or JSON: line 1"),
        ("", "an agent is an object"),
        ("- a", "an agent is an object"),
        ("name: a\nname: b", "line 2: the key 'name' stands twice"),
        ("a: &x [1]\nb: *x", "alias *x"),
        ("{" * 3000, "nested too deeply"),
        ("name: !!python/object:os.system x", "not valid YAML or JSON"),
        ("a: " + "[" * 60 + "]" * 60, "nested more than 50 deep"),
    ],
)
def test_text_that_is_no_agent_file_is_refused_in_a_sentence(text: str, told: str) -> None:
    assert told in next(iter(faults(text).values()))


def test_a_file_that_is_missing_or_not_text_is_named(tmp_path: Path) -> None:
    assert "check the path" in faults(tmp_path / "none.yaml")[""]
    (tmp_path / "bin").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in faults(tmp_path / "bin")[""]


def test_the_format_has_a_json_schema_with_names_for_the_api() -> None:
    schema = AgentConfig.model_json_schema()
    assert {"State", "Transition", "StateVariable", "CustomFunctionTool", "LocalVoice"} <= set(schema["$defs"])
    assert schema["additionalProperties"] is False
