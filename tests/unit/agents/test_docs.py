"""The guide names everything a configuration can hold and a record can report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from offhook.agents import asking, context, runner, store, tools, turn, using
from offhook.agents.base import Part
from offhook.agents.conditions import When
from offhook.agents.config import AgentConfig, AgentRules, ContextRequest
from offhook.agents.intents import BUILT_IN_INTENTS
from offhook.agents.states import Extract, ExtractKind, State, StateRules, StateVariable, Transition
from offhook.agents.variables import BUILT_IN, Variable, VariableType
from offhook.calls import preparing

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "agents.md").read_text()


@pytest.mark.parametrize(
    "part",
    [ContextRequest, AgentConfig, State, Transition, StateVariable, Variable, When, StateRules, AgentRules, Extract],
)
def test_every_field_is_in_the_guide(part: type[Part]) -> None:
    names = {field.alias or name for name, field in part.model_fields.items()}
    assert {name for name in names if f"`{name}`" not in GUIDE} == set()


@pytest.mark.parametrize("tool", get_args(get_args(tools.Tool)[0]), ids=lambda tool: tool.__name__)
def test_every_field_of_a_tool_is_in_its_row_of_the_guide(tool: type[Part]) -> None:
    name = get_args(tool.model_fields["type"].annotation)[0]
    row = next(line for line in GUIDE.splitlines() if line.startswith(f"| `{name}` |"))
    fields = set(tool.model_fields) - {"type", "description", "when"}
    assert {field for field in fields if f"`{field}`" not in row} == set()


def test_every_intent_kind_type_and_built_in_variable_is_in_the_guide() -> None:
    words = {*BUILT_IN_INTENTS, *BUILT_IN, *(kind.value for kind in ExtractKind)}
    assert {word for word in words if f"`{word}`" not in GUIDE} == set()
    assert all(kind.value in GUIDE for kind in VariableType)


def test_every_problem_is_in_the_guide() -> None:
    modules = (asking, context, preparing, runner, store, turn, using)
    source = "".join(Path(module.__file__ or "").read_text() for module in modules)
    codes = set(re.findall(r'(?:Problem|Trouble)\("(\w+)"', source))
    assert "unbacked_claim" in codes
    assert {code for code in codes if f"`{code}`" not in GUIDE} == set()
