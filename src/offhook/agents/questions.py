"""Questions that an agent's calls are asked when they are over.

They belong to the agent, not to a version of it: what is changed here holds from the next call's end on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class QuestionType(StrEnum):
    """What an answer is."""

    BOOLEAN = "boolean"
    TEXT = "text"
    NUMBER = "number"
    SINGLE_CHOICE = "single_choice"
    MULTIPLE_CHOICE = "multiple_choice"


CHOICES = frozenset({QuestionType.SINGLE_CHOICE, QuestionType.MULTIPLE_CHOICE})
# A question of one's own; the contract knows "system" ones beside it, which this platform does not make.
ORIGIN = "custom"


@dataclass(frozen=True, slots=True)
class Option:
    """One of the answers a choice can have. It keeps its id when its wording changes."""

    id: str
    value: str
    created_us: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a finished call. ``model`` answers it instead of the agent's own language model."""

    id: str
    name: str
    description: str
    type: QuestionType
    created_us: int
    updated_us: int
    optional: bool = False
    model: str | None = None
    examples: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    active: bool = True
