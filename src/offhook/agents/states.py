"""States of an agent's graph, what moves it between them, and what each finds out."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from offhook.agents.base import Identifier, Items, Name, Part, Prompt, Sentence
from offhook.agents.conditions import When, Word, Words
from offhook.agents.providers import Llm
from offhook.agents.tools import Tool
from offhook.agents.variables import VariableType

Uuid = Annotated[UUID, Field(strict=False)]
Spoken = Sentence | Annotated[Items[Sentence], Field(max_length=100)]


class ExtractKind(StrEnum):
    """What the rules model looks for in the caller's words."""

    NAME = "name"
    DATE = "date"
    TIME = "time"
    PHONE = "phone"
    NUMBER = "number"
    BOOLEAN = "boolean"
    EMAIL = "email"
    CHOICE = "choice"
    REGEX = "regex"
    TEXT = "text"


class Extract(Part):
    """How the rules model finds a variable's value.

    ``choices`` maps each value to the words that mean it; a plain list is its own words. ``pattern`` is a regular
    expression whose first group (or all of it) is the value.
    """

    kind: ExtractKind = Field(strict=False)
    choices: Words | Annotated[dict[Word, Words], Field(max_length=1000)] | None = None
    pattern: Word | None = None


class StateVariable(Part):
    """Something the state finds out; seen by templates after the state ends."""

    name: Identifier
    type: VariableType = Field(VariableType.STRING, strict=False)
    description: str = Field("", max_length=2000)
    extraction_instructions: str = Field("", max_length=4000)
    # Read by the rules model; without it the kind follows from the type and the name.
    extract: Extract | None = None


class Transition(Part):
    """A way out of a state. The filler is spoken at once, while the next state gets ready."""

    condition: str = Field("", max_length=4000)
    destination_state_name: Name
    filler_sentence: str | None = Field(None, max_length=1000)
    when: When | None = None


class Answer(Part):
    """A fixed answer of the rules model; the state's question follows it."""

    when: When
    say: Spoken


class StateRules(Part):
    """What the rules model says in a state: on entry, when it didn't understand, and to certain questions.

    Of several variants the next one is taken each time.
    """

    say: Spoken | None = None
    reask: Spoken | None = None
    answers: Items[Answer] = Field((), max_length=100)


class State(Part):
    """One state (Studio: a task)."""

    name: Name
    prompt: Prompt = ""
    llm: Llm | None = None
    tools: Items[Tool] = Field((), max_length=50)
    transitions: Items[Transition] = Field((), max_length=50)
    variables: Items[StateVariable] = Field((), max_length=100)
    x_position: float = 0.0
    y_position: float = 0.0
    knowledge_base_ids: Items[Uuid] | None = Field(None, max_length=50)
    rules: StateRules | None = None
