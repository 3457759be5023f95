"""What the small model is asked in a turn: prompt, schema of the answer, and what the answer means. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from offhook.agents.model import Message, ModelRequest, ToolSpec
from offhook.agents.offer import offers
from offhook.agents.states import Transition
from offhook.models.llm.rules.decide import Use
from offhook.models.llm.rules.situation import Situation

ANSWER = "answer"
_CHOOSE = """Choose the next step of this phone call, as JSON. The steps:
- answer: none of the others fits; the caller asks something, or has not yet said what is needed
{steps}"""
_VARIABLES = 'In "variables" put what the caller says in these last words, null for what they don\'t say:'
_SPEAK = "Now answer the caller in one short spoken sentence, in {language}, without lists or symbols."


def choice_messages(request: ModelRequest) -> list[dict[str, str]]:
    """The conversation with the steps to choose from; what doesn't change while a state lasts stands first."""
    return [{"role": "system", "content": f"{_system(request)}\n\n{_steps(request)}"}, *_talk(_visit(request))]


def speech_messages(request: ModelRequest) -> list[dict[str, str]]:
    """The same conversation, to be answered in words."""
    told = _SPEAK.format(language=request.dialogue.language)
    return [{"role": "system", "content": f"{_system(request)}\n\n{told}"}, *_talk(request.messages)]


def arguments_messages(request: ModelRequest, tool: ToolSpec) -> list[dict[str, str]]:
    """The same conversation, to fill in what a tool or a report of variables needs."""
    wanted = "; ".join(f"{name}: {_about(shape)}" for name, shape in _properties(tool.parameters).items())
    told = f"Fill in as JSON, from what the caller said, null for what was not said: {wanted}"
    return [{"role": "system", "content": f"{_system(request)}\n\n{told}"}, *_talk(request.messages)]


def choice_schema(request: ModelRequest, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """``variables`` first, so that the choice is made with them in sight; every one is named, none can be forgotten."""
    names = [ANSWER, *(tool.name for tool in request.tools if tool.name not in without)]
    properties: dict[str, Any] = {}
    if variables := _state_variables(request):
        properties["variables"] = nullable(variables)
    properties["step"] = {"enum": names}
    return _object(properties)


def nullable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object in which each property stands, or null in its place."""
    return _object({name: _or_null(shape) for name, shape in properties.items()})


def read_choice(text: str, request: ModelRequest) -> tuple[str, dict[str, Any]]:
    """The step's name and the variables that were said. An answer that doesn't fit is ``answer`` without any."""
    try:
        data = json.loads(text)
        step = str(data["step"])
    except (ValueError, KeyError, TypeError):
        return ANSWER, {}
    given = data.get("variables")
    return step, said_only(given if isinstance(given, dict) else {}, request)


def circles(request: ModelRequest) -> frozenset[str]:
    """Steps that lead back into the present state: without anything new said they lead nowhere."""
    state = request.dialogue.state
    return frozenset(
        name
        for name, offer in offers(state).items()
        if isinstance(offer.does, Transition) and offer.does.destination_state_name == state.name
    )


def chosen_step(step: str, said: Mapping[str, Any], request: ModelRequest) -> Use | None:
    """The step as a call of its tool, with the state's variables where it takes them; None to stay."""
    tool = next((tool for tool in request.tools if tool.name == step), None)
    if tool is None:
        return None
    arguments: dict[str, Any] = {"reason": "the model chose it"} if "reason" in _properties(tool.parameters) else {}
    if "variables" in _properties(tool.parameters):
        arguments["variables"] = dict(said)
    return Use(step, arguments)


def said_only(given: Mapping[str, Any], request: ModelRequest) -> dict[str, Any]:
    """Of the values a model gives, those the caller can have said; what is read by rule (days, numbers) goes before.

    A small model makes names up. A text must share a word with what the caller said; dates, times and phone numbers
    are read from the words by the rules, which know how people say them.
    """
    here = Situation.now(request.dialogue)

    def heard(name: str, value: object) -> bool:
        if not isinstance(value, str):
            return value is not None
        return bool(_words(value) & _words(" ".join(turn.text for turn in here.turns(name))))

    return {**{name: value for name, value in given.items() if heard(name, value)}, **here.collected}


def own_arguments(tool: ToolSpec) -> dict[str, Any]:
    """What the tool takes beside a reason and the state's variables."""
    return {name: shape for name, shape in _properties(tool.parameters).items() if name not in {"reason", "variables"}}


def _visit(request: ModelRequest) -> tuple[Message, ...]:
    """What was said in the present state, and the question before it.

    More of the past makes a small model find again what was settled long ago, and a long prompt takes its time.
    """
    dialogue = request.dialogue
    return dialogue.history[max(0, dialogue.visits[-1].since - 1) :]


def _system(request: ModelRequest) -> str:
    return "\n\n".join(message.content for message in request.messages if message.role == "system")


def _steps(request: ModelRequest) -> str:
    steps = "\n".join(f"- {tool.name}: {tool.description}" for tool in request.tools)
    told = _CHOOSE.format(steps=steps)
    if variables := _state_variables(request):
        lines = "\n".join(f"- {name}: {_about(shape)}" for name, shape in variables.items())
        told = f"{told}\n{_VARIABLES}\n{lines}"
    return told


def _talk(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    talk: list[dict[str, str]] = []
    for message in messages:
        if message.role == "tool":
            talk.append({"role": "system", "content": f"Result: {message.content}"})
        elif message.role != "system" and message.content:
            talk.append({"role": message.role, "content": message.content})
    return talk


def _state_variables(request: ModelRequest) -> dict[str, Any]:
    for tool in request.tools:
        if shape := _properties(tool.parameters).get("variables"):
            return _properties(shape)
    return {}


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema.get("properties", {})
    return found


def _about(shape: Mapping[str, Any]) -> str:
    return str(shape.get("description") or shape.get("type") or "any")


def _or_null(shape: Mapping[str, Any]) -> dict[str, Any]:
    kind = shape.get("type")
    return {"type": [kind, "null"]} if isinstance(kind, str) and kind not in {"object", "array"} else {}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False
    }  # fmt: skip


def _words(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return set(re.findall(r"[a-z0-9]+", plain))
