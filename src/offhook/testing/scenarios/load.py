"""Scenario files: found, read, checked, with the agent each is about; every fault by its path."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from offhook.agents.config import AgentConfig
from offhook.agents.load import faults_of, parse_agent, parse_yaml
from offhook.errors import AgentConfigError, ConfigurationError, Fault
from offhook.testing.scenarios.schema import ONE, SEVERAL, Scenario

SUFFIX = ".scenario.yaml"
SAMPLE = "sample:"


class ScenarioError(ConfigurationError):
    """A scenario file that can't be played; each fault is named by its path."""

    code = "scenario_error"

    def __init__(self, where: str, faults: list[Fault]) -> None:
        self.where, self.faults = where, faults
        lines = [f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in faults]
        super().__init__("\n".join(f"{where}: {line}" for line in lines))


@dataclass(frozen=True, slots=True)
class Play:
    """A scenario that can be played: itself, its agent, and where it stands."""

    scenario: Scenario
    config: AgentConfig
    where: str


def find_scenarios(*places: Path) -> list[Path]:
    """Scenario files named or below the folders named, in order. Raises ConfigurationError for what isn't there."""
    found: dict[Path, None] = {}
    for place in places:
        if place.is_dir():
            found |= dict.fromkeys(sorted(place.rglob(f"*{SUFFIX}")))
        elif place.is_file():
            found[place] = None
        else:
            raise ConfigurationError(f"{place}: there is no such file or folder")
    return list(found)


def load_scenario(path: Path) -> Play:
    """Read a scenario file. Raises ScenarioError."""
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(str(path), [Fault("", f"can't be read: {error}")]) from error
    except AgentConfigError as error:
        raise ScenarioError(str(path), error.faults) from error
    if isinstance(data, dict):
        data.setdefault("name", path.name.removesuffix(SUFFIX).replace("_", " "))
    return make_scenario(data, path.parent, str(path))


def make_scenario(data: object, folder: Path, where: str = "scenario") -> Play:
    """A scenario from decoded YAML; ``folder`` is what an agent's path counts from. Raises ScenarioError."""
    if not isinstance(data, dict):
        raise ScenarioError(where, [Fault("", "a scenario is a mapping with agent, caller, expect and more")])
    try:
        # Strict, as JSON is: tuples and the like are no part of a file.
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        faults = [Fault(_untagged(fault.field), fault.message) for fault in faults_of(error, data)]
        raise ScenarioError(where, faults) from error
    try:
        config = parse_agent(merge(_agent(scenario.agent, folder, where), scenario.changes))
    except AgentConfigError as error:
        faults = [Fault(f"agent.{fault.field}".rstrip("."), fault.message) for fault in error.faults]
        raise ScenarioError(where, faults) from error
    return Play(scenario, config, where)


def schema_json() -> str:
    """JSON Schema of scenario files, for editors."""
    schema = Scenario.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Offhook scenario"
    schema["required"] = [name for name in schema["required"] if name != "name"]
    return json.dumps(schema, indent=2)


def merge(under: Any, over: Any) -> Any:  # noqa: ANN401 - decoded YAML
    """``over`` put into ``under``: mappings key by key, over a list of named things by name, anything else whole."""
    if not isinstance(over, Mapping):
        return over
    if isinstance(under, Mapping):
        return {**under, **{key: merge(under.get(key), value) for key, value in over.items()}}
    if isinstance(under, list) and all(isinstance(item, Mapping) for item in under):
        names = [item.get("name", item.get("type")) for item in under]
        if all(key in names for key in over):
            return [merge(item, over[name]) if name in over else item for item, name in zip(under, names, strict=True)]
    return dict(over)


def _untagged(path: str) -> str:
    return path.replace(f".{ONE}", "").replace(f".{SEVERAL}", "")


def _agent(agent: str | dict[str, Any], folder: Path, where: str) -> dict[str, Any]:
    if isinstance(agent, dict):
        return agent
    if agent.startswith(SAMPLE):
        name = agent.removeprefix(SAMPLE)
        samples = resources.files("offhook.agents") / "samples"
        file = samples / f"{name}.agent.yaml"
        if not file.is_file():
            known = _sample_names(entry.name for entry in samples.iterdir())
            raise ScenarioError(where, [Fault("agent", f"there is no sample {name!r}; there are: {known}")])
        text = file.read_text(encoding="utf-8")
    else:
        try:
            text = (folder / agent).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(where, [Fault("agent", f"{agent} can't be read: {error}")]) from error
    data = parse_yaml(text)
    if not isinstance(data, dict):
        raise ScenarioError(where, [Fault("agent", f"{agent} holds no agent")])
    return data


def _sample_names(files: Iterable[str]) -> str:
    suffix = ".agent.yaml"
    return ", ".join(sorted(name.removesuffix(suffix) for name in files if name.endswith(suffix)))
