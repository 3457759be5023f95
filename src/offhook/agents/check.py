"""Faults in an agent's graph that its shape alone doesn't show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from offhook.agents.conditions import VariableIs, When, many
from offhook.agents.config import AgentConfig
from offhook.agents.functions import first_key
from offhook.agents.intents import BUILT_IN_INTENTS
from offhook.agents.states import ExtractKind, State, StateVariable
from offhook.agents.templates import names_in
from offhook.agents.tools import CustomFunctionTool, RequestHeader, ResponseMapping, Tool, TransferCallTool, tool_name
from offhook.agents.variables import BUILT_IN, VariableType, parse_value
from offhook.errors import Fault

Faults = Iterator[Fault]

# The answer's own words to the agent, spoken or obeyed: never a variable (spec of agents, custom_function).
_RESERVED_PATHS = {"instructions", "agent_message"}


def check(config: AgentConfig) -> list[Fault]:
    """Every fault, each with the path of the field and what to do; an empty list means the agent can run."""
    return [fault for rule in _RULES for fault in rule(config)]


def _state_names(config: AgentConfig) -> Faults:
    names = [state.name for state in config.states]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Fault(f"states[{index}].name", f"a state named {name!r} exists already; give each its own name")
    if config.initial_state_name not in names:
        yield Fault("initial_state_name", _no_state(config.initial_state_name, names))
    for path, state in _states(config):
        for index, transition in enumerate(state.transitions):
            if transition.destination_state_name not in names:
                field = f"{path}.transitions[{index}].destination_state_name"
                yield Fault(field, _no_state(transition.destination_state_name, names))


def _reachable(config: AgentConfig) -> Faults:
    onward = {state.name: [way.destination_state_name for way in state.transitions] for state in config.states}
    if config.initial_state_name not in onward:
        return
    seen: set[str] = set()
    ahead = [config.initial_state_name]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += [other for other in onward[name] if other in onward]
    for path, state in _states(config):
        if state.name not in seen:
            message = f"no transitions lead from {config.initial_state_name!r} to {state.name!r}; add one or remove it"
            yield Fault(f"{path}.name", message)


def _variables(config: AgentConfig) -> Faults:
    types: dict[str, VariableType] = dict(BUILT_IN)
    for index, variable in enumerate(config.variables):
        yield from _declared(f"variables[{index}]", variable.name, variable.type, types, again=False)
    for path, state in _states(config):
        names = [variable.name for variable in state.variables]
        for index, item in enumerate(state.variables):
            field = f"{path}.variables[{index}]"
            if item.name in names[:index]:
                yield Fault(f"{field}.name", f"{item.name!r} stands twice in this state; remove one")
            else:
                yield from _declared(field, item.name, item.type, types, again=True)
            yield from _extract(field, item)


def _declared(field: str, name: str, kind: VariableType, types: dict[str, VariableType], *, again: bool) -> Faults:
    if name in BUILT_IN:
        yield Fault(f"{field}.name", f"{name!r} is a built-in variable; choose another name")
    elif name in types and not again:
        yield Fault(f"{field}.name", f"a variable named {name!r} exists already; remove one")
    elif types.setdefault(name, kind) is not kind:
        yield Fault(f"{field}.type", f"{name!r} is a {types[name]} elsewhere; give it one type")


def _extract(field: str, variable: StateVariable) -> Faults:
    extract = variable.extract
    if extract is None:
        return
    if extract.kind is ExtractKind.CHOICE and not extract.choices:
        yield Fault(f"{field}.extract.choices", "a choice needs its choices; list them")
    if extract.kind is ExtractKind.REGEX:
        if extract.pattern is None:
            yield Fault(f"{field}.extract.pattern", "kind regex needs a pattern; add one")
        else:
            yield from _regex(f"{field}.extract.pattern", extract.pattern)


def _tools(config: AgentConfig) -> Faults:
    known = config.variable_types()
    for path, state in _states(config):
        names: list[str] = []
        for index, tool in enumerate(state.tools):
            field = f"{path}.tools[{index}]"
            name = tool_name(tool)
            if isinstance(tool, CustomFunctionTool):
                if name in names or name.startswith("go_to_") or name in _TOOL_WORDS:
                    yield Fault(f"{field}.name", f"the name {name!r} is taken; choose another")
                yield from _mappings(field, tool.response_mapping, known)
            if isinstance(tool, TransferCallTool):
                yield from _hours(field, tool, known)
            names.append(name)


# Names by which the model calls what isn't a custom function.
_TOOL_WORDS = frozenset(
    {"wait", "hang_up", "transfer_call", "leave_voicemail_message", "press_keys", "send_sms", "set_variables"}
)


def _hours(field: str, tool: TransferCallTool, known: dict[str, VariableType]) -> Faults:
    name = tool.hours_variable
    if name is not None and known.get(name) is not VariableType.JSON:
        message = f"{name!r} is not a variable of type json; declare it in variables"
        yield Fault(f"{field}.hours_variable", message)


def _mappings(field: str, mappings: tuple[ResponseMapping, ...], known: dict[str, VariableType]) -> Faults:
    for index, mapping in enumerate(mappings):
        where = f"{field}.response_mapping[{index}]"
        name = mapping.destination_variable
        if name not in known or name in BUILT_IN:
            yield Fault(f"{where}.destination_variable", f"no variable {name!r} to write; declare it in variables")
        if first_key(mapping.json_path_to_data) in _RESERVED_PATHS:
            message = "instructions and agent_message speak to the agent and can't be mapped; map another path"
            yield Fault(f"{where}.json_path_to_data", message)


def _call_context(config: AgentConfig) -> Faults:
    known = config.variable_types()
    for index, request in enumerate(config.call_context):
        field = f"call_context[{index}]"
        yield from _mappings(field, request.response_mapping, known)
        for name, value in request.fallback_values.items():
            if name not in known or name in BUILT_IN:
                yield Fault(f"{field}.fallback_values.{name}", f"no variable {name!r}; declare it in variables")
                continue
            try:
                parse_value(known[name], value)
            except ValueError as error:
                yield Fault(f"{field}.fallback_values.{name}", f"{error}; the variable is a {known[name]}")


def _conditions(config: AgentConfig) -> Faults:
    known, intents = set(config.variable_types()), set(BUILT_IN_INTENTS)
    intents |= set(config.rules.intents) if config.rules else set()
    for field, condition in _whens(config):
        for part in condition.parts():
            if part.regex is not None:
                yield from _regex(f"{field}.regex", part.regex)
            for intent in many(part.intent):
                if intent not in intents:
                    message = (
                        f"no intent {intent!r}; use one of {', '.join(sorted(intents))} or add it to rules.intents"
                    )
                    yield Fault(f"{field}.intent", message)
            named = (part.variable.name,) if isinstance(part.variable, VariableIs) else many(part.variable)
            for name in (*named, *many(part.said)):
                if name not in known:
                    yield Fault(f"{field}.variable", f"no variable {name!r}; declare it in a state or in variables")


def _whens(config: AgentConfig) -> Iterator[tuple[str, When]]:
    for index, answer in enumerate(config.rules.answers if config.rules else ()):
        yield f"rules.answers[{index}].when", answer.when
    for path, state in _states(config):
        for index, transition in enumerate(state.transitions):
            if transition.when is not None:
                yield f"{path}.transitions[{index}].when", transition.when
        for index, tool in enumerate(state.tools):
            if tool.when is not None:
                yield f"{path}.tools[{index}].when", tool.when
        for index, answer in enumerate(state.rules.answers if state.rules else ()):
            yield f"{path}.rules.answers[{index}].when", answer.when


def _templates(config: AgentConfig) -> Faults:
    known = set(config.variable_types())
    for state in config.states:
        known |= {tool_name(tool) for tool in state.tools}
    for field, template in _templated(config):
        for name in names_in(template):
            if name not in known:
                yield Fault(field, f"{{{{{name}}}}} names no variable or tool; declare it or correct the name")


def _templated(config: AgentConfig) -> Iterator[tuple[str, str]]:
    yield "initial_message", config.initial_message or ""
    yield "base_prompt", config.base_prompt
    if config.rules:
        for index, answer in enumerate(config.rules.answers):
            yield from _spoken(f"rules.answers[{index}].say", answer.say)
        yield from _spoken("rules.unknown", config.rules.unknown)
    for index, request in enumerate(config.call_context):
        yield f"call_context[{index}].url", request.url
        yield from _headers(f"call_context[{index}]", request.headers)
        yield f"call_context[{index}].body", json.dumps(request.body)
    for path, state in _states(config):
        yield f"{path}.prompt", state.prompt
        for index, transition in enumerate(state.transitions):
            yield f"{path}.transitions[{index}].condition", transition.condition
            yield f"{path}.transitions[{index}].filler_sentence", transition.filler_sentence or ""
        for index, tool in enumerate(state.tools):
            yield from _tool_templates(f"{path}.tools[{index}]", tool)
        if state.rules:
            yield from _spoken(f"{path}.rules.say", state.rules.say)
            yield from _spoken(f"{path}.rules.reask", state.rules.reask)
            for index, answer in enumerate(state.rules.answers):
                yield from _spoken(f"{path}.rules.answers[{index}].say", answer.say)


def _tool_templates(field: str, tool: Tool) -> Iterator[tuple[str, str]]:
    for name in ("description", "filler_sentence", "destination", "url", "template"):
        yield f"{field}.{name}", getattr(tool, name, None) or ""
    for index, parameter in enumerate(getattr(tool, "parameters", ())):
        yield f"{field}.parameters[{index}].description", parameter.description
    yield from _headers(field, getattr(tool, "headers", ()))


def _headers(field: str, headers: tuple[RequestHeader, ...]) -> Iterator[tuple[str, str]]:
    for index, header in enumerate(headers):
        yield f"{field}.headers[{index}].value", header.value


def _spoken(field: str, said: str | tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
    if isinstance(said, str):
        yield field, said
    else:
        yield from ((f"{field}[{index}]", text) for index, text in enumerate(said or ()))


def _turns(config: AgentConfig) -> Faults:
    turns = config.turn_detection
    if turns is not None and turns.min_delay_ms > turns.max_delay_ms:
        yield Fault("turn_detection.max_delay_ms", "is shorter than min_delay_ms; make it at least as long")
    voicemail = config.voicemail
    if voicemail is not None and voicemail.action == "leave_message" and not voicemail.message:
        yield Fault("voicemail.message", "leave_message needs a message; add one")


def _regex(field: str, pattern: str) -> Faults:
    try:
        re.compile(pattern)
    except re.error as error:
        yield Fault(field, f"not a regular expression: {error}; correct it")
    else:
        if _backtracks(pattern):
            yield Fault(field, "a repetition inside a repetition can take forever; write it without")


def _backtracks(pattern: str) -> bool:
    """Whether an unbounded repetition holds another: `(a+)+`, which a caller's words could stall on."""
    repeats, closed = [False], False
    for before, char in pairwise("  " + pattern):
        if before == "\\":
            continue
        if char == "(":
            repeats.append(False)
        elif char == ")" and len(repeats) > 1:
            closed = repeats.pop()
            repeats[-1] = repeats[-1] or closed
        elif char in "*+":
            if before == ")" and closed:
                return True
            repeats[-1] = True
    return False


def _states(config: AgentConfig) -> Iterator[tuple[str, State]]:
    return ((f"states[{index}]", state) for index, state in enumerate(config.states))


def _no_state(name: str, names: list[str]) -> str:
    return f"no state {name!r}; use one of {', '.join(map(repr, names[:10]))}"


_RULES: tuple[Callable[[AgentConfig], Faults], ...] = (
    _state_names,
    _reachable,
    _variables,
    _tools,
    _call_context,
    _conditions,
    _templates,
    _turns,
)
