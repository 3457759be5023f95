"""A custom function as data: arguments checked, the request built, the answer read. Whoever can do HTTP executes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from offhook.agents.templates import render
from offhook.agents.tools import CustomFunctionTool, RequestHeader, ResponseMapping
from offhook.agents.variables import Value, json_value, parse_value, render_value
from offhook.errors import ToolError

MAX_RESULT_CHARS = 20_000  # about 5,000 tokens: more would push the conversation out of a model's sight
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What to send; ``query`` and ``body`` (JSON) as the tool's content type says."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a tool gave: ``result`` is what the model is told, ``say`` is spoken word for word."""

    success: bool
    result: str
    values: dict[str, Any] = field(default_factory=dict)
    say: str | None = None


class ToolExecutor(Protocol):
    """Does what a tool's request asks; never raises for what the far end does wrong."""

    async def run(self, tool: CustomFunctionTool, request: HttpRequest) -> ToolOutcome:
        """Send it, within the tool's time limit, and read the answer."""


def check_arguments(tool: CustomFunctionTool, text: str) -> dict[str, Value]:
    """The model's arguments as typed values. Raises ValueError that tells the model what to correct."""
    try:
        raw = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError("the arguments are not JSON") from error
    if not isinstance(raw, dict):
        raise ValueError("the arguments are not an object")  # noqa: TRY004 - the caller tells the model, as of any
    known = {parameter.name: parameter for parameter in tool.parameters}
    values: dict[str, Value] = {}
    for name, value in raw.items():
        if name not in known:
            raise ValueError(f"there is no parameter {name}")
        if value is not None:
            try:
                values[name] = parse_value(known[name].type, value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
    missing = [p.name for p in tool.parameters if p.required and values.get(p.name) in (None, "")]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}; ask the caller")
    return values


def build_request(tool: CustomFunctionTool, arguments: Mapping[str, Value], values: Mapping[str, Value]) -> HttpRequest:
    """The request of a tool. Values put into the URL are percent-encoded, into headers stripped of line ends."""
    url, headers = filled_url(tool.url, values), filled_headers(tool.headers, values)
    if tool.content_type == "url_params":
        query = tuple((name, render_value(value)) for name, value in arguments.items())
        return HttpRequest(tool.method, url, headers, query=query)
    return HttpRequest(tool.method, url, headers, body={name: json_value(value) for name, value in arguments.items()})


def filled_url(url: str, values: Mapping[str, Value]) -> str:
    """A URL with its values, percent-encoded."""
    # A base URL may itself be a variable; only what is filled into a path or query must not change its shape.
    whole = _PLACE.match(url)
    head, rest = (url[: whole.end()], url[whole.end() :]) if whole else ("", url)
    return render(head, values)[0] + render(rest, values, lambda _, value: quote(render_value(value), safe=""))[0]


def filled_headers(headers: Iterable[RequestHeader], values: Mapping[str, Value]) -> tuple[tuple[str, str], ...]:
    """Headers with their values, without line ends."""
    return tuple((h.name, re.sub(r"[\r\n\x00]+", " ", render(h.value, values)[0])) for h in headers)


def read_answer(tool: CustomFunctionTool, status: int, text: str) -> ToolOutcome:
    """What an HTTP answer means. ``instructions`` replaces the result, ``agent_message`` is spoken as it stands."""
    try:
        data = read_json(status, text)
    except ToolError as error:
        return failure(str(error))
    values = mapped(data, tool.response_mapping)
    root = data if isinstance(data, dict) else {}
    told = root["instructions"] if isinstance(root.get("instructions"), str) else data
    say = root["agent_message"] if isinstance(root.get("agent_message"), str) else None
    return ToolOutcome(True, json.dumps(told, ensure_ascii=False)[:MAX_RESULT_CHARS], values, say)


def read_json(status: int, text: str) -> Any:  # noqa: ANN401 - what a JSON document can hold
    """An answer's data; an empty one is ``{}``. Raises ToolError for any other than a success with JSON."""
    if 300 <= status < 400:
        raise ToolError(f"the server answered {status}: redirects are not followed, give the address that it leads to")
    if not 200 <= status < 300:
        raise ToolError(f"the server answered {status}")
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ToolError("the server's answer is not JSON") from error


def mapped(data: object, mappings: Iterable[ResponseMapping]) -> dict[str, Any]:
    """The pieces of an answer by the variables that they go into; without those that aren't there."""
    found = {mapping.destination_variable: at_path(data, mapping.json_path_to_data) for mapping in mappings}
    return {name: value for name, value in found.items() if value is not None}


def failure(why: str) -> ToolOutcome:
    """A tool that didn't do what it should: the model is told so, never a success."""
    return ToolOutcome(False, json.dumps({"error": why}, ensure_ascii=False))


def first_key(path: str) -> str | None:
    """The key at the root that a path begins with; None for an index, and for the root itself."""
    step = _STEP.search(path.removeprefix("$"))
    return None if step is None else step[1] if step[1] is not None else step[3]


def at_path(data: object, path: str) -> Any:  # noqa: ANN401 - what a JSON document can hold
    """The piece at ``$.customer.phones[0]`` (the ``$.`` may be left out); None where there is none."""
    for step in _STEP.finditer(path.removeprefix("$")):
        key = step[1] if step[1] is not None else step[3]
        if key is not None:
            data = data.get(key) if isinstance(data, dict) else None
        else:
            index = int(step[2])
            data = data[index] if isinstance(data, list) and index < len(data) else None
    return data
