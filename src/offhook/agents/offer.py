"""What the model may do in a state, as tools: its ways out, and the agent's own tools."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from offhook.agents.conditions import When
from offhook.agents.model import ToolSpec
from offhook.agents.states import State, StateVariable, Transition
from offhook.agents.tools import (
    CustomFunctionTool,
    McpTool,
    PressKeysTool,
    Tool,
    tool_name,
)
from offhook.agents.variables import Variable, VariableType

TRANSITION_PREFIX = "go_to_"
SET_VARIABLES = "set_variables"
MAX_NAME_CHARS = 64  # of a function name in the chat-completions protocol

_TYPES: dict[VariableType, dict[str, Any]] = {
    VariableType.STRING: {"type": "string"},
    VariableType.BOOLEAN: {"type": "boolean"},
    VariableType.NUMBER: {"type": "number"},
    VariableType.DATETIME: {"type": "string", "description": "ISO 8601, such as 2026-01-31T14:30:00"},
    VariableType.JSON: {},
}
_REASON = {"type": "string", "description": "why, in a few words"}


# The tools that MCP servers were found to have, by the tool of the configuration that names the server.
Remote = Mapping[McpTool, tuple[ToolSpec, ...]]
NO_REMOTE: Remote = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool of an MCP server, by its name there."""

    server: McpTool
    name: str
    parameters: dict[str, Any]

    @property
    def when(self) -> When | None:
        """The rules model's condition: its server's."""
        return self.server.when


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing the model may call."""

    spec: ToolSpec
    does: Transition | Tool | RemoteTool


def offers(
    state: State, remote: Remote = NO_REMOTE, render: Callable[[str], str] = lambda template: template
) -> dict[str, Offer]:
    """Everything a state offers, by the name the model calls it; ways out first, in the order of configuration.

    ``render`` fills what the configuration says about them in with values.
    """
    found: dict[str, Offer] = {}
    for transition in state.transitions:
        name = _free(TRANSITION_PREFIX + _slug(transition.destination_state_name), found)
        condition = render(transition.condition) or "it is done here"
        description = f"Go on to {transition.destination_state_name!r} when: {condition}"
        found[name] = Offer(ToolSpec(name, description, _leaving(state)), transition)
    for tool in state.tools:
        if isinstance(tool, McpTool):
            for spec in remote.get(tool, ()):
                name = _free(re.sub(r"[^A-Za-z0-9_-]+", "_", spec.name) or "tool", found)
                does = RemoteTool(tool, spec.name, spec.parameters)
                found[name] = Offer(ToolSpec(name, spec.description, spec.parameters), does)
            continue
        name = _free(tool_name(tool), found)
        description = render(tool.description) or _WHAT.get(tool.type, name)
        found[name] = Offer(ToolSpec(name, description, _parameters(tool, render)), tool)
    return found


def set_variables(variables: list[StateVariable | Variable]) -> ToolSpec:
    """The tool by which the model reports what the caller said."""
    return ToolSpec(SET_VARIABLES, "Report what the caller said; leave out what is not known.", _values(variables))


def _leaving(state: State) -> dict[str, Any]:
    properties: dict[str, Any] = {"reason": _REASON}
    required = ["reason"]
    if state.variables:
        properties["variables"] = _values(list(state.variables))
        required.append("variables")
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _values(variables: list[StateVariable | Variable]) -> dict[str, Any]:
    properties = {}
    for variable in variables:
        schema = dict(_TYPES[variable.type])
        instructions = getattr(variable, "extraction_instructions", "")
        told = (variable.description, instructions, schema.get("description", ""))
        properties[variable.name] = {**schema, "description": " ".join(part for part in told if part)}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "description": "what the caller said; leave out what is not known",
    }


_WHAT = {
    "wait": "Say nothing this turn: the caller asked for a moment, or a machine is talking.",
    "hang_up": "End the call. Say goodbye first, unless it has a sentence of its own.",
    "transfer_call": "Hand the caller over to a person.",
    "leave_voicemail_message": "Leave the message on the answering machine and hang up.",
    "press_keys": "Press keys on the phone, to drive a menu.",
    "send_sms": "Send the text message that is set up for it.",
}


def _parameters(tool: Tool, render: Callable[[str], str]) -> dict[str, Any]:
    """JSON Schema of what the model fills in."""
    if isinstance(tool, PressKeysTool):
        digits = {"type": "string", "description": "0-9, *, #; w waits half a second"}
        return {
            "type": "object",
            "properties": {"digits": digits},
            "required": ["digits"],
            "additionalProperties": False,
        }
    if isinstance(tool, CustomFunctionTool):
        return {
            "type": "object",
            "properties": {p.name: {"description": render(p.description), **_TYPES[p.type]} for p in tool.parameters},
            "required": [p.name for p in tool.parameters if p.required],
            "additionalProperties": False,
        }
    return {"type": "object", "properties": {"reason": _REASON}, "additionalProperties": False}


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").lower() or "state"


def _free(name: str, taken: dict[str, Offer]) -> str:
    """The name, or with a number when it is taken; never longer than the protocol allows."""
    number, free = 1, name[:MAX_NAME_CHARS]
    while free in taken:
        number += 1
        free = f"{name[: MAX_NAME_CHARS - 4]}_{number}"
    return free
