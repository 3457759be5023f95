from __future__ import annotations

import re
from typing import Any

from offhook.agents.config import AgentConfig
from offhook.agents.load import parse_agent
from offhook.agents.offer import offers, set_variables


def test_ways_out_and_tools_are_offered_by_name(agent: AgentConfig) -> None:
    assert list(offers(agent.states[0])) == [
        "go_to_end_goodbye",
        "look_up",
        "wait",
        "press_keys",
        "transfer_call",
    ]


def test_a_way_out_asks_for_what_the_state_finds_out(agent: AgentConfig) -> None:
    parameters = offers(agent.states[0])["go_to_end_goodbye"].spec.parameters
    assert parameters["required"] == ["reason", "variables"]
    assert parameters["properties"]["variables"]["properties"]["age"]["type"] == "number"
    leaving = offers(agent.states[1])["hang_up"].spec.parameters
    assert "variables" not in leaving["properties"]


def test_names_are_unique_and_fit_the_protocol(agent_data: dict[str, Any]) -> None:
    state = agent_data["states"][0]
    agent_data["states"] += [{"name": "É" * 100}, {"name": "é" * 99}]
    state["transitions"] += [{"destination_state_name": "É" * 100}, {"destination_state_name": "é" * 99}]
    state["tools"].append({"type": "transfer_call", "destination": "+33"})
    names = list(offers(parse_agent(agent_data).states[0]))
    assert len(set(names)) == len(names) == 8
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names)
    assert "transfer_call_2" in names


def test_the_report_of_variables_has_their_types_and_instructions(agent: AgentConfig) -> None:
    schema = set_variables(list(agent.states[0].variables)).parameters
    assert schema["properties"]["age"] == {"type": "number", "description": "age in years"}
