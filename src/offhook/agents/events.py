"""What happens while an agent answers a turn. Nothing of it is applied outside: the caller adopts or drops it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from offhook.agents.dialogue import Dialogue, Passage
from offhook.agents.model import Usage
from offhook.agents.variables import VariableType


@dataclass(frozen=True, slots=True)
class Say:
    """More words to speak; pieces are put together as they are, spaces included.

    ``whole`` ends a sentence that must be heard now, whatever comes behind it (also without words of its own).
    """

    text: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Entered:
    """The agent moved to another state."""

    state: str
    from_state: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class VariableChanged:
    """A variable has a new value that fits its type; a datetime is ISO 8601, as JSON carries it."""

    name: str
    type: VariableType
    value: Any


@dataclass(frozen=True, slots=True)
class Called:
    """The model called a tool that it may call; ``arguments`` is a JSON string."""

    tool_call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The tool's answer as the model gets it (a JSON string)."""

    tool_call_id: str
    name: str
    result: str
    success: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call once everything said was played.

    ``failed`` when it is because no model answers, ``left_message`` after a message for an answering machine.
    """

    reason_detail: str
    failed: bool = False
    left_message: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """The agent says nothing this turn, on purpose."""


@dataclass(frozen=True, slots=True)
class PressKeys:
    """Send these key presses (``0-9*#w``)."""

    digits: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """The caller is handed over: nothing more will be said."""

    destination: str
    mode: Literal["blind", "attended"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something an operator should see; codes are listed in docs/agents.md."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Consulted:
    """Knowledge bases were searched for the caller's words, and the model was given these passages."""

    query: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request to a model cost."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Progressed:
    """The dialogue so far: what stands when the answer is cut off before it is finished."""

    dialogue: Dialogue


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete; the last event. ``dialogue`` is the one to go on with."""

    dialogue: Dialogue


RunnerEvent = (
    Say
    | Entered
    | VariableChanged
    | Called
    | Returned
    | HangUp
    | Wait
    | PressKeys
    | Transfer
    | Problem
    | Consulted
    | Spent
    | Progressed
    | Finished
)
