"""What became of a scenario: passed or not, and the call as it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from offhook.record.events import Flagged, StateEntered, StatusChanged, ToolCalled, TranscriptAdded, VariableSet
from offhook.record.fold import encode
from offhook.testing.scenarios.judge import Failure
from offhook.testing.scenarios.observed import Observed
from offhook.testing.scenarios.schema import Mode


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, for people: ``who`` is caller, agent, or what kind of event it was."""

    at_ms: int
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """``skipped`` says why it was not played. ``call`` is what ``GET /v1/calls/{id}`` would show."""

    name: str
    where: str
    mode: Mode
    failures: tuple[Failure, ...] = ()
    skipped: str | None = None
    error: str | None = None
    seconds: float = 0.0
    call_seconds: float = 0.0
    moments: tuple[Moment, ...] = ()
    call: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Played, and everything came as expected."""
        return self.error is None and self.skipped is None and not self.failures

    @property
    def failed(self) -> bool:
        """Played, and something else came, or it couldn't be played to its end."""
        return self.error is not None or bool(self.failures)

    @property
    def said(self) -> str:
        """All the agent's words."""
        return " ".join(moment.text for moment in self.moments if moment.who == "agent")

    @property
    def variables(self) -> dict[str, Any]:
        """Values at the end, by name."""
        return {each["name"]: each["value"] for each in self.call.get("variable_values", ())}

    @property
    def states(self) -> list[str]:
        """Every state from the first on."""
        return [each["state"] for each in self.call.get("state_path", ())]

    @property
    def ended(self) -> str | None:
        """The code of the end's reason."""
        reason = self.call.get("end_reason")
        return None if reason is None else str(reason["code"])


def moments(observed: Observed) -> tuple[Moment, ...]:
    """The call as a list to read, in the order of time."""
    found = [
        Moment(observed.wall_ms(item.at), "agent" if item.role == "agent" else "caller", _line(item))
        for item in (observed.record.transcript.items() if observed.record else ())
        if item.role in {"agent", "user"} and item.content
    ]
    for at_ms, event in observed.events:
        match event:
            case StateEntered():
                found.append(Moment(at_ms, "state", event.state))
            case VariableSet():
                found.append(Moment(at_ms, "variable", f"{event.name} = {event.value}"))
            case ToolCalled():
                result = event.result if len(event.result) <= 200 else f"{event.result[:200]} …"
                found.append(Moment(at_ms, "tool", f"{event.name}({event.arguments}) → {result}"))
            case Flagged():
                found.append(Moment(at_ms, "flag", f"{event.code}: {event.detail}"))
            case StatusChanged() if event.end_reason is not None:
                reason = event.end_reason
                found.append(Moment(at_ms, "end", f"{reason.code.value} by {reason.party}: {reason.detail}"))
    return tuple(sorted(found, key=lambda moment: moment.at_ms))


def call_json(observed: Observed) -> dict[str, Any]:
    """The record as the API would show it."""
    if observed.record is None:
        return {}
    shown: dict[str, Any] = msgspec.json.decode(encode(observed.record.to_api()))
    return shown


def _line(item: TranscriptAdded) -> str:
    return f"{item.content} –" if item.interrupted else item.content
