"""Agent files: YAML or JSON text to a checked configuration, and back."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from offhook.agents.check import check
from offhook.agents.config import AgentConfig
from offhook.errors import AgentConfigError, Fault

MAX_FILE_BYTES = 8_000_000  # 100 states with the longest prompt each, the limits of the format, fit in
MAX_DEPTH = 50  # conditions inside conditions; deeper is no agent a person wrote
MAX_FAULTS = 100
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def load_agent(source: str | Path) -> AgentConfig:
    """Read an agent from a path, or from YAML or JSON text. Raises AgentConfigError with all faults found."""
    if isinstance(source, Path):
        source = _read(source)
    return parse_agent(parse_yaml(source))


def parse_yaml(source: str) -> Any:  # noqa: ANN401 - what a document can hold
    """Decode YAML or JSON by the rules of agent files. Raises AgentConfigError for what can't be read."""
    if len(source.encode(errors="replace")) > MAX_FILE_BYTES:
        raise AgentConfigError([Fault("", f"larger than {MAX_FILE_BYTES} bytes; shorten the prompts")])
    try:
        return yaml.load(source, _Loader)  # noqa: S506 - a SafeLoader that is stricter still
    except yaml.YAMLError as error:
        raise AgentConfigError([Fault("", f"not valid YAML or JSON: {_yaml_problem(error)}")]) from error
    except RecursionError as error:
        raise AgentConfigError([Fault("", "nested too deeply; write it flatter")]) from error
    except ValueError as error:
        raise AgentConfigError([Fault("", f"holds a value that can't be read: {error}")]) from error


def parse_agent(data: object) -> AgentConfig:
    """Check decoded JSON (the API's body, a file's content). Raises AgentConfigError with all faults found."""
    if not isinstance(data, dict):
        raise AgentConfigError([Fault("", "an agent is an object with name, states, initial_state_name and more")])
    if faults := list(_unfit(data, "", 0)):
        raise AgentConfigError(faults[:MAX_FAULTS])
    try:
        config = AgentConfig.model_validate(data)
    except ValidationError as error:
        raise AgentConfigError(faults_of(error, data)) from error
    if faults := check(config):
        raise AgentConfigError(faults[:MAX_FAULTS])
    return config


def faults_of(error: ValidationError, data: object) -> list[Fault]:
    """What is wrong with decoded data, each by its path, with what to do about it."""
    rows = [(row, _path(row["loc"], data)) for row in error.errors(include_url=False)]
    # A list that lost its faulty items is told as too short as well: the items' faults say it better.
    inner = tuple(path for _, path in rows)
    faults = [
        Fault(path, _remedy(row))
        for row, path in rows
        if row["type"] != "too_short" or not any(other.startswith(f"{path}[") for other in inner)
    ]
    return faults[:MAX_FAULTS]


def agent_dict(config: AgentConfig) -> dict[str, Any]:
    """The configuration as JSON data, without what is at its default; loads back to an equal one."""
    data: dict[str, Any] = config.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return data


def dump_yaml(config: AgentConfig) -> str:
    """The configuration as an agent file."""
    return yaml.dump(agent_dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise AgentConfigError([Fault("", f"{path}: {error.strerror}; check the path")]) from error
    except UnicodeDecodeError as error:
        raise AgentConfigError([Fault("", f"{path} is not UTF-8 text; save it as UTF-8")]) from error


def _unfit(value: object, path: str, depth: int) -> list[Fault]:
    """Faults of raw data that a database or a voice could not take: control characters, half characters, depth."""
    if depth > MAX_DEPTH:
        return [Fault(path, f"nested more than {MAX_DEPTH} deep; write it flatter")]
    if isinstance(value, dict):
        return [fault for key, item in value.items() for fault in _unfit(item, _join(path, str(key)), depth + 1)]
    if isinstance(value, list):
        return [fault for index, item in enumerate(value) for fault in _unfit(item, f"{path}[{index}]", depth + 1)]
    if isinstance(value, str):
        bad = next(
            (char for char in value if (char < " " and char not in "\t\n\r") or "\ud800" <= char <= "\udfff"), ""
        )
        if bad:
            return [Fault(path, f"holds the character U+{ord(bad):04X}; remove it")]
    return []


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _path(loc: tuple[int | str, ...], data: object) -> str:
    """pydantic's location as ``states[2].name``: union tags, which are no fields, are left out."""
    path = ""
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(part, int):
            path += f"[{part}]"
            data = data[part] if isinstance(data, list) and part < len(data) else None
        elif isinstance(data, dict) and part in data:
            path, data = _join(path, part), data[part]
        elif last and isinstance(data, dict):
            path = _join(path, part)
    return path


def _remedy(row: ErrorDetails) -> str:
    kind, context = row["type"], row.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown field; remove it or correct its name"
    if kind == "missing":
        return "is required; add it"
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        return f"needs {context['discriminator']} to be one of {context.get('expected_tags') or 'those documented'}"
    message = row["msg"][0].lower() + row["msg"][1:]
    given = row.get("input")
    shown = "" if isinstance(given, dict | list | tuple) else f", got {str(given)[:80]!r}"
    return f"{message}{shown}"


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


class _Loader(yaml.SafeLoader):
    """YAML as people expect it: yes and no are words, a key stands once, and no anchors (they can explode)."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - as in the base
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"alias *{event.anchor}: write the value out instead")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                problem = f"line {line}: the key {str(key.value)!r} stands twice; remove one"
                raise yaml.YAMLError(problem)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


# Only true and false are booleans (YAML 1.2): an intent may be called yes, no or on. Dates and times stay text.
_Loader.yaml_implicit_resolvers = {
    char: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[-1] not in {"bool", "timestamp"}]
    for char, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


class _Dumper(yaml.SafeDumper):
    """Long and multi-line texts as blocks, so that prompts stay readable."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
