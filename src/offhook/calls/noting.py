"""What happens to an agent's variables, as the record's events."""

from __future__ import annotations

from offhook.agents.events import Problem, VariableChanged
from offhook.record.events import Flagged, VariableSet


def noted(event: VariableChanged | Problem, at: float) -> VariableSet | Flagged:
    """A new value or a problem, as of a moment in Unix seconds."""
    if isinstance(event, Problem):
        return Flagged(at=at, code=event.code, detail=event.detail)
    return VariableSet(at=at, name=event.name, variable_type=str(event.type), value=event.value)
