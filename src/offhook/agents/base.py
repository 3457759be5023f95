"""What all parts of an agent's configuration share."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

# A sequence is frozen, yet comes as a list from JSON and YAML: only the container is taken laxly.
Items = Annotated[tuple[T, ...], Field(strict=False)]

Prompt = Annotated[str, Field(max_length=100_000)]  # spec of agents, base_prompt
Name = Annotated[str, Field(min_length=1, max_length=100)]
Sentence = Annotated[str, Field(min_length=1, max_length=1000)]  # spec of agents, initial_message
# Names that a template `{{name}}` and a tool call can carry.
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class Part(BaseModel):
    """A frozen part of the configuration: unknown fields are refused, types are not converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
