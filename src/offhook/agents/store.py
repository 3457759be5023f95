"""Values a model or tool reports, put into a dialogue where they fit."""

from __future__ import annotations

from collections.abc import Mapping

from offhook.agents.dialogue import Dialogue
from offhook.agents.events import Problem, VariableChanged
from offhook.agents.variables import json_value


def store_values(
    dialogue: Dialogue, given: Mapping[str, object], allowed: set[str] | None
) -> tuple[Dialogue, list[VariableChanged | Problem]]:
    """The dialogue with the values that fit their types; others are reported, not stored.

    ``allowed`` names the variables that may be written; None: all that are declared.
    """
    types = dialogue.config.variable_types()
    events: list[VariableChanged | Problem] = []
    for name, raw in given.items():
        if raw is None or raw == "":
            continue
        if name not in (types if allowed is None else allowed):
            events.append(Problem("unknown_variable", f"{name} is no variable that can be set here"))
            continue
        try:
            after = dialogue.with_variable(name, raw)
        except ValueError as error:
            events.append(Problem("variable_misfit", f"{name}: {error}"))
            continue
        if dialogue.values.get(name) != after.values[name]:
            events.append(VariableChanged(name, types[name], json_value(after.values[name])))
        dialogue = after
    return dialogue, events
