"""What an agent asks other systems before its first word, as data. Whoever can do HTTP executes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offhook.agents.config import ContextRequest
from offhook.agents.dialogue import Dialogue
from offhook.agents.events import Problem, VariableChanged
from offhook.agents.functions import HttpRequest, filled_headers, filled_url, mapped, read_json
from offhook.agents.store import store_values
from offhook.agents.templates import names_in, render
from offhook.agents.variables import Value, json_value
from offhook.errors import ToolError


def build_context_request(request: ContextRequest, values: Mapping[str, Value]) -> HttpRequest:
    """The request with its values: encoded in the URL, typed where a body's text is one name alone."""
    body = None if request.body is None else _filled(request.body, values)
    headers = filled_headers(request.headers, values)
    return HttpRequest(request.method, filled_url(request.url, values), headers, body=body)


def read_context(
    dialogue: Dialogue, request: ContextRequest, answer: tuple[int, str] | ToolError
) -> tuple[Dialogue, list[VariableChanged | Problem]]:
    """The dialogue with what an answer told; where it told nothing, with the fallback of what has no value yet."""
    events: list[VariableChanged | Problem] = []
    found: dict[str, Any] = {}
    try:
        if isinstance(answer, ToolError):
            raise answer
        found = mapped(read_json(*answer), request.response_mapping)
    except ToolError as error:
        events.append(Problem("call_context_failed", f"{request.name}: {error}"))
    dialogue, told = store_values(dialogue, found, None)
    missing = {name: value for name, value in request.fallback_values.items() if dialogue.values.get(name) is None}
    dialogue, stood_in = store_values(dialogue, missing, None)
    return dialogue, [*events, *told, *stood_in]


def _filled(part: Any, values: Mapping[str, Value]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(part, dict):
        return {key: _filled(item, values) for key, item in part.items()}
    if isinstance(part, list):
        return [_filled(item, values) for item in part]
    if not isinstance(part, str):
        return part
    names = names_in(part)
    if len(names) == 1 and part.strip().strip("{}").strip() == names[0]:
        return json_value(values.get(names[0]))
    return render(part, values)[0]
